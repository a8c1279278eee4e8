"""What is reported on: models with their names, and a test set with what they made of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fairseq_plugins.hub import Hypothesis, Seq2Seq


@dataclass(frozen=True)
class Subject:
    """A model of the report.

    Attributes:
        name: as the page calls it
        path: of its checkpoint
        model: ready to generate, whatever architecture it is
        arch: the architecture, ``s2s_attn``, ``transformer`` ...
        parameters: trained weights, each counted once
        updates: steps of training
        seconds: of training, all its runs together, as fairseq counted them; None if unknown
        log: the file with fairseq-train's output, if there is one
    """

    name: str
    path: Path
    model: Seq2Seq
    arch: str
    parameters: int
    updates: int
    seconds: float | None
    log: Path | None


@dataclass(frozen=True)
class TestSet:
    """Sentences as text.

    Attributes:
        source_language, target_language: as fairseq names them, for example ``en`` and ``de``
        sources: the inputs
        references: one for each
        blocks: of each sentence, the number of the text it was made of; None: each is its own
    """

    __test__ = False  # no test of pytest's

    source_language: str
    target_language: str
    sources: Sequence[str]
    references: Sequence[str]
    blocks: Sequence[int] | None = None


@dataclass(frozen=True)
class Answers:
    """What one model made of a test set: the best hypothesis for each source."""

    subject: Subject
    hypotheses: Sequence[Hypothesis]
    seconds: float

    @property
    def texts(self) -> list[str]:
        """The outputs as text."""
        return [hypothesis.text for hypothesis in self.hypotheses]
