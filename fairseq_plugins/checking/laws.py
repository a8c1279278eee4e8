"""Laws of the computation: two ways to one number, and what an alignment must be."""

from collections.abc import Sequence

import torch
from fairseq.dataclass.configs import GenerationConfig
from torch import Tensor

from .._whole_texts import Output, Pair, Request, attend, collate, force, search, unpadded
from .._word_choice import RowOptions
from ..errors import S2SError
from ..export.graphs import trace
from ..models import S2SModel
from .subject import TOLERANCE, Finding, Subject, batches

PAIRS = 32  # for a law
LONGEST = 60  # words of an output that is searched for


@torch.no_grad()
def forced_equals_stepwise(subject: Subject) -> Finding:
    """Teacher forcing, and one word at a time with the state between, give the same scores."""
    worst = 0.0
    for pairs in batches(subject.some(PAIRS)):
        stepwise = _score_by_step(subject.model, pairs)
        worst = max(worst, _difference(force(subject.model, pairs), stepwise))
    hint = "the decoder's step does not continue where the step before it ended"
    return _numbers("teacher forcing = step by step", worst, hint)


@torch.no_grad()
def padded_equals_alone(subject: Subject) -> Finding:
    """A sentence's scores do not depend on what else is in its batch."""
    worst = 0.0
    for pairs in batches(subject.some(PAIRS)):
        together = force(subject.model, pairs)
        alone = [force(subject.model, [pair])[0] for pair in pairs]
        worst = max(worst, _difference(together, alone))
    hint = "padding, or another sentence of the batch, is read: look at masks and keys"
    return _numbers("padded batch = each sentence alone", worst, hint)


def found_equals_forced(subject: Subject) -> Finding:
    """What a search says of its outputs is what teacher forcing says of them."""
    sources = [source for source, _ in subject.some(PAIRS)]
    outputs = _search(subject, sources, beam=5)
    pairs = [
        (source, torch.tensor(output[0].tokens))
        for source, output in zip(sources, outputs, strict=True)
    ]
    scores = [output[0].token_scores for output in outputs]
    hint = "the model as it is prepared for generation computes something else"
    worst = _difference(scores, [force(subject.model, [pair])[0] for pair in pairs])
    return _numbers("scores of a search = teacher forcing", worst, hint)


def beam_one_equals_greedy(subject: Subject) -> Finding:
    """A beam of one finds what the likeliest word at each step makes; but for ties."""
    law = "beam 1 = greedy"
    sources = [source for source, _ in subject.some(PAIRS)]
    outputs = _search(subject, sources, beam=1)
    options = [RowOptions(max_len=LONGEST)] * len(sources)
    other = ties = 0
    for stream, output in zip(
        subject.prepared.batcher.stream(sources, options), outputs, strict=True
    ):
        steps = list(stream)
        if [step.word for step in steps] != output[0].tokens:
            if abs(sum(step.score for step in steps) - sum(output[0].token_scores)) < TOLERANCE:
                ties += 1
            else:
                other += 1
    detail = f"{len(sources) - other - ties} of {len(sources)} outputs the same, {ties} ties"
    return Finding(law, not other, detail)


@torch.no_grad()
def alignments_are_distributions(subject: Subject) -> Finding:
    """Each row of an alignment is non-negative, sums to 1, and gives nothing to padding."""
    law = "alignments sum to 1"
    worst = lowest = 0.0
    for pairs in batches(subject.some(PAIRS)):
        for rows in attend(subject.model, pairs):
            if rows is None:
                return Finding(law, None, "the model has no attention")
            alignment = torch.tensor(rows)  # without the columns of padding
            off = (alignment.sum(dim=1) - 1).abs().nan_to_num(torch.inf)
            worst = max(worst, off.max().item())
            lowest = min(lowest, alignment.min().item())
    if lowest < 0:
        return Finding(law, False, f"a weight is {lowest:.2g}")
    return _numbers(law, worst, "weight goes to padding: the mask may have the wrong polarity")


@torch.no_grad()
def exported_equals_eager(subject: Subject) -> Finding:
    """The graphs that ``s2s export`` would write compute what the model does."""
    law = "exported = eager"
    try:
        graphs = trace(subject.model)
    except S2SError as error:
        return Finding(law, None, str(error))
    source_graph, step_graph = graphs.source.module(), graphs.step.module()
    given = len(graphs.names.source)
    worst = 0.0
    for pairs in batches(subject.some(PAIRS)):
        batch = collate(subject.model, pairs)
        carried = source_graph(batch.src_tokens)
        scores = []
        for t in range(batch.target.size(1)):
            lprobs, *rest = step_graph(batch.prev_output_tokens[:, t], *carried)
            carried = (*carried[:given], *rest[graphs.names.alignment :])
            scores.append(lprobs.gather(1, batch.target[:, t : t + 1]))
        found = unpadded(torch.cat(scores, dim=1), pairs)
        worst = max(worst, _difference(found, force(subject.model, pairs)))
    return _numbers(law, worst, "an exported package would answer differently")


