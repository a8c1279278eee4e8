#!/usr/bin/env python3
"""One page that compares trained models: scores by source length, significance, curves, alignments.

Needs: scripts/setup_env.sh; trained models of one translation direction
Usage: scripts/report.py --models checkpoints/A [NAME=]checkpoints/B ... --data data-bin/DATA \
           --out report [--subset test] [--beam 5] [--sections overview lengths ...]

report/index.html needs nothing beside it; figures/ holds its figures as PNG and SVG, report.json
all of its numbers. Models are those of this package and fairseq's own lstm and transformer. Outputs
are kept in report-cache beside each model, so that the next report takes seconds.
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the report; 1 with one sentence for what cannot be reported on."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is imported
    os.environ.setdefault("MPLBACKEND", "agg")
    from scripts.reporting import program

    return program.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
