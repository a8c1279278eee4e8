"""BLEU and chrF of translations, by sacreBLEU (Post 2018, arXiv:1804.08771)."""

from collections.abc import Callable, Sequence
from functools import cache
from importlib.metadata import version

from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF
from sacremoses import MosesPunctNormalizer, MosesTokenizer

from .outputs import Outputs, Score


def bleu(outputs: Outputs) -> Score:
    """BLEU of text as it is: cased, detokenised, cut by 13a; Chinese by zh."""
    tokenizer = "zh" if outputs.language == "zh" else "13a"
    return _score(BLEU(tokenize=tokenizer, force=True), outputs.texts, outputs.references)


def chrf(outputs: Outputs) -> Score:
    """chrF2 (Popovic 2015): F-score of n-grams of up to six characters."""
    return _score(CHRF(), outputs.texts, outputs.references)


def bleu_lc_tok(outputs: Outputs) -> Score:
    """BLEU of normalised, tokenised and lower-cased text, as papers on Multi30k give it.

    The protocol of Caglayan et al. 2017 (arXiv:1707.04481): Moses' normalize-punctuation.perl,
    tokenizer.perl without -a, lowercase.perl, on both sides; then BLEU without a tokenizer.

    Raises:
        ValueError: for Chinese, which Moses does not cut into words
    """
    if outputs.language == "zh":
        raise ValueError("bleu_lc_tok cuts words as Moses does, which knows no Chinese: use bleu")
    prepare = moses(outputs.language)
    texts = [prepare(text) for text in outputs.texts]
    references = [[prepare(text) for text in right] for right in outputs.references]
    score = _score(BLEU(tokenize="none", force=True), texts, references)
    steps = f"normalise+tokenise+lower-case:{outputs.language}|sacremoses:{version('sacremoses')}"
    return Score(score.value, f"{steps}|{score.signature}")


@cache
def moses(language: str) -> Callable[[str], str]:
    """Moses' normalisation, tokenisation and lower-casing of one line."""
    normalizer = MosesPunctNormalizer(lang=language)
    tokenizer = MosesTokenizer(lang=language)
    return lambda text: tokenizer.tokenize(normalizer.normalize(text), return_str=True).lower()


def streams(references: Sequence[Sequence[str]]) -> list[list[str | None]]:
    """sacreBLEU's form: a list for the first reference of each example, one for the second, ...

    None stands where an example has fewer; an empty text would count as a reference of no words.
    """
    most = max(map(len, references))
    padded = [[*right, *[None] * (most - len(right))] for right in references]
    return [list(stream) for stream in zip(*padded, strict=True)]


def _score(metric: BLEU | CHRF, texts: Sequence[str], references: Sequence[Sequence[str]]) -> Score:
    value = metric.corpus_score(list(texts), streams(references)).score
    return Score(value, metric.get_signature().format())
