#!/usr/bin/env bash
# The bundled dialogues (chatbot/corpus) as SentencePiece pieces: data-bin/chat, chat-en or chat-zh. Less than a minute.
# Needs: scripts/setup_env.sh
# Usage: [CHAT_LANG=en|zh|both] [CHAT_TURNS=1] [CHAT_SPEAKERS=1] scripts/prepare_chat.sh [any fairseq-preprocess flag]
#        CHAT_TURNS: earlier exchanges in a source; CHAT_SPEAKERS: turns begin with <user> or <bot>
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -d .venv ]; then PATH="$PWD/.venv/bin:$PATH"; fi

language=${CHAT_LANG:-both}
case $language in
    both) data=data-bin/chat ;;
    en | zh) data=data-bin/chat-$language ;;
    *) echo "$0: CHAT_LANG=$language is none of en, zh, both" >&2; exit 2 ;;
esac
text=$data.text

options=(--turns "${CHAT_TURNS:-1}")
if [ "${CHAT_SPEAKERS:-0}" = 1 ]; then options+=(--speakers); fi
python scripts/prepare_chat.py --lang "$language" --out "$text" "${options[@]}" # {train,valid}.{src,tgt}, spm.model, spm.dict.txt, tgt.dict.txt, words.txt
python scripts/check_text.py "$text"/train.{src,tgt}
python scripts/check_text.py "$text"/valid.{src,tgt}

rm -rf "$data.tmp"
preprocess() { # PART FLAG ...
    fairseq-preprocess --source-lang src --target-lang tgt --srcdict "$text/spm.dict.txt" --tgtdict "$text/tgt.dict.txt" \
        --trainpref "$text/$1/train" --validpref "$text/$1/valid" --destdir "$data.tmp/$1" --workers 1 "${@:2}"
}
preprocess plan "$@" & # the same messages, and of each reply only what it is about
preprocess . "$@"
wait $!
cp "$text"/{spm.model,words.txt} "$data.tmp/"
rm -rf "$data"
mv "$data.tmp" "$data" # whole or not at all
