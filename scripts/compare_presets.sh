#!/usr/bin/env bash
# Every preset on Multi30k, English to German, at one width and one small budget: the README's table.
# Needs: scripts/prepare_multi30k.sh
# Usage: scripts/compare_presets.sh [PRESET ...]     (about 8 minutes each on one core; s2s_rnmtplus 20)
#        WIDTH=256 UPDATES=8000 scripts/compare_presets.sh s2s_cgru s2s_gnmt
# Rows are appended to checkpoints/presets-WIDTH-UPDATES/table.tsv; a preset that stands there is not run again.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -d .venv ]; then PATH="$PWD/.venv/bin:$PATH"; fi
export OMP_WAIT_POLICY=PASSIVE OMP_NUM_THREADS=${OMP_NUM_THREADS:-1}

presets=(s2s s2s_attn s2s_sutskever2014 s2s_cho2014 s2s_bahdanau2015 s2s_luong2015 s2s_cgru s2s_gnmt
         s2s_conv_attn s2s_transformer_attn s2s_rnmtplus)
if [ $# -gt 0 ]; then presets=("$@"); fi
width=${WIDTH:-128}
updates=${UPDATES:-1600}
results=checkpoints/presets-$width-$updates
mkdir -p "$results"
touch "$results/table.tsv"

for preset in "${presets[@]}"; do
    if grep -q "^$preset	" "$results/table.tsv"; then continue; fi
    # Every vector and every state has the same width; the papers' depths are kept up to four layers.
    model=(--arch "$preset" --encoder-embed-dim "$width" --decoder-embed-dim "$width"
           --decoder-hidden-size "$width" --decoder-out-embed-dim "$width" --share-all-embeddings --dropout 0.2)
    case $preset in
        s2s_conv_attn) model+=(--conv-hidden-size "$width") ;;
        s2s_transformer_attn) model+=(--encoder-layers 4 --transformer-heads 4 --transformer-ffn-size $((4 * width))) ;;
        *) model+=(--encoder-hidden-size "$width") ;;
    esac
    case $preset in
        s2s | s2s_cho2014 | s2s_sutskever2014) ;;
        *) model+=(--attention-dim "$width") ;;
    esac
    case $preset in s2s_gnmt | s2s_rnmtplus) model+=(--encoder-layers 4 --decoder-layers 4) ;; esac

    loss=(--criterion label_smoothed_cross_entropy_fused --label-smoothing 0.1)
    optim=(--optimizer adam --lr 0.002 --clip-norm 1.0 --lr-scheduler cosine --warmup-updates 100)
    batch=(--max-tokens 1500 --required-batch-size-multiple 1 --max-update "$updates" --num-workers 0)
    fairseq-train data-bin/multi30k --user-dir fairseq_plugins --task translation --source-lang en --target-lang de \
        "${model[@]}" "${loss[@]}" "${optim[@]}" "${batch[@]}" --seed 1 --log-format simple --log-interval 100 \
        --save-dir "$results/$preset" --no-epoch-checkpoints > "$results/$preset.log"

    row=$preset$'\t'$(grep -o 'num. shared model params: [0-9,]*' "$results/$preset.log" | grep -o '[0-9,]*$')
    for subset in test:2016 test1:2017; do
        fairseq-generate data-bin/multi30k --user-dir fairseq_plugins --gen-subset "${subset%:*}" \
            --path "$results/$preset/checkpoint_last.pt" --beam 5 --max-len-a 1.5 --max-len-b 10 \
            --remove-bpe sentencepiece --scoring sacrebleu > "$results/$preset.${subset#*:}.out"
        row+=$'\t'$(python scripts/score.py --generated "$results/$preset.${subset#*:}.out" --metrics bleu --language de \
            --references "data-bin/multi30k.text/test.${subset#*:}.references.jsonl" --output "$results/$preset.${subset#*:}.json" |
            sed -n 's/^ *"bleu": \([0-9.]*\),*$/\1/p')
    done
    row+=$'\t'$(grep -o '| valid | .* ppl [0-9.]*' "$results/$preset.log" | tail -1 | grep -o '[0-9.]*$')
    echo "$row" | tee -a "$results/table.tsv"
done
