"""An exported model without torch and fairseq: numpy, onnxruntime and SentencePiece are enough.

>>> from fairseq_plugins.runner import load
>>> model = load("exported/chat")
>>> model.generate(["hello"])[0][0].text
"""

from .model import OnnxModel, load

__all__ = ["OnnxModel", "load"]
