#!/usr/bin/env bash
# The plugin's tests on every stack that it supports, each in an environment of its own: Python, fairseq, torch, installer.
# Needs: python3.10 to python3.13 (those that are missing are left out), the package registry, 6 GB of disk a stack (on Linux torch
#        brings CUDA's libraries). Some ten minutes a stack on two cores.
# Usage: scripts/check_stacks.sh [--record FILE] [--keep] [STACK ...]     without a STACK all of them; --list names them
#   STACKS=FOLDER   where the environments are made (.stacks); each is removed after its tests, unless --keep is given
#   --record FILE   writes each result into a JSON file
set -euo pipefail
cd "$(dirname "$0")/.."

# name               Python fairseq                  torch         installer
stacks="\
official-oldest      3.10   fairseq==0.12.2          torch==2.6.0  pip<24.1
official             3.10   fairseq==0.12.2          torch         uv
fork-3.10            3.10   fairseq-fixed==0.12.3.1  torch         uv
fork-oldest          3.11   fairseq-fixed==0.12.3.1  torch==2.6.0  pip
fork-3.11            3.11   fairseq-fixed==0.12.3.1  torch==2.13.0 pip
fork-3.12            3.12   fairseq-fixed==0.12.3.1  torch         pip
fork-3.13            3.13   fairseq-fixed==0.12.3.1  torch         uv"

die() { echo "check_stacks.sh: $1" >&2; exit 2; }
record='' keep='' wanted=()
while [ $# -gt 0 ]; do
    case $1 in
        --help | -h) sed -n '2,/^[^#]/ s/^# \{0,1\}//p' scripts/check_stacks.sh; exit ;;
        --list) echo "$stacks"; exit ;;
        --record) record=${2:?--record needs a file}; shift ;;
        --keep) keep=yes ;;
        -*) die "unknown option $1; see scripts/check_stacks.sh --help" ;;
        *) grep -q "^$1 " <<<"$stacks" || die "there is no stack $1: choose one of $(awk '{ print $1 }' <<<"$stacks" | paste -sd ' ')"
           wanted+=("$1") ;;
    esac
    shift
done
folder=${STACKS:-.stacks}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)

find_python() { # find_python 3.12: its program, from PATH or pyenv
    local candidate
    for candidate in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
        if "$candidate" -c "import sys, venv, ensurepip; sys.exit('%d.%d' % sys.version_info[:2] != '$1')" 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# The tests' own needs, and those of fairseq that its metadata names in a form new installers refuse.
needs=(numpy cython pytest pytest-timeout pytest-xdist scipy onnx onnxruntime onnxscript bitarray cffi regex scikit-learn)

install() { # install ENVIRONMENT FAIRSEQ TORCH INSTALLER: without compiling, which takes a compiler and minutes
    local python=$1/bin/python fairseq=$2 torch=$3 more=(hydra-core==1.3.2 omegaconf==2.3.0) pip
    export READTHEDOCS=1 PIP_DISABLE_PIP_VERSION_CHECK=1
    case $4 in
        uv) "$python" -m pip install -q uv; pip=("$python" -m uv pip install -q --python "$python") ;;
        *) "$python" -m pip install -q -U "${4/pip/pip}" setuptools wheel; pip=("$python" -m pip install -q --no-cache-dir) ;;
    esac
    [[ $fairseq == fairseq==* ]] && more=("hydra-core<1.1" "omegaconf<2.1")
    "${pip[@]}" "setuptools<82" wheel "$torch" "${needs[@]}"
    "${pip[@]}" "${more[@]}"
    "${pip[@]}" --no-build-isolation --no-deps "$fairseq"
    "${pip[@]}" --no-build-isolation -e .
}

versions() { # as JSON
    "$1/bin/python" -c 'import json, platform
from importlib.metadata import version, PackageNotFoundError
def of(name):
    try: return version(name)
    except PackageNotFoundError: return None
found = {"python": platform.python_version(), "fairseq": of("fairseq"), "fairseq-fixed": of("fairseq-fixed"), "torch": of("torch"),
         "numpy": of("numpy"), "hydra-core": of("hydra-core"), "omegaconf": of("omegaconf"), "pip": of("pip"), "uv": of("uv")}
print(json.dumps({name: version for name, version in found.items() if version}))'
}

failed=0
while read -r name version fairseq torch installer; do
    if [ ${#wanted[@]} -gt 0 ] && [[ " ${wanted[*]} " != *" $name "* ]]; then continue; fi
    if ! python=$(find_python "$version"); then
        echo "$name: left out, there is no Python $version on this machine"
        continue
    fi
    environment=$folder/$name log=$folder/$name.log
    echo "$name: Python $version, $fairseq, $torch, by $installer; the log is $log"
    rm -rf "$environment"
    "$python" -m venv "$environment"
    outcome="not installed"
    if (set -e; install "$environment" "$fairseq" "$torch" "$installer") >"$log" 2>&1; then
        began=$SECONDS status=0
        OMP_NUM_THREADS=1 PATH="$environment/bin:$PATH" "$environment/bin/python" -m pytest -o addopts=-ra -q -n 2 --dist loadfile \
            -p no:cacheprovider -W ignore --tb=short -m "not slow" tests/fairseq_plugins >>"$log" 2>&1 || status=$?
        outcome=$(grep -E '[0-9]+ (passed|failed|error)' "$log" | tail -n 1 | sed 's/=//g; s/ in .*//; s/^ *//' || true)
        [ "$status" = 0 ] || failed=1
        echo "  ${outcome:-the tests did not start: see the log}"
        if [ -n "$record" ]; then
            python3 - "$record" "$name" "$(versions "$environment")" "$installer" "${outcome:-did not start}" "$((SECONDS - began))" <<'END'
import json, pathlib, sys
file, name, versions, installer, outcome, seconds = pathlib.Path(sys.argv[1]), *sys.argv[2:]
rows = [row for row in (json.loads(file.read_text()) if file.exists() else []) if row["stack"] != name]
rows.append({"stack": name, **json.loads(versions), "installer": installer, "tests": outcome, "seconds": int(seconds)})
file.write_text(json.dumps(rows, indent=1) + "\n")
END
        fi
    else
        failed=1
        echo "  it could not be installed: $(grep -m 1 -iE '^ *(error|fatal)' "$log" || tail -n 1 "$log")"
    fi
    [ -n "$keep" ] || rm -rf "$environment"
done <<<"$stacks"
exit $failed
