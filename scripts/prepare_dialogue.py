#!/usr/bin/env python3
"""Turn XDailyDialog's files into parallel text and a SentencePiece model with its dictionary.

Usage: scripts/prepare_dialogue.py --data DIR --lang both --out data-bin/dialogue.text [--turns 1]

DIR holds train/, dev/ and test/ as scripts/prepare_dialogue.sh puts them there (plain or .gz).
Writes train.src, train.tgt, valid.src, valid.tgt and, for each language, test.LANG.src and
test.LANG.tgt (as pieces) with the replies as text in replies.LANG.txt; spm.model, spm.dict.txt,
words.txt (what the model has read); and report.json, how many dialogues and pairs there are and
what the leaks were. A source is a message after the exchanges before it
(``chatbot.dialog.source_text``), a target the reply.
"""

import argparse
import gzip
import json
import random
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import sentencepiece

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from chatbot import familiar
from chatbot.dialog import SEPARATOR, Message, clean, source_text
from scripts import spm

Dialogue = list[str]  # what is said, in turns
Row = tuple[Dialogue, ...]  # one dialogue in each of the languages
Pair = tuple[str, str]  # source text, reply

LANGUAGES = ("en", "zh")
SPLITS = {
    "train": "train/dialogues_text_{Lang}.txt",
    "valid": "dev/{lang}_dev_human.txt",
    "test": "test/{lang}_test_human.txt",
}
END = "__eou__"  # of an utterance
VOCAB_SIZE = 8000  # for both languages; one alone has fewer pieces to learn
FORGET_SHARE = 0.25  # of the training sources, without the turns before: messages open topics too


def read_dialogues(file: Path) -> list[Dialogue]:
    """The dialogues of a file, without the labels that follow the last utterance.

    Raises:
        ValueError: where the file is missing, no UTF-8, or has a line without an utterance
    """
    packed = file.with_name(file.name + ".gz")
    path = file if file.is_file() else packed
    if not path.is_file():
        raise ValueError(f"neither {file} nor {packed} exists")
    try:
        content = gzip.decompress(path.read_bytes()) if path == packed else path.read_bytes()
        lines = content.decode("utf-8").split("\n")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    dialogues = []
    for number, line in enumerate(lines[:-1] if lines[-1] == "" else lines, start=1):
        turns = [turn.strip() for turn in line.split("\t")[0].split(END)]
        dialogue = [turn for turn in turns if turn]
        if not dialogue:
            raise ValueError(f"{path}, line {number}: there is no utterance")
        dialogues.append(dialogue)
    return dialogues


def read_rows(folder: Path, split: str, languages: Sequence[str]) -> list[Row]:
    """The dialogues of a split, side by side in each language."""
    files = [folder / SPLITS[split].format(lang=lang, Lang=lang.title()) for lang in languages]
    parts = [read_dialogues(file) for file in files]
    for file, part in zip(files, parts, strict=True):
        if len(part) != len(parts[0]):
            raise ValueError(f"{files[0]} has {len(parts[0])} dialogues and {file} has {len(part)}")
    return list(zip(*parts, strict=True))


# --- leaks


def keys(row: Row) -> set[tuple[int, str]]:
    """What tells a dialogue, in each language: its letters, whatever their case and spacing."""
    return {(place, "".join("".join(said).split()).lower()) for place, said in enumerate(row)}


def without_leaks(splits: dict[str, list[Row]]) -> tuple[dict[str, list[Row]], dict]:
    """Each split without repeated dialogues and without those of the splits after it.

    A dialogue leaves every language as soon as it leaks in one.

    Args:
        splits: in an order such that a later one is never cut for an earlier one

    Returns:
        the splits, and for each the number of its dialogues: read, leaked, repeated, kept
    """
    kept, report = {}, {}
    held_out: set[tuple[int, str]] = set()
    for name, rows in reversed(splits.items()):
        counts, seen, kept[name] = Counter(read=len(rows)), set(), []
        for row in rows:
            found = keys(row)
            kind = "leaked" if found & held_out else "repeated" if found & seen else "kept"
            counts[kind] += 1
            seen |= found
            if kind == "kept":
                kept[name].append(row)
        held_out |= seen
        report[name] = {kind: counts[kind] for kind in ("read", "leaked", "repeated", "kept")}
    return kept, report


# --- text


def detokenise(text: str) -> str:
    """English as it is written: "I ' Ve seen it ." becomes "I've seen it."."""
    text = " ".join(re.sub("[’‘′]", "'", re.sub("[“”]", '"', text)).split())
    text = text.replace("。", ".").replace("、", ",")
    text = re.sub(r"(?<=\w) ?' ?(s|t|m|d|ll|ve|re|clock|am)\b", _suffix, text, flags=re.I)
    text = re.sub(r"(?<=\d) ?: (?=\d\d\b)", ":", text)  # "8: 30"
    text = re.sub(r"(?<=\d) , ?(?=000\b)", ",", text)  # "10 , 000"
    text = re.sub(r" +([.,?!;:%)\]}])", r"\1", text)
    text = re.sub(r"([(\[{$£¥]) +", r"\1", text)
    text = re.sub(r"(?<=[a-z])([.?!])(?=[A-Z][a-z])", r"\1 ", text)  # "see.Thank you"
    return _quotes(text)


def _suffix(found: re.Match) -> str:
    return "'" + found[1].lower()


