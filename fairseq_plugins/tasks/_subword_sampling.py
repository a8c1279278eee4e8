"""Sentence pairs whose pieces are drawn anew in every epoch."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from fairseq.data import BaseWrapperDataset, LanguagePairDataset
from torch import Tensor

from ._piece_sampler import PieceSampler

SIDES = ("source", "target")  # as the examples of fairseq's pairs name them


class SubwordSamplingDataset(BaseWrapperDataset):
    """``pairs`` with drawn pieces; what is drawn depends on seed, epoch, index and side only.

    So a run repeats, the workers of a data loader agree with the main process, and a run that
    resumes within an epoch goes on with the same batches. The sizes that fairseq batches by are
    those of the epoch's own drawings: one pass over the data at the start of an epoch keeps
    ``--max-tokens`` exactly.

    Args:
        pairs: fairseq's pairs, each an example with ``source`` and ``target``
        samplers: by side; a side without one keeps its stored pieces
        seed: the training's
        epoch: the first to come
    """

    def __init__(
        self,
        pairs: LanguagePairDataset,
        samplers: Mapping[str, PieceSampler],
        *,
        seed: int,
        epoch: int = 1,
    ) -> None:
        super().__init__(pairs)
        self.samplers = samplers
        self.seed = seed
        self.epoch = 0
        self.set_epoch(epoch)

    def __getitem__(self, index: int) -> dict[str, Tensor | int]:
        """The example of a pair, with the pieces of this epoch."""
        example = self.dataset[index]
        for side in self.samplers:
            example[side] = self._sample(side, example[side], index)
        return example

    @property
    def can_reuse_epoch_itr_across_epochs(self) -> bool:
        """No: sizes change, and the workers of a kept data loader would stay in their epoch."""
        return False

    def set_epoch(self, epoch: int) -> None:
        """Draw the epoch's pieces once, for their number."""
        super().set_epoch(epoch)
        if epoch == self.epoch:
            return
        self.epoch = epoch
        pairs = self.dataset
        if "source" in self.samplers:
            pairs.src_sizes = np.fromiter(self._lengths("source", pairs.src), np.int64, len(pairs))
        if "target" in self.samplers:
            pairs.tgt_sizes = np.fromiter(self._lengths("target", pairs.tgt), np.int64, len(pairs))
        pairs.sizes = np.stack([pairs.src_sizes, pairs.tgt_sizes], axis=1)

    def num_tokens_vec(self, indices: np.ndarray) -> np.ndarray:
        """The tokens of each of these pairs, by which fairseq makes batches."""
        return self.dataset.num_tokens_vec(indices)

    def _lengths(self, side: str, sentences: Sequence[Tensor]) -> Iterator[int]:
        return (len(self._sample(side, sentences[index], index)) for index in range(len(sentences)))

    def _sample(self, side: str, tokens: Tensor, index: int) -> Tensor:
        drawing = (self.seed % 2**32, self.epoch, int(index), SIDES.index(side))
        seed = sum(part << 32 * place for place, part in enumerate(drawing))
        return self.samplers[side].sample(tokens, seed)
