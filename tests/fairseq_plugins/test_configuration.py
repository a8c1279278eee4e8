"""Options: the same by every door, and refused in one sentence where they make no sense."""

import pytest
import torch
from omegaconf import OmegaConf

from fairseq_plugins.errors import S2SError
from fairseq_plugins.models import S2SAttnTinyConfig, S2SAttnTinyModel
from fairseq_plugins.modules.attention import Attention
from fairseq_plugins.modules.attention_window import LocalPredictiveWindow

from .builders import build_model, make_dictionary, make_task
from .commands import USER_DIR, hydra_train, run_alone, train

YAML = """common:
  user_dir: {user_dir}
  seed: 1
task:
  _name: translation
  data: {data}
  source_lang: src
  target_lang: tgt
dataset:
  max_tokens: 1000
  num_workers: 0
  data_buffer_size: 0
optimization:
  max_update: 3
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
  _name: {arch}
  rnn_type: gru
  dropout: 0.3
"""


@pytest.mark.parametrize("arch", ["s2s_tiny", "s2s_attn_tiny"])
def test_arch_and_hydra_give_the_same_configuration_and_weights(digits, tmp_path, arch):
    flags = ["--rnn-type", "gru", "--dropout", 0.3, "--max-update", 3, "--arch", arch]
    train(digits / "bin", tmp_path / "arch", *flags)
    config = YAML.format(
        user_dir=USER_DIR, data=digits / "bin", save_dir=tmp_path / "hydra", arch=arch
    )
    hydra_train(tmp_path, config)
    by_arch, by_hydra = (
        torch.load(tmp_path / name / "checkpoint_last.pt", weights_only=True)
        for name in ("arch", "hydra")
    )
    assert by_arch["cfg"]["model"] == by_hydra["cfg"]["model"]
    assert by_arch["cfg"]["model"]["encoder_dropout_in"] == 0.3
    assert by_arch["cfg"]["model"]["decoder_rnn_type"] == "gru"
    for name, tensor in by_arch["model"].items():
        torch.testing.assert_close(by_hydra["model"][name], tensor)


REFUSED = [
    ({"encoder_layers": 0}, "--encoder-layers is 0"),
    ({"decoder_hidden_size": -5}, "--decoder-hidden-size is -5"),
    ({"encoder_embed_dim": -1}, "--encoder-embed-dim is -1"),
    ({"dropout": 1.5}, "--dropout is 1.5"),
    ({"decoder_dropout_in": -0.1}, "--decoder-dropout-in is -0.1"),
    (
        {"bridge": "last", "encoder_direction": "bidirectional"},
        r"\(128, all directions together\) must equal the decoder's \(64\)",
    ),
    ({"share_all_embeddings": True}, "--joined-dictionary"),
    (
        {"share_decoder_input_output_embed": True, "decoder_out_embed_dim": 20},
        r"--decoder-out-embed-dim \(20\) equal to --decoder-embed-dim \(32\)",
    ),
    ({"encoder_embed_path": "/nowhere/vectors.txt"}, "/nowhere/vectors.txt does not exist"),
]


@pytest.mark.parametrize("arch", ["s2s_tiny", "s2s_attn_tiny"])
@pytest.mark.parametrize("options, sentence", REFUSED)
def test_options_that_make_no_sense_are_refused_in_one_sentence(arch, options, sentence):
    with pytest.raises(S2SError, match=sentence) as caught:
        build_model(arch, **options)
    assert "\n" not in str(caught.value)


def test_shared_embeddings_of_different_sizes_are_refused():
    dictionary = make_dictionary(9)
    with pytest.raises(S2SError, match=r"--encoder-embed-dim \(48\) equal to .*\(32\)"):
        build_model(
            "s2s_tiny",
            make_task(dictionary, dictionary),
            share_all_embeddings=True,
            encoder_embed_dim=48,
        )


class NearAttention(Attention):
    """e_tj = -|s_{t-1} - h_j|"""

    score = "near"

    def __init__(self, query_dim, memory_dim, attention_dim, **shared):
        super().__init__(memory_dim=memory_dim, **shared)

    def project_keys(self, memory):
        return memory

    def energies(self, query, keys, features):
        return -torch.cdist(query, keys)


class NearModel(S2SAttnTinyModel):
    attention = NearAttention


