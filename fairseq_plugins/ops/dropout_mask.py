r"""The mask of dropout from 16 random bits for each activation.

.. math::
    m = \frac{1}{1 - q} \; [\, b \ge 2^{16} q \,], \quad b \sim U\{0 .. 2^{16} - 1\}

where q is the probability p rounded to a multiple of :math:`2^{-16}`, so that the mean is exactly 1
(Srivastava et al., 2014, JMLR 15, section 10). The twin is ``torch.nn.functional.dropout``, which
on a CPU asks its random generator for 53 bits for each: it takes four times as long.
"""

import torch
from torch import Tensor

LEVELS = 2**16


def has_mask(inputs: Tensor, p: float) -> bool:
    """Whether :func:`dropout_mask` serves: on a CPU, for a p that is not rounded to 0 or 1."""
    return inputs.device.type == "cpu" and 0 < round(p * LEVELS) < LEVELS


def dropout_mask(inputs: Tensor, p: float) -> Tensor:
    """A mask of the shape and type of ``inputs``, from torch's own generator."""
    dropped = round(p * LEVELS)
    size = inputs.numel()
    bits = torch.empty(-(-size // 4), dtype=torch.int64).random_(-(2**63), None)
    kept = bits.view(torch.int16)[:size].view(inputs.shape) >= dropped - LEVELS // 2
    return kept.to(inputs.dtype).mul_(LEVELS / (LEVELS - dropped))
