"""What a score knows of earlier alignments: where it looked last, or all that it has looked at."""

import torch
from torch import Tensor, nn

from .cells import State


class AlignmentHistory(nn.Module):
    """The contract: from earlier alignments to features that enter an additive score.

    The alignments, or a summary of them, are entries of the state that goes in and comes out.

    Attributes:
        name: what the option ``--attention-history`` calls it
    """

    name: str

    def init_state(self, keys: Tensor) -> State:
        """The entries before the first step, batch-first, in the type of the keys.

        Shape: keys (batch, src_len, attention_dim)
        """
        raise NotImplementedError

    def features(self, state: State) -> Tensor:
        """Features (batch, src_len, attention_dim) to be added inside the score's tanh."""
        raise NotImplementedError

    def update(self, state: State, alignment: Tensor) -> State:
        """The entries of :meth:`init_state`, and no others, after one more alignment.

        Shape: alignment (batch, src_len)
        """
        raise NotImplementedError


class LocationHistory(AlignmentHistory):
    r"""Location-aware attention (Chorowski et al., 2015, arXiv:1506.07503, eq. 8-9).

    .. math::
        f_t = F * a_{t-1}, \quad
        e_{tj} = v^\top \tanh(W_s s_{t-1} + W_h h_j + U f_{tj} + b)

    ``conv`` is :math:`F`, ``feature_proj`` is :math:`U`, and :math:`a_0 = 0`. An alignment is
    exactly 0 on padding, so the convolution sees the same zeros at a sentence's end whether the
    sentence is padded or not.

    Args:
        attention_dim: size of the score's hidden layer
        channels: number of filters
        kernel_size: source positions that a filter spans; odd, so that it has a centre

    Raises:
        ValueError: for an even ``kernel_size``, or a size below 1
    """

    name = "location"

    def __init__(self, attention_dim: int, *, channels: int, kernel_size: int) -> None:
        super().__init__()
        if min(channels, kernel_size) < 1 or kernel_size % 2 == 0:
            raise ValueError(
                "the history 'location' needs at least 1 filter of an odd width, but has "
                f"--attention-location-channels {channels} and "
                f"--attention-location-kernel-size {kernel_size}"
            )
        self.conv = nn.Conv1d(1, channels, kernel_size, padding=kernel_size // 2, bias=False)
        self.feature_proj = nn.Linear(channels, attention_dim, bias=False)

    def init_state(self, keys: Tensor) -> State:
        return {"previous_alignment": keys.new_zeros(keys.shape[:2])}

    def features(self, state: State) -> Tensor:
        filtered = self.conv(state["previous_alignment"].unsqueeze(1))  # (batch, channels, src_len)
        return self.feature_proj(filtered.transpose(1, 2))

    def update(self, state: State, alignment: Tensor) -> State:
        return {"previous_alignment": alignment}


class CoverageHistory(AlignmentHistory):
    r"""Coverage: what has been looked at so far (See et al., 2017, arXiv:1704.04368, eq. 10-11).

    .. math::
        cov_{tj} = \sum_{k<t} a_{kj}, \quad
        e_{tj} = v^\top \tanh(W_s s_{t-1} + W_h h_j + w_c\, cov_{tj} + b)

    ``coverage_proj`` is :math:`w_c`.

    Args:
        attention_dim: size of the score's hidden layer
    """

    name = "coverage"

    def __init__(self, attention_dim: int) -> None:
        super().__init__()
        self.coverage_proj = nn.Linear(1, attention_dim, bias=False)

    def init_state(self, keys: Tensor) -> State:
        return {"coverage": keys.new_zeros(keys.shape[:2])}

    def features(self, state: State) -> Tensor:
        return self.coverage_proj(state["coverage"].unsqueeze(-1))

    def update(self, state: State, alignment: Tensor) -> State:
        return {"coverage": state["coverage"] + alignment}


class FertilityCoverageHistory(CoverageHistory):
    r"""Linguistic coverage (Tu et al., 2016, arXiv:1601.04811, section 3.1).

    .. math::
        \Phi_j = N \sigma(u^\top k_j), \quad
        cov_{tj} = \frac{1}{\Phi_j} \sum_{k<t} a_{kj}

    The fertility :math:`\Phi_j` says how many target words the source word j is expected to give.
    The paper makes it from :math:`h_j`; here it is made from the key :math:`k_j = W_h h_j + b`,
    which is at hand where the state begins. ``fertility_proj`` is :math:`u`; the state holds
    ``fertility``, and under ``coverage`` the plain sum.

    Args:
        attention_dim: size of the score's hidden layer, and of a key
        fertility: N, the most target words that a source word may give

    Raises:
        ValueError: for a ``fertility`` that is not above 0
    """

    name = "fertility-coverage"

    def __init__(self, attention_dim: int, *, fertility: float) -> None:
        super().__init__(attention_dim)
        if not fertility > 0:
            raise ValueError(f"--attention-fertility is {fertility}, but must be above 0")
        self.fertility = fertility
        self.fertility_proj = nn.Linear(attention_dim, 1, bias=False)

    def init_state(self, keys: Tensor) -> State:
        share = torch.sigmoid(self.fertility_proj(keys).squeeze(-1))
        # In half precision a sigmoid may be 0, and the padding's 0 / 0 would be no number.
        fertility = (self.fertility * share).clamp(min=torch.finfo(keys.dtype).eps)
        return {**super().init_state(keys), "fertility": fertility}

    def features(self, state: State) -> Tensor:
        return super().features({"coverage": state["coverage"] / state["fertility"]})

    def update(self, state: State, alignment: Tensor) -> State:
        return {**super().update(state, alignment), "fertility": state["fertility"]}
