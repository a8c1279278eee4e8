#!/usr/bin/env bash
# What a user of the wheel gets, in clean environments away from this folder: with fairseq alone (train, load, export, a reply in a
# terminal), with the chat's extra and graphs (pip install .; the page and the routes), and without torch and fairseq (the runner).
# Needs: scripts/setup_env.sh, whose fairseq is taken where it compiled one; pip's package registry, 3 GB of disk. Four minutes.
# Usage: scripts/check_wheel.sh [FOLDER]      FOLDER keeps the environments; without it they are removed in the end
set -euo pipefail
cd "$(dirname "$0")/.."
case ${1:-} in --help | -h) sed -n '2,/^[^#]/ s/^# \{0,1\}//p' scripts/check_wheel.sh; exit ;; esac
die() { echo "check_wheel.sh: $1" >&2; exit 1; }

python=$PWD/.venv/bin/python
[ -x "$python" ] || die "there is no .venv: run scripts/setup_env.sh first"
if [ -n "${1:-}" ]; then
    [ ! -e "$1" ] || die "$1 exists already: name a folder that does not"
    mkdir -p "$1" && folder=$(cd "$1" && pwd)
else
    folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT
fi
export PIP_CONSTRAINT=$PWD/constraints.txt PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
export OMP_NUM_THREADS=1 OMP_WAIT_POLICY=PASSIVE
unset PYTHONPATH
log=$folder/log links=(--find-links "$PWD/.venv/wheels")

stage() { # stage TEXT COMMAND ...: a line with its seconds; a failure shows the log's end
    local text=$1 began=$SECONDS
    shift
    echo "--- $text" >>"$log"
    # Not in an if, where a function's own failures would be ignored.
    (set -e; "$@") >>"$log" 2>&1 </dev/null &
    wait $! || { tail -n 15 "$log" >&2; die "$text failed"; }
    printf '  %-66s%4d s\n' "$text" $((SECONDS - began))
}

install() { # install NAME REQUIREMENT ...: into a new environment
    "$python" -m venv "$folder/$1"
    "$folder/$1/bin/python" -m pip install -q "${links[@]}" "${@:2}"
}

refused() { # refused SENTENCE COMMAND ...: it ends with a status of its own and this one sentence
    local said status=0
    said=$("${@:2}" 2>&1) || status=$?
    [ $status != 0 ] && [ "$(wc -l <<<"$said")" = 1 ] && grep -qF "$1" <<<"$said" || { echo "$said"; return 1; }
}

# --- what is built
build() {
    mkdir source dist
    for part in setup.py README.md LICENSE fairseq_plugins chatbot; do cp -r "$root/$part" source; done
    "$python" -m pip wheel -q --no-deps --no-build-isolation -w dist ./source
    "$python" - dist/*.whl <<'END'
import sys, zipfile
names = zipfile.ZipFile(sys.argv[1]).namelist()
ours = ("fairseq_plugins/", "chatbot/", "fairseq_s2s-")
assert all(name.startswith(ours) for name in names), names
assert not [name for name in names if name.endswith((".pt", ".model", ".bin", ".pyc", ".onnx"))]
print(len(names), "files")
END
}

# --- with fairseq alone: digits, to be said backwards
train() {
    mkdir corpus
    "$python" - <<'END'
import random
random.seed(1)
for name, count in (("train", 600), ("valid", 50)):
    lines = [random.choices("123456789", k=random.randint(1, 4)) for _ in range(count)]
    open(f"corpus/{name}.src", "w").writelines(" ".join(line) + "\n" for line in lines)
    open(f"corpus/{name}.tgt", "w").writelines(" ".join(line[::-1]) + "\n" for line in lines)
END
    PATH=$folder/plain/bin:$PATH
    fairseq-preprocess --source-lang src --target-lang tgt --trainpref corpus/train --validpref corpus/valid \
        --joined-dictionary --destdir data
    fairseq-train data --user-dir "$(s2s user-dir)" --task translation --arch s2s_attn_tiny --rnn-type gru --dropout 0 \
        --optimizer adam --lr 0.01 --clip-norm 1 --max-tokens 400 --max-epoch 6 --num-workers 0 --seed 1 --no-epoch-checkpoints \
        --save-dir model
    cp data/dict.*.txt model
}

use_it() {
    PATH=$folder/plain/bin:$PATH
    [ "$(s2s user-dir)" = "$(echo "$folder"/plain/lib/python*/site-packages/fairseq_plugins)" ]
    [ "$(echo "1 2 3" | s2s generate model)" = "3 2 1" ]
    s2s check model --data data
    s2s export model exported
    python -c 'from fairseq_plugins import load; assert load("exported").generate(["4 5"])[0][0].text == "5 4"'
    [ "$(s2s-chat --model exported --message "7 8")" = "8 7" ]
    ! python -c 'import gradio' 2>/dev/null
    refused "run pip install 'gradio" s2s-chat --model model --port 0
    refused "onnxscript is not installed" s2s export model graphs --onnx
}

# --- with the chat and graphs
serve() {
    PATH=$folder/chat/bin:$PATH
    s2s export model graphs --onnx --int8
    s2s-chat --model graphs --port 0 >page.txt &
    trap 'kill %1' RETURN
    for _ in {1..240}; do grep -q '^Chat at' page.txt && break; sleep 0.5; done
    python - "$(sed -n 's/^Chat at \(http[^ ]*\).*/\1/p' page.txt)" <<'END'
import json, sys, urllib.request
page = urllib.request.urlopen(sys.argv[1]).read().decode()
assert "Seq2seq chat" in page or "<title>" in page
asked = urllib.request.Request(f"{sys.argv[1]}/api/chat", json.dumps({"message": "1 2"}).encode(), {"Content-Type": "application/json"})
assert json.load(urllib.request.urlopen(asked))["text"] == "2 1"
END
}

# --- without torch and fairseq
run_graphs() {
    PATH=$folder/runner/bin:$PATH
    for absent in torch fairseq gradio; do ! python -c "import $absent" 2>/dev/null; done
    [ "$(echo "1 2 3" | s2s generate graphs --onnx)" = "3 2 1" ]
    python - <<'END'
from fairseq_plugins.runner import load

model = load("graphs", precision="int8")
for best, *_ in model.generate(["1 2", "9 8 7"], beam=3):
    print(best.text, round(best.score, 3))
END
}

root=$PWD
cd "$folder"
stage "the wheel" build
wheel=$(echo "$folder"/dist/*.whl)
stage "an environment with fairseq" install plain "fairseq-s2s[fairseq] @ file://$wheel"
stage "training there" train
stage "load, generate, check, export, a reply; refusals" use_it
stage "an environment with the chat (pip install .)" install chat "$folder/source[fairseq,chatbot,export]"
stage "the page, a route, an export with graphs" serve
stage "an environment without torch" install runner --no-deps "$wheel" onnxruntime numpy sentencepiece flatbuffers protobuf packaging
stage "the runner" run_graphs
