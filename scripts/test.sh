#!/usr/bin/env bash
# Set up .venv, check the style, run the tests.
# Needs: Python 3.10 or later
# Usage: scripts/test.sh [--all] [any pytest argument, e.g. tests/scripts -k average, or --cov for the lines that no test runs]
#   --all    the slow tests too; without it they are left out, unless -m says otherwise
set -euo pipefail
cd "$(dirname "$0")/.."

selection=(-m 'not slow')
case ${1:-} in
    --help | -h) sed -n '2,/^[^#]/ s/^# \{0,1\}//p' scripts/test.sh; exit ;;
    --all) selection=(); shift ;;
esac

scripts/setup_env.sh
export PATH="$PWD/.venv/bin:$PATH"
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE GRADIO_ANALYTICS_ENABLED=False HF_HUB_OFFLINE=1

ruff check .
ruff format --check .
# Two processes, each file in one of them (files share trained models); a later -m or -n wins.
python -m pytest -n 2 --dist loadfile ${selection[@]+"${selection[@]}"} "$@"
