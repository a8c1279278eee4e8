#!/usr/bin/env bash
# Short everyday sentences of Tatoeba, English and Chinese, split so that no sentence of a test stands in training: sacreBLEU.
# Needs: scripts/setup_env.sh; $S2S_DATA/tatoeba_cmn_eng. 20 core-minutes a direction (with CPU_BF16=1)
# Usage: scripts/recipes/tatoeba.sh [en-zh] [zh-en] [any fairseq-train flag]
source "$(dirname "$0")/common.sh"
choose "en-zh zh-en" "$@"

model=(--arch s2s_attn --rnn-type gru --bridge summary --readout maxout --share-all-embeddings --dropout 0.4
       --encoder-embed-dim 128 --encoder-hidden-size 256 --decoder-embed-dim 128 --decoder-out-embed-dim 128
       --decoder-hidden-size 256 --attention-dim 256 --attention-query between --context-to both "${ours[@]}")
loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0.1)
optim=(--optimizer adam --lr 0.002 --clip-norm 1.0 --lr-scheduler cosine --warmup-updates 200 --warmup-init-lr 0.00001)
batch=(--max-tokens 2000 --max-update 3600 --keep-last-epochs 5)

for pair in $(pick "en-zh zh-en"); do
    source=${pair%-*} target=${pair#*-}
    name=tatoeba-$pair
    prepare "$name" "$source" "$target" 6000 tatoeba tatoeba_cmn_eng --source "$source" --target "$target"
    references=$out/data-bin/$name.text/test.references.jsonl
    for seed in "${seeds[@]}"; do
        run=$out/checkpoints/$name-$seed
        train "$name" "$run" "$seed" "${model[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" "${flags[@]}"
        average "$run"
        generate "$name" "$run" test --beam 5 --max-len-a 2 --max-len-b 10
        score "$run" test "$references" "bleu chrf" --language "$target"
        record "$name" s2s_attn "$seed" "$run" test "$recipe $pair"
    done
done
