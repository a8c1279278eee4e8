#!/usr/bin/env bash
# From a fresh clone to a conversation: set up .venv, train the bundled dialogue model, open the chat.
# Needs: Python 3.10 or later, 4 GB of disk (10 with an NVIDIA GPU)
# Usage: scripts/quickstart.sh [--lang en|zh|both] [--port N] [--no-serve]
#   --lang      the dialogues to train on (both); each choice has its own data and its own model
#   --port      where the chat is served (7860)
#   --no-serve  stop when the model is trained
# Each step is left out where its result is there already; interrupt it and run it again as you like.
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "quickstart: $1" >&2; exit "${2:-1}"; }
need() { [ "$2" -ge 2 ] || die "$1 needs a value; see scripts/quickstart.sh --help" 2; }

language=both port=7860 serve=yes
while [ $# -gt 0 ]; do
    case $1 in
        --lang) need "$1" $#; language=$2; shift ;;
        --port) need "$1" $#; port=$2; shift ;;
        --no-serve) serve='' ;;
        --help | -h) sed -n '2,/^[^#]/ s/^# \{0,1\}//p' scripts/quickstart.sh; exit ;;
        *) die "unknown option $1; see scripts/quickstart.sh --help" 2 ;;
    esac
    shift
done
case $language in
    both) name=chat ;;
    en | zh) name=chat-$language ;;
    *) die "unknown language $language: choose en, zh or both" 2 ;;
esac
case $port in *[!0-9]* | '' | ??????*) die "--port $port is no port: choose a number from 1 to 65535" 2 ;; esac
port=$((10#$port))
[ "$port" -ge 1 ] && [ "$port" -le 65535 ] || die "--port $port is no port: choose a number from 1 to 65535" 2

data=data-bin/$name model=checkpoints/$name

taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

check_port() {
    local free=$((port % 65535 + 1))
    [ -n "$serve" ] && taken "$port" || return 0
    while taken $free; do free=$((free % 65535 + 1)); done
    die "port $port is taken: run scripts/quickstart.sh --port $free"
}

# --- stamps: a step is done when its stamp, written last, holds the checksum of what it was made from
holds() { [ -f "$1" ] && [ "$(cat "$1")" = "$2" ]; }
fail() { tail -n 8 "$2" >&2; die "$1 failed; the whole log is $2"; }
took() { echo "quickstart: $1 in $((SECONDS - $2)) s"; }

sources() { # what the data are made from and by
    local dialogues=chatbot/corpus
    [ "$language" = both ] || dialogues=$dialogues/$language
    find $dialogues -name '*.txt' | LC_ALL=C sort
    ls chatbot/corpus/*.py chatbot/dialog.py scripts/prepare_chat.sh scripts/{prepare_chat,noise,spm}.py
}

prepare() {
    local start=$SECONDS
    if holds "$data/quickstart.stamp" "$data_inputs"; then
        echo "quickstart: $data is ready"
        return
    fi
    mkdir -p data-bin
    scripts/prepare_chat.sh >"$data.log" 2>&1 </dev/null &
    wait $! || fail "preparing the data" "$data.log"
    echo "$data_inputs" >"$data/quickstart.stamp"
    took "$data was prepared" $start
}

progress() { # of the log, one line for each part and each validation
    local line pattern='[|] loss ([0-9.]+) .*[|] ppl ([0-9.e+]+) .*[|] num_updates ([0-9]+)'
    while read -r line; do
        if [[ $line == 'train_chat: '* ]]; then echo "  ${line#train_chat: }"; fi
        if [[ $line == *' valid on '* && $line =~ $pattern ]]; then
            echo "  update ${BASH_REMATCH[3]}: validation loss ${BASH_REMATCH[1]}, perplexity ${BASH_REMATCH[2]}"
        fi
    done
}

continues() { # whether the checkpoints in $model are of this training
    if [ -f "$model/quickstart.begun" ]; then
        holds "$model/quickstart.begun" "$model_inputs"
    else # somebody's own scripts/train_chat.sh
        cmp -s "$data/dict.src.txt" "$model/dict.src.txt"
    fi
}

train() {
    local start=$SECONDS aside
    if [ -f "$model/checkpoint_last.pt" ] && holds "$model/quickstart.stamp" "$model_inputs"; then
        echo "quickstart: $model is trained"
        return
    fi
    if { [ -f "$model/checkpoint_last.pt" ] || [ -d "$model/plan" ]; } && ! continues; then
        aside=$model.$(date +%Y%m%d-%H%M%S)
        mv "$model" "$aside"
        echo "quickstart: the dialogues or the recipe have changed, so a new model is trained; the old one is now $aside"
    fi
    mkdir -p "$model"
    echo "$model_inputs" >"$model/quickstart.begun"
    if [ -f "$model/checkpoint_last.pt" ]; then
        echo "quickstart: the training goes on where it was interrupted"
    else
        echo "quickstart: training (about three minutes; its log is $model/train.log)"
    fi
    { scripts/train_chat.sh 2>&1 | tee -a "$model/train.log" | progress; } </dev/null &
    wait $! || fail "training" "$model/train.log"
    echo "$model_inputs" >"$model/quickstart.stamp"
    took "$model was trained" $start
}

check_port # before the minutes of work, and again after them
[ "$language" = both ] || export CHAT_LANG=$language
data_inputs=$(sources | tr '\n' '\0' | xargs -0 cat | cksum)
model_inputs=$data_inputs.$(cksum <scripts/train_chat.sh)

scripts/setup_env.sh
set -m # each step is a process group of its own, so that an interruption ends all of it, and at once
trap 'for group in $(jobs -p); do kill -TERM -- "-$group" 2>/dev/null || true; done' EXIT
trap 'echo; die "interrupted; the same command goes on from here" 130' INT TERM HUP
prepare
train
[ -n "$serve" ] || exit 0
check_port
set +m
trap - INT TERM HUP
echo "quickstart: the chat opens at http://127.0.0.1:$port (Ctrl-C ends it)"
exec .venv/bin/python -m chatbot --model "$model" --port "$port"
