"""Training and generation with ``--task translation_subword_sampling``."""

import shutil
from unittest import mock

import pytest
import torch
from fairseq import checkpoint_utils
from fairseq.data import LanguagePairDataset
from fairseq.tasks import setup_task
from omegaconf import OmegaConf

from fairseq_plugins.errors import S2SError
from fairseq_plugins.hub import load
from fairseq_plugins.models import S2SModel
from fairseq_plugins.tasks import TranslationSubwordSamplingConfig
from fairseq_plugins.tasks._subword_sampling import SubwordSamplingDataset

from ..commands import USER_DIR, generate, hydra_train, hypotheses, lines, run, run_alone, train

TASK = "translation_subword_sampling"
FLAGS = ["--arch", "s2s_attn_tiny", "--task", TASK]


def build(corpus, **options):
    """The task on the corpus, as a training builds it."""
    options = {"train_subset": "train", "seed": 1, "dataset_impl": None, **options}
    options = {"required_seq_len_multiple": 1, **options}
    options.setdefault("subword_model", str(corpus / "spm.model"))
    cfg = TranslationSubwordSamplingConfig(
        data=str(corpus / "bin"), source_lang="src", target_lang="tgt", **options
    )
    cfg._name = TASK
    return setup_task(OmegaConf.create({"task": cfg}).task)


def weights(folder) -> dict[str, torch.Tensor]:
    return checkpoint_utils.load_checkpoint_to_cpu(str(folder / "checkpoint_last.pt"))["model"]


def test_only_the_training_data_of_a_training_is_drawn(corpus):
    task = build(corpus)
    for split in ("train", "valid", "test"):
        task.load_dataset(split, epoch=1)
    assert isinstance(task.dataset("train"), SubwordSamplingDataset)
    assert type(task.dataset("valid")) is type(task.dataset("test")) is LanguagePairDataset
    task.load_dataset("train", task_cfg=task.cfg)  # as fairseq-generate and -validate do
    assert type(task.dataset("train")) is LanguagePairDataset


def test_the_options_reach_the_sampler(corpus):
    options = {"subword_sampling_alpha": 0.3, "subword_sampling_nbest": 7}
    task = build(corpus, **options, subword_sampling_sides="source", max_source_positions=33)
    task.load_dataset("train")
    samplers = task.dataset("train").samplers
    assert list(samplers) == ["source"]
    sampler = samplers["source"]
    segmentation = sampler.segmentation
    assert (segmentation.alpha, segmentation.nbest, sampler.longest) == (0.3, 7, 33)


def test_the_target_may_have_a_model_of_its_own(corpus, tmp_path):
    shutil.copy(corpus / "spm.model", tmp_path / "target.model")
    task = build(corpus, subword_target_model=str(tmp_path / "target.model"))
    task.load_dataset("train")
    paths = [sampler.model.path.name for sampler in task.dataset("train").samplers.values()]
    assert paths == ["spm.model", "target.model"]


def spied(corpus, save_dir, *flags):
    """The sources that a training was given, in order, as (epoch, index, tokens)."""
    seen = []
    original = SubwordSamplingDataset.__getitem__

    def spy(self, index):
        example = original(self, index)
        seen.append((self.epoch, int(index), tuple(example["source"].tolist())))
        return example

    with mock.patch.object(SubwordSamplingDataset, "__getitem__", spy):
        model = ["--subword-model", corpus / "spm.model", "--data-buffer-size", 0]
        train(corpus / "bin", save_dir, *FLAGS, *model, *flags)
    return seen


def test_a_training_sees_other_pieces_in_each_epoch(corpus, tmp_path):
    seen = spied(corpus, tmp_path, "--max-epoch", 2)
    by_epoch = [{i: tokens for e, i, tokens in seen if e == epoch} for epoch in (1, 2)]
    assert len(by_epoch[0]) == len(by_epoch[1]) == 300
    assert sum(by_epoch[0][index] != by_epoch[1][index] for index in range(300)) > 250


