"""Whether model, dictionaries, SentencePiece model and data belong together."""

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from fairseq.data import Dictionary
from torch import Tensor

from .._whole_texts import Pair, collate
from .subject import Finding, Subject, batches, log_probabilities

MOST_FOREIGN = 0.05  # share of a dictionary that its SentencePiece model need not know: tags, marks
MOST_UNKNOWN = 0.5  # share of the data's words
LOSS_MARGIN = 0.15  # share by which the loss may be above the stored one, beside its own error
SURE = 2.0  # standard errors
EXCHANGED = 0.5  # bits a token by which the other way round is better, where it is the right one
TELLING = 0.9  # of the bits of equal counts, at most: then a dictionary's counts tell something


def pieces_fit(subject: Subject) -> Finding:
    """The dictionaries' symbols are pieces of the SentencePiece model."""
    law = "SentencePiece model and dictionaries fit"
    pieces = subject.prepared.pieces
    if pieces is None:
        return Finding(law, None, "the model has no SentencePiece model: it reads words")
    for side, dictionary in (("source", subject.source), ("target", subject.target)):
        symbols = dictionary.symbols[dictionary.nspecial :]
        symbols = [symbol for symbol in symbols if not symbol.startswith("madeupword")]
        unknown = [symbol for symbol in symbols if pieces.piece_to_id(symbol) == pieces.unk_id()]
        if len(unknown) > MOST_FOREIGN * len(symbols):
            return Finding(
                law,
                False,
                f"{len(unknown):,} of the {len(symbols):,} symbols of the {side} dictionary are no "
                f"pieces of it, {unknown[0]!r} for one: one of the two is another model's",
            )
    return Finding(law, True, f"{len(subject.source):,} and {len(subject.target):,} symbols")


def dictionaries_are_the_trainings(subject: Subject) -> Finding:
    """The dictionaries in use are those that stand beside the checkpoint."""
    law = "dictionaries = those beside the checkpoint"
    folder = subject.prepared.folder
    if subject.beside is None or folder is None or folder.samefile(subject.beside):
        return Finding(law, None, "there are no others")
    names = [f"dict.{language}.txt" for language in subject.languages]
    pairs = [(folder / name, subject.beside / name) for name in names]
    present = [(one, other) for one, other in pairs if other.is_file()]
    if not present:
        return Finding(law, None, "there are none beside it")
    for one, other in present:
        if _symbols(one) != _symbols(other):
            return Finding(law, False, f"{one} has other symbols, or another order, than {other}")
    return Finding(law, True, f"{len(present)} of them")


def counts_fit(subject: Subject) -> Finding:
    """What a dictionary says is frequent is frequent in the data."""
    law = "the data's words are the dictionaries'"
    if not subject.real:
        return Finding(law, None, "no data given")
    details = []
    for side, dictionary in enumerate((subject.source, subject.target)):
        counts = torch.tensor(dictionary.count[dictionary.nspecial :], dtype=torch.float) + 1
        shares = counts / counts.sum()
        equal = math.log2(max(2, len(shares)))
        if -(shares * shares.log2()).sum().item() > TELLING * equal:
            continue  # all symbols have nearly the same count
        words = torch.cat([pair[side] for pair in subject.pairs]) - dictionary.nspecial
        name = ("source", "target")[side]
        if not (words >= 0).any():
            return Finding(law, False, f"{name}: the data hold no word of the dictionary")
        bits = -shares[words[words >= 0]].log2().mean().item()
        details.append(f"{name}: {bits:.1f} bits a word by its counts, {equal:.1f} without")
        if not bits <= equal:
            why = "the dictionary is not that with which the data were binarised"
            return Finding(law, False, f"{details[-1]}: {why}")
    if not details:
        return Finding(law, None, "the dictionaries have no counts that differ")
    return Finding(law, True, "; ".join(details))


def words_are_known(subject: Subject) -> Finding:
    """Most of the data's words are in the dictionaries."""
    law = "the dictionaries know the data's words"
    if not subject.real:
        return Finding(law, None, "no data given")
    details, holds = [], True
    for side, dictionary in enumerate((subject.source, subject.target)):
        words = torch.cat([pair[side] for pair in subject.pairs])
        words = words[words != dictionary.eos()]
        share = (words == dictionary.unk()).sum().item() / max(1, len(words))
        details.append(f"{share:.1%} of the {('source', 'target')[side]} unknown")
        holds = holds and share <= MOST_UNKNOWN
    detail = ", ".join(details)
    if not holds:
        detail += ": the dictionary, or the segmentation of the text, is another one"
    return Finding(law, holds, detail)


def loss_is_as_stored(subject: Subject) -> Finding:
    """The data cost what the checkpoint says that its validation data cost."""
    law = "loss = that of the training's validation"
    if not subject.real:
        return Finding(law, None, "no data given")
    stored = subject.stored_loss
    if stored is None:
        return Finding(law, None, "the checkpoint tells no cross-entropy")
    if subject.subset != stored.subset:
        other = "a text" if subject.subset is None else subject.subset
        return Finding(law, None, f"the checkpoint tells that of {stored.subset}, not of {other}")
    losses, counts = _losses(subject, stored.smoothing)
    mean, error = _mean(losses, counts)
    limit = stored.bits * (1 + LOSS_MARGIN) + SURE * error
    detail = f"{mean:.2f} ± {error:.2f} bits a token, {stored.bits:.2f} when it was trained"
    if mean > limit:
        detail += ": a dictionary is not that of the training, or the data are of another kind"
    return Finding(law, mean <= limit, detail)


