"""The readout: from a decoding step's vectors to features, from which the logits are made."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class Readout(nn.Module):
    r"""The contract: ``forward(*inputs)`` gives the features :math:`t_t` of one or more steps.

    The inputs are the decoder's state and, by decoder, the context and the previous word's
    embedding, in the order of ``input_dims``.

    Args:
        input_dims: the sizes of the inputs
        output_dim: the size of the features

    Shape: each input (..., dim), features (..., output_dim)

    Raises:
        ValueError: for a size below 1, or no input at all
    """

    def __init__(self, input_dims: Sequence[int], output_dim: int) -> None:
        super().__init__()
        if not input_dims or min(*input_dims, output_dim) < 1:
            raise ValueError(
                f"a readout needs sizes of at least 1, but was given inputs of sizes "
                f"{list(input_dims)} and features of size {output_dim}"
            )
        self.output_dim = output_dim

    def forward(self, *inputs: Tensor) -> Tensor:
        """The features of one or more steps."""
        raise NotImplementedError


class StateReadout(Readout):
    r"""The state itself, :math:`t_t = s_t` (Sutskever et al., 2014, arXiv:1409.3215, section 2)."""

    def __init__(self, input_dims: Sequence[int], output_dim: int) -> None:
        super().__init__(input_dims, output_dim)
        if list(input_dims) != [output_dim]:
            raise ValueError(
                f"the readout 'state' is the decoder's state as it is, so the sizes of its inputs "
                f"({list(input_dims)}) must be that of the features alone, --decoder-out-embed-dim "
                f"({output_dim})"
            )

    def forward(self, *inputs: Tensor) -> Tensor:
        """The first and only input."""
        return inputs[0]


class LinearReadout(Readout):
    r"""A linear map, :math:`t_t = W [x_1; x_2; \dots] + b` of the inputs :math:`x_i`."""

    def __init__(self, input_dims: Sequence[int], output_dim: int) -> None:
        super().__init__(input_dims, output_dim)
        self.input_dims = list(input_dims)
        self.proj = nn.Linear(sum(input_dims), self.hidden_dim)

    @property
    def hidden_dim(self) -> int:
        """The size of the linear map's output."""
        return self.output_dim

    def forward(self, *inputs: Tensor) -> Tensor:
        """The features of one or more steps."""
        return self.activate(self.proj(torch.cat(inputs, dim=-1)))

    def activate(self, sums: Tensor) -> Tensor:
        """From the linear map's output (..., hidden_dim) to the features; a hook of subclasses."""
        return sums

    def split_weight(self) -> tuple[Tensor, ...]:
        """The part of W for each input, (hidden_dim, input_dim)."""
        return self.proj.weight.split(self.input_dims, dim=1)


class DeepOutput(LinearReadout):
    r"""A hidden layer before the softmax, :math:`t_t = \tanh(W [x_1; x_2; \dots] + b)`.

    The deep output of Pascanu et al. (2014, arXiv:1312.6026). Of state and context
    it is the attentional state :math:`\tilde h_t` of Luong et al. (2015, arXiv:1508.04025, eq. 5,
    there without bias); of state, context and embedding the one of Nematus (Sennrich et al.,
    2017, arXiv:1703.04357).
    """

    def activate(self, sums: Tensor) -> Tensor:
        return torch.tanh(sums)


class MaxoutReadout(LinearReadout):
    r"""The larger of each pair of neighbours (Goodfellow et al., 2013, arXiv:1302.4389).

    .. math::
        \tilde t_t = W [x_1; x_2; \dots] + b, \quad
        t_{t,k} = \max(\tilde t_{t,2k-1}, \tilde t_{t,2k})

    with :math:`\tilde t_t` of size ``2 * output_dim``: the deep output of Cho et al. (2014,
    arXiv:1406.1078, appendix A) and of Bahdanau et al. (2015, arXiv:1409.0473, A.2.2).
    """

    @property
    def hidden_dim(self) -> int:
        """Two for each feature."""
        return 2 * self.output_dim

    def activate(self, sums: Tensor) -> Tensor:
        return sums.unflatten(-1, (self.output_dim, 2)).amax(dim=-1)


READOUTS = {
    "state": StateReadout,
    "linear": LinearReadout,
    "tanh": DeepOutput,
    "maxout": MaxoutReadout,
}
