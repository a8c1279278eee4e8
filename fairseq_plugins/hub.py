"""The door for Python users: ``load`` a trained model once, use it as often as you like.

>>> from fairseq_plugins import load
>>> model = load("checkpoints/chat")
>>> model.generate(["hello", "how are you"], beam=5)[0][0].text
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sentencepiece
import torch

from .errors import S2SError

try:
    import fairseq  # noqa: F401
except ImportError as error:
    raise S2SError(
        "fairseq is not installed: run pip install 'fairseq-s2s[fairseq]', or, on Python 3.10, "
        "your own fairseq 0.12.2."
    ) from error

from . import compat

compat.apply()

from fairseq.data import Dictionary, data_utils  # noqa: E402
from fairseq.dataclass.configs import GenerationConfig  # noqa: E402
from fairseq.dataclass.utils import merge_with_parent  # noqa: E402
from fairseq.models import MODEL_DATACLASS_REGISTRY, MODEL_REGISTRY, build_model  # noqa: E402
from fairseq.tasks.translation import TranslationTask  # noqa: E402
from omegaconf import OmegaConf  # noqa: E402

from .checkpoint import Checkpoint, check_options, find_checkpoint, read_checkpoint  # noqa: E402
from .models import S2SModel  # noqa: E402
from .ops.packed_linear import PRECISIONS  # noqa: E402
from .tasks import TranslationS2SConfig, TranslationS2STask  # noqa: E402

MAX_TOKENS = 4000  # source tokens in a batch

logging.getLogger("fairseq.tasks").setLevel(logging.WARNING)  # else four lines for each batch


@dataclass(frozen=True)
class Hypothesis:
    """One output for one input.

    Attributes:
        text: the output as text
        tokens: its pieces, ``</s>`` at the end
        score: mean log-probability per token (natural logarithm, length penalty applied)
        token_scores: log-probability of each token
        source_tokens: the input's pieces, ``</s>`` at the end
        alignment: (tokens, source_tokens), each row sums to 1; None without attention
    """

    text: str
    tokens: list[str]
    score: float
    token_scores: list[float]
    source_tokens: list[str]
    alignment: list[list[float]] | None


def load(
    path: str | Path,
    *,
    data: str | Path | None = None,
    languages: tuple[str, str] | None = None,
    device: str | torch.device = "cpu",
    precision: str | None = None,
) -> "Seq2Seq":
    """Load a model that was trained by ``fairseq-train`` with an architecture of this package.

    Args:
        path: a checkpoint, or a folder with ``checkpoint_best.pt`` or ``checkpoint_last.pt``
        data: the folder of the dictionaries ``dict.LANG.txt`` and, where the text was encoded
            with it, of the SentencePiece model ``*.model``; by default the checkpoint's own
        languages: source and target; needed only where neither checkpoint nor data tell
        device: where the model runs
        precision: of the matrix products on a CPU, ``"fp32"``, ``"bf16"`` or ``"int8"``; by default
            what the model was trained with, ``--decode-precision``

    Raises:
        S2SError: in one sentence, for whatever is missing, broken, unsafe or does not fit
    """
    path = find_checkpoint(path)
    checkpoint = read_checkpoint(path)
    folder = Path(data) if data is not None else path.parent
    source, target = languages or _languages(checkpoint, folder)
    task = TranslationS2STask(
        TranslationS2SConfig(source_lang=source, target_lang=target),
        _read_dictionary(folder / f"dict.{source}.txt"),
        _read_dictionary(folder / f"dict.{target}.txt"),
    )
    model = _build(checkpoint, task, precision).to(device)
    model.make_generation_fast_(need_attn=True)
    return Seq2Seq(model, task, _read_pieces(folder))


class Seq2Seq:
    """A trained model with its dictionaries; made by :func:`load`. Not yet thread-safe.

    The weights are packed for generation: a model that is to be trained on is fairseq's business.
    """

    def __init__(
        self,
        model: S2SModel,
        task: TranslationTask,
        pieces: sentencepiece.SentencePieceProcessor | None,
    ) -> None:
        self.model = model
        self.task = task
        self.pieces = pieces

    def encode(self, text: str) -> list[str]:
        """Text -> pieces, or words where the model has no SentencePiece model."""
        text = text.encode("utf-8", "replace").decode("utf-8")  # no lone surrogates
        return self.pieces.encode(text, out_type=str) if self.pieces else text.split()

    def decode(self, tokens: Sequence[str]) -> str:
        """Pieces -> text."""
        return self.pieces.decode(list(tokens)) if self.pieces else " ".join(tokens)

    @torch.inference_mode()
    def generate(
        self,
        texts: Sequence[str],
        *,
        beam: int = 5,
        nbest: int = 1,
        sampling: bool = False,
        topk: int = -1,
        topp: float = -1.0,
        temperature: float = 1.0,
        lenpen: float = 1.0,
        no_repeat_ngram: int = 0,
        min_len: int = 1,
        max_len: int = 200,
        seed: int | None = None,
    ) -> list[list[Hypothesis]]:
        """The ``nbest`` outputs for each text, best first, by fairseq's own search.

        Args:
            texts: any number of texts, in any order
            beam: hypotheses kept; with ``sampling`` the number of samples
            sampling: draw tokens instead of searching, from all or the ``topk`` likeliest, or
                from the likeliest whose probabilities sum to ``topp``
            temperature: divides the logits
            lenpen: above 1 favours long outputs
            no_repeat_ngram: no n-gram of this size occurs twice; 0 for no such rule
            min_len, max_len: bounds on the number of tokens
            seed: of the sampling

        Raises:
            S2SError: for settings out of range
        """
        _check_settings(
            beam=beam, nbest=nbest, min_len=min_len, max_len=max_len, temperature=temperature
        )
        if not texts:
            return []
        generator = self.task.build_generator(
            [self.model],
            GenerationConfig(
                beam=beam,
                nbest=nbest,
                sampling=sampling,
                sampling_topk=topk,
                sampling_topp=topp,
                temperature=temperature,
                lenpen=lenpen,
                no_repeat_ngram_size=no_repeat_ngram,
                min_len=min_len,
                max_len_a=0,
                max_len_b=max_len,
            ),
        )
        device = next(self.model.parameters()).device
        results: list[list[Hypothesis]] = [[] for _ in texts]
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            if seed is not None:
                torch.manual_seed(seed)
            for sample in self._batches(texts):
                sample["net_input"] = {
                    name: tensor.to(device) for name, tensor in sample["net_input"].items()
                }
                outputs = self.task.inference_step(generator, [self.model], sample)
                for row, index in enumerate(sample["id"].tolist()):
                    source = sample["net_input"]["src_tokens"][row]
                    results[index] = [
                        self._hypothesis(source, output) for output in outputs[row][:nbest]
                    ]
        return results

    def _batches(self, texts: Sequence[str]) -> Iterator[dict[str, Any]]:
        """fairseq batches of similar length; ``id`` is the place in ``texts``."""
        dictionary = self.task.source_dictionary
        sentences = [
            dictionary.encode_line(
                " ".join(self.encode(text)), add_if_not_exist=False, append_eos=True
            ).long()
            for text in texts
        ]
        lengths = [len(sentence) for sentence in sentences]
        longest = self.model.encoder.max_positions()
        if max(lengths) > longest:
            raise S2SError(
                f"A text of {max(lengths)} pieces is longer than this model can read ({longest}): "
                "shorten it."
            )
        return self.task.get_batch_iterator(
            dataset=self.task.build_dataset_for_inference(sentences, lengths),
            max_tokens=max(MAX_TOKENS, max(lengths)),
            required_batch_size_multiple=1,
            disable_iterator_cache=True,
        ).next_epoch_itr(shuffle=False)

    def _hypothesis(self, source: torch.Tensor, output: dict[str, torch.Tensor]) -> Hypothesis:
        """fairseq's output for one row ``source`` of a batch."""
        source_dict, target_dict = self.task.source_dictionary, self.task.target_dictionary
        ends = (target_dict.bos_word, target_dict.eos_word, target_dict.pad_word)
        real = source.ne(source_dict.pad())
        tokens = [target_dict[index] for index in output["tokens"].tolist()]
        alignment = None
        if output["attention"] is not None and output["attention"].numel() > 0:
            alignment = output["attention"].t()[:, real].tolist()
        return Hypothesis(
            text=self.decode([token for token in tokens if token not in ends]),
            tokens=tokens,
            score=float(output["score"]),
            token_scores=output["positional_scores"].tolist(),
            source_tokens=[source_dict[index] for index in source[real].tolist()],
            alignment=alignment,
        )


