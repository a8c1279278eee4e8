"""Fault: ``--replace-unk`` fails in three ways (fairseq issues 686, 1033, 3533).

Without a value it opens a file named "@@ " (dataclass/configs.py, utils.load_align_dict); without
``--print-alignment`` no alignment reaches ``utils.replace_unk`` (IndexError), and with it one of
another form (TypeError). With this repair every hypothesis carries, for each target word, the
source word with the largest alignment weight, and the unknown ones are replaced before
``--remove-bpe`` joins words. fairseq-interactive copies the words as they were typed (see
:mod:`.interactive`). Inert without the flag.
"""

import functools
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from fairseq import utils
from fairseq.data import Dictionary, data_utils
from fairseq.dataclass.configs import GenerationConfig
from fairseq.models import BaseFairseqModel
from fairseq.sequence_scorer import SequenceScorer
from fairseq.tasks import FairseqTask
from fairseq.tokenizer import tokenize_line
from torch import Tensor

from ..errors import S2SError
from .interactive import WORDS
from .patching import original, wrap

NO_VALUE = "@@ "


class Alignment(list[Any]):
    """What fairseq prints for ``--print-alignment``, and what replacing unknown words needs.

    Args:
        printed: fairseq's own list, empty without ``--print-alignment``
        source: for a target position, the position of its source word
        length: the number of source words
        words: the source words where fairseq itself forgets them
    """

    def __init__(
        self, printed: list[Any], source: dict[int, int], length: int, words: list[str] | None
    ) -> None:
        super().__init__(printed)
        self.source, self.length, self.words = source, length, words

    def word(self, position: int, src_str: str) -> str | None:
        """The source word of a target position; None where words and tokens do not match."""
        words = self.words or tokenize_line(src_str)
        at = self.source.get(position)
        return None if at is None or len(words) < self.length else words[at]


def needed() -> bool:
    """Whether the missing value is still a file name, or the alignment still a list of pairs."""
    const = {f.name: f.metadata.get("argparse_const") for f in fields(GenerationConfig)}
    if const.get("replace_unk") == NO_VALUE:
        return True
    try:
        original(utils, "replace_unk")("<unk>", "word", [(0, 0)], {}, "<unk>")
    except TypeError:
        return True
    return False


def load_align_dict(upstream: Callable[..., Any], replace_unk: str | None) -> Any:
    """Load the dictionary; the flag alone means an empty one, so that words are copied."""
    return {} if replace_unk == NO_VALUE else upstream(replace_unk)


def build_generator(
    upstream: Callable[..., Any],
    self: FairseqTask,
    models: list[BaseFairseqModel],
    args: Any,
    *rest: Any,
    **kwargs: Any,
) -> Any:
    """Build the generator; with ``--replace-unk`` it aligns its hypotheses."""
    generator = upstream(self, models, args, *rest, **kwargs)
    if getattr(args, "replace_unk", None) is not None:
        if isinstance(generator, SequenceScorer):
            raise S2SError("--replace-unk does not go together with --score-reference.")
        if not isinstance(generator.generate, functools.partial):  # a task's super() was here
            generator.generate = functools.partial(_generate, generator.generate, self)
    return generator


def _generate(
    generate: Callable[..., Any],
    task: FairseqTask,
    models: list[BaseFairseqModel],
    sample: Any,
    **kwargs: Any,
) -> Any:
    hypos = generate(models, sample, **kwargs)
    words = getattr(task, WORDS, None)
    for i, src_tokens in enumerate(sample["net_input"]["src_tokens"].cpu()):
        for hypo in hypos[i]:
            typed = None if words is None else words[i]
            hypo["alignment"] = _align(hypo, src_tokens, task.source_dictionary, typed)
    return hypos


def _align(
    hypo: dict[str, Any], src_tokens: Tensor, dictionary: Dictionary, words: list[str] | None
) -> Alignment:
    attention = hypo["attention"].cpu()  # (src_len, tgt_len)
    if attention.numel() == 0:
        raise S2SError("--replace-unk needs a model with attention, and this one has none.")
    pad, eos = dictionary.pad(), dictionary.eos()
    pairs = utils.extract_hard_alignment(attention.t(), src_tokens, hypo["tokens"].cpu(), pad, eos)
    printed = hypo["alignment"] if isinstance(hypo["alignment"], list) else []
    length = int((src_tokens.ne(pad) & src_tokens.ne(eos)).sum())
    return Alignment(printed, {tgt: src for src, tgt in pairs}, length, words)


def post_process_prediction(
    upstream: Callable[..., Any],
    hypo_tokens: Tensor,
    src_str: str,
    alignment: Any,
    align_dict: dict[str, str] | None,
    tgt_dict: Dictionary,
    remove_bpe: str | None = None,
    extra_symbols_to_ignore: Any = None,
) -> Any:
    """Make the output string, with every unknown word replaced that has a source word."""
    if align_dict is None or not isinstance(alignment, Alignment):
        return upstream(
            hypo_tokens,
            src_str,
            alignment,
            align_dict,
            tgt_dict,
            remove_bpe,
            extra_symbols_to_ignore,
        )
    words = tokenize_line(
        tgt_dict.string(hypo_tokens, extra_symbols_to_ignore=extra_symbols_to_ignore)
    )
    for position, word in enumerate(words):
        if word == tgt_dict.unk_string():
            source = alignment.word(position, src_str)
            words[position] = word if source is None else align_dict.get(source, source)
    hypo_str = data_utils.post_process(" ".join(words), remove_bpe)
    return tgt_dict.encode_line(hypo_str, add_if_not_exist=True), hypo_str, alignment


def apply() -> None:
    """Wrap the three functions on the way from the flag to the output."""
    wrap(utils, "load_align_dict", load_align_dict)
    wrap(FairseqTask, "build_generator", build_generator)
    wrap(utils, "post_process_prediction", post_process_prediction)
