#!/usr/bin/env bash
# Multi30k, English to German, as SentencePiece pieces: data-bin/NAME. About 20 seconds.
# Needs: scripts/setup_env.sh; the text files train, val and test_2016_flickr, test_2017_flickr
#        (.en and .de, plain or .gz) in $S2S_DATA/multi30k
# Usage: [S2S_DATA=DIR] [VOCAB_SIZE=8000 [NAME=multi30k-8k]] scripts/prepare_multi30k.sh
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -d .venv ]; then PATH="$PWD/.venv/bin:$PATH"; fi

data=${S2S_DATA:-../shared/data}/multi30k
name=multi30k vocab_size=${VOCAB_SIZE:-4000}
[ -z "${VOCAB_SIZE:-}" ] || name=${NAME:-$name} # not alone: WSL sets a NAME of its own
text=data-bin/$name.text

mkdir -p "$text"
for subset in train val test_2016_flickr test_2017_flickr; do
    for language in en de; do
        source=$data/$subset.$language
        if [ -f "$source" ]; then cat "$source"
        elif [ -f "$source.gz" ]; then gzip -dc "$source.gz"
        else echo "$0: neither $source nor $source.gz exists: set S2S_DATA to the folder that holds multi30k/." >&2; exit 1
        fi > "$text/$subset.$language"
    done
    python scripts/check_text.py "$text/$subset.en" "$text/$subset.de"
done

python scripts/spm.py train --prefix "$text/spm" --vocab-size "$vocab_size" "$text/train.en" "$text/train.de"
for file in "$text"/{train,val,test_2016_flickr,test_2017_flickr}.{en,de}; do
    python scripts/spm.py encode --model "$text/spm.model" < "$file" > "$text/pieces.${file##*/}"
done

rm -rf "data-bin/$name.tmp"
fairseq-preprocess --source-lang en --target-lang de --joined-dictionary --srcdict "$text/spm.dict.txt" \
    --trainpref "$text/pieces.train" --validpref "$text/pieces.val" \
    --testpref "$text/pieces.test_2016_flickr,$text/pieces.test_2017_flickr" \
    --destdir "data-bin/$name.tmp" --workers 2
cp "$text/spm.model" "data-bin/$name.tmp/"
rm -rf "data-bin/$name"
mv "data-bin/$name.tmp" "data-bin/$name"
echo "data-bin/$name is ready."
