"""fairseq's own ``lstm`` and ``transformer``, to compare with: built from checked options only.

fairseq runs some strings among a model's stored options as Python while it builds the model
(``fairseq.utils.eval_str_list`` and its like). So whatever comes out of a checkpoint is looked at
first: an option must be None, a number or a list of numbers, and what fairseq would evaluate is
handed to it as a value that needs no evaluation.
"""

import argparse
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fairseq import utils
from fairseq.models import (
    ARCH_MODEL_NAME_REGISTRY,
    ARCH_MODEL_REGISTRY,
    MODEL_REGISTRY,
    FairseqEncoderDecoderModel,
)
from fairseq.tasks.translation import TranslationTask
from sentencepiece import SentencePieceProcessor

from fairseq_plugins.checkpoint import MAX_LAYERS, MAX_SIZE
from fairseq_plugins.errors import S2SError
from fairseq_plugins.hub import Hypothesis, Seq2Seq

MODELS = ("lstm", "transformer")
TRUTH = {"1": True, "True": True, "true": True, "0": False, "False": False, "false": False}
NUMBERS = re.compile(r"\s*\d+(\s*,\s*\d+)*\s*")
NOT_STORED = ("encoder_embed_path", "decoder_embed_path")  # the weights are at hand
POSITIONS = ("max_source_positions", "max_target_positions")


def model_name(arch: str) -> str | None:
    """``lstm`` or ``transformer``, if ``arch`` is an architecture of fairseq's own models."""
    name = ARCH_MODEL_NAME_REGISTRY.get(arch)
    if name not in MODELS or ARCH_MODEL_REGISTRY[arch] is not MODEL_REGISTRY[name]:
        return None
    return name if MODEL_REGISTRY[name].__module__.startswith("fairseq.models.") else None


def build(
    path: Path, stored: Mapping[str, Any], weights: dict[str, Any], task: TranslationTask
) -> FairseqEncoderDecoderModel:
    """The model of a checkpoint.

    Args:
        path: of the checkpoint, for error messages
        stored: its options, ``_name`` the architecture
        weights: by name
        task: with the dictionaries

    Raises:
        S2SError: for another model, an unsafe option, or weights that do not fit
    """
    name = model_name(str(stored.get("_name")))
    if name is None:
        raise S2SError(
            f"The checkpoint {path} holds a model {stored.get('_name')!r}: only models of this "
            f"package and fairseq's own {' and '.join(MODELS)} can be compared."
        )
    try:
        model = MODEL_REGISTRY[name].build_model(check(path, name, stored), task)
        model.load_state_dict(weights, strict=True)
    except S2SError:
        raise
    except Exception as error:  # fairseq's builders raise whatever odd numbers lead to
        raise S2SError(
            f"The weights in {path} do not fit its own options: the file is damaged."
        ) from error
    return model


def check(path: Path, name: str, stored: Mapping[str, Any]) -> argparse.Namespace:
    """The options of fairseq's ``name`` among those stored, none of which it will evaluate.

    Raises:
        S2SError: for the first that is neither a number nor empty
    """
    parser = argparse.ArgumentParser()
    MODEL_REGISTRY[name].add_args(parser)
    known = {action.dest for action in parser._actions} | set(POSITIONS)
    options = {key: stored[key] for key in sorted(known & set(stored))}
    options.update(dict.fromkeys(NOT_STORED))
    adaptive = stored.get("criterion") == "adaptive_loss"
    if name == "lstm" and not adaptive:  # a default that it reads with that criterion only
        options["adaptive_softmax_cutoff"] = None
    for key, value in options.items():
        options[key] = _plain(path, key, value)
    return argparse.Namespace(
        **options, criterion="adaptive_loss" if adaptive else "", arch=stored["_name"]
    )


def _plain(path: Path, key: str, value: Any) -> Any:
    """A value that fairseq cannot evaluate; refused where it is no plain one."""
    if key == "decoder_attention" and str(value) in TRUTH:
        return str(int(TRUTH[str(value)]))  # of fairseq's own form, a digit
    if key == "activation_fn" and value in utils.get_available_activation_fns():
        return value
    if key == "adaptive_softmax_cutoff" and isinstance(value, str) and NUMBERS.fullmatch(value):
        return [int(number) for number in value.split(",")]
    parts = value if isinstance(value, list) else [value]
    if not all(part is None or isinstance(part, int | float) for part in parts):
        raise S2SError(
            f"The checkpoint {path} is not loaded: its option {key!r} is {str(value)[:60]!r}, but "
            "must be a number, since fairseq would run text as a program."
        )
    limit = MAX_LAYERS if key.endswith("_layers") else MAX_SIZE
    if key.endswith(("_layers", "_dim", "_size", "_heads")) and abs(value or 0) > limit:
        raise S2SError(f"The checkpoint {path} has an option {key!r} of {value}, above {limit}.")
    return value


class BuiltinSeq2Seq(Seq2Seq):
    """One of fairseq's own models behind the interface of this package's.

    ``lstm`` pads on the right inside, while the caller's source is padded on the left, so that its
    alignments in a padded batch belong to other words. Only sentences of equal length go into a
    batch of it: there is no padding then.
    """

    def __init__(
        self,
        model: FairseqEncoderDecoderModel,
        task: TranslationTask,
        pieces: SentencePieceProcessor | None,
        folder: Path | None = None,
    ) -> None:
        super().__init__(model, task, pieces, folder)
        self._lstm = isinstance(model, MODEL_REGISTRY["lstm"])
        self.attends = not self._lstm or model.decoder.attention is not None

    def generate(self, texts: Sequence[str], **options: Any) -> list[list[Hypothesis]]:
        """As :meth:`Seq2Seq.generate`."""
        if not (self._lstm and self.attends):
            return super().generate(texts, **options)
        groups = defaultdict(list)
        for place, text in enumerate(texts):
            groups[len(self.source_tokens(text))].append(place)
        results: list[list[Hypothesis]] = [[] for _ in texts]
        for places in groups.values():
            found = super().generate([texts[place] for place in places], **options)
            for place, hypotheses in zip(places, found, strict=True):
                results[place] = hypotheses
        return results
