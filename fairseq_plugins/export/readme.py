"""The model card that goes with an exported model, to be read by people and by model hubs."""

from collections.abc import Mapping

from .. import __version__
from ..model_card import ModelCard, describe
from ..package import GraphNames

UNKNOWN = "not stated"


def describe_package(
    card: ModelCard,
    *,
    languages: tuple[str, str],
    parameters: int,
    vocabularies: tuple[int, int],
    attends: bool,
    graphs: GraphNames | None,
    sizes: Mapping[str, int],
) -> str:
    """The text of ``README.md``.

    Args:
        card: what is known
        languages: of source and target
        parameters: the number of weights
        vocabularies: the number of symbols in each dictionary
        attends: whether the model has attention
        graphs: or None
        sizes: of the files, in bytes
    """
    source, target = languages
    facts = {
        "architecture": describe(card.options, attends),
        "weights": f"{parameters:,}",
        "from, to": f"{source}, {target}",
        "symbols": " and ".join(f"{size:,}" for size in vocabularies),
        "trained on": card.data or UNKNOWN,
        "licence": card.licence or UNKNOWN,
        "date": card.date,
        **card.scores,
    }
    rows = "\n".join(f"| {name} | {_cell(value)} |" for name, value in facts.items())
    files = "\n".join(f"| `{name}` | {size / 2**20:.1f} |" for name, size in sizes.items())
    runner = f"\n```python{RUNNER}```\n" if graphs is not None else ""
    return f"""---
license: "{_plain(card.licence) or "unknown"}"
language: [{", ".join(f'"{each}"' for each in dict.fromkeys(languages))}]
library_name: fairseq-s2s
tags: [seq2seq, rnn, {"attention, " if attends else ""}fairseq]
---

# {card.options["_name"]}, {source} to {target}

| | |
|---|---|
{rows}

```python
from fairseq_plugins import load

model = load("this folder")
print(model.generate(["a text"])[0][0].text)
```
{runner}
| file | MiB |
|---|---:|
{files}

Exported by fairseq-s2s {__version__}. There is no pickle in this folder; `config.json` has the
SHA-256 of each file.
"""


RUNNER = """
from fairseq_plugins.runner import load  # onnxruntime alone: neither torch nor fairseq

print(load("this folder").generate(["a text"])[0][0].text)
"""


def _cell(text: str) -> str:
    """A text inside a table."""
    return " ".join(text.replace("|", "\\|").split())


def _plain(text: str) -> str:
    """A text as the Hub writes licences, or nothing."""
    text = " ".join(text.split()).lower()
    return text if text and all(char.isalnum() or char in " .-" for char in text) else ""
