#!/usr/bin/env bash
# Word alignment: models trained on Tatoeba, English to French, read 522 literary sentences with their translations; links come
# from their attention. AER and F1 of the sure links beside fairseq's transformer and a statistical aligner on the same text.
# Needs: scripts/setup_env.sh; $S2S_DATA/tatoeba_fra_eng, $S2S_DATA/alibi_wordalign_fr_en; pip install eflomal (it compiles), or ALIGNER=systran-align
# Usage: scripts/recipes/alignment.sh [s2s_attn] [transformer] [statistical] [any fairseq-train flag]
#        Core-minutes: s2s_attn 38 (with CPU_BF16=1), transformer 62, statistical 1
source "$(dirname "$0")/common.sh"
choose "s2s_attn transformer statistical" "$@"
export S2S_ALLOW_NAMESPACE=1 # fairseq's own models keep their options in one

optim=(--optimizer adam --lr 0.002 --clip-norm 1.0 --lr-scheduler cosine --warmup-updates 300 --warmup-init-lr 0.00001)
batch=(--max-tokens 3000 --max-update 3000 --no-epoch-checkpoints --label-smoothing 0.1)
model() {
    case $1 in
        s2s_attn) echo --arch s2s_attn --rnn-type gru --bridge summary --readout maxout --share-all-embeddings --dropout 0.2 \
            --encoder-embed-dim 128 --encoder-hidden-size 256 --decoder-embed-dim 128 --decoder-out-embed-dim 128 \
            --decoder-hidden-size 256 --attention-dim 256 --attention-query between --context-to both \
            --criterion label_smoothed_cross_entropy_fused "${ours[@]}" ;;
        transformer) echo --arch transformer --share-all-embeddings --dropout 0.2 --encoder-layers 4 --decoder-layers 4 \
            --encoder-embed-dim 128 --encoder-ffn-embed-dim 512 --encoder-attention-heads 4 --decoder-ffn-embed-dim 512 \
            --decoder-attention-heads 4 --criterion label_smoothed_cross_entropy ;;
    esac
}

# Training examples are 1 to 6 sentences in a row: the gold ones are much longer than Tatoeba's.
name=tatoeba-en-fr text=$out/data-bin/tatoeba-en-fr.text gold=(--gold "$data/alibi_wordalign_fr_en")
prepare "$name" en fr 6000 tatoeba tatoeba_fra_eng --source en --target fr --join 6
for choice in $(pick "s2s_attn transformer statistical"); do
    if [ "$choice" = statistical ]; then
        system=${ALIGNER:-eflomal} run=$out/checkpoints/$name-$choice
        mkdir -p "$run"
        python scripts/align.py --aligner "$system" --train-text "$text/train.tgt" "$text/train.src" "${gold[@]}" \
            --output "$run/align.json" --scores "$system, symmetrised=$run/gold.json"
        python scripts/results.py add --results "$results" --task alibi-alignment --model "$system" --seed 1 --scores "$run/gold.json" \
            --command "$(command_of "$recipe statistical")"
        continue
    fi
    for seed in "${seeds[@]}"; do
        run=$out/checkpoints/$name-$choice-$seed
        # shellcheck disable=SC2046 # options, one word each
        train "$name" "$run" "$seed" $(model "$choice") "${optim[@]}" "${batch[@]}" "${flags[@]}"
        python scripts/align.py --model "$run" "${gold[@]}" --output "$run/align.json" --scores "model, soft=$run/gold.json"
        record alibi-alignment "$choice" "$seed" "$run" gold "$recipe $choice"
    done
done
