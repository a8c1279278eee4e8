#!/usr/bin/env bash
# Install what only scripts/benchmark.py uses: the peers JoeyNMT and OpenNMT-py, and Matplotlib for the figure.
# Needs: scripts/setup_env.sh; pip's package registry
# Usage: [VENV=.venv] scripts/setup_peers.sh
# The peers ask for old versions of torch and protobuf. They go without what they need into a folder of
# their own, VENV/peers, which only the benchmark looks into: nothing else in VENV changes.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=${VENV:-.venv}
[ -x "$venv/bin/python" ] || { echo "set-up: $venv has no Python: run scripts/setup_env.sh first" >&2; exit 1; }
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off PIP_ROOT_USER_ACTION=ignore
pip=("$venv/bin/python" -m pip install --quiet)

"${pip[@]}" --constraint constraints.txt matplotlib
rm -rf "$venv/peers.tmp"
"${pip[@]}" --no-deps --target "$venv/peers.tmp" joeynmt==2.3.0 OpenNMT-py==3.5.1
"${pip[@]}" --target "$venv/peers.tmp" importlib_metadata # JoeyNMT imports it without asking for it
rm -rf "$venv/peers"
mv "$venv/peers.tmp" "$venv/peers"
"$venv/bin/python" -m pip check
echo "set-up: the peers are in $venv/peers"
