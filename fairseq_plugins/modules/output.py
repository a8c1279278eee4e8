"""The output: from the readout's features to logits, or to log-probabilities."""

import re

import torch
from fairseq.modules import AdaptiveSoftmax
from torch import Tensor, nn

SPECIAL = 4  # symbols of fairseq's own at the beginning of every dictionary; the head keeps them


class OutputProjection(nn.Linear):
    r"""Features -> logits, without bias; weights from :math:`N(0, 1/\sqrt{dim})`.

    Args:
        features_dim: size of the features
        vocabulary: number of symbols
        weight: an embedding's weight (vocabulary, features_dim) to share, or None
    """

    def __init__(
        self, features_dim: int, vocabulary: int, weight: nn.Parameter | None = None
    ) -> None:
        super().__init__(features_dim, vocabulary, bias=False)
        if weight is not None:
            self.weight = weight

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=self.in_features**-0.5)


class MixtureOfSoftmaxes(OutputProjection):
    r"""Features -> log-probabilities of several softmaxes, mixed.

    A single softmax can give only log-probabilities of rank ``features_dim``; a mixture is not so
    bound (Yang et al., 2018, arXiv:1711.03953, section 2):

    .. math::
        P(w) = \sum_k \pi_k \frac{\exp(h_k^\top w)}{\sum_{w'} \exp(h_k^\top w')}, \quad
        \pi = \mathrm{softmax}(W_\pi h), \quad h_k = \tanh(W_k h + b_k)

    with the features :math:`h` and one output weight for all :math:`k`. The result is the
    logarithm of :math:`P`, which a further log-softmax leaves as it is, so fairseq's losses and
    searches take it for logits. It is computed in float32 at least.

    Args:
        features_dim: size of the features and of each :math:`h_k`
        vocabulary: number of symbols
        mixtures: number of softmaxes
        weight: an embedding's weight (vocabulary, features_dim) to share, or None

    Shape: features (..., features_dim), log-probabilities (..., vocabulary)

    Raises:
        ValueError: for fewer than two mixtures
    """

    def __init__(
        self,
        features_dim: int,
        vocabulary: int,
        mixtures: int,
        weight: nn.Parameter | None = None,
    ) -> None:
        if mixtures < 2:
            raise ValueError(
                f"a mixture of softmaxes needs at least 2 of them, but was given {mixtures}"
            )
        super().__init__(features_dim, vocabulary, weight)
        self.mixtures = mixtures
        self.prior_proj = nn.Linear(features_dim, mixtures, bias=False)  # W_pi
        self.mixture_proj = nn.Linear(features_dim, mixtures * features_dim)  # every W_k, b_k

    def forward(self, features: Tensor) -> Tensor:
        """The log-probabilities of one or more steps."""
        dtype = torch.promote_types(features.dtype, torch.float32)
        prior = torch.log_softmax(self.prior_proj(features), dim=-1, dtype=dtype)
        hidden = torch.tanh(self.mixture_proj(features)).unflatten(-1, (self.mixtures, -1))
        logits = super().forward(hidden)  # (..., mixtures, vocabulary)
        log_probs = torch.log_softmax(logits, dim=-1, dtype=dtype) + prior.unsqueeze(-1)
        return torch.logsumexp(log_probs, dim=-2).type_as(features)


class ExactAdaptiveSoftmax(AdaptiveSoftmax):
    """fairseq's adaptive softmax (Grave et al., 2017, arXiv:1609.04309), with two faults mended.

    fairseq's criterion ``adaptive_loss`` ignores the index of ``<pad>`` in every tail too, where
    it is that of a word: the word's place in its tail would never be learned. Here each tail's
    logits get a column of minus infinity there, which changes no probability. And the
    log-probabilities can be differentiated, so that every other criterion trains it as well.
    """

    padding_idx = 1

    def forward(
        self, input: Tensor, target: Tensor
    ) -> tuple[list[Tensor | None], list[Tensor | None]]:
        """The logits of head and tails, and the targets in each; see fairseq's."""
        logits, targets = super().forward(input, target)
        for tail in range(1, len(logits)):
            if logits[tail] is not None:
                before, after = logits[tail].tensor_split([self.padding_idx], dim=1)
                nothing = torch.full_like(before[:, :1], float("-inf"))
                logits[tail] = torch.cat([before, nothing, after], dim=1)
                targets[tail] = targets[tail] + (targets[tail] >= self.padding_idx)
        return logits, targets

    def get_log_prob(self, input: Tensor, target: Tensor | None) -> Tensor:
        """The log-probabilities of all words, in float32 at least, whatever the targets are.

        Shape: input (batch, tgt_len, features_dim), result (batch, tgt_len, vocabulary)
        """
        dtype = torch.promote_types(input.dtype, torch.float32)
        input = self.dropout_module(input)
        head = torch.log_softmax(self.head(input), dim=-1, dtype=dtype)
        head, entries = head.tensor_split([self.cutoff[0]], dim=-1)  # of the tails into the head
        tails = [
            torch.log_softmax(tail(input), dim=-1, dtype=dtype) + entry
            for tail, entry in zip(self.tail, entries.split(1, dim=-1), strict=True)
        ]
        return torch.cat([head, *tails], dim=-1)


def parse_cutoff(cutoff: str, vocabulary: int) -> list[int]:
    """``"1000,5000"`` -> [1000, 5000]: where the frequent words end and each tail begins.

    Raises:
        ValueError: for anything but ascending numbers above fairseq's four symbols and below
            ``vocabulary``
    """
    numbers = re.fullmatch(r"[0-9]+(\s*,\s*[0-9]+)*", cutoff.strip())
    cuts = [int(number) for number in cutoff.split(",")] if numbers else []
    if not cuts or any(a >= b for a, b in zip([SPECIAL, *cuts], [*cuts, vocabulary], strict=True)):
        raise ValueError(
            f"--adaptive-softmax-cutoff must be ascending numbers above fairseq's own {SPECIAL} "
            f"symbols and below the dictionary's {vocabulary}, such as 1000,5000, but is {cutoff!r}"
        )
    return cuts


def build_adaptive_softmax(
    vocabulary: int, features_dim: int, cutoff: str, dropout: float = 0.0, factor: float = 4.0
) -> ExactAdaptiveSoftmax:
    """An :class:`ExactAdaptiveSoftmax`, from options.

    Rare words stand in tails, each ``factor`` times narrower than the one before it. Where a
    decoder has it as ``adaptive_softmax``, its ``forward`` returns features in place of logits.

    Args:
        vocabulary: number of symbols, the most frequent first
        features_dim: size of the features
        cutoff: such as ``"1000,5000"``, see :func:`parse_cutoff`
        dropout: dropout on the features and inside the tails
        factor: how much narrower each tail is

    Raises:
        ValueError: for a bad cutoff, or a factor that leaves a tail nothing
    """
    cuts = parse_cutoff(cutoff, vocabulary)
    if not (factor >= 1 and features_dim // factor ** len(cuts) >= 1):
        raise ValueError(
            f"--adaptive-softmax-factor ({factor}) must be at least 1 and leave each of "
            f"{len(cuts)} tails a part of the features' size ({features_dim})"
        )
    return ExactAdaptiveSoftmax(vocabulary, features_dim, cuts, dropout, factor=factor)
