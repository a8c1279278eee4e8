"""JoeyNMT and OpenNMT-py: their RNN modules behind fairseq's model interface.

fairseq's batches, loss and optimiser drive them, so that only the modules differ. Both project
features of ``hidden_dim`` on the vocabulary, so at these sizes neither can share its output with
the embedding: they are measured so, as their users have them, and once more ``tied``, with
a linear layer to ``embed_dim`` in between, as fairseq's ``lstm`` and our models have it.
"""

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

from fairseq import utils
from fairseq.models import BaseFairseqModel
from torch import Tensor, nn

from .sizes import Sizes

NOTES = {
    "commands": "a peer's command is that of fairseq's lstm: of it only the task, the loss and the "
    "optimiser are its own",
    "joeynmt": "RecurrentEncoder and RecurrentDecoder with bahdanau attention and input feeding, "
    "its default; one embedding for source and target",
    "opennmt": "RNNEncoder and InputFeedRNNDecoder with mlp attention; one embedding for source "
    "and target. Its encoder halves the hidden size for two directions, so it is given "
    "2 * hidden_dim; its decoder and attention know one size only, so memory and last state are "
    "projected to hidden_dim",
    "tied": "the output shares the embedding's matrix, behind a linear layer from hidden_dim to "
    "embed_dim; without it the output has its own matrix, vocabulary times hidden_dim",
}
FOLDER = Path(sys.prefix) / "peers"  # where scripts/setup_peers.sh puts them
# What the peers import for other things than their RNNs (data, logs, other searches).
STUBS = {
    "joeynmt": ("torch.utils.tensorboard", "subword_nmt", "sacremoses", "datasets", "seaborn"),
    "onmt": "spacy ahocorasick rapidfuzz fasttext pyonmttok ctranslate2 configargparse".split(),
}


class Stub(types.ModuleType):
    """A module that has any name: for imports of which nothing is used."""

    __path__: list[str] = []

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})  # may be called, subclassed and asked for an instance


def import_peer(package: str, *modules: str) -> list[types.ModuleType]:
    """Modules of a peer; what it would import besides and is not there is a :class:`Stub`.

    Raises:
        ImportError: where the peer itself is not installed, or has changed
    """
    if str(FOLDER) not in sys.path:
        sys.path.append(str(FOLDER))
    if importlib.util.find_spec(package) is None:
        raise ImportError(f"{package} is not installed")
    for name in STUBS[package]:
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = Stub(name)
    return [importlib.import_module(f"{package}.{module}") for module in modules]


def stubbed() -> list[str]:
    """The modules that are stubs now."""
    return sorted(name for name, module in sys.modules.items() if isinstance(module, Stub))


class Peer(BaseFairseqModel):
    """A peer's module with what fairseq's losses ask of a model."""

    def __init__(self, padding: int) -> None:
        super().__init__()
        self.padding = padding

    def right_padded(self, tokens: Tensor) -> Tensor:
        """fairseq pads sources on the left, the peers on the right."""
        return utils.convert_padding_direction(tokens, self.padding, left_to_right=True)

    def get_normalized_probs(
        self, net_output: tuple[Tensor, None], log_probs: bool, sample: Any = None
    ) -> Tensor:
        """As fairseq's decoders do it."""
        normalise = utils.log_softmax if log_probs else utils.softmax
        return normalise(net_output[0], dim=-1)


def tied_output(sizes: Sizes, embedding: nn.Embedding) -> nn.Sequential:
    """Features of ``hidden_dim`` -> ``embed_dim`` -> logits by the embedding's matrix."""
    output = nn.Linear(sizes.embed_dim, embedding.num_embeddings, bias=False)
    output.weight = embedding.weight
    return nn.Sequential(nn.Linear(sizes.hidden_dim, sizes.embed_dim), output)
