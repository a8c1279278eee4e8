#!/usr/bin/env bash
# Summaries: English dialogues (DialogSum) and Chinese abstracts to titles (CSL, whose training set is not to be had: 900 of its
# 1,000 development examples train). ROUGE-1, -2, -L (F), the best of the references; Chinese by character.
# Three models: without attention, with it, and with it and copying (See et al., 2017).
# Needs: scripts/setup_env.sh; $S2S_DATA/dialogsum, $S2S_DATA/csl_title_devtest. Core-minutes (with CPU_BF16=1):
#        csl 4 (s2s), 9 (s2s_attn), 11 (copy); dialogsum 25 (s2s), 75 to 95 (s2s_attn, copy)
# Usage: scripts/recipes/summaries.sh [dialogsum] [csl] [s2s] [s2s_attn] [copy] [any fairseq-train flag]
source "$(dirname "$0")/common.sh"
choose "dialogsum csl s2s s2s_attn copy" "$@"

common=(--rnn-type gru --bridge summary --readout maxout --share-all-embeddings --dropout 0.3
        --encoder-embed-dim 128 --encoder-hidden-size 256 --decoder-embed-dim 128 --decoder-out-embed-dim 128
        --decoder-hidden-size 256 "${ours[@]}")
attention=(--arch s2s_attn --attention-dim 256 --attention-query between --context-to both)
loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0.1)
optim=(--optimizer adam --lr 0.002 --clip-norm 1.0 --lr-scheduler cosine --warmup-updates 200 --warmup-init-lr 0.00001)

for name in $(pick "dialogsum csl"); do
    case $name in
        dialogsum) language=en size=4000 folder=dialogsum batch=(--max-tokens 12000 --max-update 2000 --max-source-positions 600) ;;
        csl) language=zh size=6000 folder=csl_title_devtest batch=(--max-tokens 4000 --max-update 800) ;;
    esac
    prepare "$name" src tgt "$size" "$name" "$folder"
    references=$out/data-bin/$name.text/test.references.jsonl
    for model in $(pick "s2s s2s_attn copy"); do
        case $model in
            s2s) arch=(--arch s2s --context-every-step) label=s2s ;;
            s2s_attn) arch=("${attention[@]}") label=s2s_attn ;;
            copy) arch=("${attention[@]}" --pointer-generator) label="s2s_attn, copying" ;;
        esac
        for seed in "${seeds[@]}"; do
            run=$out/checkpoints/$name-$model-$seed
            train "$name" "$run" "$seed" "${arch[@]}" "${common[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" \
                --truncate-source --keep-last-epochs 3 "${flags[@]}"
            average "$run"
            generate "$name" "$run" test --beam 5 --max-len-a 0 --max-len-b 100 --no-repeat-ngram-size 3 --truncate-source
            score "$run" test "$references" "rouge1 rouge2 rougeL" --language "$language" --reduce max
            record "$name" "$label" "$seed" "$run" test "$recipe $name $model"
        done
    done
done
