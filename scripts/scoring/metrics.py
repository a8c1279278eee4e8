"""Every metric by its name in ``docs/results.json``."""

from collections.abc import Callable
from functools import partial

from . import replies, sequences, summaries, translations
from .outputs import Outputs, Score

METRICS: dict[str, Callable[[Outputs], Score]] = {
    "bleu": translations.bleu,
    "bleu_lc_tok": translations.bleu_lc_tok,
    "chrf": translations.chrf,
    "wer": sequences.wer,
    "per": sequences.per,
    "exact": sequences.exact,
    "rouge1": partial(summaries.rouge, "rouge1"),
    "rouge2": partial(summaries.rouge, "rouge2"),
    "rougeL": partial(summaries.rouge, "rougeL"),
    "ppl": replies.ppl,
    "ppl_word": replies.ppl_word,
    "bleu1": partial(replies.bleu_n, 1),
    "bleu2": partial(replies.bleu_n, 2),
    "bleu3": partial(replies.bleu_n, 3),
    "bleu4": partial(replies.bleu_n, 4),
    "length": replies.length,
    "distinct1": replies.distinct1,
    "distinct2": replies.distinct2,
    "generic": replies.generic,
}
