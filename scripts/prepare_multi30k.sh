#!/usr/bin/env bash
# Multi30k, English to German, as SentencePiece pieces: data-bin/NAME, for the benchmark and the comparison of presets. Some 20
# seconds. (scripts/recipes/multi30k.sh prepares its own.)
# Needs: scripts/setup_env.sh; the text files train, val and test_2016_flickr, test_2017_flickr
#        (.en and .de, plain or .gz) in $S2S_DATA/multi30k
# Usage: [S2S_DATA=DIR] [VOCAB_SIZE=8000 [NAME=multi30k-8k]] scripts/prepare_multi30k.sh
source "$(dirname "$0")/recipes/common.sh"
choose "" "$@"

name=multi30k
[ -z "${VOCAB_SIZE:-}" ] || name=${NAME:-$name} # not alone: WSL sets a NAME of its own
prepare_anew "$name" en de "${VOCAB_SIZE:-4000}" multi30k multi30k --source en --target de
echo "$out/data-bin/$name is ready."
