"""First weights of recurrent models."""

import torch
from torch import nn

from .rnn import Cell

FORGET_BIAS = 1.0


@torch.no_grad()
def initialise(module: nn.Module) -> None:
    """Give one module its first weights; use with ``model.apply``.

    Linear maps and a layer's input weights are Xavier-uniform (Glorot and Bengio, 2010), recurrent
    weights orthogonal for each gate (Saxe et al., 2014, arXiv:1312.6120; Bahdanau et al., 2015,
    appendix B.1), biases 0 but for an LSTM's forget gate, 1 (Jozefowicz et al., 2015).
    """
    if isinstance(module, (nn.RNN, nn.GRU, nn.LSTM)):
        gates = module.weight_hh_l0.size(0) // module.hidden_size
        for name, parameter in module.named_parameters():
            if name.startswith("weight_hh"):
                orthogonal_gates(parameter, gates)
            elif name.startswith("weight_ih"):
                for gate in parameter.chunk(gates):
                    nn.init.xavier_uniform_(gate)
            else:
                nn.init.zeros_(parameter)
            if gates == 4 and name.startswith("bias_hh"):
                forget_bias(parameter)
    elif isinstance(module, Cell):
        orthogonal_gates(module.recurrent.weight, module.num_gates)
        if "cell" in module.state_names:
            forget_bias(module.recurrent.bias)
    elif type(module) is nn.Linear:
        nn.init.xavier_uniform_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def orthogonal_gates(weight: torch.Tensor, gates: int) -> None:
    """Orthogonal weights for each gate of (gates * hidden_dim, hidden_dim)."""
    for gate in weight.chunk(gates):
        nn.init.orthogonal_(gate)


def forget_bias(bias: torch.Tensor) -> None:
    """Open the forget gate, the second of i, f, g, o."""
    bias.chunk(4)[1].fill_(FORGET_BIAS)
