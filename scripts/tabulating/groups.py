"""Which tasks and metrics there are for the tables, and the published numbers beside them."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """Tasks that stand in one table.

    Attributes:
        pattern: a regular expression that a task's name begins with
        group: the heading above
        title: of the table; None where the heading says it
        headline: the metrics that the README tells
        folded: whether the table is shown on a click, and nothing of it in the README
    """

    pattern: str
    group: str
    title: str | None = None
    headline: tuple[str, ...] = ()
    folded: bool = False


@dataclass(frozen=True)
class Metric:
    """How a metric is shown.

    Attributes:
        name: head of its column
        best: ``max``, ``min``, or None where neither is good
        digits: after the point
    """

    name: str
    best: str | None = "max"
    digits: int = 2


@dataclass(frozen=True)
class Source:
    """Where a published number stands, and what made it."""

    name: str
    url: str
    system: str


METRICS = {
    "bleu": Metric("BLEU"),
    "bleu_lc_tok": Metric("BLEU tok. lc"),
    "chrf": Metric("chrF"),
    "wer": Metric("word errors, %", "min"),
    "per": Metric("phone errors, %", "min"),
    "exact": Metric("exact, %"),
    "rouge1": Metric("ROUGE-1"),
    "rouge2": Metric("ROUGE-2"),
    "rougeL": Metric("ROUGE-L"),
    "ppl": Metric("perplexity", "min"),
    "ppl_word": Metric("perplexity per word", "min"),
    "bleu1": Metric("BLEU-1"),
    "bleu2": Metric("BLEU-2"),
    "bleu3": Metric("BLEU-3"),
    "bleu4": Metric("BLEU-4"),
    "length": Metric("words", None, 1),
    "distinct1": Metric("distinct-1", None, 4),
    "distinct2": Metric("distinct-2", None, 4),
    "generic": Metric("generic, %", "min", 1),
    "aer": Metric("AER, %", "min"),
    "precision": Metric("precision, %"),
    "recall": Metric("recall, %"),
    "sure_f1": Metric("sure-only F1, %"),
}

TRANSLATION = ("bleu", "bleu_lc_tok")
ROUGE = ("rouge1", "rouge2", "rougeL")
DIALOGUE = ("bleu", "ppl_word", "bleu2", "distinct2", "generic")
FAMILIES = (
    Family(
        r"multi30k-en-de(-test\d*|-valid)?$",
        "Translation",
        "Multi30k, English to German",
        TRANSLATION,
    ),
    Family(
        r"multi30k-de-en(-test\d*|-valid)?$",
        "Translation",
        "Multi30k, German to English",
        TRANSLATION,
    ),
    Family("tatoeba-", "Translation", "Tatoeba", ("bleu",)),
    Family("long|multi30k-.*long", "Long sentences", headline=("bleu",)),
    Family(
        "sigmorphon2021-(eng_us|medium|low)$",
        "Pronunciation",
        "SIGMORPHON 2021, the tracks",
        ("wer",),
    ),
    Family("cmudict", "Pronunciation", "CMUdict without stress", ("wer",)),
    Family("sigmorphon2021-", "Pronunciation", "SIGMORPHON 2021 by language", folded=True),
    Family("scan-", "SCAN", headline=("exact",)),
    Family("dialogsum|csl|scitldr", "Summaries", headline=ROUGE),
    Family("webquestions", "Questions", headline=("exact",)),
    Family("shapes?-|shape$", "Shapes", headline=("exact",)),
    Family("xdailydialog|chatterbot|dialogue", "Dialogue", headline=DIALOGUE),
    Family("alibi", "Alignment", headline=("aer", "sure_f1")),
    Family("", "Other", headline=tuple(METRICS)),
)
GROUPS = ("Translation", "Long sentences", "Pronunciation", "SCAN", "Summaries", "Questions")
GROUPS += ("Shapes", "Dialogue", "Alignment", "Other")

CAGLAYAN = Source(
    "Caglayan et al. 2017",
    "https://arxiv.org/abs/1707.04481",
    "text-only GRU with attention, BPE 10k; the numbers as this project was given them",
)
SIGMORPHON = Source(
    "baseline of the shared task",
    "https://github.com/sigmorphon/2021-task1",
    "ensembles of neural transducers",
)
G2P = Source(
    "g2p-seq2seq",
    "https://github.com/cmusphinx/g2p-seq2seq",
    "LSTM 2x512, its README at commit 8d6cd3b",
)
SIGMORPHON_WER = {
    "eng_us": 41.94,
    "medium": 10.64,
    "low": 25.10,
    "arm_e": 7.0,
    "bul": 18.3,
    "dut": 14.7,
    "fre": 8.5,
    "geo": 0.0,
    "hbs_latn": 32.1,
    "hun": 1.8,
    "jpn_hira": 5.2,
    "kor": 16.3,
    "vie_hanoi": 2.5,
    "ady": 22.0,
    "gre": 21.0,
    "ice": 12.0,
    "ita": 19.0,
    "khm": 34.0,
    "lav": 55.0,
    "mlt_latn": 19.0,
    "rum": 10.0,
    "slv": 49.0,
    "wel_sw": 10.0,
}
# By task and metric.
PUBLISHED: dict[tuple[str, str], tuple[float, Source]] = {
    ("multi30k-en-de-test2016", "bleu_lc_tok"): (39.00, CAGLAYAN),
    ("multi30k-en-de-test2017", "bleu_lc_tok"): (31.25, CAGLAYAN),
    ("cmudict", "wer"): (31.14, G2P),
    **{(f"sigmorphon2021-{on}", "wer"): (wer, SIGMORPHON) for on, wer in SIGMORPHON_WER.items()},
}


def family(task: str) -> Family:
    """The table that a task belongs to."""
    return next(each for each in FAMILIES if re.match(each.pattern, task))


def training(task: str) -> tuple[str, str]:
    """The task that a model was trained for, and the test set where the task has several."""
    parts = re.fullmatch(r"(.+)-(test\d*|valid)", task)
    return (parts[1], parts[2]) if parts else (task, "")


def metric(name: str) -> Metric:
    """How a metric is shown; one that is not known as it is, with no best."""
    return METRICS.get(name) or Metric(name, None)


def order(name: str) -> tuple[int, str]:
    """Where a metric's column stands."""
    names = list(METRICS)
    return (names.index(name) if name in METRICS else len(names), name)
