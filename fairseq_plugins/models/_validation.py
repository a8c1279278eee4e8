"""Options that no model can be built from, each refused in one sentence."""

from omegaconf import DictConfig

from ..errors import S2SError


def flag(name: str) -> str:
    """The option of a config field: ``encoder_layers`` -> ``--encoder-layers``."""
    return "--" + name.replace("_", "-")


def check_sizes(cfg: DictConfig) -> None:
    """Refuse sizes below 1 and dropouts outside [0, 1)."""
    for name, value in cfg.items():
        if name.endswith(("_dim", "_size", "_layers")) and value < 1:
            raise S2SError(f"{flag(name)} is {value}, but must be at least 1.")
        if "dropout" in name and not 0 <= value < 1:
            raise S2SError(f"{flag(name)} is {value}, but must be at least 0 and below 1.")


def check_embeddings(cfg: DictConfig, joined: bool) -> None:
    """Refuse embeddings that cannot be shared, or frozen without being read."""
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
