"""The sentences: Multi30k through fairseq's own iterator, and batches of one length."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from fairseq.data import Dictionary, LanguagePairDataset
from fairseq.tasks.translation import TranslationTask, load_langpair_dataset

from .sizes import BenchmarkError, Sizes

SOURCE, TARGET = "en", "de"
Batch = dict[str, Any]


@dataclass
class Data:
    """A joined dictionary and two sets of sentence pairs."""

    dictionary: Dictionary
    train: LanguagePairDataset
    test: LanguagePairDataset


def load(folder: Path) -> Data:
    """Data that ``fairseq-preprocess`` has made.

    Raises:
        BenchmarkError: where they are missing, with the command that makes them
    """
    names = (f"dict.{SOURCE}.txt", f"train.{SOURCE}-{TARGET}.{SOURCE}.bin")
    if not all((folder / name).exists() for name in names):
        raise BenchmarkError(
            f"{folder} does not hold the benchmark's data: run "
            f"VOCAB_SIZE=8000 NAME={folder.name} scripts/prepare_multi30k.sh"
        )
    dictionary = TranslationTask.load_dictionary(str(folder / names[0]))
    return Data(dictionary, *(load_pairs(folder, split, dictionary) for split in ("train", "test")))


def load_pairs(folder: Path, split: str, dictionary: Dictionary) -> LanguagePairDataset:
    """The pairs of a split, sources padded on the left as the translation task does it."""
    return load_langpair_dataset(
        str(folder),
        split,
        SOURCE,
        dictionary,
        TARGET,
        dictionary,
        combine=False,
        dataset_impl=None,
        upsample_primary=1,
        left_pad_source=True,
        left_pad_target=False,
        max_source_positions=1024,
        max_target_positions=1024,
    )


def make_up(sizes: Sizes) -> Data:
    """Random sentences of 3 to 8 symbols, for a trial of the program."""
    dictionary = Dictionary()
    for symbol in range(sizes.vocabulary - dictionary.nspecial):
        dictionary.add_symbol(str(symbol))
    generator = torch.Generator().manual_seed(1)
    lengths = torch.randint(3, 9, (60, 2), generator=generator).tolist()
    pairs = random_pairs(dictionary, lengths, generator)
    return Data(dictionary, pairs, pairs)


def random_pairs(
    dictionary: Dictionary, lengths: list[tuple[int, int]], generator: torch.Generator
) -> LanguagePairDataset:
    """Pairs of random symbols; a length counts the ``</s>`` at the end."""

    def sentence(length: int) -> torch.Tensor:
        shape = (length - 1,)
        words = torch.randint(dictionary.nspecial, len(dictionary), shape, generator=generator)
        return torch.cat([words, torch.tensor([dictionary.eos()])])

    sources, targets = ([sentence(pair[side]) for pair in lengths] for side in (0, 1))
    return LanguagePairDataset(
        sources,
        [len(source) for source in sources],
        dictionary,
        targets,
        [len(target) for target in targets],
        dictionary,
        left_pad_source=True,
    )


def training_batches(data: Data, task: TranslationTask, max_tokens: int, count: int) -> list[Batch]:
    """The first ``count`` batches of an epoch, as ``fairseq-train --max-tokens`` makes them."""
    data.train.set_epoch(1)
    iterator = task.get_batch_iterator(
        data.train, max_tokens=max_tokens, seed=1, disable_iterator_cache=True
    ).next_epoch_itr(shuffle=True)
    # The last batch of an epoch and those of the longest sentences are not full.
    full = (batch for batch in iterator if batch["ntokens"] >= 0.5 * max_tokens)
    batches = [batch for batch, _ in zip(full, range(count), strict=False)]
    if not batches:
        raise BenchmarkError(f"The data give no full batch of {max_tokens} tokens.")
    return batches


def equal_batch(data: Data, sentences: int, source: int, target: int) -> Batch:
    """A batch of random sentences, all of one length on each side."""
    generator = torch.Generator().manual_seed(source * 1000 + target)
    pairs = random_pairs(data.dictionary, [(source, target)] * sentences, generator)
    return pairs.collater([pairs[index] for index in range(sentences)])


def test_batches(data: Data, sentences: int, count: int) -> list[Batch]:
    """Test sentences in batches of neighbouring source lengths, spread over all lengths."""
    order = sorted(range(len(data.test)), key=lambda index: int(data.test.src_sizes[index]))
    whole = max(len(order) // sentences, 1)
    chosen = [(2 * k + 1) * whole // (2 * count) for k in range(count)]
    return [
        data.test.collater(
            [data.test[i] for i in order[place * sentences : (place + 1) * sentences]]
        )
        for place in chosen
    ]
