"""Small models, dictionaries and batches for the tests."""

from types import SimpleNamespace

import pytest
import torch
from fairseq import models
from fairseq.data import Dictionary, LanguagePairDataset
from fairseq.dataclass.utils import merge_with_parent
from fairseq.models import MODEL_DATACLASS_REGISTRY, BaseFairseqModel
from omegaconf import OmegaConf

import fairseq_plugins.models  # noqa: F401  (registers)
from fairseq_plugins.export.graphs import TESTED

CELLS = ("rnn", "gru", "lstm")
DIRECTIONS = ("forward", "bidirectional")
ARCHITECTURES = ("s2s_tiny", "s2s_attn_tiny")
OLD_TORCH = tuple(map(int, torch.__version__.split(".")[:2])) < TESTED
needs_graphs = pytest.mark.skipif(
    OLD_TORCH, reason=f"torch {torch.__version__} cannot write graphs"
)


def make_dictionary(symbols: int) -> Dictionary:
    """A dictionary of ``symbols`` content symbols, ``"0"``, ``"1"``, ... at indices 4, 5, ..."""
    dictionary = Dictionary()
    for symbol in range(symbols):
        dictionary.add_symbol(str(symbol))
    return dictionary


def make_task(source: Dictionary | None = None, target: Dictionary | None = None):
    """What a model needs of a task: two dictionaries."""
    return SimpleNamespace(
        source_dictionary=source or make_dictionary(11),
        target_dictionary=target or make_dictionary(9),
    )


def build_model(arch: str, task=None, *, seed: int = 1, **options) -> BaseFairseqModel:
    """A model by its registered name, as fairseq builds it, in float64 and evaluation mode."""
    torch.manual_seed(seed)
    cfg = OmegaConf.create({"_name": arch, **options})
    cfg = merge_with_parent(MODEL_DATACLASS_REGISTRY[arch](), cfg)
    model = models.build_model(OmegaConf.create({"model": cfg}).model, task or make_task())
    return model.double().eval()


def random_pairs(task, lengths: list[tuple[int, int]], *, seed: int = 2) -> list[tuple]:
    """Sentence pairs (source, target) of random symbols, each ending in ``</s>``."""
    generator = torch.Generator().manual_seed(seed)

    def sentence(dictionary: Dictionary, length: int) -> torch.Tensor:
        words = torch.randint(dictionary.nspecial, len(dictionary), (length,), generator=generator)
        return torch.cat([words, torch.tensor([dictionary.eos()])])

    return [
        (sentence(task.source_dictionary, s), sentence(task.target_dictionary, t))
        for s, t in lengths
    ]


def collate(task, pairs: list[tuple], *, left_pad_source: bool = True) -> dict:
    """A batch in the order of ``pairs``, made by fairseq's own data set."""
    dataset = LanguagePairDataset(
        [source for source, _ in pairs],
        [len(source) for source, _ in pairs],
        task.source_dictionary,
        [target for _, target in pairs],
        [len(target) for _, target in pairs],
        task.target_dictionary,
        left_pad_source=left_pad_source,
        shuffle=False,
    )
    batch = dataset.collater([dataset[index] for index in range(len(pairs))])
    order = torch.argsort(batch["id"])  # the collater sorts by length; back to the given order
    net_input = batch["net_input"]
    return {
        "id": batch["id"][order],
        "nsentences": len(pairs),
        "ntokens": batch["ntokens"],
        "net_input": {name: tensor[order] for name, tensor in net_input.items()},
        "target": batch["target"][order],
    }
