#!/usr/bin/env bash
# Train s2s_attn (or s2s) on Multi30k, English to German.
# Needs: scripts/prepare_multi30k.sh
# Usage: scripts/train_multi30k.sh [s2s_attn|s2s] [any fairseq-train flag, e.g. --rnn-type gru]
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -d .venv ]; then PATH="$PWD/.venv/bin:$PATH"; fi
export OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

arch=s2s_attn
case ${1:-} in s2s|s2s_attn) arch=$1; shift ;; esac

model=(--arch "$arch" --rnn-type gru --share-all-embeddings --dropout 0.3
       --encoder-embed-dim 256 --encoder-hidden-size 256
       --decoder-embed-dim 256 --decoder-hidden-size 256)
if [ "$arch" = s2s_attn ]; then model+=(--attention-dim 256); fi
loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0.1)
optim=(--optimizer adam --lr 0.002 --clip-norm 1.0 --lr-scheduler fixed --force-anneal 6 --lr-shrink 0.5)
batch=(--max-tokens 1500 --required-batch-size-multiple 1 --max-epoch 8)

fairseq-train data-bin/multi30k --user-dir fairseq_plugins --task translation --source-lang en --target-lang de \
    "${model[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" --seed 1 \
    --save-dir "checkpoints/multi30k-$arch" --no-epoch-checkpoints "$@"   # a later flag wins
