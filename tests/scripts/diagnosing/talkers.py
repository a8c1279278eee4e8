"""A tiny model that talks nonsense, and conversations for it."""

import torch
from fairseq.data import Dictionary

from fairseq_plugins.hub import Seq2Seq
from fairseq_plugins.tasks import TranslationS2SConfig, TranslationS2STask
from scripts.reporting.subject import TestSet
from tests.fairseq_plugins.builders import build_model

ENGLISH = "yes no i you know see what the cat where is it here thanks".split()
CHINESE = list("是不我你知道看什么猫在哪里")


def make_model(words=(*ENGLISH, *CHINESE), seed=1):
    """A model with random weights, scaled up so that some words are likelier than others."""
    dictionary = Dictionary()
    for word in words:
        dictionary.add_symbol(word)
    config = TranslationS2SConfig(source_lang="src", target_lang="tgt")
    task = TranslationS2STask(config, dictionary, dictionary)
    model = build_model("s2s_attn_tiny", task, seed=seed).float()
    with torch.no_grad():
        for weights in model.parameters():
            weights.mul_(3)
    model.make_generation_fast_(need_attn=True)
    return Seq2Seq(model, task, None)


def make_pairs(count, *, words=ENGLISH, step=3):
    """Messages after an earlier turn, and replies; no two messages are alike."""
    size = len(words)
    sources = [
        f"hello <sep> {words[n % size]} {words[n // size % size]} {words[n * step % size]}"
        for n in range(count)
    ]
    references = [
        " ".join(words[(n * step + place) % size] for place in range(3 + n % 7))
        for n in range(count)
    ]
    return TestSet("src", "tgt", sources, references)
