"""Beam search of a forced length: every system makes the same number of steps."""

from fairseq.models import BaseFairseqModel
from fairseq.tasks import FairseqTask
from omegaconf import DictConfig

from .data import Batch
from .measure import Work
from .peer_joeynmt import JoeyModel

MORE_THAN_SOURCE = 2


class Generation:
    """A system in generation; a call translates some batches, one after another.

    Args:
        cfg: fairseq's configuration; the model is prepared as ``fairseq-generate`` does
        task: builds the search and drives it
        model: for generation only from now on
        beam: width of the search
    """

    def __init__(
        self, cfg: DictConfig, task: FairseqTask, model: BaseFairseqModel, beam: int
    ) -> None:
        self.task, self.model, self.beam = task, model.eval(), beam
        self.model.requires_grad_(False)
        self.generator = None
        if not isinstance(model, JoeyModel):
            cfg.generation.beam = beam
            model.prepare_for_inference_(cfg)
            self.generator = task.build_generator([model], cfg.generation)

    def __call__(self, batches: list[Batch]) -> Work:
        """Translate; the words of the beam's best hypotheses are counted."""
        return Work(sum(self.translate(batch) for batch in batches))

    def translate(self, batch: Batch) -> int:
        """One batch, to the length of its longest source and two words more."""
        sentences, longest = batch["net_input"]["src_tokens"].size()
        length = longest - 1 + MORE_THAN_SOURCE  # the source without its </s>
        if self.generator is None:
            self.model.search(batch["net_input"], length + 1, self.beam)
            return sentences * (length + 1)
        self.generator.max_len_a = 0
        self.generator.max_len_b = self.generator.min_len = length
        found = self.task.inference_step(self.generator, [self.model], batch)
        tokens = sum(len(hypotheses[0]["tokens"]) for hypotheses in found)
        if tokens != sentences * (length + 1):  # with the </s>
            raise AssertionError(f"{tokens} words for {sentences} sentences of {length + 1}")
        return tokens
