# What the recipes share; each begins with: source "$(dirname "$0")/common.sh"
# S2S_DATA: the folder of the data sets (../shared/data)    S2S_OUT: where data-bin/ and checkpoints/ go (here)
# SEEDS: of the trainings ("1")    RESULTS: the file that takes the numbers (docs/results.json)
# CPU_BF16=1: our models train with --cpu-bf16, nearly twice as fast on a CPU that has AVX512-BF16 or AMX
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
if [ -d .venv ]; then PATH="$PWD/.venv/bin:$PATH"; fi
export OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

data=${S2S_DATA:-../shared/data} out=${S2S_OUT:-.} results=${RESULTS:-docs/results.json}
read -ra seeds <<< "${SEEDS:-1}"
case " ${seeds[*]-} " in "  " | *[!0-9\ ]*) echo "SEEDS is '${SEEDS:-}', but must be whole numbers: SEEDS='1 2 3'" >&2; exit 2 ;; esac
recipe=scripts/recipes/${0##*/}
[ -f "$recipe" ] || recipe=scripts/${0##*/}
ours=() # flags that only our models know
[ -z "${CPU_BF16:-}" ] || ours=(--cpu-bf16)

case ${1:-} in --help | -h) sed -n '2,/^[^#]/ s/^# \{0,1\}//p' "$recipe"; exit ;; esac

fail() { echo "$recipe: $*" >&2; exit 2; }

one_seed() { [ ${#seeds[@]} = 1 ] || fail "this recipe trains with one seed, and SEEDS is '$SEEDS'"; }

# choose "CHOICES" ARGUMENT ...: the leading arguments go to `chosen`, each one of CHOICES; the rest, flags of fairseq-train, to `flags`
choose() {
    local choices=$1 && shift
    chosen="" flags=()
    while [ $# -gt 0 ] && [[ $1 != -* ]]; do
        case " $choices " in *" $1 "*) chosen+=" $1" ;; *) fail "$1 is none of ${choices:-its choices, it has only flags}" ;; esac
        shift
    done
    flags=("$@")
}

# pick "CHOICES" ["DEFAULT"]: those of `chosen` that are among CHOICES; without any, DEFAULT, or all CHOICES
pick() {
    local choice picked=""
    for choice in $1; do case "$chosen " in *" $choice "*) picked+=" $choice" ;; esac; done
    echo "${picked:-${2:-$1}}"
}

# prepare NAME SRC TGT SIZE CORPUS FOLDER [option of scripts/prepare.py ...]: data-bin/NAME, unless it is there
# FOLDER: in $S2S_DATA, or - where the data are made
# SIZE: of the joint SentencePiece vocabulary; 0: the text holds tokens with spaces between them, of two vocabularies;
#       marks: so it does, and scripts/marks.py takes them apart
prepare() { if [ ! -d "$out/data-bin/$1" ]; then prepare_anew "$@"; fi; }

# prepare_anew ...: the same, in place of what is there, once all of it is ready
prepare_anew() {
    local name=$1 src=$2 tgt=$3 size=$4 corpus=$5 folder=$6 file subset tests=() vocabulary=()
    local bin=$out/data-bin/$name text=$out/data-bin/$name.text.tmp
    rm -rf "$text" "$bin.tmp"
    if [ "$folder" != - ]; then folder=(--data "$data/$folder"); else folder=(); fi
    python scripts/prepare.py "$corpus" ${folder[@]+"${folder[@]}"} --out "$text" "${@:7}"
    case $size in
        0 | marks) ;;
        *) python scripts/spm.py train --prefix "$text/spm" --vocab-size "$size" "$text"/train.{src,tgt}
           vocabulary=(--joined-dictionary --srcdict "$text/spm.dict.txt") ;;
    esac
    mkdir "$text/tokens"
    for file in "$text"/*.src; do
        subset=$(basename "$file" .src)
        tokens "$size" "$text/spm.model" < "$text/$subset.src" > "$text/tokens/$subset.$src"
        tokens "$size" "$text/spm.model" < "$text/$subset.tgt" > "$text/tokens/$subset.$tgt"
        case $subset in test*) tests+=("$text/tokens/$subset") ;; esac
    done
    fairseq-preprocess --source-lang "$src" --target-lang "$tgt" "${vocabulary[@]}" --trainpref "$text/tokens/train" \
        --validpref "$text/tokens/valid" --testpref "$(IFS=,; echo "${tests[*]}")" --destdir "$bin.tmp" --workers 2
    for file in "$text"/spm.model "$text"/*.blocks; do if [ -f "$file" ]; then cp "$file" "$bin.tmp/"; fi; done
    rm -rf "$bin" "$bin.text"
    mv "$text" "$bin.text"
    mv "$bin.tmp" "$bin" # the last: whole or not at all
}

tokens() {
    case $1 in 0) cat ;; marks) python scripts/marks.py ;; *) python scripts/spm.py encode --model "$2" ;; esac
}

# In what follows RUN is the folder of a training, $out/checkpoints/..., and NAME the data's.

# train NAME RUN SEED [flag of fairseq-train ...]: goes on where it was stopped; does nothing where it is finished
train() {
    mkdir -p "$2"
    same_flags "$2" "${@:4}"
    cp "$out/data-bin/$1"/{dict.*.txt,spm.model} "$2/" 2>/dev/null || true # all that load() needs
    # shellcheck disable=SC2046 # options, one word each
    fairseq-train "$out/data-bin/$1" --user-dir fairseq_plugins $(direction "$1") --required-batch-size-multiple 1 --seed "$3" \
        --save-dir "$2" --log-file "$2/train.log" --log-format simple --log-interval 100 "${@:4}"
}

# same_flags RUN [flag of fairseq-train ...]: fails where RUN was begun with other flags, whose numbers would go by the name of these;
# how long it trains may change
same_flags() {
    local file=$1/flags kept=()
    while shift && [ $# -gt 0 ]; do
        case $1 in
            --max-update | --max-epoch | --stop-time-hours) shift ;;
            --max-update=* | --max-epoch=* | --stop-time-hours=*) ;;
            *) kept+=("$1") ;;
        esac
    done
    if [ -f "$file" ] && [ "${kept[*]}" != "$(cat "$file")" ]; then
        fail "${file%/flags} was trained with other flags ($(cat "$file")): give the same, or another folder by S2S_OUT, or remove it"
    fi
    echo "${kept[*]}" > "$file"
}

# direction NAME: its languages, so that a checkpoint tells which of them the model reads
direction() {
    local pair=("$out/data-bin/$1"/train.*.bin)
    pair=${pair[0]##*/train.} pair=${pair%%.*}
    echo --source-lang "${pair%-*}" --target-lang "${pair#*-}"
}

