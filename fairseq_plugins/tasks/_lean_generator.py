"""fairseq's beam search with less bookkeeping, and the same output."""

from typing import Any

from fairseq.search import BeamSearch
from fairseq.sequence_generator import SequenceGenerator
from torch import Tensor

from ._lean_search import Hypothesis, Search


class LeanSequenceGenerator(SequenceGenerator):
    """Gives what :class:`SequenceGenerator` gives, with less work around the decoder.

    The plain beam search over one model or an ensemble runs here: the same hypotheses in the same
    order, the same scores and alignments, by the same calls of encoder and decoder. Whatever else
    fairseq can do (sampling, constraints, prefixes, its extension against repeated n-grams, ...)
    goes to its own code, see :meth:`is_plain`. Which of several continuations of exactly equal
    score comes first is as unspecified here as it is there. TorchScript cannot compile it.
    """

    def _generate(
        self,
        sample: dict[str, Any],
        prefix_tokens: Tensor | None = None,
        constraints: Tensor | None = None,
        bos_token: int | None = None,
    ) -> list[list[Hypothesis]]:
        """The n-best lists of a batch; fairseq's public methods all lead here."""
        if prefix_tokens is None and constraints is None and self.is_plain(sample["net_input"]):
            return Search(self, sample["net_input"], bos_token).run()
        return super()._generate(sample, prefix_tokens, constraints, bos_token)

    def is_plain(self, net_input: dict[str, Tensor]) -> bool:
        """Whether nothing is asked for but beam search over incremental decoders."""
        return (
            type(self.search) is BeamSearch
            and not (self.repeat_ngram_blocker and self.repeat_ngram_blocker.use_extension)
            and self.lm_model is None
            and not self.match_source_len  # official fairseq and the fork count it differently
            and self.model.has_incremental_states()
            and "src_tokens" in net_input
            and "src_lengths" in net_input
        )
