"""What a search is told, refused where fairseq's has no sentence for it, and in fairseq's terms."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

from fairseq.dataclass.configs import GenerationConfig

from ._whole_texts import Request
from .errors import S2SError
from .hypothesis import check_settings

NO_NUMBERS = {"sampling", "seed", "constraints"}


@dataclass(frozen=True)
class SearchSettings:
    """The settings of :meth:`Seq2Seq.generate`, whose docstring explains them.

    Attributes:
        constraints: in which order the phrases of a text come, ``ordered`` or ``unordered``; None
            where there are none
    """

    beam: int
    nbest: int
    sampling: bool
    topk: int
    topp: float
    temperature: float
    lenpen: float
    no_repeat_ngram: int
    min_len: int
    max_len: int
    seed: int | None
    constraints: str | None

    def check(self, longest: int, vocabulary: int) -> None:
        """Refuse what is out of range, before anything waits for it.

        Args:
            longest: output of the model, in tokens
            vocabulary: size of the target dictionary

        Raises:
            S2SError: naming the setting
        """
        numbers = {name: value for name, value in vars(self).items() if name not in NO_NUMBERS}
        check_settings(**numbers, seed=0 if self.seed is None else self.seed)
        check_drawing(self.sampling, self.topk, self.topp)
        if self.min_len > longest:
            raise S2SError(
                f"min_len is {self.min_len}, but must be at most {longest} for this model."
            )
        if self.seed is not None and not -(1 << 63) <= self.seed < 1 << 64:
            raise S2SError(f"seed is {self.seed}, but must be a number of 64 bits.")
        if self.constraints and self.sampling:
            raise S2SError("constraints need a search, not sampling: leave one of them out.")
        most = vocabulary // 2  # fairseq takes twice as many words
        if self.constraints and self.beam > most:
            raise S2SError(
                f"beam is {self.beam}, but with constraints it must be at most {most}, half of "
                "this model's vocabulary."
            )

    def check_requests(self, requests: Sequence[Request]) -> None:
        """Refuse what an output must hold and ``max_len`` has no room for.

        Raises:
            S2SError: naming it
        """
        for request in requests:
            for subject, length, advice in (
                ("the prefix of a text has", len(request.prefix), "a shorter one"),
                ("the constraints of a text have", sum(map(len, request.constraints)), "fewer"),
            ):
                if length > self.max_len:
                    raise S2SError(
                        f"max_len is {self.max_len}, but {subject} {length} tokens: give {advice}, "
                        "or a larger max_len."
                    )

    def config(self, vocabulary: int) -> GenerationConfig:
        """The same for fairseq's generator."""
        return GenerationConfig(
            beam=self.beam,
            nbest=self.nbest,
            sampling=self.sampling,
            sampling_topk=min(self.topk, vocabulary) if self.topk > 0 else -1,
            sampling_topp=self.topp if self.topp > 0 else -1.0,
            temperature=self.temperature,
            lenpen=self.lenpen,
            no_repeat_ngram_size=self.no_repeat_ngram,
            min_len=self.min_len,
            max_len_a=0,
            max_len_b=self.max_len,
            constraints=self.constraints,
        )

    @property
    def key(self) -> Hashable:
        """Requests of equal keys may be searched for together; None where none may."""
        return None if self.sampling else ("search", replace(self, seed=None))


def check_drawing(sampling: bool, topk: int, topp: float) -> None:
    """Refuse what only draws obey where nothing is drawn.

    Raises:
        S2SError: saying so
    """
    if not sampling and (topk > 0 or topp > 0):
        raise S2SError(
            "topk and topp tell what is drawn from: give sampling=True with them, or leave them "
            "out."
        )
