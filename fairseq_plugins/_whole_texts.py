"""A batch of whole texts: searched for by fairseq's generator, or scored as they are."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from fairseq.data import data_utils
from fairseq.dataclass.configs import GenerationConfig
from fairseq.models import FairseqEncoderDecoderModel
from fairseq.models.lstm import LSTMEncoder
from fairseq.sequence_generator import SequenceGenerator
from fairseq.tasks.translation import TranslationTask
from fairseq.token_generation_constraints import pack_constraints
from torch import Tensor

from ._search_strategies import ConstrainedSearch, SeededSampling
from .errors import S2SError

MAX_TOKENS = 4000  # source tokens in a batch, and target tokens that are scored together
SHOWN = 60  # characters of a text in a sentence
NOTHING = (
    "Nothing can be said to the text {!r} within these bounds: take a larger beam or max_len, a "
    "smaller min_len, or leave out no_repeat_ngram, its prefix or its constraints."
)

Result = TypeVar("Result")
Pair = tuple[Tensor, Tensor]  # source (src_len,) and target (tgt_len,), each with </s>


class Request(NamedTuple):
    """What is to be searched for; indices.

    Attributes:
        source: (src_len,), with ``</s>``
        prefix: (prefix_len,), how the output begins, without ``</s>``; may be empty
        constraints: phrases that the output holds, each (phrase_len,)
        text: as it was given
    """

    source: Tensor
    prefix: Tensor
    constraints: Sequence[Tensor] = ()
    text: str = ""


class Batch(NamedTuple):
    """Pairs as tensors, padded at their ends.

    Attributes:
        src_tokens: (batch, src_len)
        src_lengths: (batch,)
        prev_output_tokens: (batch, tgt_len), what comes before each target, ``</s>`` first
        target: (batch, tgt_len)
    """

    src_tokens: Tensor
    src_lengths: Tensor
    prev_output_tokens: Tensor
    target: Tensor

    @property
    def net_input(self) -> tuple[Tensor, Tensor, Tensor]:
        """What the model takes."""
        return self[:3]


class Output(NamedTuple):
    """One hypothesis of fairseq's generator; indices with ``</s>`` at their end."""

    source: list[int]
    tokens: list[int]
    score: float
    token_scores: list[float]
    alignment: list[list[float]] | None  # (tokens, source)


def search(
    model: FairseqEncoderDecoderModel,
    task: TranslationTask,
    config: GenerationConfig,
    requests: Sequence[Request],
    seed: int | None = None,
) -> list[list[Output]]:
    """The hypotheses for each request, best first; fewer than the beam where there are no more.

    Prefixes of one length go together: fairseq gives no minimal length to a row that is within
    the longest prefix of its batch.

    Raises:
        S2SError: for a text to which nothing may be said within the bounds
    """
    device = next(model.parameters()).device
    generator = _generator(model, task, config, seed, device)
    results: list[list[Output]] = [[] for _ in requests]
    groups: dict[int, list[int]] = {}
    for place, request in enumerate(requests):
        groups.setdefault(len(request.prefix), []).append(place)
    for places in groups.values():
        for sample in _batches(task, [requests[place].source for place in places]):
            own = [places[index] for index in sample["id"].tolist()]
            net_input = {name: part.to(device) for name, part in sample["net_input"].items()}
            sample["net_input"] = net_input
            wishes = _wishes([requests[place] for place in own], bool(config.constraints), device)
            found = task.inference_step(generator, [model], sample, **wishes)
            for row, place in enumerate(own):
                if not found[row]:
                    raise S2SError(NOTHING.format(requests[place].text[:SHOWN]))
                source = net_input["src_tokens"][row]
                real = source.ne(task.source_dictionary.pad())
                results[place] = [_output(source[real], real, each) for each in found[row]]
    return results


def _generator(
    model: FairseqEncoderDecoderModel,
    task: TranslationTask,
    config: GenerationConfig,
    seed: int | None,
    device: torch.device,
) -> SequenceGenerator:
    """fairseq's generator, which ends at the longest output whether something was found or not."""
    generator = task.build_generator([model], config)
    if config.sampling:
        numbers = torch.Generator(device)
        numbers.seed() if seed is None else numbers.manual_seed(int(seed))
        generator.search = SeededSampling(
            task.target_dictionary, config.sampling_topk, config.sampling_topp, numbers
        )
    elif config.constraints:
        generator.search = ConstrainedSearch(task.target_dictionary, config.constraints)
    generator.search.stop_on_max_len = True
    return generator


def _wishes(
    requests: Sequence[Request], constrained: bool, device: torch.device
) -> dict[str, Tensor]:
    """What fairseq's generator is told of prefixes, all of one length, and constraints."""
    wishes = {}
    if len(requests[0].prefix):
        prefixes = torch.stack([request.prefix for request in requests])
        wishes["prefix_tokens"] = prefixes.to(device)
    if constrained:  # the search wants them, were there none in this batch
        wishes["constraints"] = pack_constraints([list(each.constraints) for each in requests])
    return wishes


