"""What is wrong with a dialogue model's replies, and which decoding setting the page proposes."""

import re
import shlex
from collections.abc import Mapping, Sequence
from itertools import zip_longest

from scripts.diagnosing import choice
from scripts.diagnosing.diagnosis import Diagnosis, Material, diagnose, gather
from scripts.diagnosing.replies import Measures
from scripts.diagnosing.settings import DEFAULT
from scripts.scoring.ruler import GENERIC

from . import scatter
from .section import Chart, Section, Table
from .subject import Subject, TestSet

MESSAGES = 300  # of each set, where nobody says otherwise
LOOPS_SHOWN = 6
LONGEST = 160  # characters of a reply that is shown
LANGUAGES = {"en": "English", "zh": "Chinese"}
COLUMNS = ("distinct-1", "distinct-2", "generic, %", "loops, %", "mean length", "in Chinese, %")
PLAIN = "without brevity penalty"
CAUTION = (
    "None of these numbers says whether a reply makes sense. BLEU-2 of few messages is uncertain, "
    "hardly agrees with what people think of a single reply (Liu et al. 2016, arXiv:1603.08023), "
    "and punishes replies that are shorter than a person's. Without that penalty it falls where "
    "replies are drawn at random: short, safe replies are right more often, word by word. Read "
    "some of the replies before you take the proposal."
)


def section(
    subjects: Sequence[Subject],
    valid: TestSet,
    test: TestSet,
    language: str,
    *,
    messages: int = MESSAGES,
    seed: int = 1,
) -> Section:
    """Each model's replies under each setting, and the setting that is proposed.

    Args:
        subjects: dialogue models
        valid: messages and a person's replies to choose by; pairs in another language are left out
        test: the same to confirm the choice by
        language: ``en`` or ``zh``
        messages: at most so many of each set are answered
        seed: of the choice of messages, and of sampling

    Raises:
        S2SError: in one sentence, where a set has no pair in the language
    """
    material = gather(valid, test, language, messages, seed)
    found = [diagnose(subject.name, subject.model, material) for subject in subjects]
    text = [_method(material, language), choice.RULE, *(_proposal(each) for each in found), CAUTION]
    parts = [part for each in found for part in _parts(each, language)]
    name = LANGUAGES[language]
    data = {
        "messages": {"validation": len(material.valid.sources), "test": len(material.test.sources)},
        "seed": seed,
        "rule": choice.RULE,
        "models": {each.name: each.as_data() for each in found},
    }
    return Section(f"dialogue-{language}", f"Replies in {name}", text, parts, data)


# --- words


def _method(material: Material, language: str) -> str:
    unit = " (a word is a character)" if language == "zh" else ""
    return (
        f"{len(material.valid.sources)} messages of the validation set were answered with each "
        f"setting. Generic: the share of replies that are one of that setting's {GENERIC} most "
        f"frequent. A loop: a run of one to four words{unit} said three times in a row, or one of "
        "four words twice in a reply. What is good is not the most or the least, but "
        "what the human replies to the same messages have."
    )


def _proposal(found: Diagnosis) -> str:
    """The setting in words, as flags, and what it did on both sets."""
    chat = shlex.join(["python", "-m", "chatbot", *found.proposed.chat_flags])
    generate = shlex.join(["fairseq-generate", *found.proposed.fairseq_flags])
    if found.proposed.search.diversity:
        generate += " (the candidates only: the reranker is the chat's)"
    return f"{found.name}: {_verdict(found)} In the chat: {chat}. With fairseq: {generate}."


def _verdict(found: Diagnosis) -> str:
    name = found.proposed.name
    if name == DEFAULT:
        return f"the default, {name}, is proposed as it is."
    before, after = (_told(found.test[each], found.test_human) for each in (DEFAULT, name))
    distances = [choice.distance(found.test[each], found.test_human) for each in (DEFAULT, name)]
    better = "better" if distances[1] < distances[0] else "no better"
    low, high = found.gain
    text = (
        f"proposed is {name}. On the test set it is {better} than the default, {DEFAULT}: {after}, "
        f"against {before}; BLEU-2 changes by {low:+.2f} to {high:+.2f} (95 %)"
    )
    if found.folds:
        text += f", and it is nearer to the human replies in {found.nearer} of {found.folds} parts"
    plain = "{:.1f} against {:.1f}".format(*(found.test_plain[each] for each in (name, DEFAULT)))
    return f"{text}. Without its brevity penalty BLEU-2 is {plain}."


def _told(measures: Measures, human: Measures) -> str:
    return (
        f"{measures.generic:.0%} generic, distinct-2 {measures.distinct[1]:.2f}, "
        f"{measures.loops:.1%} loops, mean length {measures.mean_length:.1f}, "
        f"BLEU-2 {choice.bleu_2(measures):.2f}, distance {choice.distance(measures, human):.3f}"
    )


# --- charts and tables


def _parts(found: Diagnosis, language: str) -> list[Chart | Table]:
    tables = [_settings(found), _cures(found), _test(found), _frequent(found)]
    return [_chart(found, language), *tables, *_loops(found)]


