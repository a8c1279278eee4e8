#!/usr/bin/env bash
# WebQuestions: a question to one of its answers, from 3,023 questions alone. It shows that the shape works, not knowledge: an
# answer that no training question had cannot be known. Exact match with any of the answers.
# Needs: scripts/setup_env.sh; $S2S_DATA/webquestions. About 2 core-minutes
# Usage: scripts/recipes/questions.sh [any fairseq-train flag]
source "$(dirname "$0")/common.sh"
choose "" "$@"

model=(--arch s2s_attn --rnn-type gru --bridge summary --readout maxout --share-all-embeddings --dropout 0.4
       --encoder-embed-dim 128 --encoder-hidden-size 128 --decoder-embed-dim 128 --decoder-out-embed-dim 128
       --decoder-hidden-size 256 --attention-dim 128 "${ours[@]}")
loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0.1)
optim=(--optimizer adam --lr 0.002 --clip-norm 1.0 --lr-scheduler cosine --warmup-updates 100 --warmup-init-lr 0.00001)
batch=(--max-tokens 2000 --max-update 600 --no-epoch-checkpoints)

prepare webquestions src tgt 3000 webquestions webquestions
references=$out/data-bin/webquestions.text/test.references.jsonl
for seed in "${seeds[@]}"; do
    run=$out/checkpoints/webquestions-$seed
    train webquestions "$run" "$seed" "${model[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" "${flags[@]}"
    generate webquestions "$run" test --beam 5 --max-len-a 0 --max-len-b 30
    score "$run" test "$references" exact
    record webquestions s2s_attn "$seed" "$run" test "$recipe"
done
