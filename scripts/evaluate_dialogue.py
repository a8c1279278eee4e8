#!/usr/bin/env python3
"""How good replies are: perplexity, BLEU, how varied and how generic they are; as JSON.

Usage: scripts/evaluate_dialogue.py --language en --references replies.en.txt --pieces spm.model \
           --scored SCORED --replies greedy=FILE --replies "beam 5=FILE" --output test.en.json

SCORED and each FILE are what fairseq-generate printed, with and without --score-reference.

The protocol, the same for every number: texts are lower-cased and cut by sacreBLEU's tokenizer, 13a
for English, zh for Chinese (a character is a word). BLEU-n is corpus BLEU over the n-grams up to n
with one reference, from sacreBLEU's counts, without any smoothing, in percent. distinct-n is the
number of different n-grams over that of all n-grams (Li et al. 2016, arXiv:1510.03055).
"""

import argparse
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sentencepiece
from sacrebleu.metrics.bleu import BLEU

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import spm

TOKENIZERS = {"en": "13a", "zh": "zh"}
GENERIC = 10  # of a system's replies, the most frequent ones
HAN = re.compile("[\u4e00-\u9fff]")


class Ruler:
    """What measures replies in one language."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.metric = BLEU(
            lowercase=True, tokenize=TOKENIZERS[language], smooth_method="none", force=True
        )

    def words(self, text: str) -> list[str]:
        """The words of a text, as BLEU counts them."""
        return self.metric.tokenizer(text.lower().strip()).split()

    def bleu(self, replies: Sequence[str], references: Sequence[str]) -> dict[str, float]:
        """BLEU-1 to BLEU-4, in percent."""
        score = self.metric.corpus_score(list(replies), [list(references)])
        shares = [c / t if t else 0.0 for c, t in zip(score.counts, score.totals, strict=True)]
        return {
            f"bleu-{n}": round(100 * score.bp * _geometric_mean(shares[:n]), 2)
            for n in range(1, len(shares) + 1)
        }

    def describe(self, replies: Sequence[str]) -> dict[str, Any]:
        """How long, how varied and how generic replies are; a person's or a system's."""
        said = [self.words(reply) for reply in replies]
        between = "" if self.language == "zh" else " "
        texts = Counter(between.join(words) for words in said)
        frequent = texts.most_common(GENERIC)
        han = sum(bool(HAN.search(reply)) for reply in replies)
        return {
            "mean length": round(sum(map(len, said)) / len(said), 2),
            "distinct-1": round(distinct(said, 1), 4),
            "distinct-2": round(distinct(said, 2), 4),
            "different replies": round(len(texts) / len(said), 4),
            "generic share": round(sum(count for _, count in frequent) / len(said), 4),
            "generic replies": dict(frequent),
            "replies in Chinese": round(han / len(replies), 4),
        }

    def perplexity(
        self, scores: Sequence[Sequence[float]], references: Sequence[str]
    ) -> dict[str, float]:
        """Of the references, for each piece and for each word, the end of a reply included.

        Args:
            scores: binary logarithm of each piece's probability, the end's too
        """
        bits = -sum(map(sum, scores))
        pieces = sum(map(len, scores))
        words = sum(len(self.words(reference)) + 1 for reference in references)
        return {"piece": round(2 ** (bits / pieces), 2), "word": round(2 ** (bits / words), 2)}


def distinct(said: Sequence[Sequence[str]], n: int) -> float:
    """Different n-grams over all n-grams; 0 where there is none."""
    grams = [tuple(words[i : i + n]) for words in said for i in range(len(words) - n + 1)]
    return len(set(grams)) / len(grams) if grams else 0.0


def _geometric_mean(shares: Sequence[float]) -> float:
    if not all(shares):
        return 0.0
    return math.exp(sum(map(math.log, shares)) / len(shares))


# --- what fairseq-generate prints


def read_generated(path: Path, kind: str, count: int) -> list[str]:
    """The last field of the lines ``KIND-NUMBER``, in the order of the numbers, one for each.

    Raises:
        ValueError: where they are not exactly those of ``count`` messages
    """
    found: dict[int, str] = {}
    with path.open(encoding="utf-8", newline="\n") as lines:
        for line in lines:
            if mark := re.match(rf"{kind}-(\d+)\t", line):
                found[int(mark[1])] = line.rstrip("\n").rsplit("\t", 1)[1]
    if sorted(found) != list(range(count)):
        raise ValueError(f"{path} answers {len(found)} messages, but there are {count} references")
    return [found[number] for number in range(count)]


def evaluate(
    language: str,
    references: Sequence[str],
    scored: Path,
    systems: dict[str, Path],
    pieces: sentencepiece.SentencePieceProcessor,
) -> dict[str, Any]:
    """All numbers of one language."""
    ruler = Ruler(language)
    lines = read_generated(scored, "P", len(references))
    scores = [[float(score) for score in line.split()] for line in lines]
    result = {
        "language": language,
        "replies": len(references),
        "perplexity": ruler.perplexity(scores, references),
        "human": ruler.describe(references),
    }
    for name, path in systems.items():
        output = read_generated(path, "H", len(references))
        replies = [pieces.decode(line.split()) for line in output]
        result[name] = ruler.bleu(replies, references) | ruler.describe(replies)
    return result


def add_to_card(card: Path, result: dict[str, Any]) -> None:
    """Put the main numbers into a model's card (``chatbot/card.py``)."""
    told = json.loads(card.read_text(encoding="utf-8")) if card.is_file() else {}
    language, search = result["language"], "beam 5" if "beam 5" in result else "greedy"
    scores = {f"test perplexity per word, {language}": f"{result['perplexity']['word']:.1f}"}
    if search in result:
        scores[f"test BLEU-2, {search}, {language}"] = f"{result[search]['bleu-2']:.2f}"
        scores[f"test distinct-2, {search}, {language}"] = f"{result[search]['distinct-2']:.3f}"
    told["scores"] = told.get("scores", {}) | scores
    spm.write_atomically(card, (json.dumps(told, indent=2) + "\n").encode("utf-8"))


def _system(text: str) -> tuple[str, Path]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"{text} is not of the form NAME=FILE")
    return name, Path(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the numbers of one language and print them."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--language", choices=[*TOKENIZERS], required=True)
    parser.add_argument("--references", type=Path, required=True, help="a reply a line, as text")
    parser.add_argument("--pieces", type=Path, required=True, help="the SentencePiece model")
    parser.add_argument("--scored", type=Path, required=True)
    parser.add_argument("--replies", type=_system, action="append", required=True)
    parser.add_argument("--output", type=Path, required=True, help="the JSON file")
    parser.add_argument("--card", type=Path, help="a card.json that gets the main numbers too")
    options = parser.parse_args(arguments)
    try:
        references = options.references.read_text(encoding="utf-8").split("\n")[:-1]
        if not references:
            raise ValueError(f"{options.references} is empty")
        pieces = sentencepiece.SentencePieceProcessor(model_file=str(options.pieces))
        systems = dict(options.replies)
        result = evaluate(options.language, references, options.scored, systems, pieces)
        text = json.dumps(result, indent=2, ensure_ascii=False)
        spm.write_atomically(options.output, f"{text}\n".encode())
        if options.card:
            add_to_card(options.card, result)
    except (OSError, ValueError, RuntimeError) as error:
        print(f"evaluate_dialogue.py: {error}.", file=sys.stderr)
        return 1
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
