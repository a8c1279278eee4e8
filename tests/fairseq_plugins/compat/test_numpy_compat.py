"""Tests that blocks of one sentence each are made with numpy 2."""

import importlib.util
from pathlib import Path

import numpy
import pytest
import torch
from fairseq.data import ListDataset, TokenBlockDataset, token_block_dataset

from fairseq_plugins.compat import numpy_compat


def test_numpy_still_has_no_compat_and_fairseq_asks_for_it() -> None:
    assert numpy_compat.needed()
    assert "np.compat" in Path(token_block_dataset.__file__).read_text(encoding="utf-8")


@pytest.mark.skipif(
    importlib.util.find_spec("fairseq.data.token_block_utils_fast") is None,
    reason="fairseq was installed without its compiled parts",
)
def test_blocks_of_one_sentence_are_the_sentences() -> None:
    sentences = [torch.tensor([4] * length + [2]) for length in (1, 5, 2, 7)]
    sizes = [len(sentence) for sentence in sentences]
    data = ListDataset(sentences, sizes)
    blocks = TokenBlockDataset(data, numpy.array(sizes), 16, pad=1, eos=2, break_mode="eos")
    assert [blocks[i].tolist() for i in range(len(blocks))] == [s.tolist() for s in sentences]
