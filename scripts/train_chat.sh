#!/usr/bin/env bash
# Train s2s_attn on the bundled dialogues: checkpoints/chat, chat-en or chat-zh. About three minutes on two cores.
# Needs: scripts/prepare_chat.sh
# Usage: [CHAT_LANG=en|zh|both] [PLAN_UPDATES=300] scripts/train_chat.sh [any fairseq-train flag, e.g. --max-epoch 30]
#        PLAN_UPDATES: updates of the first part, which learns what a reply is about
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
cores=$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN) # macOS has the second
[ "$cores" -ge 2 ] && cores=2
halves=$((2 / cores))
# What the CPU multiplies fast; bfloat16 changes nothing that could be measured here.
precision=()
if grep -qw -e avx512_bf16 -e amx_bf16 /proc/cpuinfo 2>/dev/null; then precision=(--cpu-bf16); fi

model=(--arch s2s_attn --rnn-type gru --bridge transform-all --context-to readout --readout linear
       --share-decoder-input-output-embed --encoder-embed-dim 128 --encoder-hidden-size 192
       --decoder-embed-dim 128 --decoder-hidden-size 256 --attention-dim 64)
optim=(--optimizer adam --adam-betas "(0.9,0.99)" --clip-norm 1.0 --lr-scheduler cosine --warmup-init-lr 0.0001)
batch=(--update-freq "$halves" --required-batch-size-multiple 1 --data-buffer-size 0)
log=(--no-epoch-checkpoints --log-format simple --seed 1)

mkdir -p "checkpoints/$name" # a checkpoint with these beside it is all that the chat needs
cp "data-bin/$name"/{dict.src.txt,dict.tgt.txt,spm.model,words.txt} "checkpoints/$name/"
cat >"checkpoints/$name/card.json" <<EOF
{"data": "the bundled dialogues of fairseq-s2s ($language), written for it", "licence": "MIT"}
EOF

common=(--user-dir fairseq_plugins --task translation --source-lang src --target-lang tgt
        "${model[@]}" ${precision[@]+"${precision[@]}"}
        --criterion label_smoothed_cross_entropy_fused "${optim[@]}" "${batch[@]}" "${log[@]}")
plan=checkpoints/$name/plan
echo "train_chat: what replies are about"
scripts/train_on_cores.sh "$cores" "data-bin/$name/plan" "${common[@]}" --dropout 0.1 --label-smoothing 0.1 \
    --batch-size 256 --lr 0.014 --warmup-updates 50 --max-update "${PLAN_UPDATES:-300}" \
    --save-interval-updates 200 --keep-interval-updates 1 --save-dir "$plan"
echo "train_chat: the replies"
scripts/train_on_cores.sh "$cores" "data-bin/$name" "${common[@]}" --dropout 0 --label-smoothing 0 \
    --max-tokens 2400 --lr 0.009 --warmup-updates 50 --max-update 650 \
    --save-interval-updates 200 --keep-interval-updates 1 --save-dir "checkpoints/$name" \
    --finetune-from-model "$plan/checkpoint_last.pt" "$@"   # a later flag wins
