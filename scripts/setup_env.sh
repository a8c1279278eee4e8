#!/usr/bin/env bash
# Set up .venv with torch, fairseq, Gradio and this package, at the versions of constraints.txt.
# Needs: Python 3.10 or later (3.11 is the tested one), pip's package registry, 4 GB of disk (10 with an NVIDIA GPU). A C++ compiler
# with Python's headers is used where there is one; without it fairseq is installed without its compiled parts.
# Usage: [PYTHON=python3.12] scripts/setup_env.sh [options]
#   --torch-index URL   take torch from this index; "pypi" means pip's own registry. Without the option: pip's
#                       registry where there is an NVIDIA GPU or where it has a CPU build, else PyTorch's CPU index
#   --no-compiler       install fairseq without its compiled parts
#   --fresh             make .venv anew
#   --dry-run           print the commands and change nothing
#   --help              print this text
# A second run finds everything in place and ends at once; an interrupted one is made good by the next.
set -euo pipefail
cd "$(dirname "$0")/.."

die() { echo "set-up: $1" >&2; exit "${2:-1}"; }
need() { [ "$2" -ge 2 ] || die "$1 needs a value; see scripts/setup_env.sh --help" 2; }

torch_index='' no_compiler='' fresh='' dry_run='' hint=''
while [ $# -gt 0 ]; do
    case $1 in
        --torch-index) need "$1" $#; torch_index=$2; shift ;;
        --no-compiler) no_compiler=yes ;;
        --fresh) fresh=yes ;;
        --dry-run) dry_run=yes ;;
        --help | -h) sed -n '2,/^[^#]/ s/^# \{0,1\}//p' scripts/setup_env.sh; exit ;;
        *) die "unknown option $1; see scripts/setup_env.sh --help" 2 ;;
    esac
    shift
done

pin() { sed -n "s/^$1==\([^;]*\).*/\1/p" constraints.txt | head -n 1; }

cpu_index=https://download.pytorch.org/whl/cpu
torch=torch==$(pin torch)
fairseq=fairseq-fixed==$(pin fairseq-fixed)
pins=$(cat setup.py constraints.txt | cksum)
stamp=.venv/setup.stamp log=.venv/setup.log wheels=.venv/wheels
python=.venv/bin/python
began=$SECONDS

export PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt # relative: pip splits it at spaces
export PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off PIP_ROOT_USER_ACTION=ignore
unset PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV

# --- the stamp: what .venv holds. "made" says whose it is, "state" is "unfinished" while pip works in it
field() { sed -n "s/^$1=//p" "$stamp" 2>/dev/null || true; }

write_stamp() { # write_stamp DIRECTORY STATE
    printf '%s\n' "state=$2" "made=$made" "root=$PWD" "pins=$pins" "torch=${torch_road:-}" "fairseq=${road:-}" \
        >"$1/setup.stamp.tmp"
    mv "$1/setup.stamp.tmp" "$1/setup.stamp"
}

python_as_asked() { [ -z "${PYTHON:-}" ] || [ "$("$PYTHON" -V 2>&1)" = "$($python -V 2>&1)" ]; }

keeps() { # whether .venv can be kept and, if need be, brought up to date in place
    [ -z "$fresh" ] && [ "$(field state)" = ready ] && [ "$(field root)" = "$PWD" ] && python_as_asked &&
        { [ -z "$torch_index" ] || [ "$(field torch)" = "$torch_index" ]; } &&
        { [ -z "$no_compiler" ] || [ "$(field fairseq)" = pure ]; } && $python -c '' 2>/dev/null
}

ready() { keeps && [ "$(field pins)" = "$pins" ]; }

# --- what the machine offers
find_python() { # prints a Python that is recent enough and can make environments
    local candidate names=(python3.11 python3.12 python3.10 python3.13 python3 python) old=''
    [ -z "${PYTHON:-}" ] || names=("$PYTHON")
    for candidate in "${names[@]}"; do
        "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null || continue
        if "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            echo "$candidate"
            return
        fi
        old=$candidate
    done
    [ -z "$old" ] || die "$old cannot make environments: install its venv module (Debian, Ubuntu: apt install python3-venv)"
    [ -z "${PYTHON:-}" ] || die "PYTHON=$PYTHON is no Python 3.10 or later: name another, or leave PYTHON unset"
    die "no Python 3.10 or later was found: install Python 3.11 (Debian, Ubuntu: apt install python3 python3-venv;\
 macOS: brew install python@3.11), or name one with PYTHON=/path/to/python"
}

