#!/usr/bin/env bash
# CMUdict: English words to phones without stress, split by the rule of g2p-seq2seq. Word error rate (a word counts as right if
# it matches any of its listed pronunciations) and phone error rate.
# Needs: scripts/setup_env.sh; $S2S_DATA/cmudict. 16 core-minutes (with CPU_BF16=1)
# Usage: scripts/recipes/cmudict.sh [any fairseq-train flag]
source "$(dirname "$0")/common.sh"
choose "" "$@"

model=(--arch s2s_attn --rnn-type gru --bridge summary --readout maxout --share-decoder-input-output-embed --dropout 0.3
       --encoder-embed-dim 128 --encoder-hidden-size 256 --decoder-embed-dim 128 --decoder-out-embed-dim 128
       --decoder-hidden-size 256 --attention-dim 256 "${ours[@]}")
loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0.1)
optim=(--optimizer adam --lr 0.002 --clip-norm 1.0 --lr-scheduler cosine --warmup-updates 200 --warmup-init-lr 0.00001)
batch=(--max-tokens 1500 --max-update 9000 --keep-last-epochs 5)

prepare cmudict src tgt 0 cmudict cmudict
references=$out/data-bin/cmudict.text/test.references.jsonl
for seed in "${seeds[@]}"; do
    run=$out/checkpoints/cmudict-$seed
    train cmudict "$run" "$seed" "${model[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" "${flags[@]}"
    average "$run"
    generate cmudict "$run" test --beam 5 --max-len-a 2 --max-len-b 10
    score "$run" test "$references" "wer per"
    record cmudict s2s_attn "$seed" "$run" test "$recipe"
done
