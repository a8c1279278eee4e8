#!/usr/bin/env bash
# Pronunciation: SIGMORPHON 2021, task 1, words to IPA in 21 languages; one model for all ten languages of the tracks medium and low,
# told by a token which it is, their letters and phones taken apart into base and marks (scripts/marks.py).
# Word error rate of every seed's model and of all seeds' models together (an ensemble, as the published numbers are); a track's
# is the mean over its languages.
# Needs: scripts/setup_env.sh; $S2S_DATA/sigmorphon2021_g2p
# Usage: SEEDS="1 2 3" scripts/recipes/g2p.sh [high] [medium] [low] [any fairseq-train flag]
#        Core-minutes a seed (with CPU_BF16=1): high 15, medium 21, low 5
source "$(dirname "$0")/common.sh"
choose "high medium low" "$@"

model=(--arch s2s_attn --rnn-type gru --bridge summary --readout maxout --share-decoder-input-output-embed --dropout 0.4
       --encoder-embed-dim 128 --encoder-hidden-size 256 --decoder-embed-dim 128 --decoder-out-embed-dim 128
       --decoder-hidden-size 256 --attention-dim 256 "${ours[@]}")
loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0.1)
optim=(--optimizer adam --lr 0.002 --clip-norm 1.0 --lr-scheduler cosine --warmup-updates 200 --warmup-init-lr 0.00001)
together="s2s_attn, ensemble of ${#seeds[@]}"

# measure MODEL RUN [option of scripts/results.py add ...]: RUN's answers to the tests of all languages, and their mean
measure() {
    local number subset tasks=()
    for number in "${!languages[@]}"; do
        subset=test$([ "$number" = 0 ] || echo "$number")
        tasks+=("sigmorphon2021-${languages[number]}")
        score "$2" "$subset" "$out/data-bin/$name.text/$(test_of "$number").references.jsonl" "wer per"
        record "${tasks[number]}" "$1" "$seed" "$2" "$subset" "$recipe $track" "${@:3}"
    done
    if [ "$track" = high ]; then return; fi
    for metric in wer per; do
        python scripts/results.py macro --results "$results" --task "$name" --metric $metric --model "$1" --over "${tasks[@]}" \
            --one-model --command "$(command_of "$recipe $track")"
    done
}
test_of() { if [ "$track" = high ]; then echo test; else echo "test.${languages[$1]}"; fi; }

# answer RUN [flag of fairseq-generate ...]
answer() {
    local number
    for number in "${!languages[@]}"; do
        generate "$name" "$1" "test$([ "$number" = 0 ] || echo "$number")" --beam 5 --max-len-a 2 --max-len-b 10 "${@:2}"
    done
}

for track in $(pick "high medium low"); do
    name=sigmorphon2021-$track best="" last=()
    case $track in
        high) languages=(eng_us) batch=(--max-tokens 2000 --max-update 3800) part=(--language eng_us) pieces=0 ;;
        medium) languages=(arm_e bul dut fre geo hbs_latn hun jpn_hira kor vie_hanoi)
                batch=(--max-tokens 2000 --max-update 8000 --dropout 0.3) part=(--track medium) pieces=marks ;;
        low) languages=(ady gre ice ita khm lav mlt_latn rum slv wel_sw)
             batch=(--max-tokens 700 --max-update 4500 --lr 0.003 --dropout 0.3
                    --encoder-hidden-size 192 --decoder-hidden-size 192 --attention-dim 192
                    --attention-query between --context-to both)
             part=(--track low) pieces=marks ;;
    esac
    prepare "$name" src tgt "$pieces" sigmorphon sigmorphon2021_g2p "${part[@]}"
    for seed in "${seeds[@]}"; do
        run=$out/checkpoints/$name-$seed
        train "$name" "$run" "$seed" "${model[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" --keep-last-epochs 5 "${flags[@]}"
        average "$run"
        answer "$run"
        measure s2s_attn "$run"
        best+=${best:+:}$run/checkpoint_best.pt last+=("$run/checkpoint_last.pt")
    done
    if [ ${#seeds[@]} = 1 ]; then continue; fi
    run=$out/checkpoints/$name-ensemble seed=$(IFS=+; echo "${seeds[*]}")
    answer "$run" --path "$best"
    measure "$together" "$run" --checkpoint "${last[@]}"
done
