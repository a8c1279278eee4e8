"""``--task translation_subword_sampling``: translation, trained on pieces that are drawn anew."""

# No ``from __future__ import annotations`` here: fairseq reads the field types of a config.
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from fairseq.data import Dictionary, LanguagePairDataset
from fairseq.dataclass import ChoiceEnum
from fairseq.tasks import register_task
from fairseq.tasks.translation import TranslationConfig, TranslationTask
from omegaconf import II

from ..errors import S2SError
from ._piece_sampler import PieceSampler
from ._subword_sampling import SIDES, SubwordSamplingDataset

CHECKED = 200  # sentences of a side that are compared with the model before a training
SAME_SHARE = 0.9  # of them, at least


@dataclass
class TranslationSubwordSamplingConfig(TranslationConfig):
    """The options of ``translation`` and those of the sampling."""

    subword_model: Optional[str] = field(
        default=None,
        metadata={"help": "the SentencePiece model that the data was encoded with"},
    )
    subword_target_model: Optional[str] = field(
        default=None, metadata={"help": "that of the target, where it is another"}
    )
    subword_sampling_alpha: float = field(
        default=0.1,
        metadata={
            "help": "unigram model: smoothing of the sampling, smaller is freer; BPE model: "
            "probability that a merge is left out, larger is freer"
        },
    )
    subword_sampling_nbest: int = field(
        default=-1,
        metadata={"help": "unigram model: sample from so many segmentations; -1 for all"},
    )
    subword_sampling_sides: ChoiceEnum([*SIDES, "both"]) = field(  # type: ignore[valid-type]
        default="both", metadata={"help": "which side's pieces are drawn anew"}
    )
    seed: int = II("common.seed")


@register_task("translation_subword_sampling", dataclass=TranslationSubwordSamplingConfig)
class TranslationSubwordSamplingTask(TranslationTask):
    """Translation with subword regularisation at load time (Kudo 2018; see PieceSampler).

    In a training, and there in the training data only, each sentence is cut into other pieces at
    each access. Validation and generation see the stored pieces, and need no SentencePiece model.
    Only pieces of the dictionary are drawn; to have all of the model's, preprocess with its whole
    vocabulary as the dictionary (``--srcdict``, as scripts/spm.py writes it).
    """

    cfg: TranslationSubwordSamplingConfig

    def load_dataset(
        self, split: str, epoch: int = 1, combine: bool = False, **kwargs: Any
    ) -> None:
        """Load a split.

        Raises:
            S2SError: for a training without a model, or on data that was not encoded with it
        """
        super().load_dataset(split, epoch=epoch, combine=combine, **kwargs)
        evaluation = "task_cfg" in kwargs  # which fairseq-generate and -validate pass
        if split == self.cfg.train_subset and not evaluation:
            pairs = self.datasets[split]
            self.datasets[split] = SubwordSamplingDataset(
                pairs, self._samplers(pairs), seed=self.cfg.seed, epoch=epoch
            )

    def _samplers(self, pairs: LanguagePairDataset) -> Mapping[str, PieceSampler]:
        """The sampler of each side that is drawn anew."""
        cfg = self.cfg
        for option, value in (
            ("--load-alignments", cfg.load_alignments),
            ("--num-batch-buckets", cfg.num_batch_buckets),
        ):
            if value:
                raise S2SError(
                    f"--task translation_subword_sampling changes the length of every sentence in "
                    f"every epoch, which {option} ({value}) does not allow: use --task translation."
                )
        of_side = {
            "source": (cfg.subword_model, self.src_dict, cfg.max_source_positions, pairs.src),
            "target": (
                cfg.subword_target_model or cfg.subword_model,
                self.tgt_dict,
                cfg.max_target_positions,
                pairs.tgt,
            ),
        }
        chosen = str(cfg.subword_sampling_sides)
        return {
            side: self._sampler(side, *of_side[side]) for side in SIDES if chosen in (side, "both")
        }

    def _sampler(
        self, side: str, path: Optional[str], dictionary: Dictionary, longest: int, sentences: Any
    ) -> PieceSampler:
        """The sampler of a side, which fits its sentences."""
        if path is None:
            raise S2SError(
                "--task translation_subword_sampling needs the SentencePiece model that the data "
                "was encoded with: name it with --subword-model."
            )
        sampler = PieceSampler(
            path,
            dictionary,
            alpha=self.cfg.subword_sampling_alpha,
            nbest=self.cfg.subword_sampling_nbest,
            longest=longest,
        )
        checked = min(CHECKED, len(sentences))
        best = [sampler.is_best(sentences[index]) for index in range(checked)]
        judged = [answer for answer in best if answer is not None]
        if sum(judged) < SAME_SHARE * len(judged) or not judged:
            raise S2SError(
                f"Of the first {checked} {side} sentences of {self.cfg.data} only {sum(judged)} "
                f"are written as {path} writes them: name the SentencePiece model that the data "
                "was encoded with."
            )
        return sampler
