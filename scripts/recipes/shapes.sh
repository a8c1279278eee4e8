#!/usr/bin/env bash
# The five shapes of sequence tasks, on data that scripts/corpora/shapes.py makes: each reaches over 95 % exact match.
#   one-to-one    one symbol to its class                  many-to-one   a sequence to its class
#   one-to-many   one label to a sequence                  aligned       a sequence to as many tags
#   many-to-many  a sequence to one of another length
# Needs: scripts/setup_env.sh. About 2 core-minutes each
# Usage: scripts/recipes/shapes.sh [one-to-one] [one-to-many] [many-to-one] [aligned] [many-to-many] [any fairseq-train flag]
source "$(dirname "$0")/common.sh"
choose "one-to-one one-to-many many-to-one aligned many-to-many" "$@"

model=(--arch s2s_attn --rnn-type gru --bridge summary --readout tanh --dropout 0.1
       --encoder-embed-dim 64 --encoder-hidden-size 64 --decoder-embed-dim 64 --decoder-out-embed-dim 64
       --decoder-hidden-size 64 --attention-dim 64 "${ours[@]}")
loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0)
optim=(--optimizer adam --lr 0.005 --clip-norm 1.0 --lr-scheduler cosine --warmup-updates 50 --warmup-init-lr 0.0001)
batch=(--max-tokens 1000 --max-update 1000 --no-epoch-checkpoints)

for shape in $(pick "one-to-one one-to-many many-to-one aligned many-to-many"); do
    name=shape-$shape
    prepare "$name" src tgt 0 shapes - --shape "$shape"
    references=$out/data-bin/$name.text/test.references.jsonl
    for seed in "${seeds[@]}"; do
        run=$out/checkpoints/$name-$seed
        train "$name" "$run" "$seed" "${model[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" "${flags[@]}"
        generate "$name" "$run" test --beam 1 --max-len-a 4 --max-len-b 40
        score "$run" test "$references" exact
        record "$name" s2s_attn "$seed" "$run" test "$recipe $shape"
    done
done