# average RUN: checkpoint_best.pt becomes the mean of the epochs that --keep-last-epochs left, if there is one
average() {
    local epoch epochs=()
    while IFS= read -r epoch; do epochs+=("$epoch"); done < <(find "$1" -name "checkpoint[0-9]*.pt" | sort -V) # 9 before 10
    [ ${#epochs[@]} = 0 ] || python scripts/average_checkpoints.py "${epochs[@]}" --output "$1/checkpoint_best.pt"
}

# generate NAME RUN SUBSET [flag of fairseq-generate ...]: RUN/SUBSET.out
generate() {
    local pieces=()
    if grep -q "^▁" "$out/data-bin/$1"/dict.*.txt; then pieces=(--remove-bpe sentencepiece); fi
    mkdir -p "$2"
    fairseq-generate "$out/data-bin/$1" --user-dir fairseq_plugins --task translation_s2s --gen-subset "$3" \
        --path "$2/checkpoint_best.pt" "${pieces[@]}" --scoring sacrebleu "${@:4}" > "$2/$3.out.tmp"
    mv "$2/$3.out.tmp" "$2/$3.out"
}

# score RUN SUBSET REFERENCES "METRIC ..." [option of scripts/score.py ...]: RUN/SUBSET.json from RUN/SUBSET.out
score() {
    # shellcheck disable=SC2086 # several metrics
    python scripts/score.py --generated "$1/$2.out" --references "$3" --metrics $4 --output "$1/$2.json" "${@:5}"
}

# record TASK MODEL SEED RUN SUBSET "CALL" [option of scripts/results.py add ...]: the scores into $results
record() {
    python scripts/results.py add --results "$results" --task "$1" --model "$2" --seed "$3" --scores "$4/$5.json" \
        --checkpoint "$4/checkpoint_last.pt" --command "$(command_of "$6")" "${@:7}"
}

# command_of "CALL": with the settings and flags that make its numbers
command_of() { echo "${CPU_BF16:+CPU_BF16=1 }${SEEDS:+SEEDS='$SEEDS' }$1${flags[*]:+ ${flags[*]}}"; }
