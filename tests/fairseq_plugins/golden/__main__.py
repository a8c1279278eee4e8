"""Make the golden models: a few kilobytes each, trained to reverse digits."""

import json
import shutil
import tempfile
from pathlib import Path

import torch

from fairseq_plugins import load

from ..commands import preprocess, reversed_digits, train, write_corpus

HERE = Path(__file__).parent
SMALL = ("--encoder-embed-dim", 16, "--decoder-embed-dim", 16, "--decoder-out-embed-dim", 16)
SMALL += ("--encoder-hidden-size", 32, "--decoder-hidden-size", 32, "--max-epoch", 12)
MODELS = {
    "s2s": (
        "--arch",
        "s2s_tiny",
        "--rnn-type",
        "gru",
        "--context-every-step",
        *SMALL,
        "--max-epoch",
        40,
    ),
    "s2s_attn": ("--arch", "s2s_attn_tiny", "--rnn-type", "lstm", "--attention-dim", 32, *SMALL),
}
TEXTS = ["1 2 3", "7", "9 0 4 4 2", "5 5", "8 1 6 3"]


def main() -> None:
    """Train, keep the weights and what the models say."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for seed, (subset, count) in enumerate((("train", 2000), ("valid", 50), ("test", 50))):
            write_corpus(folder, subset, reversed_digits(count, longest=5, seed=seed))
        preprocess(folder)
        for model, flags in MODELS.items():
            train(folder / "bin", folder / model, *flags)
            keep(folder / model / "checkpoint_best.pt", folder / "bin", HERE / model)


def keep(checkpoint: Path, data: Path, place: Path) -> None:
    """A checkpoint without what only training needs, its dictionaries, and what it says."""
    place.mkdir(exist_ok=True)
    state = torch.load(checkpoint, weights_only=True)
    state |= {"last_optimizer_state": None, "extra_state": {}, "optimizer_history": []}
    for part, option in (("common", "user_dir"), ("checkpoint", "save_dir"), ("task", "data")):
        state["cfg"][part][option] = ""  # of the machine that made it
    torch.save(state, place / "checkpoint_best.pt")
    for dictionary in data.glob("dict.*.txt"):
        shutil.copy(dictionary, place)
    (place / "said.json").write_text(json.dumps(said(place), indent=1) + "\n")


def said(place: Path) -> list[dict]:
    """What a model says to each text: its best three outputs and, of the best, all numbers."""
    model = load(place)
    found = model.generate(TEXTS, beam=3, nbest=3)
    scores = model.score([(text, text) for text in TEXTS])
    model.close()
    return [
        {
            "text": text,
            "outputs": [[each.text, each.score] for each in hypotheses],
            "token scores": hypotheses[0].token_scores,
            "alignment": hypotheses[0].alignment,
            "scores of the text itself": score,
        }
        for text, hypotheses, score in zip(TEXTS, found, scores, strict=True)
    ]


if __name__ == "__main__":
    main()
