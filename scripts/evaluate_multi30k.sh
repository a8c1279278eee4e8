#!/usr/bin/env bash
# BLEU of a Multi30k model on test_2016_flickr and test_2017_flickr: sacreBLEU, 13a, cased, detokenised.
# Needs: scripts/train_multi30k.sh
# Usage: scripts/evaluate_multi30k.sh [s2s_attn|s2s] [any fairseq-generate flag, e.g. --beam 10]
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -d .venv ]; then PATH="$PWD/.venv/bin:$PATH"; fi
export OMP_WAIT_POLICY=PASSIVE

arch=s2s_attn
case ${1:-} in s2s | s2s_attn) arch=$1; shift ;; esac
output=$(mktemp)
trap 'rm -f "$output"' EXIT

for subset in test:test_2016_flickr test1:test_2017_flickr; do
    fairseq-generate data-bin/multi30k --user-dir fairseq_plugins --gen-subset "${subset%:*}" \
        --path "checkpoints/multi30k-$arch/checkpoint_best.pt" --beam 5 --lenpen 1.0 \
        --max-len-a 1.5 --max-len-b 10 --remove-bpe sentencepiece --scoring sacrebleu "$@" > "$output"
    echo "$arch ${subset#*:}: $(grep '^H-' "$output" | sed 's/^H-//' | sort -n | cut -f 3 |
        sacrebleu "data-bin/multi30k.text/${subset#*:}.de" --metrics bleu chrf --format text --width 2)"
done
