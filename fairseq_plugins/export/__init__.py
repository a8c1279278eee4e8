"""An exported model: see ``fairseq_plugins.package`` for what is in its folder."""

from .writer import export

__all__ = ["export"]
