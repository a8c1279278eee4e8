#!/usr/bin/env bash
# XDailyDialog, everyday conversations in English and Chinese, as SentencePiece pieces: data-bin/dialogue. About two minutes.
# Licence of the data: CC BY-NC-SA 4.0, so neither they nor a model trained on them may be used commercially.
# Needs: scripts/setup_env.sh; $S2S_DATA/xdailydialog, or the network for 9 MB from GitHub
# Usage: [DIALOGUE_LANG=en|zh|both] [DIALOGUE_TURNS=1] [S2S_DATA=DIR] [S2S_OUT=DIR] scripts/prepare_dialogue.sh
#        DIALOGUE_TURNS: earlier exchanges in a source; S2S_OUT: where data-bin/ and checkpoints/ lie, here and for the next two scripts
set -euo pipefail
cd "$(dirname "$0")/.."
out=${S2S_OUT:+$S2S_OUT/}
if [ -d .venv ]; then PATH="$PWD/.venv/bin:$PATH"; fi

case ${DIALOGUE_LANG:=both} in
    both) name=dialogue languages=(en zh) ;;
    en | zh) name=dialogue-$DIALOGUE_LANG languages=("$DIALOGUE_LANG") ;;
    *) echo "$0: DIALOGUE_LANG=$DIALOGUE_LANG is none of en, zh, both" >&2; exit 2 ;;
esac
text=${out}data-bin/$name.text

# The files of two commits: the later one has no training file of this size and this text.
address=https://raw.githubusercontent.com/liuzeming01/XDailyDialog
early=560899d9d4545dfb7ffbfad742871815da091ed0 late=6e7ecf54c9f169215b4b8c18995c7aac74117127
fetch() { # LANG FOLDER COMMIT SHA256 NAME
    case " ${languages[*]} " in *" $1 "*) ;; *) return 0 ;; esac
    python scripts/fetch.py "$address/$3/data/$5" "$data/$2/$5" --sha256 "$4" \
        --licence "CC BY-NC-SA 4.0, not for commercial use"
}

data=${S2S_DATA:-../shared/data}/xdailydialog
if [ ! -d "$data" ]; then
    data=${out}data-bin/xdailydialog
    fetch en train $early c122a82a8a392f4f83157df4a1e00899a7738692651e91ecbdc934125f80a075 dialogues_text_En.txt
    fetch zh train $early a6842bb4732f541abacff91c9574015502aa42822ff1d9f4172e892f7c6868d2 dialogues_text_Zh.txt
    fetch en dev $late cb2b86e6503e26390c99b457d886acb2c83aca504187018c602e1280eb5d43ce en_dev_human.txt
    fetch zh dev $late 9c92368a48716ec0be3e0cc68b4d9c966facbd4d947db4a2824c3e3593c77741 zh_dev_human.txt
    fetch en test $late f5f74a02996ecc69f68ca9f3fdc07bb463f10b4b737e397bb66dca673d000bdf en_test_human.txt
    fetch zh test $late fed29ef0cac938c4825dcdf7948c7cbedbc2233af88df422beb037b3d38a6579 zh_test_human.txt
fi

# {train,valid,test.LANG}.{src,tgt}, replies.LANG.txt, spm.model, spm.dict.txt, words.txt, report.json
python scripts/prepare_dialogue.py --data "$data" --lang "$DIALOGUE_LANG" --out "$text" --turns "${DIALOGUE_TURNS:-1}"
tests=()
for subset in train valid "${languages[@]/#/test.}"; do
    python scripts/check_text.py "$text/$subset".{src,tgt}
    case $subset in test.*) tests+=("$text/$subset") ;; esac
done

rm -rf "${out}data-bin/$name.tmp"
fairseq-preprocess --source-lang src --target-lang tgt --joined-dictionary --srcdict "$text/spm.dict.txt" \
    --trainpref "$text/train" --validpref "$text/valid" --testpref "$(IFS=,; echo "${tests[*]}")" \
    --destdir "${out}data-bin/$name.tmp" --workers 1
cp "$text"/{spm.model,words.txt} "${out}data-bin/$name.tmp/"
rm -rf "${out}data-bin/$name"
mv "${out}data-bin/$name.tmp" "${out}data-bin/$name" # whole or not at all
echo "${out}data-bin/$name is ready. Licence of the data: CC BY-NC-SA 4.0, not for commercial use."
