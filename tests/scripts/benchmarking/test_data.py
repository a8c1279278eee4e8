"""The batches: fairseq's own, of one length, or spread over the test set."""

from pathlib import Path

import pytest

from scripts.benchmarking.data import equal_batch, load, make_up, test_batches, training_batches
from scripts.benchmarking.sizes import TINY, BenchmarkError
from scripts.benchmarking.systems import BASE, TRAINING, build

test_batches.__test__ = False  # no test: it makes batches of the test set
DATA = make_up(TINY)
PADDING = DATA.dictionary.pad()


def test_missing_data_name_the_command_that_makes_them(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError) as error:
        load(tmp_path / "multi30k-8k")
    command = "VOCAB_SIZE=8000 NAME=multi30k-8k scripts/prepare_multi30k.sh"
    assert str(error.value).endswith(f"run {command}")


def test_training_batches_are_full_and_the_same_every_time() -> None:
    task = build(TRAINING[BASE], TINY, DATA.dictionary)[1]
    first, again = (training_batches(DATA, task, 40, 3) for _ in range(2))
    assert [batch["id"].tolist() for batch in first] == [batch["id"].tolist() for batch in again]
    for batch in first:
        net_input = batch["net_input"]
        longest = max(net_input["src_tokens"].size(1), net_input["prev_output_tokens"].size(1))
        assert len(batch["id"]) * longest <= 40
        assert batch["ntokens"] >= 20


def test_an_equal_batch_has_no_padding() -> None:
    batch = equal_batch(DATA, 3, 7, 5)
    assert batch["net_input"]["src_tokens"].size() == (3, 7)
    assert batch["target"].size() == (3, 5)
    assert batch["ntokens"] == 15
    assert not batch["net_input"]["src_tokens"].eq(PADDING).any()


def test_test_sentences_are_chosen_from_short_to_long_without_repetition() -> None:
    batches = test_batches(DATA, 1, 5)
    lengths = [batch["net_input"]["src_tokens"].size(1) for batch in batches]
    assert lengths == sorted(lengths)
    assert lengths[0] < lengths[-1]
    assert len({int(batch["id"]) for batch in batches}) == 5
