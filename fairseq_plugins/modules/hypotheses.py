"""The encoder's output during a search: each sentence once, however many hypotheses it has.

fairseq repeats the encoder's output for every hypothesis and reorders the copies at every step.
Here a sentence stays one row, and its k hypotheses are k neighbouring rows of the decoder. The
entry ``rows`` (sentences, k) tells which; without it each sentence has one.
"""

import torch
from torch import Tensor

EncoderOut = dict[str, list[Tensor]]


def rows_of(encoder_out: EncoderOut) -> Tensor:
    """The decoder's rows of each sentence (sentences, k)."""
    if "rows" in encoder_out:
        return encoder_out["rows"][0]
    mask = encoder_out["padding_mask"][0]
    return torch.arange(len(mask), device=mask.device).unsqueeze(1)


def reorder(encoder_out: EncoderOut, new_order: Tensor) -> EncoderOut:
    """The encoder's output for the rows ``new_order``, with each sentence once where that is so.

    So it is in a beam search: first every sentence is repeated, then its hypotheses change places
    among themselves, and finished sentences go, all hypotheses of one together. Any other order
    makes a copy for each row, as fairseq does.
    """
    rows = rows_of(encoder_out)
    sentences, k = rows.shape
    wanted = torch.div(new_order, k, rounding_mode="floor")  # the sentence of each row
    if "rows" not in encoder_out:
        k = len(new_order) // max(sentences, 1)
    if k == 0 or len(new_order) % k:
        return select(encoder_out, wanted)
    groups = wanted.view(-1, k)
    kept = groups[:, 0]
    if not torch.equal(groups, kept.unsqueeze(1).expand_as(groups)):
        return select(encoder_out, wanted)
    if len(kept) == sentences and torch.equal(kept, torch.arange(sentences, device=kept.device)):
        same = dict(encoder_out)
    else:
        same = select(encoder_out, kept)
    return same | {"rows": [torch.arange(len(new_order), device=kept.device).view(-1, k)]}


def select(encoder_out: EncoderOut, sentences: Tensor) -> EncoderOut:
    """These sentences, one row for each; every entry is batch-first."""
    return {
        name: [tensor.index_select(0, sentences) for tensor in tensors]
        for name, tensors in encoder_out.items()
        if name != "rows"
    }


def repeat(tensor: Tensor, rows: int) -> Tensor:
    """A tensor with one row for each sentence, as one with ``rows``."""
    sentences = tensor.size(0)
    return tensor if sentences == rows else tensor.repeat_interleave(rows // sentences, dim=0)
