"""What the models of a search say about the next word, and what it may be."""

import math
from typing import Any

import torch
from fairseq.models import BaseFairseqModel, FairseqDecoder
from fairseq.models.transformer import TransformerModelBase
from fairseq.sequence_generator import EnsembleModel, SequenceGenerator
from torch import Tensor

# the methods of models that give the log-softmax of the decoder's output, and nothing else
PLAIN = (BaseFairseqModel.get_normalized_probs, TransformerModelBase.get_normalized_probs)


class WordScores:
    """The log-probabilities of the next word, restricted to what a generator's options allow.

    Args:
        generator: with the models and the options
        max_len: the number of words that a hypothesis may have before ``</s>``
    """

    def __init__(self, generator: SequenceGenerator, max_len: int) -> None:
        self.generator, self.max_len = generator, max_len
        self.decoder = plain_decoder(generator.model)

    def decode(
        self,
        tokens: Tensor,
        encoder_outs: list[dict[str, Any]],
        incremental_states: list[dict[str, Any]],
    ) -> tuple[Tensor, Tensor | None]:
        """The models' output (rows, vocabulary) and alignment (rows, src_len) of the next word.

        The output are log-probabilities, or logits of a :func:`plain_decoder`.
        """
        temperature = self.generator.temperature
        if self.decoder is None:
            return self.generator.model.forward_decoder(
                tokens, encoder_outs, incremental_states, temperature
            )
        logits, *extra = self.decoder.forward(
            tokens,
            encoder_out=encoder_outs[0] if encoder_outs else None,
            incremental_state=incremental_states[0],
        )
        logits = logits[:, -1]
        if temperature != 1:
            logits = logits / temperature
        return logits, _last_alignment(*extra[:1])

    def dtype(self, output: Tensor) -> torch.dtype:
        """The type of the log-probabilities of this output; fairseq's log-softmax is float32."""
        return output.dtype if self.decoder is None else torch.float32

    def lprobs(self, step: int, output: Tensor) -> Tensor:
        """Log-probabilities, minus infinity for what may not be said at this step.

        Args:
            step: number of the words said before
            output: some rows of what :meth:`decode` gives, to be used once
        """
        generator, lprobs = self.generator, output
        if self.decoder is not None:
            lprobs = torch.log_softmax(output, -1, dtype=torch.float32)
        if step >= self.max_len:
            end = lprobs[:, generator.eos].clone()
            lprobs.fill_(-math.inf)[:, generator.eos] = end
        lprobs[:, generator.pad] = -math.inf
        if generator.unk_penalty:
            lprobs[:, generator.unk] -= generator.unk_penalty
        if step < generator.min_len:
            lprobs[:, generator.eos] = -math.inf
        if generator.token_indices_to_suppress is not None:
            lprobs[:, generator.token_indices_to_suppress] = -math.inf
        return lprobs


def plain_decoder(model: EnsembleModel) -> FairseqDecoder | None:
    """The decoder of the only model, if its log-probabilities are the log-softmax of its output."""
    only, decoder = type(model.models[0]), model.models[0].decoder
    plain = (
        model.models_size == 1
        and type(model).forward_decoder is EnsembleModel.forward_decoder
        and only.get_normalized_probs in PLAIN
        and only.get_normalized_probs_scriptable is BaseFairseqModel.get_normalized_probs_scriptable
        and _is_inherited(decoder, "get_normalized_probs")
        and _is_inherited(decoder, "get_normalized_probs_scriptable")
        and getattr(decoder, "adaptive_softmax", None) is None
    )
    return decoder if plain else None


def _is_inherited(decoder: FairseqDecoder, name: str) -> bool:
    """Whether a method is the one that all decoders have, on the class and on the object."""
    return getattr(getattr(decoder, name), "__func__", None) is getattr(FairseqDecoder, name)


def _last_alignment(extra: Any = None) -> Tensor | None:
    """The last word's alignment (rows, src_len), out of what a decoder gives beside its output."""
    found = extra if extra is None or isinstance(extra, Tensor) else extra["attn"]
    found = found[0] if found is not None and not isinstance(found, Tensor) else found
    return None if found is None else found[:, -1]
