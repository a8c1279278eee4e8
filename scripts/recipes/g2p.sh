#!/usr/bin/env bash
# Pronunciation: SIGMORPHON 2021, task 1, words to IPA in 21 languages. High and medium: a model for each language. Low, where a
# language has 800 words: one for all ten, told by a token which it is. Letters and phones of medium and low are taken apart into
# base and marks (scripts/marks.py).
# Word error rate of every seed's model and of all seeds' models together (an ensemble, as the published numbers are); a track's
# is the mean over its languages.
# Needs: scripts/setup_env.sh; $S2S_DATA/sigmorphon2021_g2p
# Usage: SEEDS="1 2 3" scripts/recipes/g2p.sh [high] [medium] [low] [kor or another language of medium] [any fairseq-train flag]
#        Core-minutes a seed (with CPU_BF16=1): high 15, medium 80 (8 a language), low 5
source "$(dirname "$0")/common.sh"
medium="arm_e bul dut fre geo hbs_latn hun jpn_hira kor vie_hanoi"
low="ady gre ice ita khm lav mlt_latn rum slv wel_sw"
choose "high medium low $medium" "$@"

model=(--arch s2s_attn --rnn-type gru --bridge summary --readout maxout --share-decoder-input-output-embed --dropout 0.4
       --encoder-embed-dim 128 --encoder-hidden-size 256 --decoder-embed-dim 128 --decoder-out-embed-dim 128
       --decoder-hidden-size 256 --attention-dim 256 "${ours[@]}")
both=(--attention-query between --context-to both)
loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0.1)
optim=(--optimizer adam --lr 0.002 --clip-norm 1.0 --lr-scheduler cosine --warmup-updates 200 --warmup-init-lr 0.00001)
together="s2s_attn, ensemble of ${#seeds[@]}"

# learn NAME PIECES CALL "LANGUAGE ..." [flag of fairseq-train ...]: a model of every seed that reads all these languages, and
# their ensemble; PIECES as prepare's SIZE, CALL what the results say of the command
learn() {
    local name=$1 call="$recipe $3" languages part run best="" last=()
    read -ra languages <<< "$4"
    part=(--language "$4")
    [ ${#languages[@]} = 1 ] || part=(--track "${name#sigmorphon2021-}")
    prepare "$name" src tgt "$2" sigmorphon sigmorphon2021_g2p "${part[@]}"
    for seed in "${seeds[@]}"; do
        run=$out/checkpoints/$name-$seed
        train "$name" "$run" "$seed" "${model[@]}" "${loss[@]}" "${optim[@]}" --keep-last-epochs 5 "${@:5}" "${flags[@]}"
        average "$run"
        answer "$run"
        measure s2s_attn "$run"
        best+=${best:+:}$run/checkpoint_best.pt last+=("$run/checkpoint_last.pt")
    done
    if [ ${#seeds[@]} = 1 ]; then return; fi
    run=$out/checkpoints/$name-ensemble seed=$(IFS=+; echo "${seeds[*]}")
    answer "$run" --path "$best"
    measure "$together" "$run" --checkpoint "${last[@]}"
}

# Within learn, answer RUN [flag of fairseq-generate ...] and measure MODEL RUN [option of scripts/results.py add ...]:
# RUN's answers to every language's test, and their scores
subset() { echo "test$([ "$1" = 0 ] || echo "$1")"; } # fairseq-preprocess numbers the tests
answer() {
    local number
    for number in "${!languages[@]}"; do
        generate "$name" "$1" "$(subset "$number")" --beam 5 --max-len-a 2 --max-len-b 10 "${@:2}"
    done
}
measure() {
    local number text=test
    for number in "${!languages[@]}"; do
        [ ${#languages[@]} = 1 ] || text=test.${languages[number]}
        score "$2" "$(subset "$number")" "$out/data-bin/$name.text/$text.references.jsonl" "wer per"
        record "sigmorphon2021-${languages[number]}" "$1" "$seed" "$2" "$(subset "$number")" "$call" "${@:3}"
    done
}

# mean TRACK "LANGUAGE ..." [--one-model]: of what was measured on the track's languages
mean() {
    local metric label labels=(s2s_attn) over
    read -ra over <<< "$2"
    [ ${#seeds[@]} = 1 ] || labels+=("$together")
    for label in "${labels[@]}"; do
        for metric in wer per; do
            python scripts/results.py macro --results "$results" --task "sigmorphon2021-$1" --metric $metric --model "$label" \
                --over "${over[@]/#/sigmorphon2021-}" --command "$(command_of "$recipe $1")" "${@:3}"
        done
    done
}

one() { learn "sigmorphon2021-$1" marks "$1" "$1" "${both[@]}" --max-tokens 1000 --max-update 4500; }
for choice in $(pick "high medium low $medium" "high medium low"); do
    case $choice in
        high) learn sigmorphon2021-high 0 high eng_us --max-tokens 2000 --max-update 3800 ;;
        medium) for language in $medium; do one "$language"; done
                mean medium "$medium" ;;
        low) learn sigmorphon2021-low marks low "$low" "${both[@]}" --max-tokens 700 --max-update 4500 --lr 0.003 --dropout 0.3 \
                 --encoder-hidden-size 192 --decoder-hidden-size 192 --attention-dim 192
             mean low "$low" --one-model ;;
        *) one "$choice" ;;
    esac
done