def options_run(subject: Subject) -> Finding:
    """Every way of searching gives outputs, within their bounds."""
    sources = [source for source, _ in subject.some(4)]
    empty = torch.zeros(0, dtype=torch.long)
    ways: dict[str, dict[str, object]] = {
        "beam 10, nbest 10": {"beam": 10, "nbest": 10},
        "length penalty 0.5": {"beam": 5, "lenpen": 0.5},
        "no repeated pair": {"beam": 5, "no_repeat_ngram_size": 2},
        "at least 3 words": {"beam": 5, "min_len": 3},
        "temperature 2": {"beam": 2, "temperature": 2.0},
        "sampling": {"beam": 3, "sampling": True},
        "sampling from 5": {"beam": 1, "sampling": True, "sampling_topk": 5},
        "sampling from 0.9": {"beam": 1, "sampling": True, "sampling_topp": 0.9},
    }
    failed = []
    for name, options in ways.items():
        try:
            outputs = _search(subject, sources, **options)
            if not all(each and len(each[0].tokens) <= LONGEST + 1 for each in outputs):
                raise S2SError("no output, or one that is too long")
        except Exception as error:
            failed.append(f"{name}: {type(error).__name__}: {error}")
    eos = subject.target.eos()
    prefix = torch.tensor([word for word in subject.pairs[0][1].tolist() if word != eos][:1])
    forced = Request(sources[0], prefix if len(prefix) else empty)
    config = GenerationConfig(beam=2, max_len_a=0, max_len_b=LONGEST)
    [[output, *_]] = subject.prepared.batcher.run(
        lambda: search(subject.prepared.model, subject.prepared.task, config, [forced])
    )
    if output.tokens[: len(prefix)] != prefix.tolist():
        failed.append("a prefix: the output does not begin with it")
    detail = "; ".join(failed) or f"{len(ways) + 1} ways of searching"
    return Finding("the options run", not failed, detail)


LAWS = (
    forced_equals_stepwise,
    padded_equals_alone,
    found_equals_forced,
    beam_one_equals_greedy,
    alignments_are_distributions,
    exported_equals_eager,
    options_run,
)


def _numbers(law: str, worst: float, hint: str) -> Finding:
    """A law of two numbers that differ by ``worst`` at most."""
    holds = worst < TOLERANCE
    detail = f"largest difference {worst:.1e}"
    return Finding(law, holds, detail if holds else f"{detail}: {hint}")


def _difference(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> float:
    """The largest, of numbers that are at least of the size of 1."""
    largest = 0.0
    for row, same in zip(one, other, strict=True):
        first, second = torch.tensor(row), torch.tensor(same)
        scale = torch.maximum(first.abs(), second.abs()).clamp(min=1)
        largest = max(largest, ((first - second).abs() / scale).nan_to_num(torch.inf).max().item())
    return largest


def _score_by_step(model: S2SModel, pairs: Sequence[Pair]) -> list[list[float]]:
    """The targets' log-probabilities, word by word."""
    src_tokens, lengths, before, target = collate(model, pairs)
    encoder_out = model.encoder(src_tokens, lengths)
    state: dict[str, dict[str, Tensor | None]] = {}
    scores = []
    for t in range(before.size(1)):
        output = model.decoder(before[:, : t + 1], encoder_out, incremental_state=state)
        lprobs = model.get_normalized_probs(output, log_probs=True)[:, -1]
        scores.append(lprobs.gather(1, target[:, t : t + 1]))
    return unpadded(torch.cat(scores, dim=1), pairs)


def _search(subject: Subject, sources: Sequence[Tensor], **options: object) -> list[list[Output]]:
    """fairseq's search with the prepared model, in its thread."""
    config = GenerationConfig(**{"max_len_a": 0, "max_len_b": LONGEST, **options})
    empty = torch.zeros(0, dtype=torch.long)
    requests = [Request(source, empty) for source in sources]
    prepared = subject.prepared
    return prepared.batcher.run(
        lambda: search(prepared.model, prepared.task, config, requests, seed=1)
    )
