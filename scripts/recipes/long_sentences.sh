#!/usr/bin/env bash
# Long sentences: 1 to 8 captions of Multi30k joined, sources of up to 100 words and more, English to German, with attention and
# without. Each model is tried with the same three settings, 600 updates each, and trained on with the best by validation loss.
# Needs: scripts/setup_env.sh; $S2S_DATA/multi30k. Core-minutes, trials and all (with CPU_BF16=1): s2s 26, s2s_attn 37
# Usage: scripts/recipes/long_sentences.sh [s2s] [s2s_attn] [any fairseq-train flag]
source "$(dirname "$0")/common.sh"
choose "s2s s2s_attn" "$@"

sizes=(--rnn-type gru --bridge summary --readout maxout --share-all-embeddings
       --encoder-embed-dim 128 --encoder-hidden-size 256 --decoder-embed-dim 128 --decoder-out-embed-dim 128 "${ours[@]}")
loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0.1)
optim=(--optimizer adam --clip-norm 1.0 --lr-scheduler cosine --warmup-updates 200 --warmup-init-lr 0.00001)
batch=(--max-tokens 4000 --no-epoch-checkpoints)
settings=("--lr 0.001 --dropout 0.2" "--lr 0.002 --dropout 0.2" "--lr 0.002 --dropout 0.3")

name=long-sentences
prepare "$name" en de 4000 long_sentences multi30k --source en --target de
references=$out/data-bin/$name.text/test.references.jsonl
for arch in $(pick "s2s s2s_attn"); do
    case $arch in
        s2s) model=(--arch s2s --context-every-step --decoder-hidden-size 336) ;;
        s2s_attn) model=(--arch s2s_attn --attention-dim 256 --decoder-hidden-size 256) ;;
    esac
    for number in "${!settings[@]}"; do
        # shellcheck disable=SC2086 # options
        train "$name" "$out/checkpoints/$name-$arch-trial$number" 1 "${model[@]}" "${sizes[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" \
            ${settings[number]} --max-update 600 "${flags[@]}"
    done
    best=$(python scripts/best_run.py "$out/checkpoints/$name-$arch-trial"*)
    echo "$arch is trained with ${settings[best]}"
    for seed in "${seeds[@]}"; do
        run=$out/checkpoints/$name-$arch-$seed
        # shellcheck disable=SC2086
        train "$name" "$run" "$seed" "${model[@]}" "${sizes[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" \
            ${settings[best]} --max-update 3000 "${flags[@]}"
        generate "$name" "$run" test --beam 5 --max-len-a 1.5 --max-len-b 10
        score "$run" test "$references" "bleu chrf" --language de
        record "$name" "$arch" "$seed" "$run" test "$recipe $arch"
    done
done
