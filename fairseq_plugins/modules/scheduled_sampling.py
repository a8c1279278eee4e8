"""Scheduled sampling: how often the decoder is told the gold word, and when its own.

Bengio et al. (2015, arXiv:1506.03099, section 2.4): in training, the previous word is the gold one
with a probability that falls with the number of updates, and otherwise one the model has chosen.
"""

import math

import torch
from torch import Tensor


class Schedule:
    """The contract: after i updates, the probability of the gold word.

    Args:
        k: what it means is the subclass's; None for its default
        floor: the probability never falls below it

    Raises:
        ValueError: for a value outside its range, quoting it and the range
    """

    name: str
    default_k: float
    k_range: str

    def __init__(self, *, k: float | None = None, floor: float = 0.0) -> None:
        self.k = self.default_k if k is None else k
        self.floor = floor
        if not self.accepts(self.k):
            raise ValueError(
                f"--scheduled-sampling-k is {k}, but --scheduled-sampling {self.name} needs one "
                f"{self.k_range}"
            )
        if not 0 <= floor <= 1:
            raise ValueError(f"--scheduled-sampling-floor is {floor}, but must be between 0 and 1")

    def accepts(self, k: float) -> bool:
        """Whether ``k`` lies in this schedule's range."""
        raise NotImplementedError

    def decay(self, num_updates: int) -> float:
        """The probability without the floor."""
        raise NotImplementedError

    def probability(self, num_updates: int) -> float:
        """The probability of the gold word after ``num_updates`` updates, in [0, 1]."""
        return max(self.floor, self.decay(num_updates))


class LinearSchedule(Schedule):
    r""":math:`\max(\epsilon, k - c\,i)` with the floor :math:`\epsilon` and the slope :math:`c`.

    From k down by ``slope`` per update; by default from 1 to 0 in 20 000 updates.
    """

    name = "linear"
    default_k = 1.0
    default_slope = 5e-5
    k_range = "above 0 and at most 1: the first probability"

    def __init__(
        self, *, k: float | None = None, floor: float = 0.0, slope: float | None = None
    ) -> None:
        super().__init__(k=k, floor=floor)
        self.slope = self.default_slope if slope is None else slope
        if not 0 < self.slope < math.inf:
            raise ValueError(
                f"--scheduled-sampling-slope is {slope}, but must be above 0 and finite"
            )

    def accepts(self, k: float) -> bool:
        """A probability."""
        return 0 < k <= 1

    def decay(self, num_updates: int) -> float:
        """A straight line, and 0 once it gets there."""
        return max(0.0, self.k - self.slope * num_updates)


class ExponentialSchedule(Schedule):
    r""":math:`k^i`: half after :math:`\ln 2 / (1 - k)` updates, about 6 900 by default."""

    name = "exponential"
    default_k = 0.9999
    k_range = "above 0 and below 1: the factor of each update"

    def accepts(self, k: float) -> bool:
        """A factor that makes smaller."""
        return 0 < k < 1

    def decay(self, num_updates: int) -> float:
        """A geometric series."""
        return self.k**num_updates


class InverseSigmoidSchedule(Schedule):
    r""":math:`k / (k + e^{i/k})`: half after :math:`k \ln k` updates, about 6 900 by default.

    Nearly 1 at first. Computed as :math:`\sigma(\ln k - i/k)`, and that with a tanh, so that no
    number of updates overflows.
    """

    name = "inverse-sigmoid"
    default_k = 1000.0
    k_range = "of at least 1 and finite: the slowness, in updates"

    def accepts(self, k: float) -> bool:
        """The paper's range."""
        return 1 <= k < math.inf

    def decay(self, num_updates: int) -> float:
        """A sigmoid, falling."""
        return 0.5 * (1 + math.tanh((math.log(self.k) - num_updates / self.k) / 2))


SCHEDULES = {
    schedule.name: schedule
    for schedule in (LinearSchedule, ExponentialSchedule, InverseSigmoidSchedule)
}


def build_schedule(
    name: str, k: float | None = None, slope: float | None = None, floor: float = 0.0
) -> Schedule | None:
    """The schedule of that name, or None for ``"none"``.

    Raises:
        ValueError: for an unknown name, an option that the schedule does not have, or a value
            outside its range
    """
    if name != "none" and name not in SCHEDULES:
        raise ValueError(
            f"--scheduled-sampling is {name}, but must be one of none, {', '.join(SCHEDULES)}"
        )
    if slope is not None and name != LinearSchedule.name:
        raise ValueError(
            f"--scheduled-sampling-slope ({slope}) belongs to --scheduled-sampling linear, not to "
            f"{name}"
        )
    if name == "none":
        if k is not None or floor != 0:
            raise ValueError(
                f"--scheduled-sampling-k ({k}) and --scheduled-sampling-floor ({floor}) need a "
                "schedule, but --scheduled-sampling is none"
            )
        return None
    options = {} if slope is None else {"slope": slope}
    return SCHEDULES[name](k=k, floor=floor, **options)


def mix(gold: Tensor, own: Tensor, probability: float) -> Tensor:
    """Row by row, the gold word with that probability and the model's own otherwise.

    Shape: gold, own and the result (batch,)
    """
    is_gold = torch.rand(gold.shape, device=gold.device) < probability
    return torch.where(is_gold, gold, own)
