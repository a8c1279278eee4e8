#!/usr/bin/env bash
# Train s2s_attn on XDailyDialog: checkpoints/dialogue, for python -m chatbot --model checkpoints/dialogue.
# Needs: scripts/prepare_dialogue.sh
# Usage: [DIALOGUE_LANG=en|zh|both] scripts/train_dialogue.sh [any fairseq-train flag]
#        Two epochs; an update takes about 0.7 core-seconds with --cpu-bf16 (where the CPU has avx512_bf16), so half an hour.
#        --stop-time-hours 0.5 ends it after half an hour, all runs together; the same command with a larger number goes on
set -euo pipefail
cd "$(dirname "$0")/.."
out=${S2S_OUT:+$S2S_OUT/}
if [ -d .venv ]; then PATH="$PWD/.venv/bin:$PATH"; fi
export OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

case ${DIALOGUE_LANG:=both} in
    both) name=dialogue ;;
    en | zh) name=dialogue-$DIALOGUE_LANG ;;
    *) echo "$0: DIALOGUE_LANG=$DIALOGUE_LANG is none of en, zh, both" >&2; exit 2 ;;
esac

model=(--arch s2s_attn --rnn-type gru --bridge summary --readout maxout --share-all-embeddings --dropout 0.1
       --encoder-embed-dim 256 --encoder-hidden-size 256
       --decoder-embed-dim 256 --decoder-hidden-size 512 --attention-dim 128)
loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0)
optim=(--optimizer adam --adam-betas "(0.9,0.98)" --clip-norm 1.0
       --lr 0.002 --lr-scheduler cosine --warmup-updates 200 --warmup-init-lr 0.0001)
batch=(--max-tokens 3000 --max-update 2600 --required-batch-size-multiple 1
       --save-interval-updates 650 --keep-interval-updates 1)

mkdir -p "${out}checkpoints/$name" # a checkpoint with its vocabulary beside it is all that the chat needs
cp "${out}data-bin/$name"/{dict.src.txt,dict.tgt.txt,spm.model,words.txt} "${out}checkpoints/$name/"
cat > "${out}checkpoints/$name/card.json" <<CARD
{
  "data": "XDailyDialog (Liu et al. 2023), train split without repeats and leaks; language: $DIALOGUE_LANG",
  "licence": "CC BY-NC-SA 4.0: not for commercial use"
}
CARD

fairseq-train "${out}data-bin/$name" --user-dir fairseq_plugins --task translation \
    "${model[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" --seed 1 \
    --save-dir "${out}checkpoints/$name" --no-epoch-checkpoints --log-format simple --log-interval 100 "$@"   # a later flag wins