def _quotes(text: str) -> str:
    """Quotation marks that stand alone, at the word that they open or close."""
    words = text.split(" ")
    result = ""
    for place, word in enumerate(words):
        mark = re.match("(['\"])[.,?!;:]*$", word)
        if mark is None:
            result += f"{word} "
        elif _closes(mark[0], result, words[place + 1 :]):
            result = f"{result.rstrip()}{word} "
        else:
            result += word
    return result.strip()


def _closes(word: str, before: str, after: list[str]) -> bool:
    """Whether a mark closes a quotation (or stands for "the parents' house"), or opens one."""
    mark = word[0]
    opened = len(re.findall(rf"(?<!\S){mark}(?=\w)", before))
    closed = len(re.findall(rf"(?<=[\w.,?!]){mark}(?!\w)", before))
    alone = not any(other.startswith(mark) for other in after)
    possessive = mark == "'" and before.endswith("s ") and alone
    return opened > closed or word != mark or not after or possessive


def written(utterance: str, language: str) -> str:
    """An utterance as the chatbot would show it."""
    return clean(detokenise(utterance) if language == "en" else utterance)


# --- pairs


def make_pairs(dialogue: Dialogue, turns: int) -> Iterator[Pair]:
    """Each utterance but the first as the reply to the one before it.

    Args:
        turns: how many earlier exchanges a source holds at most
    """
    for place in range(1, len(dialogue)):
        said = dialogue[:place]
        roles = ("assistant", "user") if place % 2 == 0 else ("user", "assistant")
        messages = [Message(roles[i % 2], text) for i, text in enumerate(said)]
        source = source_text(messages, turns)
        if source and dialogue[place]:
            yield source, dialogue[place]


def forgetful(pairs: Iterable[Pair], rng: random.Random) -> list[Pair]:
    """The pairs, some of them without what was said before the message."""
    return [
        (source.rsplit(f" {SEPARATOR} ", 1)[-1] if rng.random() < FORGET_SHARE else source, reply)
        for source, reply in pairs
    ]


def sentences(pairs: Iterable[Pair]) -> list[str]:
    """Every turn and every reply once, for the SentencePiece model."""
    turns = (turn for source, reply in pairs for turn in (*source.split(f" {SEPARATOR} "), reply))
    return list(dict.fromkeys(turns))


def collect(
    splits: Mapping[str, list[Row]], languages: Sequence[str], turns: int
) -> dict[str, dict[str, list[Pair]]]:
    """The pairs of each split and language."""
    return {
        split: {
            language: [
                pair
                for row in rows
                for pair in make_pairs([written(said, language) for said in row[place]], turns)
            ]
            for place, language in enumerate(languages)
        }
        for split, rows in splits.items()
    }


# --- files


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Lines of text, whole or not at all."""
    spm.write_atomically(path, "".join(f"{line}\n" for line in lines).encode("utf-8"))


def write_pieces(
    prefix: Path, pairs: Sequence[Pair], pieces: sentencepiece.SentencePieceProcessor
) -> None:
    """The two sides, as pieces: PREFIX.src and PREFIX.tgt."""
    for side, suffix in enumerate(("src", "tgt")):
        lines = (" ".join(pieces.encode(pair[side], out_type=str)) for pair in pairs)
        write_lines(prefix.with_name(f"{prefix.name}.{suffix}"), lines)


def prepare(data: Path, languages: Sequence[str], turns: int, out: Path, seed: int) -> dict:
    """Write all files of ``out``; returns the report."""
    rows = {split: read_rows(data, split, languages) for split in SPLITS}
    clean_rows, dialogues = without_leaks(rows)
    pairs = collect(clean_rows, languages, turns)
    train = forgetful((p for lang in languages for p in pairs["train"][lang]), random.Random(seed))
    spm.train(sentences(train), out / "spm", VOCAB_SIZE, symbols=[SEPARATOR])
    pieces = sentencepiece.SentencePieceProcessor(model_file=str(out / "spm.model"))
    write_pieces(out / "train", train, pieces)
    write_pieces(out / "valid", [p for lang in languages for p in pairs["valid"][lang]], pieces)
    familiar.write_words(out / familiar.WORDS_FILE, (source for source, _ in train))
    for language, test in pairs["test"].items():
        write_pieces(out / f"test.{language}", test, pieces)
        write_lines(out / f"replies.{language}.txt", (reply for _, reply in test))
    report = {
        "dialogues": dialogues,
        "pairs": {s: {lang: len(p) for lang, p in by.items()} for s, by in pairs.items()},
        "test pairs that training holds too": {
            lang: len([p for p in test if p in known])
            for lang, test in pairs["test"].items()
            for known in [set(pairs["train"][lang])]
        },
        "pieces": len(pieces),
    }
    spm.write_atomically(out / "report.json", json.dumps(report, indent=2).encode("utf-8"))
    return report


def main(arguments: list[str] | None = None) -> int:
    """Write the files and print the report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder of train, dev, test")
    parser.add_argument("--lang", choices=[*LANGUAGES, "both"], default="both")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=1, help="earlier exchanges in a source")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    if options.turns < 0:
        parser.error(f"--turns is {options.turns}, but must be at least 0")
    languages = LANGUAGES if options.lang == "both" else (options.lang,)
    try:
        report = prepare(options.data, languages, options.turns, options.out, options.seed)
    except (OSError, ValueError) as error:
        print(f"prepare_dialogue.py: {error}.", file=sys.stderr)
        return 1
    print(json.dumps(report, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
