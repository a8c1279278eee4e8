"""Every acceptable output of each example: SUBSET.references.jsonl, or a text with one for each."""

import json
from pathlib import Path

from scripts import spm


def read_references(path: Path) -> list[list[str]]:
    """Line i of a ``.jsonl`` file is a JSON list of texts, the right outputs for example i.

    Of any other file it is the only one, as text.

    Raises:
        ValueError: where there is no line, or a line is no such list or holds an empty text
    """
    lists = path.suffix == ".jsonl"
    references = [
        _outputs(line if lists else json.dumps([line]), f"{path}, line {n}")
        for n, line in enumerate(spm.read_lines([path]), 1)
    ]
    if not references:
        raise ValueError(f"{path} is empty: prepare the data set again")
    return references


def _outputs(line: str, place: str) -> list[str]:
    try:
        outputs = json.loads(line)
    except ValueError:
        outputs = None
    if not isinstance(outputs, list) or not all(isinstance(text, str) for text in outputs):
        raise ValueError(f"{place} is no JSON list of texts")
    if not outputs or not all(text.strip() for text in outputs):
        raise ValueError(f"{place} lists no output, or an empty one")
    return outputs