def test_an_attention_of_ones_own_takes_the_options_that_every_attention_has():
    cfg = OmegaConf.structured(S2SAttnTinyConfig(attention_temperature=5.0))
    cfg.attention_window = "local-p"
    attention = NearModel.build_attention(cfg, memory_dim=64)
    assert isinstance(attention, NearAttention)
    assert attention.temperature == 5
    assert isinstance(attention.window, LocalPredictiveWindow)


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("attention_score", "dot", "no meaning: the attention is NearAttention, so leave it out"),
        ("attention_heads", 2, "but the score is near"),
        ("attention_history", "coverage", "but --attention-score is near"),
    ],
)
def test_an_attention_of_ones_own_refuses_what_another_score_would_need(option, value, sentence):
    cfg = OmegaConf.structured(S2SAttnTinyConfig())
    cfg[option] = value
    with pytest.raises(ValueError, match=sentence):
        NearModel.build_attention(cfg, memory_dim=64)


def test_the_attention_decoder_refuses_the_plain_decoders_context():
    with pytest.raises(S2SError, match="--context-every-step"):
        build_model("s2s_attn_tiny", context_every_step=True)


def test_sharing_all_embeddings_leaves_one_matrix():
    dictionary = make_dictionary(9)
    task = make_task(dictionary, dictionary)
    model = build_model("s2s_attn_tiny", task, share_all_embeddings=True)
    matrices = {p.data_ptr() for p in model.parameters() if p.shape == (len(dictionary), 32)}
    assert len(matrices) == 1


def test_pretrained_embeddings_are_read_and_frozen(tmp_path):
    task = make_task()
    path = tmp_path / "vectors.txt"
    path.write_text("3 2\n" + "0 1.5 -2\nunused 1 1\n1 0.25 4\n", encoding="utf-8")
    options = {"encoder_embed_dim": 2, "encoder_embed_path": str(path)}
    model = build_model("s2s_tiny", task, **options, encoder_freeze_embed=True)
    embedding = model.encoder.embed_tokens
    tokens = torch.tensor([task.source_dictionary.index("0"), task.source_dictionary.index("1")])
    expected = torch.tensor([[1.5, -2], [0.25, 4]]).double()
    torch.testing.assert_close(embedding(tokens), expected, atol=1e-6, rtol=0)
    assert not embedding.weight.requires_grad
    assert model.decoder.embed_tokens.weight.requires_grad


def test_pretrained_embeddings_of_another_size_are_refused(tmp_path):
    path = tmp_path / "vectors.txt"
    path.write_text("0 1.5 -2 3\n", encoding="utf-8")
    with pytest.raises(S2SError, match=r"Line 1 of .* holds a vector of 3 numbers"):
        build_model("s2s_tiny", encoder_embed_dim=2, encoder_embed_path=str(path))


TRAIN = ["--task", "translation", "--optimizer", "adam", "--max-tokens", 1000, "--max-epoch", 1]


@pytest.mark.parametrize(
    "flags, status, sentence",
    [
        (["--arch", "s2s_attn", "--rnn-type", "ltsm"], 2, "invalid choice: 'ltsm'"),
        (["--arch", "s2s", "--encoder-layers", "-2"], 1, "--encoder-layers is -2"),
        (["--arch", "s2s", "--bridge", "last"], 1, "use the bridge 'transform-last'"),
    ],
)
def test_fairseq_train_ends_with_one_sentence(digits, tmp_path, flags, status, sentence):
    process = run_alone("train", digits / "bin", *TRAIN, "--save-dir", tmp_path / "save", *flags)
    assert process.returncode == status
    assert sentence in process.stderr.strip().splitlines()[-1]
    assert "Traceback" not in process.stderr
    assert not (tmp_path / "save").exists() or not list((tmp_path / "save").iterdir())


def test_a_dictionary_of_another_size_is_named(digits, trained, tmp_path):
    data = tmp_path / "bin"
    data.mkdir()
    for file in (digits / "bin").iterdir():
        (data / file.name).write_bytes(file.read_bytes())
    with (data / "dict.src.txt").open("a", encoding="utf-8") as dictionary:
        dictionary.write("more 1\n")
    before = (trained / "checkpoint_best.pt").read_bytes()
    path = trained / "checkpoint_best.pt"
    process = run_alone("generate", data, "--path", path, "--scoring", "sacrebleu")
    assert process.returncode == 1
    assert "a source dictionary of 16 symbols, but the one given now has 17" in process.stderr
    assert "Traceback" not in process.stderr
    process = run_alone(
        "train",
        data,
        *TRAIN,
        "--arch",
        "s2s_attn_tiny",
        "--restore-file",
        path,
        "--save-dir",
        tmp_path / "save",
    )
    assert process.returncode == 1
    assert "a source dictionary of 16 symbols, but the one given now has 17" in process.stderr
    assert path.read_bytes() == before