@pytest.mark.slow
def test_a_training_with_two_workers_is_the_same(corpus, tmp_path):
    seen = spied(corpus, tmp_path / "one", "--max-epoch", 2)
    again = spied(corpus, tmp_path / "two", "--max-epoch", 2, "--num-workers", 2)
    assert len(again) < len(seen)  # the workers' own accesses are not seen here
    one, two = weights(tmp_path / "one"), weights(tmp_path / "two")
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, rtol=0, atol=0)


@pytest.mark.parametrize("updates", [2, 9])
def test_a_training_stopped_in_any_epoch_resumes_with_the_same_batches(corpus, tmp_path, updates):
    flags = [*FLAGS, "--subword-model", corpus / "spm.model", "--max-tokens", 800]
    train(corpus / "bin", tmp_path / "once", *flags, "--max-epoch", 2)
    train(corpus / "bin", tmp_path / "twice", *flags, "--max-update", updates)
    stopped = torch.load(tmp_path / "twice" / "checkpoint_last.pt", weights_only=True)
    where = stopped["extra_state"]["train_iterator"]
    assert where["iterations_in_epoch"] > 0 and where["epoch"] == (1 if updates == 2 else 2)
    train(corpus / "bin", tmp_path / "twice", *flags, "--max-epoch", 2)
    twice = weights(tmp_path / "twice")
    for name, tensor in weights(tmp_path / "once").items():
        torch.testing.assert_close(twice[name], tensor, rtol=0, atol=0)


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    """A folder with a trained model, its dictionaries and its pieces, as the hub wants it."""
    folder = tmp_path_factory.mktemp("sampled")
    flags = ["--subword-model", corpus / "spm.model", "--max-epoch", 2]
    train(corpus / "bin", folder, *FLAGS, *flags)
    for file in (*(corpus / "bin").glob("dict.*.txt"), corpus / "spm.model"):
        shutil.copy(file, folder)
    return folder


def test_both_tasks_generate_the_same_from_its_checkpoint(corpus, trained):
    path = trained / "checkpoint_best.pt"
    flags = ["--num-workers", 0, "--beam", 2]
    plain = generate(corpus / "bin", path, "--task", "translation", *flags)
    own = generate(corpus / "bin", path, "--task", TASK, *flags)
    assert len(hypotheses(plain)) == 40
    assert hypotheses(own) == hypotheses(plain)
    flags += ["--gen-subset", "train", "--max-tokens", 2000, "--beam", 1]
    stored = generate(corpus / "bin", path, "--task", "translation", *flags)
    assert dict(lines(generate(corpus / "bin", path, "--task", TASK, *flags), "S")) == dict(
        lines(stored, "S")
    )


def test_its_checkpoint_holds_plain_data_and_loads_without_the_sentencepiece_model(
    corpus, trained, tmp_path
):
    path = trained / "checkpoint_best.pt"
    assert torch.serialization.get_unsafe_globals_in_checkpoint(path) == []
    stored = torch.load(path, weights_only=True)["cfg"]["task"]
    assert stored["_name"] == TASK
    assert stored["subword_sampling_alpha"] == 0.1 and stored["seed"] == 1
    stored = torch.load(path, weights_only=True)
    stored["cfg"]["task"]["subword_model"] = "/nowhere/spm.model"
    torch.save(stored, tmp_path / "model.pt")
    hub = S2SModel.from_pretrained(str(tmp_path), "model.pt", str(corpus / "bin"))
    assert type(hub.task).__name__ == "TranslationSubwordSamplingTask"


def test_the_hub_loads_and_generates(trained):
    (hypothesis,), (other,) = load(trained).generate(["bako ri", "lu"], beam=1, max_len=10)
    assert hypothesis.source_tokens[-1] == "</s>" and other.tokens


