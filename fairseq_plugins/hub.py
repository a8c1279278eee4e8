"""The door for Python users: ``load`` a trained model once, use it as often as you like.

>>> from fairseq_plugins import load
>>> model = load("checkpoints/chat")
>>> model.generate(["hello", "how are you"], beam=5)[0][0].text
>>> for token in model.stream("hello"):
...     print(token.text)
"""

import logging
import warnings
from pathlib import Path

import torch

from .errors import S2SError

try:
    with warnings.catch_warnings():  # fairseq scripts two functions, which torch 2.15 deprecates
        warnings.filterwarnings("ignore", message=r"`torch\.jit\.script` is deprecated")
        import fairseq  # noqa: F401
except ImportError as error:
    raise S2SError(
        "fairseq is not installed: run pip install fairseq-fixed==0.12.3.1, or, on Python 3.10, "
        "install your own fairseq 0.12.2."
    ) from error

from . import compat

compat.apply()

from ._alignment import WordAlignment  # noqa: E402
from ._loading import Opened, build, open_model  # noqa: E402
from ._seq2seq import Seq2Seq  # noqa: E402
from ._token_stream import Token, TokenStream  # noqa: E402
from .hypothesis import Hypothesis  # noqa: E402
from .stepwise import Busy  # noqa: E402

__all__ = ["Busy", "Hypothesis", "Seq2Seq", "Token", "TokenStream", "WordAlignment", "load"]

logging.getLogger("fairseq.tasks").setLevel(logging.WARNING)  # else four lines for each batch


def load(
    path: str | Path,
    *,
    data: str | Path | None = None,
    languages: tuple[str, str] | None = None,
    device: str | torch.device = "cpu",
    precision: str | None = None,
) -> Seq2Seq:
    """Load a model that was trained by ``fairseq-train`` with an architecture of this package.

    Args:
        path: an exported model (``s2s export``), a checkpoint, or a folder with
            ``checkpoint_best.pt`` or ``checkpoint_last.pt``
        data: the folder of the dictionaries ``dict.LANG.txt`` and, where the text was encoded
            with it, of the SentencePiece model ``*.model``; by default the checkpoint's own, where
            the SentencePiece model is looked for in any case
        languages: source and target; needed only where neither checkpoint nor data tell
        device: where the model runs
        precision: of the matrix products on a CPU, ``"fp32"``, ``"bf16"`` or ``"int8"``; by default
            what the model was trained with, ``--decode-precision``

    Raises:
        S2SError: in one sentence, for whatever is missing, broken, unsafe or does not fit
    """
    check_device(device)
    return prepare(open_model(path, data, languages), device, precision)


def check_device(device: str | torch.device) -> None:
    """Raise S2SError for a device that torch does not know or this machine does not have."""
    try:
        torch.empty(0, device=device)
    except (AssertionError, RuntimeError, TypeError) as error:
        found = ["cpu", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
        raise S2SError(
            f"The device {str(device)!r} cannot be used here: take one of {', '.join(found)}."
        ) from error


def prepare(
    opened: Opened, device: str | torch.device = "cpu", precision: str | None = None
) -> Seq2Seq:
    """A model that has been read, ready to answer; see :func:`load`."""
    model = build(opened.checkpoint, opened.task, precision).to(device)
    model.make_generation_fast_(need_attn=True)
    return Seq2Seq(model, opened.task, opened.pieces, opened.folder)
