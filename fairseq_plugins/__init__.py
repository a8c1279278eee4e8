"""RNN sequence-to-sequence models with attention, as a fairseq plugin.

``fairseq-train --user-dir fairseq_plugins --arch s2s_attn DATA`` imports this package after fairseq
and so registers the models. Imported first, by a program, it is cheap (neither torch nor fairseq is
loaded) and registers nothing until :func:`load` is called.
"""

import sys
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["S2SError", "Seq2Seq", "__version__", "load"]

if TYPE_CHECKING:
    from .errors import S2SError
    from .hub import Seq2Seq, load

if sys.modules.get("fairseq") is not None:  # the --user-dir road: repair fairseq, then register
    from . import compat

    compat.apply()
    from . import criterions, models, tasks  # noqa: F401


def __getattr__(name: str) -> Any:
    """Import the public names only when they are asked for (PEP 562)."""
    if name in ("load", "Seq2Seq"):
        from . import hub

        return getattr(hub, name)
    if name == "S2SError":
        from .errors import S2SError

        return S2SError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