def test_it_validates_the_training_data_as_stored(corpus, trained):
    flags = ["--path", trained / "checkpoint_best.pt", "--max-tokens", 2000, "--num-workers", 0]
    with mock.patch.object(SubwordSamplingDataset, "__getitem__", side_effect=AssertionError):
        run("validate", corpus / "bin", "--task", TASK, *flags, "--valid-subset", "train")


YAML = """\
common:
  user_dir: {user_dir}
  seed: 1
task:
  _name: translation_subword_sampling
  data: {corpus}/bin
  source_lang: src
  target_lang: tgt
  subword_model: {corpus}/spm.model
dataset:
  max_tokens: 1000
  num_workers: 0
optimization:
  max_update: 4
  lr: [0.005]
  clip_norm: 1.0
checkpoint:
  save_dir: {save_dir}
  no_epoch_checkpoints: true
criterion:
  _name: cross_entropy
optimizer:
  _name: adam
  lr: [0.005]
lr_scheduler:
  _name: fixed
  lr: [0.005]
model:
  _name: s2s_attn_tiny
"""


@pytest.mark.slow
def test_hydra_trains_the_same(corpus, tmp_path):
    flags = ["--subword-model", corpus / "spm.model", "--max-update", 4]
    train(corpus / "bin", tmp_path / "arch", *FLAGS, *flags)
    config = YAML.format(user_dir=USER_DIR, corpus=corpus, save_dir=tmp_path / "hydra")
    hydra_train(tmp_path, config)
    by_arch, by_hydra = (
        torch.load(tmp_path / name / "checkpoint_last.pt", weights_only=True)["cfg"]["task"]
        for name in ("arch", "hydra")
    )
    assert by_hydra == by_arch
    hydra = weights(tmp_path / "hydra")
    for name, tensor in weights(tmp_path / "arch").items():
        torch.testing.assert_close(hydra[name], tensor)


@pytest.mark.parametrize(
    "options, sentence",
    [
        ({"subword_model": None}, "needs the SentencePiece model .* with --subword-model"),
        ({"subword_model": "/nowhere/spm.model"}, "no SentencePiece model /nowhere/spm.model"),
        ({"load_alignments": True}, r"which --load-alignments \(True\) does not allow"),
        ({"num_batch_buckets": 4}, r"which --num-batch-buckets \(4\) does not allow"),
        ({"subword_sampling_nbest": 1}, "nbest is 1"),
    ],
)
def test_what_it_cannot_train_with_is_refused_in_one_sentence(
    corpus, options, sentence, monkeypatch
):
    task = build(corpus, **options)
    pairs = build(corpus)
    pairs.load_dataset("valid")
    monkeypatch.setattr(
        "fairseq_plugins.tasks.translation_subword_sampling.TranslationTask.load_dataset",
        lambda self, split, **unused: self.datasets.update({split: pairs.dataset("valid")}),
    )  # numpy 2 has no np.compat, which fairseq's buckets ask for
    with pytest.raises(S2SError, match=sentence) as caught:
        task.load_dataset("train")
    assert "\n" not in str(caught.value)


def test_data_of_words_is_refused_with_one_sentence_and_status_1(digits, corpus, tmp_path):
    process = run_alone(
        "train",
        digits / "bin",
        *(*FLAGS, "--optimizer", "adam", "--max-tokens", 1000, "--save-dir", tmp_path),
        *("--subword-model", corpus / "spm.model"),
    )
    assert process.returncode == 1
    assert "Traceback" not in process.stderr
    sentence = process.stderr.strip().splitlines()[-1]
    assert "spm.model is of kind 'unigram' and shares 0 pieces with the dictionary" in sentence


def test_data_of_another_model_is_refused(corpus, model_files):
    task = build(corpus, subword_model=str(model_files["bpe"]))
    with pytest.raises(
        S2SError, match=r"Of the first 200 source sentences .* only \d+ are written"
    ):
        task.load_dataset("train")