def _chart(found: Diagnosis, language: str) -> Chart:
    slug = re.sub("[^a-z0-9]+", "-", found.name.lower()).strip("-") or "model"
    points = {
        name: scatter.Point(100 * each.generic, each.distinct[1], choice.bleu_2(each))
        for name, each in found.valid.items()
    }
    human = scatter.Point(100 * found.valid_human.generic, found.valid_human.distinct[1], None)
    title = f"{found.name}: how generic and how varied are its {LANGUAGES[language]} replies?"
    caption = (
        f"{found.name}, {found.valid_human.count} validation messages: the nearer to the star, the "
        "more like the human replies in these two measures; the darker, the higher BLEU-2. Ringed: "
        f"the default and the proposed setting, {found.proposed.name}."
    )
    figure = scatter.draw(
        title, points, human, {DEFAULT: "default", found.proposed.name: "proposed"}
    )
    return Chart(f"replies-{language}-{slug}", caption, figure)


def _settings(found: Diagnosis) -> Table:
    marks = {DEFAULT: " (default)", found.proposed.name: " (proposed)"}
    rows = [
        [
            f"{name}{marks.get(name, '')}",
            round(choice.bleu_2(each), 2),
            "{:.1f}–{:.1f}".format(*found.intervals[name]),
            round(found.plain[name], 2),
            *_numbers(each),
            round(choice.distance(each, found.valid_human), 3),
        ]
        for name, each in found.valid.items()
    ]
    rows.append(["human replies", "–", "–", "–", *_numbers(found.valid_human), "–"])
    columns = ["setting", "BLEU-2", "95 %", PLAIN, *COLUMNS, "distance"]
    caption = (
        f"{found.name}: every setting on {found.valid_human.count} messages of the validation set. "
        "Distance: from the human replies, by the rule above."
    )
    return Table(caption, columns, rows, {1: "max", len(columns) - 1: "min"})


def _numbers(found: Measures) -> list[float]:
    return [
        round(found.distinct[0], 3),
        round(found.distinct[1], 3),
        round(100 * found.generic, 1),
        round(100 * found.loops, 1),
        round(found.mean_length, 1),
        round(100 * found.chinese, 1),
    ]


def _cures(found: Diagnosis) -> Table:
    """What mends each complaint by itself."""
    rows = []
    for complaint, value in choice.COMPLAINTS.items():
        best = choice.nearest(complaint, found.valid, found.valid_human)
        measures = (found.valid[DEFAULT], found.valid_human, found.valid[best])
        default, human, mended = (round(value(each), 3) for each in measures)
        rows.append([complaint, default, human, best, mended])
    return Table(
        f"{found.name}: what comes nearest to the human replies in one measure alone, whatever it "
        "costs in the others (validation set; shares from 0 to 1).",
        ["measure", "default", "human", "nearest setting", "with it"],
        rows,
    )


def _test(found: Diagnosis) -> Table:
    rows: list[list[str | float]] = [
        [
            name,
            round(choice.bleu_2(each), 2),
            round(found.test_plain[name], 2),
            *_numbers(each),
            round(choice.distance(each, found.test_human), 3),
        ]
        for name, each in found.test.items()
    ]
    rows.append(["human replies", "–", "–", *_numbers(found.test_human), "–"])
    return Table(
        f"{found.name}: the default and the proposal on {found.test_human.count} messages of the "
        "test set, on which nothing was chosen.",
        ["setting", "BLEU-2", PLAIN, *COLUMNS, "distance"],
        rows,
    )


def _frequent(found: Diagnosis) -> Table:
    """The ten most frequent replies of the default and of the proposal."""
    names = list(dict.fromkeys([DEFAULT, found.proposed.name]))
    lists = [list(found.valid[name].frequent.items()) for name in names]
    rows = []
    for place, row in enumerate(zip_longest(*lists, fillvalue=("", "")), start=1):
        rows.append([str(place), *(cell for text, times in row for cell in (_short(text), times))])
    columns = ["", *(head for name in names for head in (name, "times"))]
    return Table(
        f"{found.name}: the {GENERIC} most frequent of {found.valid_human.count} replies to the "
        "validation set.",
        columns,
        rows,
    )


def _loops(found: Diagnosis) -> list[Table]:
    """Replies that go round, one of each setting in turn; no table where there is none."""
    rows = _examples(found.valid)
    caption = f"{found.name}: replies that go round in circles."
    return [Table(caption, ["setting", "reply"], rows)] if rows else []


def _examples(measures: Mapping[str, Measures]) -> list[list[str]]:
    examples = [[(name, text) for text in each.examples] for name, each in measures.items()]
    turns = [pair for turn in zip_longest(*examples) for pair in turn if pair]
    different = {text: name for name, text in reversed(turns)}
    shown = [[name, _short(text)] for name, text in turns if different[text] == name]
    return shown[:LOOPS_SHOWN]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