def _build(checkpoint: Checkpoint, task: TranslationTask, precision: str | None) -> S2SModel:
    """The model of a checkpoint, if it is one of ours, with its weights."""
    if precision is not None and precision not in PRECISIONS:
        raise S2SError(f"precision is {precision!r}, but must be one of {', '.join(PRECISIONS)}.")
    name = checkpoint.model["_name"]
    if not issubclass(MODEL_REGISTRY.get(name, type(None)), S2SModel):
        raise S2SError(
            f"The checkpoint {checkpoint.path} holds a model {name!r}, which is none of this "
            "package."
        )
    config = MODEL_DATACLASS_REGISTRY[name]
    options = check_options(checkpoint.model, config)
    options.update(encoder_embed_path=None, decoder_embed_path=None)  # the weights are at hand
    if precision is not None:
        options["decode_precision"] = precision
    cfg = merge_with_parent(config(), OmegaConf.create({"_name": name, **options}))
    model = build_model(OmegaConf.create({"model": cfg}).model, task)
    try:
        model.load_state_dict(checkpoint.weights, strict=True)
    except S2SError:
        raise
    except RuntimeError as error:
        raise S2SError(
            f"The weights in {checkpoint.path} do not fit its own options: the file is damaged."
        ) from error
    return model


def _languages(checkpoint: Checkpoint, folder: Path) -> tuple[str, str]:
    """Source and target language: fairseq stores them only where they were named."""
    stored = [checkpoint.task.get(key) for key in ("source_lang", "target_lang")]
    if all(isinstance(language, str) and language.isidentifier() for language in stored):
        return stored[0], stored[1]
    inferred = data_utils.infer_language_pair(str(folder))
    if inferred is not None and all(inferred):
        return inferred[0], inferred[1]
    dictionaries = sorted(folder.glob("dict.*.txt"))
    if len(dictionaries) == 2 and dictionaries[0].read_bytes() == dictionaries[1].read_bytes():
        first, second = (dictionary.name.split(".")[1] for dictionary in dictionaries)
        return first, second  # one joined dictionary: the direction makes no difference here
    raise S2SError(
        f"Neither {checkpoint.path} nor {folder} tells the languages of the model: give "
        "languages=(SOURCE, TARGET), or train with --source-lang and --target-lang."
    )


