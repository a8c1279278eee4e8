"""Options that no model can be built from, each refused in one sentence."""

from fairseq.dataclass import FairseqDataclass
from fairseq.tasks import FairseqTask
from fairseq.tasks.language_modeling import LanguageModelingTask
from omegaconf import DictConfig

from ..errors import S2SError


def flag(name: str) -> str:
    """The option of a config field: ``encoder_layers`` -> ``--encoder-layers``."""
    return "--" + name.replace("_", "-")


def check_task(task: FairseqTask) -> None:
    """Refuse a task whose model is no encoder and decoder."""
    if isinstance(task, LanguageModelingTask):
        raise S2SError(
            f"A {type(task).__name__} cannot train an encoder-decoder of one source and one "
            "target dictionary: use --task translation, translation_multi_simple_epoch, "
            "translation_from_pretrained_bart or denoising."
        )


def check_sizes(cfg: DictConfig) -> None:
    """Refuse sizes below 1 and dropouts outside [0, 1)."""
    counts = ("_dim", "_size", "_layers", "_heads", "_channels", "_mixtures", "_positions")
    for key, value in cfg.items():
        name = str(key)
        if name.endswith(counts) and isinstance(value, int) and value < 1:
            raise S2SError(f"{flag(name)} is {value}, but must be at least 1.")
        if name.endswith("word_dropout"):
            if not 0 <= value <= 1:
                raise S2SError(f"{flag(name)} is {value}, but must be between 0 and 1.")
        elif "dropout" in name and isinstance(value, float) and not 0 <= value < 1:
            raise S2SError(f"{flag(name)} is {value}, but must be at least 0 and below 1.")


def check_embeddings(cfg: DictConfig, joined: bool) -> None:
    """Refuse embeddings that cannot be shared."""
    shared = cfg.share_all_embeddings or cfg.share_decoder_input_output_embed
    if cfg.share_all_embeddings and not joined:
        raise S2SError(
            "--share-all-embeddings needs one dictionary for both sides: run fairseq-preprocess "
            "with --joined-dictionary."
        )
    if cfg.share_all_embeddings and cfg.encoder_embed_dim != cfg.decoder_embed_dim:
        raise S2SError(
            f"--share-all-embeddings needs --encoder-embed-dim ({cfg.encoder_embed_dim}) equal to "
            f"--decoder-embed-dim ({cfg.decoder_embed_dim})."
        )
    if cfg.share_all_embeddings and cfg.decoder_freeze_embed:
        raise S2SError(
            "--share-all-embeddings leaves one embedding, so --decoder-freeze-embed has no "
            "meaning: use --encoder-freeze-embed."
        )
    if cfg.share_all_embeddings and cfg.decoder_embed_path not in (None, cfg.encoder_embed_path):
        raise S2SError(
            "--share-all-embeddings reads one embedding file: --decoder-embed-path "
            f"({cfg.decoder_embed_path}) must equal --encoder-embed-path "
            f"({cfg.encoder_embed_path}) or be left out."
        )
    if shared and cfg.decoder_out_embed_dim != cfg.decoder_embed_dim:
        raise S2SError(
            f"A shared output embedding needs --decoder-out-embed-dim "
            f"({cfg.decoder_out_embed_dim}) equal to --decoder-embed-dim "
            f"({cfg.decoder_embed_dim})."
        )


def check_recurrence(cfg: DictConfig) -> None:
    """Refuse a nonlinearity where no side takes it, and residuals into the lowest layer."""
    types = [str(cfg.encoder_rnn_type), str(cfg.decoder_rnn_type)]
    given = f"--encoder-rnn-type {types[0]} and --decoder-rnn-type {types[1]}"
    if str(cfg.rnn_nonlinearity) != "tanh" and "rnn" not in types:
        raise S2SError(
            f"--rnn-nonlinearity {cfg.rnn_nonlinearity} is an option of the cell rnn, but the "
            f"cells are {given}."
        )
    if cfg.residual_from < 0 or cfg.residual_from == 1:
        raise S2SError(
            f"--residual-from is {cfg.residual_from}, but must be 0 (none) or at least 2: the "
            "lowest layer's input is an embedding, not a state."
        )


def check_memory_is_read(cfg: DictConfig) -> None:
    """Refuse a projection of the memory where a plain decoder does not read it."""
    if cfg.encoder_out_dim is not None and str(cfg.bridge) != "transform-all":
        raise S2SError(
            f"--encoder-out-dim {cfg.encoder_out_dim} is the size of a memory vector, which a "
            f"plain decoder with --bridge {cfg.bridge} does not read: leave it out."
        )


