"""The card of a model that is talked to: what is known about it, in texts that may be shown."""

from pathlib import Path
from typing import TYPE_CHECKING

from .dialog import Card, clean

if TYPE_CHECKING:
    from fairseq_plugins.hub import Seq2Seq


def read_card(model: "Seq2Seq", name: str, path: str | Path) -> Card:
    """The card of a loaded model; what nobody has said stays empty.

    Args:
        model: as loaded from ``path``
        name: as the picker shows it
        path: of its checkpoint, or of the folder that holds it or an exported model
    """
    from fairseq_plugins.checkpoint import find_model  # brings torch
    from fairseq_plugins.model_card import describe, read_model_card

    told = read_model_card(find_model(path))
    weights = list(model.model.parameters())
    return Card(
        name=name,
        architecture=describe(told.options, model.attends),
        parameters=sum(weight.numel() for weight in weights),
        vocabulary=len(model.task.target_dictionary),
        device=weights[0].device.type,
        attends=model.attends,
        data=clean(told.data),
        licence=clean(told.licence),
        date=clean(told.date),
        scores=tuple((clean(name), clean(score)) for name, score in told.scores.items()),
    )
