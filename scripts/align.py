#!/usr/bin/env python3
"""Word alignments of a model: their error against gold ones, or pictures of any sentences.

Usage:
    scripts/align.py --gold $S2S_DATA/alibi_wordalign_fr_en --output align.json \
        [--model CKPT [--reverse-model CKPT]] [--train-text train.fr train.en [--aligner eflomal]]
    scripts/align.py --model CKPT --text FILE --out DIR

The first reads each gold sentence and its translation with the model (fairseq's transformer too),
takes links from its attention, and writes alignment error rates; with the model's training text, a
French and an English file, also those of the statistical aligners that are installed (sacremoses
and systran-align or eflomal, see scripts/alignment/statistical.py); --scores gives one system's to
scripts/results.py. The second translates the lines of FILE by beam search and writes heat maps,
NNN.png and NNN.svg, and alignments.json.
"""

import argparse
import json
import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from fairseq_plugins.errors import S2SError
from fairseq_plugins.folder import check, replacing
from scripts import spm
from scripts.options import above_zero

if TYPE_CHECKING:
    from fairseq_plugins.hub import Seq2Seq, WordAlignment

CHUNK = 64  # lines that are searched for together
PICTURES = re.compile(r"\d{3,}\.(png|svg)|alignments\.json")  # what the second command writes


def build_parser() -> argparse.ArgumentParser:
    """The options."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    add = parser.add_argument
    add("--model", type=Path, help="a checkpoint, or the folder of one")
    add("--data", type=Path, help="its dictionaries and SentencePiece model, if not beside it")
    add("--source-lang", choices=("fr", "en"), help="what it reads, if nothing else tells")
    add("--gold", type=Path, help="the folder alibi_wordalign_fr_en")
    add("--output", type=Path, help="the JSON file of the errors")
    add("--reverse-model", type=Path, help="one that translates the other way")
    add("--reverse-data", type=Path, help="as --data, of the reverse model")
    add("--train-text", type=Path, nargs=2, metavar=("FR", "EN"), help="for statistical aligners")
    add("--aligner", action="append", help="systran-align or eflomal; by default what is installed")
    add("--scores", type=_named, metavar="SYSTEM=FILE", help="a JSON file for scripts/results.py")
    add("--text", type=Path, help="sentences to translate, one a line")
    add("--out", type=Path, help="the folder of the pictures")
    add("--beam", type=above_zero, default=5, help="hypotheses kept (5)")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the two; 1 with one sentence for bad input."""
    parser = build_parser()
    options = parser.parse_args(arguments)
    if (options.gold is None) == (options.text is None):
        parser.error("name either --gold with --output, or --text with --out")
    if options.gold and not options.output or options.text and not options.out:
        parser.error("--gold goes with --output, --text with --out")
    if not options.model and (options.text or not options.train_text):
        parser.error("name a --model, or, for --gold, --train-text")
    if options.reverse_model and not options.model:
        parser.error("--reverse-model goes with --model")
    if options.aligner and not options.train_text:
        parser.error("--aligner goes with --train-text")
    try:
        _check_places(options)
        if options.gold:
            _measure(options)
        else:
            _draw(options)
    except (OSError, ValueError, S2SError) as error:
        print(f"align.py: {str(error).rstrip('.')}.", file=sys.stderr)
        return 1
    return 0


def _named(text: str) -> tuple[str, Path]:
    name, equals, path = text.rpartition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"{text} is not of the form SYSTEM=FILE")
    return name, Path(path)


def _check_places(options: argparse.Namespace) -> None:
    """Raise ValueError where something cannot be written, before the work begins."""
    for path in filter(None, (options.output, options.scores and options.scores[1])):
        if path.is_dir() or not path.parent.is_dir():
            raise ValueError(f"{path} cannot be written: it is a folder, or its folder is missing")
    if options.out:
        check(options.out, foreign)


def foreign(folder: Path) -> str | None:
    """The name of something in a folder that is none of an earlier run's pictures."""
    found = sorted(path.name for path in folder.iterdir())
    return next((name for name in found if not PICTURES.fullmatch(name)), None)


def load(path: Path, data: Path | None) -> "Seq2Seq":
    """A model of this package, or fairseq's own lstm or transformer."""
    from scripts.reporting import loading

    logging.getLogger().setLevel(logging.WARNING)  # fairseq sets it to DEBUG
    name, checkpoint = loading.split_name(str(path))
    languages = loading.languages_of(checkpoint, data)
    return loading.load(name, checkpoint, data, languages).model


# --- errors against gold alignments


def _measure(options: argparse.Namespace) -> None:
    from scripts.alignment import gold, statistical
    from scripts.corpora import alibi

    pairs = alibi.read(options.gold)
    if not pairs:
        raise ValueError(f"{options.gold} holds no sentence")
    tools = statistical.choose(options.aligner) if options.train_text else []
    found = _model_links(options, pairs) if options.model else {}
    for tool in tools:
        texts = tuple(list(spm.read_lines([path])) for path in options.train_text)
        links = gold.align_statistically(texts, pairs, tool)
        found |= {f"{tool}, {kind}": each for kind, each in links.items()}
    systems = [
        {
            "system": name,
            **gold.measure(links, pairs),
            "aer by length": gold.by_length(links, pairs),
        }
        for name, links in found.items()
    ]
    result = {
        "gold": f"alibi_wordalign_fr_en ({alibi.LICENCE})",
        "sentences": len(pairs),
        "sure links": sum(len(pair.sure) for pair in pairs),
        "possible links, the sure ones too": sum(len(pair.possible) for pair in pairs),
        "model": str(options.model) if options.model else None,
        "reverse model": str(options.reverse_model) if options.reverse_model else None,
        "systems": systems,
    }
    _write(options.output, result)
    print(_table(systems))
    if options.scores:
        name, path = options.scores
        _write(path, {"metrics": _metrics(name, systems), "examples": len(pairs)})


