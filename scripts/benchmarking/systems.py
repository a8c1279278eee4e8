"""The systems that are compared, each as the flags of ``fairseq-train`` that a user would give."""

import contextlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from fairseq import options
from fairseq.data import Dictionary
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from fairseq.models import BaseFairseqModel
from fairseq.tasks import TASK_REGISTRY, FairseqTask
from omegaconf import DictConfig

import fairseq_plugins.criterions
import fairseq_plugins.models
import fairseq_plugins.tasks  # noqa: F401  (the three register)

from .peer_joeynmt import build_joeynmt
from .peer_opennmt import build_opennmt
from .sizes import Sizes

BASE = "fairseq_lstm"
STOCK_LOSS = "label_smoothed_cross_entropy"
FUSED_LOSS = "label_smoothed_cross_entropy_fused"


class Absent(Exception):
    """Why a system cannot take part here."""


@dataclass(frozen=True)
class System:
    """One contender.

    Attributes:
        flags: of ``fairseq-train``, beyond those that all of its family have
        ours: built from this package's options rather than fairseq's
        peer: builds the module of another project, with the loss and the optimiser of fairseq
    """

    flags: tuple[str, ...] = ()
    ours: bool = True
    peer: Callable[[Sizes, Dictionary], BaseFairseqModel] | None = None


def ours(*flags: str, task: str = "translation", loss: str = FUSED_LOSS) -> System:
    """A model of this package."""
    return System((*flags, "--task", task, "--criterion", loss))


def theirs(peer: Callable[[Sizes, Dictionary], BaseFairseqModel] | None = None) -> System:
    """fairseq's ``lstm``, or a peer's model in its place."""
    flags = ("--arch", "lstm", "--task", "translation", "--criterion", STOCK_LOSS)
    return System(flags, ours=False, peer=peer)


READOUT_ATTENTION = ("--attention-query", "current", "--context-to", "readout")

TRAINING: dict[str, System] = {
    BASE: theirs(),
    "s2s_attn_lstm": ours("--arch", "s2s_attn"),
    "s2s_attn_gru": ours("--arch", "s2s_attn", "--rnn-type", "gru"),
    "s2s_attn_lstm_bf16": ours("--arch", "s2s_attn", "--cpu-bf16"),
    "s2s_attn_lstm_no_fast": ours("--arch", "s2s_attn", "--no-fast", loss=STOCK_LOSS),
    "s2s_attn_readout_attention": ours("--arch", "s2s_attn", *READOUT_ATTENTION),
    "s2s": ours("--arch", "s2s"),
    "joeynmt_lstm": theirs(partial(build_joeynmt, "lstm")),
    "joeynmt_gru": theirs(partial(build_joeynmt, "gru")),
    "joeynmt_lstm_tied": theirs(partial(build_joeynmt, "lstm", tied=True)),
    "opennmt_lstm": theirs(partial(build_opennmt, "lstm")),
    "opennmt_gru": theirs(partial(build_opennmt, "gru")),
    "opennmt_lstm_tied": theirs(partial(build_opennmt, "lstm", tied=True)),
}


def decoding(precision: str) -> System:
    """Our model for generation; the loss is only there because fairseq's parser wants one."""
    flags = ("--arch", "s2s_attn", "--decode-precision", precision)
    return ours(*flags, task="translation_s2s", loss=STOCK_LOSS)


GENERATION: dict[str, System] = {
    BASE: TRAINING[BASE],
    "s2s_attn_fp32": decoding("fp32"),
    "s2s_attn_bf16": decoding("bf16"),
    "s2s_attn_int8": decoding("int8"),
    "s2s_attn_no_fast": ours("--arch", "s2s_attn", "--no-fast", loss=STOCK_LOSS),
    "joeynmt_lstm": TRAINING["joeynmt_lstm"],
}


def command(system: System, sizes: Sizes) -> list[str]:
    """The flags of ``fairseq-train`` for a system."""
    embed, hidden = str(sizes.embed_dim), str(sizes.hidden_dim)
    flags = ["made-up", "--cpu", "--optimizer", "adam", "--lr", str(sizes.learning_rate)]
    flags += ["--clip-norm", str(sizes.clip_norm), "--dropout", str(sizes.dropout)]
    flags += ["--label-smoothing", str(sizes.label_smoothing), "--share-all-embeddings"]
    for side in ("encoder", "decoder"):
        flags += [f"--{side}-embed-dim", embed, f"--{side}-hidden-size", hidden]
    flags += ["--decoder-out-embed-dim", embed, *system.flags]
    if not system.ours:
        return [*flags, "--encoder-bidirectional", "--decoder-attention", "1"]
    return flags if system.flags[1] == "s2s" else [*flags, "--attention-dim", hidden]


def configure(system: System, sizes: Sizes) -> DictConfig:
    """fairseq's configuration, from its own parser.

    Raises:
        Absent: with the parser's reason, for an option or a name that is not there
    """
    refusal = io.StringIO()
    try:
        with contextlib.redirect_stderr(refusal):
            parser = options.get_training_parser()
            arguments = options.parse_args_and_arch(parser, command(system, sizes))
    except SystemExit:
        reason = refusal.getvalue().strip().rpartition("error: ")[2]
        raise Absent(reason.partition(" (choose from")[0]) from None
    return convert_namespace_to_omegaconf(arguments)


def build(
    system: System, sizes: Sizes, dictionary: Dictionary
) -> tuple[DictConfig, FairseqTask, BaseFairseqModel]:
    """Configuration, task and model, the weights drawn from a fixed seed.

    Raises:
        Absent: where something that the system needs is not there
    """
    cfg = configure(system, sizes)
    task: Any = TASK_REGISTRY[cfg.task._name](cfg.task, dictionary, dictionary)
    torch.manual_seed(1)
    if system.peer is None:
        return cfg, task, task.build_model(cfg.model)
    try:
        return cfg, task, system.peer(sizes, dictionary)
    except ImportError as error:
        raise Absent(f"{error}; scripts/setup_peers.sh installs the peers") from error
