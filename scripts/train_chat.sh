#!/usr/bin/env bash
# Train s2s_attn on the bundled dialogues: checkpoints/chat, chat-en or chat-zh. Three to four minutes on two cores.
# Needs: scripts/prepare_chat.sh
# Usage: [CHAT_LANG=en|zh|both] scripts/train_chat.sh [any fairseq-train flag, e.g. --max-epoch 30]
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -d .venv ]; then PATH="$PWD/.venv/bin:$PATH"; fi

language=${CHAT_LANG:-both}
case $language in
    both) name=chat ;;
    en | zh) name=chat-$language ;;
    *) echo "$0: CHAT_LANG=$language is none of en, zh, both" >&2; exit 2 ;;
esac

# Two processes share each batch; a machine with one core takes its two halves one after the other.
cores=$(nproc)
[ "$cores" -ge 2 ] && cores=2

model=(--arch s2s_attn --rnn-type gru --bridge summary --readout maxout --share-all-embeddings --dropout 0
       --encoder-embed-dim 128 --encoder-hidden-size 192
       --decoder-embed-dim 128 --decoder-hidden-size 256 --attention-dim 64)
loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0)
optim=(--optimizer adam --adam-betas "(0.9,0.99)" --clip-norm 1.0
       --lr 0.005 --lr-scheduler cosine --warmup-updates 100 --warmup-init-lr 0.0001)
batch=(--max-tokens 400 --update-freq $((2 / cores)) --max-update 1750
       --required-batch-size-multiple 1 --data-buffer-size 0
       --save-interval-updates 400 --keep-interval-updates 1)

mkdir -p "checkpoints/$name" # a checkpoint with these beside it is all that the chat needs
cp "data-bin/$name"/{dict.src.txt,dict.tgt.txt,spm.model,words.txt} "checkpoints/$name/"
cat >"checkpoints/$name/card.json" <<EOF
{"data": "the bundled dialogues of fairseq-s2s ($language), written for it", "licence": "MIT"}
EOF

scripts/train_on_cores.sh "$cores" "data-bin/$name" --user-dir fairseq_plugins --task translation \
    "${model[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" --seed 1 \
    --save-dir "checkpoints/$name" --no-epoch-checkpoints --log-format simple "$@"   # a later flag wins
