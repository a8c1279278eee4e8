#!/usr/bin/env bash
# A dialogue model on the test set of XDailyDialog: perplexity, BLEU-1 to 4, distinct-n, generic replies; greedy and beam 5.
# Needs: scripts/train_dialogue.sh
# Usage: [DIALOGUE_LANG=en|zh|both] scripts/evaluate_dialogue.sh [any fairseq-generate flag, e.g. --lenpen 1.2]
# Writes checkpoints/dialogue/test.en.json and test.zh.json, and the main numbers into card.json; the protocol stands in evaluate_dialogue.py.
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
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

for test in "${tests[@]}"; do
    language=${test#*:}
    generate() { # OUTPUT FLAG ...
        fairseq-generate "${out}data-bin/$name" --user-dir fairseq_plugins --task translation_s2s --gen-subset "${test%:*}" \
            --path "${out}checkpoints/$name/checkpoint_best.pt" --max-tokens 4000 --scoring sacrebleu "${@:2}" > "$folder/$1"
    }
    generate scored "$@" --score-reference
    for beam in 1 5; do # the bounds are the chat's
        generate "beam-$beam" --beam $beam --max-len-a 0 --max-len-b 60 --no-repeat-ngram-size 4 "$@"
    done
    python scripts/evaluate_dialogue.py --language "$language" --output "${out}checkpoints/$name/test.$language.json" \
        --references "${out}data-bin/$name.text/replies.$language.txt" --pieces "${out}checkpoints/$name/spm.model" \
        --scored "$folder/scored" --replies greedy="$folder/beam-1" --replies "beam 5=$folder/beam-5" --card "${out}checkpoints/$name/card.json"
done
