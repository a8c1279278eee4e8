"""How sure, long, varied and generic outputs are: the measures of dialogue, by ``Ruler``."""

from importlib.metadata import version

from .outputs import Outputs, Score
from .ruler import Ruler


def ppl(outputs: Outputs) -> Score:
    """Perplexity of the main references per piece, 2 ** -(mean of the binary logarithms)."""
    return Score(_perplexity(outputs)["piece"], "ppl|unit:piece|end:counted|refs:first")


def ppl_word(outputs: Outputs) -> Score:
    """Perplexity of the main references per word, so that vocabularies can be compared."""
    return Score(_perplexity(outputs)["word"], f"ppl|{_words(outputs)}|end:counted|refs:first")


def length(outputs: Outputs) -> Score:
    """Mean number of words; in Chinese of characters."""
    return Score(_described(outputs)["mean length"], f"length|{_words(outputs)}")


def distinct1(outputs: Outputs) -> Score:
    """Different words over all words, 0 to 1 (Li et al. 2016, arXiv:1510.03055)."""
    return Score(_described(outputs)["distinct-1"], f"distinct|n:1|{_words(outputs)}")


def distinct2(outputs: Outputs) -> Score:
    """Different pairs of words over all pairs, 0 to 1."""
    return Score(_described(outputs)["distinct-2"], f"distinct|n:2|{_words(outputs)}")


def generic(outputs: Outputs) -> Score:
    """Percent of the outputs that are one of the ten most frequent and not the only one of it."""
    return Score(100 * _described(outputs)["generic share"], f"generic|top:10|{_words(outputs)}")


def bleu_n(n: int, outputs: Outputs) -> Score:
    """BLEU over the n-grams up to ``n``, against the first reference, without smoothing."""
    references = [right[0] for right in outputs.references]
    value = _ruler(outputs).bleu(outputs.texts, references)[f"bleu-{n}"]
    return Score(value, f"bleu|n:{n}|{_words(outputs)}|refs:first|smooth:none")


def _ruler(outputs: Outputs) -> Ruler:
    return Ruler("zh" if outputs.language == "zh" else "en")


def _words(outputs: Outputs) -> str:
    tokenizer = "zh" if outputs.language == "zh" else "13a"
    return f"unit:word|case:lc|tok:{tokenizer}|sacrebleu:{version('sacrebleu')}"


def _described(outputs: Outputs) -> dict[str, float]:
    return _ruler(outputs).describe(outputs.texts)


def _perplexity(outputs: Outputs) -> dict[str, float]:
    if outputs.scores is None:
        raise ValueError(
            "perplexity needs --scored FILE, what fairseq-generate --score-reference printed"
        )
    references = [right[0] for right in outputs.references]
    return _ruler(outputs).perplexity(outputs.scores, references)
