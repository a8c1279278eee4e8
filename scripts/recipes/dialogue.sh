#!/usr/bin/env bash
# XDailyDialog, everyday conversations of several turns in English and Chinese, one model for both: the last turns joined with a
# separator, the next one as reply. Beam 5; BLEU by the protocol of scripts/scoring/ruler.py; the test set without repeats and leaks.
# Licence of the data: CC BY-NC-SA 4.0, not for commercial use.
# Needs: scripts/setup_env.sh; $S2S_DATA/xdailydialog, or the network. 32 core-minutes (with CPU_BF16=1)
# Usage: scripts/recipes/dialogue.sh [en] [zh] [any fairseq-train flag]     the languages to measure
source "$(dirname "$0")/common.sh"
choose "en zh" "$@"
one_seed

[ -d "$out/data-bin/dialogue" ] || scripts/prepare_dialogue.sh
DIALOGUE_LANG=both scripts/train_dialogue.sh "${ours[@]}" "${flags[@]}"
run=$out/checkpoints/dialogue
for language in $(pick "en zh"); do
    case $language in en) subset=test ;; zh) subset=test1 ;; esac
    fairseq-generate "$out/data-bin/dialogue" --user-dir fairseq_plugins --task translation_s2s --gen-subset "$subset" \
        --path "$run/checkpoint_best.pt" --max-tokens 4000 --scoring sacrebleu --score-reference > "$run/$subset.scored.tmp"
    mv "$run/$subset.scored.tmp" "$run/$subset.scored"
    generate dialogue "$run" "$subset" --max-tokens 4000 --beam 5 --max-len-a 0 --max-len-b 60 --no-repeat-ngram-size 4
    score "$run" "$subset" "$out/data-bin/dialogue.text/replies.$language.txt" \
        "ppl ppl_word bleu1 bleu2 bleu3 bleu4 distinct1 distinct2 generic length" --language "$language" --scored "$run/$subset.scored"
    record "xdailydialog-$language" s2s_attn 1 "$run" "$subset" "$recipe $language"
done
