#!/usr/bin/env bash
# SCAN (Lake and Baroni, 2018): commands such as "jump around left twice" to actions, exact match. "simple" is split at random;
# "length" asks for longer actions than any in training, "jump" for a new verb in known patterns: where RNNs are known to fail.
# Needs: scripts/setup_env.sh; $S2S_DATA/scan. About 8 core-minutes a split (with CPU_BF16=1).
# Usage: scripts/recipes/scan.sh [simple] [length] [jump] [any fairseq-train flag]
source "$(dirname "$0")/common.sh"
choose "simple length jump" "$@"

model=(--arch s2s_attn --rnn-type lstm --dropout 0.1 --encoder-embed-dim 200 --encoder-hidden-size 100
       --decoder-embed-dim 200 --decoder-hidden-size 200 --attention-dim 200 "${ours[@]}")
loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0)
optim=(--optimizer adam --lr 0.002 --clip-norm 5.0 --lr-scheduler cosine --warmup-updates 200 --warmup-init-lr 0.00001)
batch=(--max-tokens 2000 --max-update 6000)

for split in $(pick "simple length jump"); do
    name=scan-$split
    case $split in
        simple) note="" ;;
        length) note="every output is longer than any in training: a known failure of RNNs" ;;
        jump) note="the verb stands alone in training and in known patterns here: a known failure of RNNs" ;;
    esac
    prepare "$name" src tgt 0 scan scan --split "$split"
    references=$out/data-bin/$name.text/test.references.jsonl
    for seed in "${seeds[@]}"; do
        run=$out/checkpoints/$name-$seed
        train "$name" "$run" "$seed" "${model[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" --no-epoch-checkpoints "${flags[@]}"
        generate "$name" "$run" test --beam 1 --max-len-b 60
        score "$run" test "$references" exact
        record "$name" s2s_attn "$seed" "$run" test "$recipe $split" --note "$note"
    done
done
