"""ROUGE of summaries (Lin 2004), by Google's rouge-score."""

import re
from importlib.metadata import version
from statistics import mean

from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import DefaultTokenizer, Tokenizer

from .outputs import Outputs, Score


class CharacterTokenizer(Tokenizer):
    """Each character is a token, white space is none: for Chinese."""

    def tokenize(self, text: str) -> list[str]:
        """The characters of a text, lower-cased."""
        return [character for character in text.lower() if not character.isspace()]


class WordTokenizer(Tokenizer):
    """Runs of letters and digits: the library's own one knows only those of English."""

    def tokenize(self, text: str) -> list[str]:
        """The words of a text, lower-cased."""
        return re.findall(r"\w+", text.lower())


def rouge(kind: str, outputs: Outputs) -> Score:
    """F-measure in percent, mean over the examples; stemmed by Porter's rules in English.

    Args:
        kind: ``rouge1``, ``rouge2`` (n-grams) or ``rougeL`` (longest common subsequence)
    """
    tokenizer, units = _tokenizer(outputs.language)
    scorer = RougeScorer([kind], tokenizer=tokenizer)
    reduce = {"max": max, "mean": mean}[outputs.reduce]
    scores = [
        reduce([scorer.score(reference, text)[kind].fmeasure for reference in right])
        for text, right in zip(outputs.texts, outputs.references, strict=True)
    ]
    signature = f"{kind}|f1|{units}|refs:{outputs.reduce}|rouge-score:{version('rouge-score')}"
    return Score(100 * mean(scores), signature)


def _tokenizer(language: str) -> tuple[Tokenizer, str]:
    if language == "zh":
        return CharacterTokenizer(), "unit:character"
    if language == "en":
        return DefaultTokenizer(use_stemmer=True), "unit:word|stem:porter"
    return WordTokenizer(), "unit:word|stem:no"
