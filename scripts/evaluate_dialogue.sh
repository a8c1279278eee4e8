#!/usr/bin/env bash
# A dialogue model on the test set of XDailyDialog: perplexity, BLEU-1 to 4, distinct-n, generic replies; greedy and beam 5.
# Needs: scripts/train_dialogue.sh
# Usage: [DIALOGUE_LANG=en|zh|both] scripts/evaluate_dialogue.sh [any fairseq-generate flag, e.g. --lenpen 1.2]
# Writes checkpoints/dialogue/test.en.json and test.zh.json, and the main numbers into card.json; the protocol stands in evaluate_dialogue.py.
# What fairseq-generate printed stays beside them: test.en.scored, test.en.greedy.out, test.en.beam5.out.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${S2S_OUT:+$S2S_OUT/}
if [ -d .venv ]; then PATH="$PWD/.venv/bin:$PATH"; fi
export OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

case ${DIALOGUE_LANG:=both} in
    both) name=dialogue tests=(test:en test1:zh) ;;
    en | zh) name=dialogue-$DIALOGUE_LANG tests=("test:$DIALOGUE_LANG") ;;
    *) echo "$0: DIALOGUE_LANG=$DIALOGUE_LANG is none of en, zh, both" >&2; exit 2 ;;
esac
run=${out}checkpoints/$name
[ -f "$run/checkpoint_best.pt" ] || { echo "$0: there is no $run/checkpoint_best.pt yet: run scripts/train_dialogue.sh" >&2; exit 2; }
trap 'rm -f "$run/generated.tmp"' EXIT

for test in "${tests[@]}"; do
    language=${test#*:}
    generate() { # KIND FLAG ...: test.LANGUAGE.KIND
        fairseq-generate "${out}data-bin/$name" --user-dir fairseq_plugins --task translation_s2s --gen-subset "${test%:*}" \
            --path "$run/checkpoint_best.pt" --max-tokens 4000 --scoring sacrebleu "${@:2}" > "$run/generated.tmp"
        mv "$run/generated.tmp" "$run/test.$language.$1"
    }
    generate scored "$@" --score-reference
    bounds=(--max-len-a 0 --max-len-b 60 --no-repeat-ngram-size 4) # the chat's
    generate greedy.out --beam 1 "${bounds[@]}" "$@"
    generate beam5.out --beam 5 "${bounds[@]}" "$@"
    python scripts/evaluate_dialogue.py --language "$language" --output "$run/test.$language.json" \
        --references "${out}data-bin/$name.text/replies.$language.txt" --pieces "$run/spm.model" \
        --scored "$run/test.$language.scored" --replies greedy="$run/test.$language.greedy.out" \
        --replies "beam 5=$run/test.$language.beam5.out" --card "$run/card.json"
done
