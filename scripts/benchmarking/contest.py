"""All systems in one process, on the same sentences."""

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from fairseq.tasks import FairseqTask

from .data import Data, equal_batch
from .flops import matrix_step
from .generation import Generation
from .measure import Round, Step, interleave
from .memory import peak_of
from .shapes import EXTRA_ROUNDS, OURS, ROOFLINE, Shape
from .sizes import Sizes
from .systems import BASE, GENERATION, TRAINING, Absent, System, build
from .training import Training

logger = logging.getLogger(__name__)


class Contest:
    """All systems on the same data.

    Args:
        data: sentences
        sizes: of all systems
        rounds: of each shape
        chosen: the names of the systems that take part
    """

    def __init__(self, data: Data, sizes: Sizes, rounds: int, chosen: set[str]) -> None:
        self.data, self.sizes, self.rounds, self.chosen = data, sizes, rounds, chosen
        self.absent: dict[str, str] = {}
        self.task: FairseqTask = build(TRAINING[BASE], sizes, data.dictionary)[1]
        self.training = self.build_all(TRAINING, self.trainer)
        self.training[ROOFLINE] = matrix_step(sizes)
        self.generation = self.build_all(GENERATION, self.generator)

    def build_all(self, systems: Mapping[str, System], make: Any) -> dict[str, Step]:
        """The systems that can be built and run; why not, for the others."""
        steps = {}
        for name, system in systems.items():
            if name in self.chosen:
                try:
                    steps[name] = make(name, system)
                except Absent as reason:
                    self.absent[name] = str(reason)
                    logger.warning("%s is absent: %s", name, reason)
        return steps

    def trainer(self, name: str, system: System) -> Training:
        """A system after two updates, so that Adam's moments are there before any measurement."""
        built = build(system, self.sizes, self.data.dictionary)
        trainer = Training(*built, counted=self.sizes if name == OURS else None)
        for _ in range(2):
            trainer(equal_batch(self.data, 2, 3, 3))
        return trainer

    def generator(self, name: str, system: System) -> Generation:
        """A system that has translated once."""
        built = build(system, self.sizes, self.data.dictionary)
        generator = Generation(*built, beam=self.sizes.beam)
        generator.translate(equal_batch(self.data, 2, 3, 3))
        return generator

    def steps(self, shape: Shape) -> dict[str, Step]:
        """The systems that take part in a shape and are here."""
        available = self.generation if shape.generates else self.training
        return {name: available[name] for name in shape.takes_part if name in available}

    def batches(self, shape: Shape) -> list[Any]:
        """One per round, or one for all."""
        return shape.make(self.data, self.task, self.sizes, self.rounds)

    def peaks(self, shape: Shape) -> dict[str, float]:
        """The peak memory of one step of each system."""
        batch, small = self.batches(shape)[0], equal_batch(self.data, 2, 3, 3)
        steps = self.steps(shape)
        steps.pop(ROOFLINE, None)
        return {
            name: peak_of(partial(step, batch), first=partial(step, small))
            for name, step in steps.items()
        }

    def measure(self, shape: Shape) -> list[Round]:
        """A first step of each system, which does not count, then the rounds."""
        steps, batches = self.steps(shape), self.batches(shape)
        for step in steps.values():
            step(batches[0])
        limits = dict.fromkeys(shape.extra, EXTRA_ROUNDS)
        return interleave(steps, batches, self.rounds, limits)
