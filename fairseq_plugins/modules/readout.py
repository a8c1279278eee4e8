"""The readout: from a decoding step's vectors to features, from which the logits are made."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class DeepOutput(nn.Module):
    r"""A hidden layer before the softmax, :math:`t_t = \tanh(W [x_1; x_2; \dots])`.

    The x are the decoder's state and, by decoder, the context and the previous word's embedding
    (the deep output of Pascanu et al., 2014, as in Bahdanau et al., 2015, A.2.2, with tanh in
    place of maxout). The logits are a linear map of the features :math:`t_t`.

    Args:
        input_dims: the sizes of the x, in order
        output_dim: the size of the features

    Shape: each x (..., dim), features (..., output_dim)
    """

    def __init__(self, input_dims: Sequence[int], output_dim: int) -> None:
        super().__init__()
        self.output_dim = output_dim
        self.proj = nn.Linear(sum(input_dims), output_dim)

    def forward(self, *inputs: Tensor) -> Tensor:
        """The features of one or more steps."""
        return torch.tanh(self.proj(torch.cat(inputs, dim=-1)))


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
