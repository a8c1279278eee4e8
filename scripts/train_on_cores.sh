#!/usr/bin/env bash
# fairseq-train in N processes on this machine's CPU cores, one thread each, with one gradient (gloo). No GPU is used.
# Needs: scripts/setup_env.sh
# Usage: scripts/train_on_cores.sh N DATA [any fairseq-train flag]   (a batch is N times --max-tokens)
# What would train nothing, or twice into one folder, is refused: torchrun around it, and fairseq's own distributed flags.
set -euo pipefail
if [ -d .venv ]; then PATH="$PWD/.venv/bin:$PATH"; fi
export OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=1

count=${1:?how many processes} && shift
case $count in *[!0-9]* | '' | 0) echo "$0: $count is no number of processes: choose 1 or more" >&2; exit 2 ;; esac
for flag in "$@"; do
    case $flag in --distributed-* | --ddp-* | --device-id* | --fp16 | --tpu)
        echo "$0: leave out $flag: this script says itself how the processes meet (docs/devices.md has the other ways)" >&2; exit 2 ;;
    esac
done
if [ -n "${WORLD_SIZE:-}${LOCAL_RANK:-}" ]; then
    echo "$0: it starts its processes itself: run it without torchrun, which would start $count trainings into one folder" >&2; exit 2
fi
if [ "$count" = 1 ]; then exec fairseq-train "$@" --cpu; fi

port=$(python -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
together=(--cpu --distributed-world-size "$count" --distributed-no-spawn --distributed-backend gloo
          --distributed-init-method "tcp://127.0.0.1:$port" --ddp-backend legacy_ddp)
trap 'kill $(jobs -p) 2>/dev/null || true' EXIT # one that fails takes the others with it
trap 'exit 130' INT
trap 'exit 143' TERM HUP
for ((rank = 0; rank < count; rank++)); do
    fairseq-train "$@" "${together[@]}" --distributed-rank "$rank" &
    processes[rank]=$!
done
running=$count
while [ "$running" -gt 0 ]; do # wait -n, which the bash of macOS does not have
    sleep 0.2
    for rank in "${!processes[@]}"; do
        if kill -0 "${processes[rank]}" 2>/dev/null; then continue; fi
        wait "${processes[rank]}"
        unset "processes[rank]"
        running=$((running - 1))
    done
done