def _metrics(name: str, systems: Sequence[dict[str, Any]]) -> dict[str, float]:
    """What ``docs/results.json`` keeps of a system."""
    found = next((each for each in systems if each["system"] == name), None)
    if found is None:
        known = "; ".join(each["system"] for each in systems)
        raise ValueError(f"there is no system {name}: choose one of {known}")
    return {"aer": found["aer"], "sure_f1": found["sure_f1"]}


def _write(path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content, indent=2, ensure_ascii=False)
    spm.write_atomically(path, f"{text}\n".encode())


def _model_links(options: argparse.Namespace, pairs: Sequence[Any]) -> dict[str, Any]:
    """The links of the model, and those of both models together, by name."""
    from scripts.alignment import gold

    model = load(options.model, options.data)
    source = options.source_lang or _source(options.model, options.data)
    reverse = None
    if options.reverse_model:
        data = options.reverse_data or options.data
        if not options.source_lang and _source(options.reverse_model, data) == source:
            raise ValueError(f"{options.reverse_model} translates from {source} as --model does")
        reverse = load(options.reverse_model, data)
    forward = gold.align(model, pairs, source)
    model.close()
    found = {f"model, {way}": links for way, links in forward.items()}
    if reverse:
        backward = gold.align(reverse, pairs, "en" if source == "fr" else "fr")
        reverse.close()
        found |= {f"reverse model, {way}": links for way, links in backward.items()}
        both = gold.combine(forward, backward)
        found |= {f"both models, {way}": links for way, links in both.items()}
        for way in forward:
            agreed = gold.agreement(forward[way], backward[way])
            print(f"The two models agree on {agreed:.2f} % of the links ({way}).")
    return found


def _source(path: Path, data: Path | None) -> str:
    """What a model reads; guessed, the links of one that reads the other would be nonsense."""
    from scripts.reporting import loading

    _, checkpoint = loading.split_name(str(path))
    languages = loading.direction_of(checkpoint, data)
    if languages is None:
        raise ValueError(f"{path} does not tell whether it reads fr or en: give --source-lang")
    if sorted(languages) != ["en", "fr"]:
        raise ValueError(
            f"{path} translates from {languages[0]} to {languages[1]}, but the gold alignments are "
            "of French and English: train one with --source-lang fr --target-lang en"
        )
    return languages[0]


def _table(systems: Sequence[dict[str, Any]]) -> str:
    lines = [f"{'AER':>6} {'prec.':>6} {'recall':>6} {'sure F1':>7} {'links':>6}  system"]
    for each in systems:
        lines.append(
            f"{each['aer']:6.2f} {each['precision']:6.2f} {each['recall']:6.2f} "
            f"{each['sure_f1']:7.2f} {each['links']:6}  {each['system']}"
        )
    return "\n".join(lines)


# --- pictures


def _draw(options: argparse.Namespace) -> None:
    """Translate and draw; the files come into the folder when all are made."""
    from scripts.reporting.alignments import numbers

    texts = [line for line in spm.read_lines([options.text]) if line.strip()]
    if not texts:
        raise ValueError(f"{options.text} holds no sentence")
    model = load(options.model, options.data)
    found = _search(model, texts, options.beam)
    model.close()
    with replacing(options.out, foreign) as made:
        _pictures(found, made, options.model.name)
        told = {"model": str(options.model), "sentences": [numbers(each) for each in found]}
        text = json.dumps(told, indent=1, ensure_ascii=False)
        (made / "alignments.json").write_text(f"{text}\n", encoding="utf-8")
        files = list(made.iterdir())
    print(f"{options.out} holds {len(files)} files for {len(found)} sentences.")


def _search(model: "Seq2Seq", texts: Sequence[str], beam: int) -> "list[WordAlignment]":
    from tqdm import tqdm

    found = []
    with tqdm(total=len(texts), desc="searching", unit=" sentences") as bar:
        for start in range(0, len(texts), CHUNK):
            chunk = texts[start : start + CHUNK]
            outputs = model.generate(chunk, beam=beam)
            found += model.align([(t, best) for t, [best, *_] in zip(chunk, outputs, strict=True)])
            bar.update(len(chunk))
    return found


def _pictures(found: "Sequence[WordAlignment]", folder: Path, name: str) -> None:
    from tqdm import tqdm

    from scripts.reporting import heatmap
    from scripts.reporting.style import style

    able = heatmap.drawable(
        [part for each in found for part in (each.source.text, each.target.text)]
    )
    for number, each in enumerate(tqdm(found, desc="drawing", unit=" pictures"), start=1):
        if not (each.target_words and (able or heatmap.plain(each))):
            continue
        figure = heatmap.draw(each, f"{name}: sentence {number}")
        with style():
            for kind in ("png", "svg"):
                figure.savefig(folder / f"{number:03}.{kind}")


if __name__ == "__main__":
    sys.exit(main())
