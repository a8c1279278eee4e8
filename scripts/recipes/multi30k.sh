#!/usr/bin/env bash
# Multi30k, English and German captions: s2s and s2s_attn beside fairseq's own lstm and transformer, all with (nearly) the same
# number of weights, the same data and the same updates. Scores: sacreBLEU, chrF, and tokenised lower-cased BLEU, of every seed's
# model and, apart, of all seeds' models together.
# Needs: scripts/setup_env.sh; $S2S_DATA/multi30k. Core-minutes a training: s2s 20, s2s_attn 30 and distilled 70
#        (with CPU_BF16=1), lstm 55, transformer 70
# Usage: SEEDS="1 2 3" scripts/recipes/multi30k.sh [en-de] [de-en] [s2s] [s2s_attn] [lstm] [transformer] [distilled]
#        [any fairseq-train flag]     Without a direction: en-de. Without a model: the first four.
#        distilled: one s2s_attn that learns from the references and from what the trained ones, all together, make of the same
#        sources (Kim and Rush 2016, arXiv:1606.07947); twice the updates
source "$(dirname "$0")/common.sh"
choose "en-de de-en s2s s2s_attn lstm transformer distilled" "$@"
export S2S_ALLOW_NAMESPACE=1 # fairseq's own models keep their options in one

optim=(--optimizer adam --lr 0.0015 --clip-norm 1.0 --lr-scheduler cosine --warmup-updates 300 --warmup-init-lr 0.00001)
batch=(--max-tokens 1500 --max-update 6300 --keep-last-epochs 6 --label-smoothing 0.1 --share-all-embeddings --dropout 0.2)

# Sizes are chosen so that the numbers of weights are equal to 1 %.
model() {
    local rnn=(--rnn-type gru --bridge summary --readout maxout --encoder-embed-dim 192 --encoder-hidden-size 256
               --decoder-embed-dim 192 --decoder-out-embed-dim 192 --criterion label_smoothed_cross_entropy_fused "${ours[@]}")
    case $1 in
        s2s_attn) echo --arch s2s_attn "${rnn[@]}" --decoder-hidden-size 256 --attention-dim 256 \
            --attention-query between --context-to both ;;
        s2s) echo --arch s2s "${rnn[@]}" --decoder-hidden-size 368 --context-every-step ;;
        lstm) echo --arch lstm --encoder-bidirectional --encoder-embed-dim 192 --encoder-hidden-size 248 --decoder-embed-dim 192 \
            --decoder-out-embed-dim 192 --decoder-hidden-size 280 --criterion label_smoothed_cross_entropy ;;
        transformer) echo --arch transformer --encoder-layers 3 --decoder-layers 3 --encoder-embed-dim 192 \
            --encoder-ffn-embed-dim 456 --decoder-ffn-embed-dim 456 --encoder-attention-heads 4 --decoder-attention-heads 4 \
            --criterion label_smoothed_cross_entropy ;;
    esac
}

# measure MODEL RUN [option of scripts/results.py add ...]: RUN's scores on both tests, as MODEL's
measure() {
    local test references
    for test in test:2016 test1:2017; do
        references=$out/data-bin/$name.text/test.${test#*:}.references.jsonl
        score "$2" "${test%:*}" "$references" "bleu bleu_lc_tok chrf" --language "$target"
        record "$name-test${test#*:}" "$1" "$seed" "$2" "${test%:*}" "$recipe $pair $arch" "${@:3}"
    done
}

# answer RUN [flag of fairseq-generate ...]: both tests, by the search of `searches` that does best on val with these weights
searches=("--beam 5 --lenpen 1" "--beam 12 --lenpen 1" "--beam 12 --lenpen 1.4")
answer() {
    local number test search tried=()
    for number in "${!searches[@]}"; do
        read -ra search <<< "${searches[number]}"
        generate "$name" "$1" valid "${search[@]}" --max-len-a 1.5 --max-len-b 10 "${@:2}"
        score "$1" valid "$out/data-bin/$name.text/valid.references.jsonl" bleu --language "$target"
        mv "$1/valid.json" "$1/valid.$number.json"
        tried+=("$1/valid.$number.json")
    done
    read -ra search <<< "${searches[$(python scripts/best_run.py --metric bleu "${tried[@]}")]}"
    echo "The search that does best on val: ${search[*]}"
    for test in test test1; do generate "$name" "$1" "$test" "${search[@]}" --max-len-a 1.5 --max-len-b 10 "${@:2}"; done
}

# distil: data-bin/$name-distilled, $name with a second target to each source: what the trained s2s_attn, all together, make of it
distil() {
    local bin=$out/data-bin/$name-distilled text=$out/data-bin/$name.text run=$out/checkpoints/$name-teachers part
    local teachers=("$out/checkpoints/$name-s2s_attn-"[0-9]*/checkpoint_best.pt)
    if [ -d "$bin" ]; then return; fi
    [ -f "${teachers[0]}" ] || fail "there is no teacher yet: run SEEDS='1 2 3' $recipe $pair s2s_attn"
    if [ ! -f "$run/train.out" ]; then
        generate "$name" "$run" train --path "$(IFS=:; echo "${teachers[*]}")" --beam 5 --max-len-a 1.5 --max-len-b 10
    fi
    rm -rf "$bin.tmp" "$run/tokens"
    mkdir "$run/tokens"
    score "$run" train "$text/train.tgt" bleu --language "$target" --answers "$run/answers"
    cp "$text/tokens/train.$source" "$run/tokens/"
    tokens 8000 "$text/spm.model" < "$run/answers" > "$run/tokens/train.$target"
    fairseq-preprocess --source-lang "$source" --target-lang "$target" --joined-dictionary --srcdict "$text/spm.dict.txt" \
        --trainpref "$run/tokens/train" --destdir "$bin.tmp" --workers 2
    for part in "$bin.tmp"/train.*; do mv "$part" "${part/train./train1.}"; done # fairseq reads train and train1
    cp "$out/data-bin/$name"/* "$bin.tmp/"
    mv "$bin.tmp" "$bin"
}

for pair in $(pick "en-de de-en" en-de); do
    source=${pair%-*} target=${pair#*-}
    name=multi30k-$pair
    prepare "$name" "$source" "$target" 8000 multi30k multi30k --source "$source" --target "$target"
    for arch in $(pick "s2s s2s_attn lstm transformer distilled" "s2s s2s_attn lstm transformer"); do
        best="" last=() bin=$name more=() label=$arch
        if [ "$arch" = distilled ]; then distil; bin=$name-distilled more=(--max-update 12600 --upsample-primary 1) label="s2s_attn, distilled"; fi
        for seed in "${seeds[@]}"; do
            run=$out/checkpoints/$name-$arch-$seed
            # shellcheck disable=SC2046 # options, one word each
            train "$bin" "$run" "$seed" $(model "${arch/distilled/s2s_attn}") "${optim[@]}" "${batch[@]}" "${more[@]}" "${flags[@]}"
            average "$run"
            answer "$run"
            measure "$label" "$run"
            best+=${best:+:}$run/checkpoint_best.pt last+=("$run/checkpoint_last.pt")
        done
        if [ ${#seeds[@]} = 1 ]; then continue; fi
        run=$out/checkpoints/$name-$arch-ensemble seed=$(IFS=+; echo "${seeds[*]}")
        answer "$run" --path "$best"
        measure "$label, ensemble of ${#seeds[@]}" "$run" --checkpoint "${last[@]}"
    done
done
