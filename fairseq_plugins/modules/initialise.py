"""First weights of recurrent models."""

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from .cells import Cell
from .rnn import CellRNN

FORGET_BIAS = 1.0
RECURRENT_INITS = ("orthogonal", "xavier")


@torch.no_grad()
def initialise(
    module: nn.Module, *, forget_bias: float = FORGET_BIAS, recurrent: str = "orthogonal"
) -> None:
    """Give one module its first weights; use with ``model.apply``, which visits children first.

    Linear maps are Xavier-uniform (Glorot and Bengio, 2010), and so are a recurrent layer's input
    weights, for each gate; biases are 0 but for an LSTM's forget gate. Normalisations keep their
    gain of 1 and bias of 0.

    Args:
        forget_bias: bias of an LSTM's forget gate (Jozefowicz et al., 2015: 1)
        recurrent: recurrent weights for each gate, ``"orthogonal"`` (Saxe et al., 2014,
            arXiv:1312.6120; Bahdanau et al., 2015, appendix B.1) or ``"xavier"``

    Raises:
        ValueError: for another word
    """
    if recurrent not in RECURRENT_INITS:
        raise ValueError(f"recurrent ({recurrent!r}) must be one of {', '.join(RECURRENT_INITS)}")
    init_recurrent = nn.init.orthogonal_ if recurrent == "orthogonal" else nn.init.xavier_uniform_
    if isinstance(module, (nn.RNN, nn.GRU, nn.LSTM)):
        initialise_kernel(module, init_recurrent, forget_bias)
    elif isinstance(module, Cell):
        initialise_cell(module, init_recurrent, forget_bias)
    elif isinstance(module, CellRNN):
        for_each_gate(nn.init.xavier_uniform_, module.input.weight, module.cell.num_gates)
    elif type(module) is nn.Linear:
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def initialise_kernel(
    kernel: nn.RNNBase, init_recurrent: Callable[[Tensor], Tensor], forget_bias: float
) -> None:
    """The weights of every layer and direction; the library adds two biases, one stays 0."""
    gates = cast(Tensor, kernel.weight_hh_l0).size(0) // kernel.hidden_size
    for name, parameter in kernel.named_parameters():
        if name.startswith("weight_hh"):
            for_each_gate(init_recurrent, parameter, gates)
        elif name.startswith("weight_ih"):
            for_each_gate(nn.init.xavier_uniform_, parameter, gates)
        else:
            nn.init.zeros_(parameter)
        if isinstance(kernel, nn.LSTM) and name.startswith("bias_hh"):
            open_forget_gate(parameter, forget_bias)


def initialise_cell(
    cell: Cell, init_recurrent: Callable[[Tensor], Tensor], forget_bias: float
) -> None:
    """The recurrent weights; where they have no bias, the forget gate's is the norm's."""
    for_each_gate(init_recurrent, cell.recurrent.weight, cell.num_gates)
    if "cell" in cell.state_names:
        norm = cell.norm_sum if cell.options.norm_per_gate else cell.norm_recurrent
        part = cast(nn.Module, norm) if cell.options.layer_norm else cell.recurrent
        open_forget_gate(cast(Tensor, part.bias), forget_bias)


def for_each_gate(init: Callable[[Tensor], Tensor], weight: Tensor, gates: int) -> None:
    """First weights of (gates * hidden_dim, dim), each gate a matrix of its own."""
    for gate in weight.chunk(gates):
        init(gate)


def open_forget_gate(bias: Tensor, forget_bias: float) -> None:
    """Set the forget gate's, the second of i, f, g, o."""
    bias.chunk(4)[1].fill_(forget_bias)
