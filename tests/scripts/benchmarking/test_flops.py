"""The counted operations against torch's own counter."""

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from scripts.benchmarking.data import equal_batch, make_up, random_pairs
from scripts.benchmarking.flops import REPEATS, matrix_step, step_flops
from scripts.benchmarking.sizes import TINY, Sizes
from scripts.benchmarking.systems import TRAINING, build


@pytest.mark.parametrize(("sentences", "source", "target"), [(4, 6, 5), (1, 3, 9)])
def test_a_step_has_the_operations_that_torch_counts(
    sentences: int, source: int, target: int
) -> None:
    data = make_up(TINY)
    cfg, task, model = build(TRAINING["s2s_attn_lstm_no_fast"], TINY, data.dictionary)
    model.double()  # in float64 the encoder runs on products that the counter sees
    criterion = task.build_criterion(cfg.criterion)
    batch = equal_batch(data, sentences, source, target)
    with FlopCounterMode(display=False) as counter:
        criterion(model, batch)[0].backward()
    # Autograd makes no gradient for the encoder's first state, 0, in either direction.
    spared = 2 * 2 * sentences * 4 * TINY.hidden_dim**2
    assert step_flops(TINY, len(data.dictionary), batch) - spared == counter.get_total_flops()


def test_padding_counts_for_nothing() -> None:
    data, generator = make_up(TINY), torch.Generator().manual_seed(1)
    pairs = random_pairs(data.dictionary, [(6, 3), (4, 8)], generator)
    whole, *parts = (
        step_flops(TINY, 50, pairs.collater([pairs[index] for index in chosen]))
        for chosen in ([0, 1], [0], [1])
    )
    assert whole == sum(parts)


def test_the_matrix_step_says_what_torch_counts() -> None:
    with FlopCounterMode(display=False) as counter:
        work = matrix_step(Sizes(matrix=16))(None)
    assert work.flops == counter.get_total_flops() == REPEATS * 2 * 16**3