def better_than_counting(subject: Subject) -> Finding:
    """The model knows more of the outputs than how often each word occurs."""
    law = "better than word frequencies"
    if not subject.real:
        return Finding(law, None, "no data given")
    bits = _bits(subject.log_probabilities, subject.pairs)
    target = subject.target
    counts = torch.tensor(target.count, dtype=torch.float) + 1
    frequency = -(counts / counts[target.nspecial :].sum()).log2()
    words = torch.cat([pair[1][:-1] for pair in subject.pairs])
    counted = frequency[words].mean().item()
    detail = f"{bits:.2f} bits a token, {counted:.2f} by the dictionary's counts"
    if bits >= counted:
        detail += ": the target dictionary is not that of the training, or little was learned"
    return Finding(law, bits < counted, detail)


def reads_its_source(subject: Subject) -> Finding:
    """An output is likelier with its own source than with another one of the same length."""
    law = "the source matters"
    if not subject.real or len(subject.pairs) < 4:
        return Finding(law, None, "no data given" if not subject.real else "too few pairs")
    pairs = subject.pairs
    order = sorted(range(len(pairs)), key=lambda place: len(pairs[place][0]))
    moved = [order[-1], *order[:-1]]
    targets = [pairs[place][1] for place in order]
    other = [(pairs[i][0], target) for i, target in zip(moved, targets, strict=True)]
    saved = subject.log_probabilities[order] - log_probabilities(subject.model, other)
    gains = saved / math.log(2) / torch.tensor([len(target) for target in targets])
    mean, error = gains.mean().item(), (gains.std() / len(gains) ** 0.5).item()
    holds = mean > SURE * error
    detail = f"an output's own source saves {mean:.2f} ± {error:.2f} bits a token"
    if not holds:
        detail += (
            ": the source dictionary is not that of the training, the decoder looks elsewhere, or "
            "little was learned"
        )
    return Finding(law, holds, detail)


def reads_this_way_round(subject: Subject) -> Finding:
    """The pairs are not likelier with source and target exchanged."""
    law = "source and target are not exchanged"
    if not subject.real:
        return Finding(law, None, "no data given")
    one, other = subject.source, subject.target
    exchanged = [
        (_translate(target, other, one), _translate(source, one, other))
        for source, target in subject.pairs
    ]
    bits = _bits(subject.log_probabilities, subject.pairs)
    turned = _bits(log_probabilities(subject.model, exchanged), exchanged)
    detail = f"{bits:.2f} bits a token, {turned:.2f} the other way round"
    holds = bits <= turned + EXCHANGED
    if not holds:
        detail += ": the languages are exchanged"
    return Finding(law, holds, detail)


LAWS = (
    pieces_fit,
    dictionaries_are_the_trainings,
    counts_fit,
    words_are_known,
    loss_is_as_stored,
    better_than_counting,
    reads_its_source,
    reads_this_way_round,
)


def _symbols(path: Path) -> list[str]:
    """A dictionary's symbols, without their counts."""
    lines = path.read_text("utf-8").split("\n")  # a symbol may hold another separator
    return [line.rpartition(" ")[0] for line in lines if line]


def _translate(words: Tensor, one: Dictionary, other: Dictionary) -> Tensor:
    """Indices of one dictionary as those of another; what it lacks is unknown."""
    if one == other:
        return words
    symbols = [one[index] for index in words.tolist()]
    return torch.tensor([other.index(symbol) for symbol in symbols])


def _bits(log_probabilities: Tensor, pairs: Sequence[Pair]) -> float:
    """What a token of the targets costs."""
    tokens = sum(len(target) for _, target in pairs)
    return -log_probabilities.sum().item() / math.log(2) / tokens


@torch.no_grad()
def _losses(subject: Subject, smoothing: float) -> tuple[Tensor, Tensor]:
    """The loss of each pair in bits, with its labels smoothed as in the training; its tokens."""
    losses, counts = [], []
    for pairs in batches(subject.pairs):
        batch = collate(subject.model, pairs)
        output = subject.model(*batch.net_input)
        lprobs = subject.model.get_normalized_probs(output, log_probs=True)
        each = smoothing / (lprobs.size(-1) - 1)
        gold = lprobs.gather(2, batch.target.unsqueeze(2)).squeeze(2)
        loss = -(1 - smoothing - each) * gold
        if smoothing:
            loss = loss - each * lprobs.sum(dim=-1)
        real = batch.target.ne(subject.target.pad())
        losses.append(loss.masked_fill(~real, 0).sum(dim=1) / math.log(2))
        counts.append(real.sum(dim=1))
    return torch.cat(losses), torch.cat(counts).float()


def _mean(losses: Tensor, counts: Tensor) -> tuple[float, float]:
    """The mean for each token and its standard error, pairs drawn as a whole."""
    mean = losses.sum() / counts.sum()
    spread = (losses - mean * counts).std() if len(losses) > 1 else torch.tensor(0.0)
    return mean.item(), (spread * len(losses) ** 0.5 / counts.sum()).item()