def check_unused(cfg: DictConfig, defaults: FairseqDataclass) -> None:
    """Refuse options that another one would have to switch on, where they are changed alone."""
    types = (str(cfg.encoder_rnn_type), str(cfg.decoder_rnn_type))
    layers = max(cfg.encoder_layers, cfg.decoder_layers)
    history, window = (str(getattr(cfg, f"attention_{x}", None)) for x in ("history", "window"))
    adaptive = cfg.adaptive_softmax_cutoff is not None
    needs = {
        "gru_reset": ("gru" in types, "a cell of --rnn-type gru"),
        "lstm_output": ("lstm" in types, "a cell of --rnn-type lstm"),
        "forget_bias": ("lstm" in types, "a cell of --rnn-type lstm"),
        "residual_from": (cfg.residual_from <= layers, f"more layers than {layers}"),
        "adaptive_softmax_dropout": (adaptive, "--adaptive-softmax-cutoff"),
        "adaptive_softmax_factor": (adaptive, "--adaptive-softmax-cutoff"),
        "attention_fertility": (
            history == "fertility-coverage",
            f"--attention-history fertility-coverage, not {history}",
        ),
        "attention_location_channels": (
            history == "location",
            f"--attention-history location, not {history}",
        ),
        "attention_location_kernel_size": (
            history == "location",
            f"--attention-history location, not {history}",
        ),
        "attention_window_size": (
            window == "local-p",
            f"--attention-window local-p, not {window}",
        ),
    }
    for name, (switched_on, need) in needs.items():
        if not switched_on and name in cfg and str(cfg[name]) != str(getattr(defaults, name)):
            raise S2SError(f"{flag(name)} {cfg[name]} needs {need}.")


def check_outputs(cfg: DictConfig) -> None:
    """Refuse outputs that exclude each other."""
    if cfg.adaptive_softmax_cutoff is None:
        return
    excluded = {
        "--share-all-embeddings": cfg.share_all_embeddings,
        "--share-decoder-input-output-embed": cfg.share_decoder_input_output_embed,
        f"--softmax-mixtures {cfg.softmax_mixtures}": cfg.softmax_mixtures > 1,
        "--pointer-generator": getattr(cfg, "pointer_generator", False),
    }
    for option, given in excluded.items():
        if given:
            raise S2SError(
                f"--adaptive-softmax-cutoff {cfg.adaptive_softmax_cutoff} has an output of its "
                f"own, which {option} cannot use: leave one of them out."
            )


def check_attention(cfg: DictConfig) -> None:
    """Refuse contexts that would be needed before they are made, or that nothing takes."""
    query, target = str(cfg.attention_query), str(cfg.context_to)
    given = f"--attention-query {query} and --context-to {target}"
    late = target in ("readout", "input-feeding") or query == "current"
    refused = [
        (
            cfg.context_every_step,
            "--context-every-step gives C to every step of the plain decoder, but the attention "
            "decoder makes a context of its own for each step: leave it out, or use --arch s2s.",
        ),
        (
            query == "current" and target in ("cell", "both"),
            f"--context-to {target} needs the context before the step, but with "
            "--attention-query current it is made after the step: use --context-to readout or "
            "input-feeding.",
        ),
        (
            query == "between" and late,
            "--attention-query between makes its second transition from the context, which "
            f"--context-to {target} keeps from it: use --context-to cell or both.",
        ),
        (
            target == "input-feeding" and query != "current",
            "--context-to input-feeding tells the next step what the current state has seen, but "
            f"here --attention-query is {query}: use --attention-query current.",
        ),
        (
            str(cfg.context_layers) == "all" and late,
            f"--context-layers all needs the context before the layers, but with {given} it is "
            "given to the readout.",
        ),
        (
            str(cfg.context_layers) == "all" and cfg.decoder_layers == 1,
            "--context-layers all is for the layers above the first, but --decoder-layers is 1.",
        ),
        (
            str(cfg.readout) == "state" and (target == "both" or late),
            "--readout state takes nothing but the decoder's state, but with "
            f"{given} the readout is given the context.",
        ),
    ]
    for wrong, sentence in refused:
        if wrong:
            raise S2SError(sentence)


def refuse_other(cfg: DictConfig, name: str, value: str | int, why: str) -> None:
    """Refuse any value but one, where a paper leaves no choice."""
    given = cfg[name] if isinstance(value, int) else str(cfg[name])
    if given != value:
        raise S2SError(f"{flag(name)} is {given}, but must be {value}: {why}.")


def refuse_changed(cfg: DictConfig, defaults: type, names: list[str], why: str) -> None:
    """Refuse options that a model does not use, where they are not at their default."""
    for name in names:
        if str(cfg[name]) != str(getattr(defaults(), name)):
            raise S2SError(f"{flag(name)} {cfg[name]} has no meaning: {why}, so leave it out.")
