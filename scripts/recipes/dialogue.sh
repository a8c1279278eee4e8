#!/usr/bin/env bash
# XDailyDialog, everyday conversations of several turns in English and Chinese, one model for both: the last turns joined with a
# separator, the next one as reply. Beam 5; BLEU by the protocol of scripts/scoring/ruler.py; the test set without repeats and leaks.
# Licence of the data: CC BY-NC-SA 4.0, not for commercial use.
# Needs: scripts/setup_env.sh; $S2S_DATA/xdailydialog, or the network. 32 core-minutes (with CPU_BF16=1)
# Usage: scripts/recipes/dialogue.sh [en] [zh] [any fairseq-train flag]     the languages to record
source "$(dirname "$0")/common.sh"
choose "en zh" "$@"
one_seed

export DIALOGUE_LANG=both
[ -d "$out/data-bin/dialogue" ] || scripts/prepare_dialogue.sh
run=$out/checkpoints/dialogue
mkdir -p "$run"
same_flags "$run" "${ours[@]}" "${flags[@]}"
scripts/train_dialogue.sh "${ours[@]}" "${flags[@]}"
scripts/evaluate_dialogue.sh
for language in $(pick "en zh"); do
    score "$run" "test.$language.beam5" "$out/data-bin/dialogue.text/replies.$language.txt" \
        "ppl ppl_word bleu1 bleu2 bleu3 bleu4 distinct1 distinct2 generic length" \
        --language "$language" --scored "$run/test.$language.scored" --pieces "$run/spm.model"
    record "xdailydialog-$language" s2s_attn 1 "$run" "test.$language.beam5" "$recipe $language"
done