def _read_dictionary(path: Path) -> Dictionary:
    """A fairseq dictionary."""
    if not path.is_file():
        raise S2SError(
            f"There is no dictionary {path}: copy the dict.*.txt files of the training data beside "
            "the checkpoint."
        )
    try:
        return Dictionary.load(str(path))
    except Exception as error:  # fairseq raises several kinds for a malformed line
        raise S2SError(f"The dictionary {path} is damaged: {error}") from error


def _read_pieces(folder: Path) -> sentencepiece.SentencePieceProcessor | None:
    """The SentencePiece model of a folder, if it has one."""
    models = sorted(folder.glob("*.model"))
    if not models:
        return None
    if len(models) > 1:
        names = ", ".join(model.name for model in models)
        raise S2SError(f"There are several SentencePiece models in {folder} ({names}): keep one.")
    try:
        return sentencepiece.SentencePieceProcessor(model_file=str(models[0]))
    except (RuntimeError, OSError) as error:
        raise S2SError(f"The SentencePiece model {models[0]} cannot be read.") from error


def _check_settings(**settings: float) -> None:
    """Refuse what no search can run with."""
    for name, value in settings.items():
        if value <= 0:
            raise S2SError(f"{name} is {value}, but must be above 0.")
    if settings["nbest"] > settings["beam"]:
        raise S2SError(f"nbest ({settings['nbest']}) must not be above beam ({settings['beam']}).")
    if settings["min_len"] > settings["max_len"]:
        raise S2SError(
            f"min_len ({settings['min_len']}) must not be above max_len ({settings['max_len']})."
        )
