#!/usr/bin/env bash
# The chatterbot corpus: some 2,300 English or 550 Chinese pairs of message and reply. It shows the way from pairs to replies;
# far too small for a good partner (scripts/quickstart.sh and scripts/recipes/dialogue.sh are for that).
# Needs: scripts/setup_env.sh; $S2S_DATA/chatterbot. 1 core-minute a language (with CPU_BF16=1)
# Usage: scripts/recipes/chatterbot.sh [english] [chinese] [any fairseq-train flag]
source "$(dirname "$0")/common.sh"
choose "english chinese" "$@"

model=(--arch s2s_attn --rnn-type gru --bridge summary --readout maxout --share-all-embeddings --dropout 0.3
       --encoder-embed-dim 128 --encoder-hidden-size 128 --decoder-embed-dim 128 --decoder-out-embed-dim 128
       --decoder-hidden-size 256 --attention-dim 128 "${ours[@]}")
loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0.1)
optim=(--optimizer adam --lr 0.002 --clip-norm 1.0 --lr-scheduler cosine --warmup-updates 100 --warmup-init-lr 0.00001)
batch=(--max-tokens 2000 --max-update 600 --no-epoch-checkpoints)

for language in $(pick "english chinese"); do
    name=chatterbot-$language
    prepare "$name" src tgt 2000 chatterbot chatterbot --language "$language"
    references=$out/data-bin/$name.text/test.references.jsonl
    for seed in "${seeds[@]}"; do
        run=$out/checkpoints/$name-$seed
        train "$name" "$run" "$seed" "${model[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" "${flags[@]}"
        generate "$name" "$run" test --beam 5 --max-len-a 0 --max-len-b 60
        score "$run" test "$references" "bleu distinct1 distinct2 length" --language "$([ "$language" = chinese ] && echo zh || echo en)"
        record "$name" s2s_attn "$seed" "$run" test "$recipe $language"
    done
done
