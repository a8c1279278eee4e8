"""What ``scripts/score.py`` wrote: ``scores.json``."""

import json
import math
from pathlib import Path


def read(path: Path) -> tuple[dict[str, float], int]:
    """The numbers of scores.json, and on how many examples.

    Raises:
        ValueError: where it is no such file
        OSError: where it cannot be read
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        scores = {name: float(value) for name, value in content["metrics"].items()}
        examples = int(content["examples"])
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"{path} holds no numbers: make it with scripts/score.py") from None
    if not scores or not all(map(math.isfinite, scores.values())):
        raise ValueError(f"{path} has no metric, or one that is no number: score again")
    return scores, examples
