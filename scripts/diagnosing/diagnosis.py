"""One model examined: each setting on the validation set, the proposed one on the test set too."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sacrebleu.metrics.bleu import BLEU
from tqdm import tqdm

from fairseq_plugins.hub import Seq2Seq
from scripts.reporting import resampling
from scripts.reporting.subject import TestSet
from scripts.scoring.ruler import TOKENIZERS, Ruler

from . import choice
from .pairs import of_language, part, sample
from .replies import Measures, measure, stock_replies
from .settings import DEFAULT, GRID, Setting, answer

FOLDS = 5  # parts of the test messages, in each of which the proposal is compared by itself


@dataclass(frozen=True)
class Material:
    """What models are examined with, in one language.

    Attributes:
        ruler: of the language
        valid, test: the messages that are answered
        stock: the replies that people say most often, by the whole validation set
        seed: of sampling
    """

    ruler: Ruler
    valid: TestSet
    test: TestSet
    stock: frozenset[str]
    seed: int

    def human(self, pairs: TestSet) -> Measures:
        """What a person's replies are like."""
        return measure(self.ruler, pairs.references, pairs.sources, stock=self.stock)

    def judge(self, replies: Sequence[str], pairs: TestSet) -> Measures:
        """What a model's replies are like."""
        return measure(self.ruler, replies, pairs.sources, pairs.references, self.stock)


@dataclass(frozen=True)
class Diagnosis:
    """What was found about one model.

    Attributes:
        name: of the model
        valid: each setting's measures, by its name, in the grid's order
        valid_human: those of the references
        intervals: of each setting's BLEU-2 there, 95 %
        plain: each setting's BLEU-2 there without the brevity penalty
        proposed: the setting that the validation set chooses
        test: the measures of the default and of the proposed setting
        test_human: those of the references
        test_plain: BLEU-2 of both without the brevity penalty
        gain: BLEU-2 of the proposed setting less that of the default, on the test set: 95 %
        nearer: in so many of ``folds`` parts of the test messages the proposed setting is nearer
            to the references than the default
        folds: 0 where there are too few messages
    """

    name: str
    valid: Mapping[str, Measures]
    valid_human: Measures
    intervals: Mapping[str, tuple[float, float]]
    plain: Mapping[str, float]
    proposed: Setting
    test: Mapping[str, Measures]
    test_human: Measures
    test_plain: Mapping[str, float]
    gain: tuple[float, float]
    nearer: int
    folds: int

    def as_data(self) -> dict[str, Any]:
        """For JSON."""
        chosen = {
            "name": self.proposed.name,
            "chat": self.proposed.chat_flags,
            "fairseq-generate": self.proposed.fairseq_flags,
            "nearer": f"in {self.nearer} of {self.folds} parts of the test messages",
            "gain in BLEU-2, 95 %": self.gain,
        }
        return {
            "proposed": chosen,
            "default": DEFAULT,
            "BLEU-2 on validation, 95 %": dict(self.intervals),
            "BLEU-2 without brevity penalty": {
                "validation": dict(self.plain),
                "test": dict(self.test_plain),
            },
            "validation": _as_data(self.valid, self.valid_human),
            "test": _as_data(self.test, self.test_human),
        }


def _as_data(measures: Mapping[str, Measures], human: Measures) -> dict[str, Any]:
    """The measures by setting; of the references no text: the corpus is not the page's to show."""
    settings = {
        name: found.as_data() | {"distance": choice.distance(found, human)}
        for name, found in measures.items()
    }
    return {"human": replace(human, frequent={}, examples=()).as_data(), "settings": settings}


def gather(valid: TestSet, test: TestSet, language: str, messages: int, seed: int) -> Material:
    """The pairs of one language, at most ``messages`` of each set.

    Raises:
        S2SError: where a set has none, in one sentence
    """
    everything = of_language(valid, language)
    ruler = Ruler(language)
    return Material(
        ruler,
        sample(everything, messages, seed),
        sample(of_language(test, language), messages, seed),
        stock_replies(ruler, everything.references),
        seed,
    )


def diagnose(name: str, model: Seq2Seq, material: Material) -> Diagnosis:
    """Try every setting, choose one, and try it and the default on the test set."""
    valid, test = material.valid, material.test
    total = len(GRID) * len(valid.sources) + 2 * len(test.sources)
    with tqdm(
        total=total, desc=f"{name}: replies, {material.ruler.language}", unit=" replies"
    ) as bar:

        def ask(setting: Setting, pairs: TestSet) -> list[str]:
            bar.set_postfix_str(setting.name)
            return answer(model, setting, pairs.sources, seed=material.seed, progress=bar.update)

        said = {each.name: ask(each, valid) for each in GRID}
        found = {name: material.judge(replies, valid) for name, replies in said.items()}
        human = material.human(valid)
        chosen = choice.choose(found, human)
        pair = [next(each for each in GRID if each.name == name) for name in (DEFAULT, chosen)]
        tested = {each.name: ask(each, test) for each in pair}
    bleu = _Bleu2(material.ruler.language)
    default, proposed = tested[DEFAULT], tested[chosen]
    return Diagnosis(
        name=name,
        valid=found,
        valid_human=human,
        intervals={name: bleu.interval(replies, valid) for name, replies in said.items()},
        plain={name: bleu.plain(replies, valid) for name, replies in said.items()},
        proposed=pair[1],
        test={name: material.judge(replies, test) for name, replies in tested.items()},
        test_human=material.human(test),
        test_plain={name: bleu.plain(replies, test) for name, replies in tested.items()},
        gain=bleu.gain(default, proposed, test),
        nearer=_parts_nearer(material, default, proposed),
        folds=_folds(test),
    )


class _Bleu2:
    """What else there is to say of BLEU-2."""

    def __init__(self, language: str) -> None:
        self.metric = BLEU(
            lowercase=True,
            tokenize=TOKENIZERS[language],
            smooth_method="none",
            force=True,
            max_ngram_order=2,
        )

    def plain(self, replies: Sequence[str], pairs: TestSet) -> float:
        """Without the brevity penalty, in percent: how much of what is said is right."""
        found = self.metric.corpus_score(list(replies), [list(pairs.references)])
        return found.score / found.bp if found.bp else 0.0

    def samples(self, replies: Sequence[str], pairs: TestSet) -> Any:
        """BLEU-2 of drawn test sets, the same ones for every system, (samples,)."""
        return resampling.resample(
            self.metric, resampling.count(self.metric, replies, pairs.references)
        )

    def interval(self, replies: Sequence[str], pairs: TestSet) -> tuple[float, float]:
        """Where BLEU-2 lies with 95 %."""
        return resampling.interval(self.samples(replies, pairs))

    def gain(
        self, before: Sequence[str], after: Sequence[str], pairs: TestSet
    ) -> tuple[float, float]:
        """Where the difference of two systems lies with 95 %."""
        return resampling.interval(self.samples(after, pairs) - self.samples(before, pairs))


def _folds(pairs: TestSet) -> int:
    return FOLDS if len(pairs.sources) >= 2 * FOLDS else 0


def _parts_nearer(material: Material, default: Sequence[str], proposed: Sequence[str]) -> int:
    """In how many parts of the test messages the proposal is nearer to the references."""
    nearer = 0
    for fold in range(_folds(material.test)):
        places = range(fold, len(material.test.sources), FOLDS)
        pairs = part(material.test, places)
        human = material.human(pairs)
        before, after = (
            choice.distance(material.judge([replies[i] for i in places], pairs), human)
            for replies in (default, proposed)
        )
        nearer += after < before
    return nearer