has_nvidia() { nvidia-smi -L >/dev/null 2>&1; }

has_compiler() { # C and C++, with Python's headers
    local include compiler
    [ "$(uname)" != Darwin ] || xcode-select -p >/dev/null 2>&1 || return 1 # else macOS opens a window
    include=$("$asked" -c 'import sysconfig; print(sysconfig.get_path("include"))')
    for compiler in "${CC:-cc}" "${CXX:-c++}"; do
        printf '#include <Python.h>\n#include <vector>\n' |
            $compiler -fsyntax-only -x c++ "-I$include" - >/dev/null 2>&1 || return 1
    done
}

finds_cpu_torch() { # whether pip, as it is configured, has the CPU build of torch; asking downloads nothing
    "$asked" -m pip index versions torch 2>/dev/null |
        sed -n 's/^Available versions: //p' | tr -d ' ' | tr ',' '\n' | grep -qxF "${torch##*=}+cpu"
}

has_wheel() { # whether the registry has a built fairseq for this Python
    "$asked" -m pip install --dry-run --no-deps --ignore-installed --only-binary :all: "$fairseq" >/dev/null 2>&1
}

choose_torch() { # prints "pypi" or the address of an index
    if [ -n "$torch_index" ]; then
        echo "$torch_index"
    elif [ "$(uname)" != Linux ] || has_nvidia || finds_cpu_torch; then
        echo pypi
    else
        echo $cpu_index
    fi
}

has() { # has PACKAGE [VERSION]: whether .venv holds it
    $python -c 'import sys; from importlib.metadata import version
sys.exit(version(sys.argv[1]) not in (sys.argv[2:] or [version(sys.argv[1])]))' "$@" 2>/dev/null
}

choose_fairseq() { # prints "kept", "wheel", "compiled" or "pure"
    if has fairseq || has "${fairseq%%=*}" "${fairseq##*=}"; then
        echo kept # a fairseq of the user's own is never overwritten
    elif [ -n "$no_compiler" ]; then
        echo pure
    elif has_wheel; then
        echo wheel
    elif has_compiler; then
        echo compiled
    else
        echo pure
    fi
}

check_disk() {
    local wanted=4 free
    if [ "$(uname)" = Linux ] && { has_nvidia || [ "$torch_index" = pypi ]; }; then wanted=10; fi # CUDA's libraries
    free=$(df -Pk . | awk 'NR == 2 { print int($4 / 1048576) }')
    [ "$free" -ge $wanted ] || die "only $free GB of disk are free in $PWD: make room for $wanted GB and run this again"
}

# --- the stages
run() { if [ -n "$dry_run" ]; then echo "$*"; else "$@"; fi; }
pip() { run $python -m pip "$@"; }

make_environment() {
    run rm -rf .venv .venv.tmp
    if [ -z "$dry_run" ]; then # .venv appears with its stamp, never without
        mkdir .venv.tmp && write_stamp .venv.tmp unfinished && mv .venv.tmp .venv
    fi
    run "$base" -m venv .venv
}

install_torch() {
    [ "$torch_road" = pypi ] || pip install --no-deps --retries 2 --index-url "$torch_road" "$torch"
    pip install "$torch" numpy cython ninja # brings what torch needs, and what compiling fairseq needs
}

build_fairseq() {
    # It builds against the torch that is here; pip refuses a build constraint without isolation.
    local wheel=(env -u PIP_BUILD_CONSTRAINT $python -m pip wheel --no-build-isolation --no-deps -w $wheels "$fairseq")
    case $road in
        compiled) MAX_JOBS=${MAX_JOBS:-2} run "${wheel[@]}" ;;
        pure) run env READTHEDOCS=1 "${wheel[@]}" --no-cache-dir ;; # pip's cache would confuse the two
    esac
}

install_rest() { # fairseq's own needs are named, so that they come while it compiles
    pip install -e '.[chatbot,docs,export,recipes,test]' \
        bitarray cffi hydra-core omegaconf regex scikit-learn torchaudio tqdm
}

install_all() {
    local extras=fairseq,chatbot,docs,export,recipes,test
    [ -n "$dry_run" ] || ! has fairseq || extras=chatbot,docs,export,recipes,test
    pip install --find-links $wheels -e ".[$extras]"
    pip check
}

fail() { # fail WHAT [LOG]: what went wrong first, with the log's last lines
    local file=${2:-$log} first
    echo
    grep -v 'WARNING: Location' "$file" 2>/dev/null | tail -n 12 >&2 || true
    first=$(grep -m 1 -iE '^ *(error|fatal)' "$file" 2>/dev/null || true)
    die "$1 failed${first:+: $first}; the whole log is $file${hint:+; $hint}"
}

