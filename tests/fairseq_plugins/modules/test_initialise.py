"""First weights."""

import pytest
import torch
from torch import nn

from fairseq_plugins.modules.embedding import Embedding
from fairseq_plugins.modules.initialise import initialise
from fairseq_plugins.modules.rnn import build_cell


@pytest.mark.parametrize("kernel, gates", [(nn.RNN, 1), (nn.GRU, 3), (nn.LSTM, 4)])
def test_recurrent_weights_of_each_gate_are_orthogonal(kernel, gates):
    rnn = kernel(3, 5, num_layers=2, bidirectional=True)
    rnn.apply(initialise)
    for gate in rnn.weight_hh_l1_reverse.chunk(gates):
        torch.testing.assert_close(gate @ gate.t(), torch.eye(5), atol=1e-5, rtol=0)


def test_an_lstms_forget_gate_is_open_and_every_other_bias_0():
    kernel, cell = nn.LSTM(3, 2), build_cell("lstm", 2)
    kernel.apply(initialise)
    cell.apply(initialise)
    expected = [0.0, 0, 1, 1, 0, 0, 0, 0]
    assert (kernel.bias_ih_l0 + kernel.bias_hh_l0).tolist() == expected
    assert cell.recurrent.bias.tolist() == expected


def test_embeddings_are_of_size_1_and_padding_is_0():
    torch.manual_seed(1)
    embedding = Embedding(2000, 64, padding_idx=1)
    output = embedding(torch.arange(2, 2000))
    assert float(output.std().detach()) == pytest.approx(1, abs=0.01)
    assert embedding(torch.tensor([1])).abs().sum() == 0
