r"""The loss of ``linear_cross_entropy``, and its gradients with it, over chunks of rows.

The gradient of a row's loss with respect to its logits is known as soon as they are,

.. math:: p_t(v) - \epsilon' - (1 - \epsilon - \epsilon') [v = y_t]

so each chunk of logits is turned into it where it stands, and the next chunk takes its place.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from .chunked_projection import ChunkedProjection, Gradients, wide_dtype


class Settings(NamedTuple):
    """What is no tensor; see ``linear_cross_entropy``."""

    label_smoothing: float
    chunk: int
    dtype: torch.dtype
    count_correct: bool

    def weights(self, vocabulary: int) -> tuple[float, float]:
        """What multiplies the target's log p, and the sum of all log p."""
        each = self.label_smoothing / (vocabulary - 1)
        return 1.0 - self.label_smoothing - each, each


class Result(NamedTuple):
    """Scalars; see ``linear_cross_entropy``."""

    loss: Tensor
    nll_loss: Tensor
    correct: Tensor | None


def run_chunks(
    features: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    target: Tensor,
    real: Tensor,
    settings: Settings,
    gradients: Gradients,
) -> Result:
    """Loss, loss without smoothing and number correct; adds to the ``gradients`` that are there."""
    wide = wide_dtype(features, weight)
    nll, smooth = features.new_zeros(2, len(features), dtype=wide)
    correct = torch.zeros_like(real) if settings.count_correct else None
    of_target, of_each = settings.weights(len(weight))
    wanted = any(gradient is not None for gradient in gradients)
    with torch.no_grad(), torch.autocast(features.device.type, enabled=False):
        projection = ChunkedProjection(
            features, weight, bias, chunk=settings.chunk, dtype=settings.dtype
        )
        for start in range(0, len(features), settings.chunk):
            rows = slice(start, start + settings.chunk)
            logits, words = projection.logits(rows), target[rows]
            if correct is not None:
                correct[rows] = logits.argmax(dim=1).eq(words)
            nll[rows], smooth[rows] = softmax_in_place(logits, words)
            if wanted:
                gradient = subtract_target(logits, words, of_target, of_each)
                projection.add_gradients(gradient, rows, real[rows], gradients)
        nll_loss, smooth_loss = (losses.mul_(real).sum() for losses in (nll, smooth))
        loss = of_target * nll_loss + of_each * smooth_loss
        return Result(loss, nll_loss, None if correct is None else (correct & real).sum())


def softmax_in_place(logits: Tensor, words: Tensor) -> tuple[Tensor, Tensor]:
    """Logits become probabilities; the -log p of ``words`` (rows,) and the sum of all -log p.

    Both from the row's normaliser, which its largest probability tells: that one is at least
    1 / vocabulary. So the logarithms of the others are never made, and none of them is of zero.
    """
    of_words, total = logits.gather(1, words.unsqueeze(1)).squeeze(1), logits.sum(dim=1)
    largest = logits.amax(dim=1)
    probs = torch.softmax(logits, dim=1, out=logits)
    log_norm = largest - probs.amax(dim=1).log()
    return log_norm - of_words, logits.size(1) * log_norm - total


def subtract_target(probs: Tensor, words: Tensor, of_target: float, of_each: float) -> Tensor:
    """Probabilities become the gradient of the logits."""
    gradient = probs.sub_(of_each) if of_each else probs
    parts = probs.new_full((len(words), 1), -of_target)
    return gradient.scatter_add_(1, words.unsqueeze(1), parts)