show() { printf '  %-62s' "$1"; }
took() { printf '%4d s\n' $((SECONDS - $1)); }

stage() { # stage TEXT COMMAND: one line with its seconds; in the background, so that a signal acts at once
    local text=$1 start=$SECONDS
    shift
    if [ -n "$dry_run" ]; then "$@" && return; fi
    show "$text"
    "$@" >>$log 2>&1 </dev/null &
    wait $! || fail "$text"
    took "$start"
}

begin_fairseq() { # in the background, while the rest is installed; the lock is not its to hold
    case ${dry_run:-$road} in yes | kept | wheel) build_fairseq && return ;; esac
    mkdir -p $wheels
    build_began=$SECONDS
    build_fairseq >$wheels/build.log 2>&1 </dev/null 9<&- &
    builder=$!
}

finish_fairseq() {
    case ${dry_run:-$road} in
        yes | kept | wheel) return ;;
        compiled) show "fairseq, compiled meanwhile (about two minutes in all)" ;;
        pure) show "fairseq, without its compiled parts, meanwhile" ;;
    esac
    if wait $builder; then
        took $build_began
    elif [ "$road" = pure ]; then
        fail "building fairseq" $wheels/build.log
    else
        echo
        echo "set-up: compiling fairseq failed ($wheels/build.log), so it is installed without its compiled parts"
        road=pure
        stage "fairseq, without its compiled parts" build_fairseq
    fi
}

lock() { # one set-up at a time: the kernel drops the lock when the last process that holds descriptor 9 ends
    exec 9<.
    "$base" -c '
import fcntl, signal
signal.signal(signal.SIGINT, signal.SIG_DFL)
try:
    fcntl.flock(9, fcntl.LOCK_EX | fcntl.LOCK_NB)
except BlockingIOError:
    print("set-up: another set-up is at work in this folder; waiting for it", flush=True)
    fcntl.flock(9, fcntl.LOCK_EX)
except OSError:
    pass  # a file system without locks
'
}

# --- the set-up
if [ -z "$dry_run" ] && ready; then
    echo "set-up: .venv is ready"
    exit
fi
base=$(find_python)
[ -n "$dry_run" ] || lock
if [ -z "$dry_run" ] && ready; then # another run has just done it
    echo "set-up: .venv is ready"
    exit
fi
check_disk

made=here
if [ -d .venv ] && { [ ! -f $stamp ] || [ "$(field made)" = user ]; }; then
    made=user
    $python -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null ||
        die ".venv is not from this set-up and has no Python 3.10 or later: remove it (rm -rf .venv) and run this again"
fi

if [ -z "$dry_run" ]; then
    set -m # every stage is a process group of its own, so that an interruption ends all of it
    trap 'for group in $(jobs -p); do kill -TERM -- "-$group" 2>/dev/null || true; done' EXIT
    trap 'echo; die "interrupted; run the same command again" 130' INT TERM HUP
    echo "set-up: .venv with $("$base" -V 2>&1)"
fi

if [ $made = user ]; then
    echo "set-up: .venv is your own; the packages are installed into it"
    [ -n "$dry_run" ] || write_stamp .venv unfinished
elif keeps; then
    [ -n "$dry_run" ] || write_stamp .venv unfinished
elif [ -n "$dry_run" ]; then
    make_environment
else
    start=$SECONDS
    show "an empty environment"
    make_environment || die "making .venv with $base failed"
    took $start
fi

stage "pip, setuptools, wheel" pip install -U pip setuptools wheel
asked=$python # who answers the questions about this machine
[ -x $python ] || asked=$base
torch_road=$(choose_torch)
[ "$torch_road" = pypi ] || hint="scripts/setup_env.sh --torch-index URL names another source of torch, and\
 --torch-index pypi the registry's own build"
stage "$torch from $torch_road" install_torch
hint=''

road=$(choose_fairseq)
[ $road != pure ] || [ -n "$no_compiler" ] || echo "set-up: no C++ compiler with Python's headers was found, so fairseq\
 is installed without its compiled parts; the scripts score with sacreBLEU"
begin_fairseq
stage "Gradio and the other packages" install_rest
finish_fairseq
stage "fairseq and this package" install_all
[ -n "$dry_run" ] || write_stamp .venv ready
[ -n "$dry_run" ] || echo "set-up: done in $((SECONDS - began)) s ($torch from $torch_road, fairseq $road)"
