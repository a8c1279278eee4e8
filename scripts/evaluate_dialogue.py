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
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sentencepiece

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from scripts import spm
from scripts.scoring.generated import read_generated, read_scores
from scripts.scoring.ruler import TOKENIZERS, Ruler


def evaluate(
    language: str,
    references: Sequence[str],
    scored: Path,
    systems: dict[str, Path],
    pieces: sentencepiece.SentencePieceProcessor,
) -> dict[str, Any]:
    """All numbers of one language."""
    ruler = Ruler(language)
    scores = read_scores(scored, len(references))
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
