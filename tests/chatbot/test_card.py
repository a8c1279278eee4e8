"""A card tells what checkpoint, model and card.json say, and nothing that they do not."""

import json
import logging
import os
from types import SimpleNamespace

import pytest

torch = pytest.importorskip("torch")

from chatbot.card import read_card  # noqa: E402
from fairseq_plugins import model_card  # noqa: E402
from fairseq_plugins.model_card import describe  # noqa: E402

GRU = {
    "_name": "s2s_attn",
    "rnn_type": "gru",
    "encoder_rnn_type": "gru",
    "decoder_rnn_type": "gru",
    "encoder_direction": "bidirectional",
    "encoder_layers": 1,
    "decoder_layers": 2,
    "encoder_hidden_size": 192,
    "decoder_hidden_size": 256,
    "attention_score": "additive",
}


class Trap:
    """What a checkpoint must not run."""

    def __reduce__(self):
        return (os.mkdir, ("trapped",))


def model(attends=True):
    """Twelve weights and seven pieces."""
    return SimpleNamespace(
        model=torch.nn.Linear(3, 3),
        task=SimpleNamespace(target_dictionary=[0] * 7),
        attends=attends,
    )


def save(folder, loss=2.0, metric="loss", criterion=None, **extra):
    """A checkpoint as fairseq writes it, without what a card does not read."""
    criterion = criterion or {"_name": "cross_entropy"}
    cfg = {"model": GRU, "checkpoint": {"best_checkpoint_metric": metric}, "criterion": criterion}
    state = {
        "cfg": cfg,
        "model": {"weight": torch.zeros(3, 3)},
        "extra_state": {"val_loss": loss},
        "optimizer_history": [{"num_updates": 100}, {"num_updates": 2400}],
        **extra,
    }
    torch.save(state, folder / "checkpoint_best.pt")
    os.utime(folder / "checkpoint_best.pt", (1_790_000_000, 1_790_000_000))  # 21 September 2026
    return folder


def tell(folder, content):
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "card.json").write_text(text, "utf-8")


def test_a_card_without_a_file_beside_the_checkpoint(tmp_path):
    found = read_card(model(), "chat", save(tmp_path))
    assert (found.name, found.parameters, found.vocabulary, found.device) == ("chat", 12, 7, "cpu")
    assert found.attends and found.architecture.startswith("s2s_attn: ")
    assert (found.data, found.licence) == ("", "")
    assert found.date == "2026-09-21"


def test_perplexity_is_two_to_the_cross_entropy(tmp_path):
    found = dict(read_card(model(), "chat", save(tmp_path, loss=3.0)).scores)
    assert found == {"perplexity (validation)": "8", "updates": "2,400"}


@pytest.mark.parametrize(
    ("metric", "criterion", "name"),
    [
        ("loss", {"_name": "label_smoothed_cross_entropy", "label_smoothing": 0.1}, "loss"),
        ("loss", {"_name": "label_smoothed_cross_entropy", "label_smoothing": 0.0}, "perplexity"),
        ("loss", {"_name": "some_other"}, "loss"),
        ("nll_loss", {"_name": "some_other"}, "perplexity"),
        ("bleu", {"_name": "cross_entropy"}, "bleu"),
    ],
)
def test_a_loss_that_is_no_cross_entropy_is_not_called_a_perplexity(
    tmp_path, metric, criterion, name
):
    folder = save(tmp_path, metric=metric, criterion=criterion)
    assert f"{name} (validation)" in dict(read_card(model(), "chat", folder).scores)


@pytest.mark.parametrize("loss", [None, "2", float("nan"), float("inf")])
def test_a_checkpoint_without_a_validation_has_no_score_of_it(tmp_path, loss):
    assert dict(read_card(model(), "x", save(tmp_path, loss=loss)).scores) == {"updates": "2,400"}


def test_what_card_json_tells_comes_first(tmp_path):
    save(tmp_path)
    tell(
        tmp_path,
        {
            "data": "our  own dialogues\n",
            "licence": "MIT",
            "date": "today",
            "scores": {"BLEU": 12.5, "updates": "many"},
        },
    )
    found = read_card(model(), "chat", tmp_path / "checkpoint_best.pt")
    assert (found.data, found.licence, found.date) == ("our own dialogues", "MIT", "today")
    assert dict(found.scores)["BLEU"] == "12.5" and dict(found.scores)["updates"] == "many"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("{", "Expecting"),
        ("[" * 60_000, "recursion|Expecting"),
        ([1], "no JSON object"),
        ({"data": 7}, "data is no text"),
        ({"data": "x" * 301}, "data is no text of at most 300"),
        ({"path": "/etc"}, "'path'"),
        ({"scores": ["BLEU"]}, "scores is no object"),
        ({"scores": {str(i): i for i in range(13)}}, "scores is no object"),
        ({"scores": {"BLEU": None}}, "'BLEU'"),
        ({"scores": {"x" * 61: 1}}, "the score"),
        ("x" * 70_000, "larger than"),
    ],
)
def test_a_broken_card_json_is_one_warning_and_the_rest_stands(tmp_path, caplog, content, why):
    save(tmp_path)
    tell(tmp_path, content)
    with caplog.at_level(logging.WARNING):
        found = read_card(model(), "chat", tmp_path)
    [warning] = caplog.messages
    assert warning.startswith(f"The card {tmp_path / 'card.json'} is left out: ")
    assert any(part in warning for part in why.split("|")) and len(warning) < 400
    assert found.parameters == 12 and found.data == ""


def test_a_state_that_holds_code_is_not_run_and_tells_nothing(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    save(tmp_path, last_optimizer_state=Trap())
    found = read_card(model(attends=False), "chat", tmp_path)
    assert not (tmp_path / "trapped").exists()
    assert found.parameters == 12 and not found.attends
    assert (found.architecture, found.scores) == ("", ())
    assert len(caplog.messages) == 1


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "s2s_attn: bidirectional GRU with additive attention, 1 + 2 layers, 192/256"),
        (
            {"encoder_rnn_type": "lstm", "encoder_direction": "forward"},
            "s2s_attn: LSTM and GRU with additive attention, 1 + 2 layers, 192/256",
        ),
        (
            {"transformer_heads": 8, "encoder_embed_dim": 512, "encoder_layers": 6},
            "s2s_attn: Transformer and GRU with additive attention, 6 + 2 layers, 512/256",
        ),
        (
            {"conv_key_layers": 6, "conv_hidden_size": 300},
            "s2s_attn: convolutions and GRU with additive attention, 6 + 2 layers, 300/256",
        ),
    ],
)
def test_an_architecture_in_one_line(changes, line):
    assert describe({**GRU, **changes}, attends=True) == line


def test_a_model_without_attention_says_so():
    options = {name: value for name, value in GRU.items() if name != "attention_score"}
    assert "GRU without attention, " in describe(options, attends=False)
    assert "GRU with attention, " in describe(options, attends=True)  # of an older checkpoint
    assert describe({}, attends=True) == ""


def test_every_text_of_a_card_may_be_shown_on_one_line(tmp_path):
    save(tmp_path)
    tell(tmp_path, {"data": "a\u202eb\x1b[31m", "scores": {"x\ny": "1\n2"}})
    found = read_card(model(), "chat", tmp_path)
    shown = "".join((found.data, *(text for pair in found.scores for text in pair)))
    assert not set("\u202e\x1b\n") & set(shown)
    assert model_card.MAX_TEXT >= len(found.data) > 0