def _batches(task: TranslationTask, sources: Sequence[Tensor]) -> Iterator[dict[str, Any]]:
    """fairseq batches of similar length; ``id`` is the place in ``sources``.

    Without fairseq's iterator, whose DataLoader draws from the random numbers of the process.
    """
    lengths = [len(source) for source in sources]
    dataset = task.build_dataset_for_inference(list(sources), lengths)
    dataset.shuffle = False
    for places in dataset.batch_by_size(
        dataset.ordered_indices(),
        max_tokens=max(MAX_TOKENS, max(lengths)),
        required_batch_size_multiple=1,
    ):
        yield dataset.collater([dataset[place] for place in places])


def _output(source: Tensor, real: Tensor, found: dict[str, Any]) -> Output:
    attention = found["attention"]
    alignment: list[list[float]] | None = None
    if attention is not None and attention.numel() > 0:
        alignment = attention.t()[:, real].tolist()
    return Output(
        source.tolist(),
        found["tokens"].tolist(),
        float(found["score"]),
        found["positional_scores"].tolist(),
        alignment,
    )


@torch.no_grad()
def embed(model: FairseqEncoderDecoderModel, sources: Sequence[Tensor]) -> list[Tensor]:
    """The semantic vector C (decoder_dim,) of each source (src_len,), on the CPU.

    It is the top layer of the decoder's first state, or what the bridge calls the context.
    """
    pairs = [(source, source[:0]) for source in sources]
    return _in_batches(lambda pairs: _embed(model, [source for source, _ in pairs]), pairs)


def _embed(model: FairseqEncoderDecoderModel, sources: Sequence[Tensor]) -> list[Tensor]:
    """The vectors of one batch."""
    device = next(model.parameters()).device
    src_tokens = data_utils.collate_tokens(sources, model.encoder.dictionary.pad()).to(device)
    lengths = torch.tensor([len(source) for source in sources], device=device)
    state = model.decoder.init_state(model.encoder(src_tokens, lengths))
    return list((state["context"] if "context" in state else state["hidden"][:, -1]).float().cpu())


def force(model: FairseqEncoderDecoderModel, pairs: Sequence[Pair]) -> list[list[float]]:
    """Log-probability of each word of the targets, by teacher forcing."""
    return _in_batches(lambda pairs: _force(model, pairs), pairs)


def attend(
    model: FairseqEncoderDecoderModel, pairs: Sequence[Pair]
) -> list[list[list[float]] | None]:
    """The alignment (tgt_len, src_len) of each pair, by teacher forcing; None without attention.

    fairseq's ``lstm`` is given one pair at a time: its alignments are wrong in a padded batch
    (issue 3625 of fairseq).
    """
    most = 1 if isinstance(model.encoder, LSTMEncoder) else MAX_TOKENS
    return _in_batches(lambda pairs: _attend(model, pairs), pairs, most)


def _in_batches(
    function: Callable[[Sequence[Pair]], Sequence[Result]],
    pairs: Sequence[Pair],
    most: int = MAX_TOKENS,
) -> list[Result]:
    """What ``function`` gives for each pair, in batches of ``most`` pairs and similar lengths."""
    order = sorted(range(len(pairs)), key=lambda place: sum(map(len, pairs[place])))
    longest = max(len(part) for pair in pairs for part in pair)
    size = max(1, min(most, MAX_TOKENS // longest))
    results: dict[int, Result] = {}
    for start in range(0, len(order), size):
        places = order[start : start + size]
        results.update(zip(places, function([pairs[i] for i in places]), strict=True))
    return [results[place] for place in range(len(pairs))]


def _force(model: FairseqEncoderDecoderModel, pairs: Sequence[Pair]) -> list[list[float]]:
    """The scores of one batch."""
    batch = collate(model, pairs)
    lprobs = model.get_normalized_probs(model(*batch.net_input), log_probs=True)
    scores = lprobs.gather(2, batch.target.unsqueeze(2)).squeeze(2)
    return unpadded(scores, pairs)


def _attend(
    model: FairseqEncoderDecoderModel, pairs: Sequence[Pair]
) -> list[list[list[float]] | None]:
    """The alignments of one batch."""
    extra = model(*collate(model, pairs).net_input)[1]
    alignment = extra["attn"][0] if isinstance(extra, dict) else extra  # fairseq's lstm: bare
    if alignment is None:
        return [None] * len(pairs)
    rows = alignment.float().cpu()  # (batch, tgt_len, src_len), padded at the end
    return [
        each[: len(target), : len(source)].tolist()
        for each, (source, target) in zip(rows, pairs, strict=True)
    ]


def collate(model: FairseqEncoderDecoderModel, pairs: Sequence[Pair]) -> Batch:
    """A batch, where the model is."""
    sources, targets = zip(*pairs, strict=True)
    eos, pad = model.decoder.dictionary.eos(), model.decoder.dictionary.pad()
    device = next(model.parameters()).device
    return Batch(
        data_utils.collate_tokens(sources, model.encoder.dictionary.pad()).to(device),
        torch.tensor([len(source) for source in sources], device=device),
        data_utils.collate_tokens(targets, pad, eos, move_eos_to_beginning=True).to(device),
        data_utils.collate_tokens(targets, pad).to(device),
    )


def unpadded(scores: Tensor, pairs: Sequence[Pair]) -> list[list[float]]:
    """The rows of (batch, tgt_len), each as long as its target."""
    rows = zip(scores.tolist(), pairs, strict=True)
    return [row[: len(target)] for row, (_, target) in rows]
