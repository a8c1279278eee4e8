"""The Responder asks the model for what the settings say, and survives whatever a user types."""

import threading
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from chatbot.dialog import MAX_MESSAGE_LENGTH, Message, Settings
from chatbot.responder import Seq2SeqResponder, describe, load_responder
from chatbot.strings import SENTENCES


@dataclass
class Hypothesis:
    text: str = "i am fine"
    tokens: list = field(default_factory=lambda: ["▁i", "▁am", "▁fi", "ne", "</s>"])
    score: float = -0.5
    token_scores: list = field(default_factory=lambda: [-0.5] * 5)
    source_tokens: list = field(default_factory=lambda: ["▁how", "▁a", "re", "</s>"])
    alignment: list | None = field(
        default_factory=lambda: [[0.5, 0.2, 0.2, 0.1]] * 4 + [[0.0, 0.0, 0.0, 1.0]]
    )


class FakeModel:
    """Returns fixed hypotheses and remembers the calls."""

    def __init__(self, *hypotheses, symbols=("<sep>",)):
        self.task = SimpleNamespace(source_dictionary=set(symbols))
        self.hypotheses = list(hypotheses) or [Hypothesis()]
        self.calls = []

    def generate(self, texts, **settings):
        self.calls.append((list(texts), settings))
        return [self.hypotheses for _ in texts]


def say(model, *texts, **settings):
    roles = ["user", "assistant"] * len(texts)
    dialog = [Message(role, text) for role, text in zip(roles, texts, strict=False)]
    return list(Seq2SeqResponder(model).reply(dialog, Settings(**settings)))[-1]


def test_a_reply_holds_the_alignment_between_words():
    reply = say(FakeModel(), "How are?")
    assert (reply.text, reply.source, reply.tokens) == ("i am fine", "how are", 4)
    assert reply.source_words == ("how", "are")
    assert reply.reply_words == ("i", "am", "fine")
    assert reply.alignment == (pytest.approx((5 / 9, 4 / 9)),) * 3
    assert reply.seconds > 0


def test_a_model_without_attention_has_no_alignment():
    reply = say(FakeModel(Hypothesis(alignment=None)), "hi")
    assert reply.alignment is None and reply.candidates


def test_the_model_reads_the_dialog_in_its_own_form():
    model = FakeModel()
    say(model, "One!", "Two.", "Three?", turns=1)
    assert model.calls[0][0] == ["one <sep> two <sep> three", "three"]
    say(model, "One!", "Two.", "Three?", turns=0)
    assert model.calls[1][0] == ["three"]


def test_a_model_whose_dictionary_names_the_speakers_reads_them():
    model = FakeModel(symbols=("<sep>", "<user>", "<bot>"))
    say(model, "One!", "Two.", "Three?", turns=1)
    assert model.calls[0][0] == ["<user> one <sep> <bot> two <sep> <user> three", "<user> three"]


def test_of_the_two_readings_the_surer_one_answers():
    class Reader(FakeModel):
        def generate(self, texts, **settings):
            return [[Hypothesis(text, score=self.scores[text])] for text in texts]

    model = Reader()
    model.scores = {"one <sep> two <sep> why": -0.2, "why": -0.9, "one <sep> two <sep> hi": -0.8}
    model.scores["hi"] = -0.1
    follow_up, opening = say(model, "One", "Two", "why?"), say(model, "One", "Two", "hi")
    assert follow_up.source == follow_up.text == "one <sep> two <sep> why"
    assert opening.source == opening.text == "hi"


def test_candidates_are_distinct_and_best_first():
    model = FakeModel(
        Hypothesis("  ", score=-0.1),
        Hypothesis("yes", score=-0.2),
        Hypothesis("yes ", score=-0.3),
        Hypothesis("no", score=-0.4),
    )
    reply = say(model, "hi")
    assert reply.text == "yes"
    assert [(each.text, each.score) for each in reply.candidates] == [("yes", -0.2), ("no", -0.4)]


def test_beam_search_is_not_given_the_settings_of_sampling():
    model = FakeModel()
    say(model, "hi", beam=3, length_penalty=1.2, no_repeat_ngram=2, max_length=9)
    expected = {"beam": 3, "nbest": 3, "lenpen": 1.2, "no_repeat_ngram": 2, "max_len": 9}
    assert model.calls[0][1] == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [({"topk": 0, "topp": 1.0}, (-1, -1.0)), ({"topk": 7, "topp": 0.9}, (7, 0.9))],
)
def test_sampling(given, expected):
    model = FakeModel()
    say(model, "hi", mode="sampling", temperature=0.3, seed=11, **given)
    settings = model.calls[0][1]
    assert settings["sampling"] is True
    assert (settings["temperature"], settings["seed"]) == (0.3, 11)
    assert (settings["topk"], settings["topp"]) == expected


@pytest.mark.parametrize("text", ["", "   ", "\u200b\0", "<sep>", "<SEP>"])
def test_a_message_without_a_word_gets_a_kind_sentence(text):
    model = FakeModel()
    assert say(model, text).text == SENTENCES["en"]["empty"]
    assert model.calls == []


def test_no_message_at_all_gets_a_kind_sentence():
    assert say(FakeModel()).text == SENTENCES["en"]["empty"]


@pytest.mark.parametrize("text", ["x" * 10_000, "好" * 10_000, "a " * 5_000])
def test_a_huge_message_is_cut(text):
    model = FakeModel()
    assert say(model, text).text == "i am fine"
    assert len(model.calls[0][0][0]) <= MAX_MESSAGE_LENGTH


@pytest.mark.parametrize(("text", "language"), [("xyzzy", "en"), ("what is 注意力", "zh")])
def test_an_empty_output_gets_a_sentence_in_the_messages_language(text, language):
    reply = say(FakeModel(Hypothesis(" "), Hypothesis("")), text)
    assert reply.text == SENTENCES[language]["speechless"]
    assert reply.candidates == () and reply.alignment is None


def test_the_model_is_asked_by_one_thread_at_a_time():
    class Counting(FakeModel):
        inside, most = 0, 0

        def generate(self, texts, **settings):
            self.inside += 1
            self.most = max(self.most, self.inside)
            threading.Event().wait(0.005)
            self.inside -= 1
            return super().generate(texts, **settings)

    model = Counting()
    responder = Seq2SeqResponder(model)
    threads = [
        threading.Thread(target=lambda: list(responder.reply([Message("user", "hi")], Settings())))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(model.calls) == 8 and model.most == 1


def test_a_missing_checkpoint_is_one_sentence(tmp_path):
    pytest.importorskip("fairseq")
    with pytest.raises(ValueError) as caught:
        load_responder(tmp_path / "nowhere")
    assert "nowhere" in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("attends", "cells", "expected"),
    [
        (True, ["GRU"], "GRU + attention"),
        (False, ["LSTM", "GRU"], "LSTM/GRU"),
        (False, ["RNN"], "RNN"),
    ],
)
def test_a_model_is_described_by_its_cells_size_vocabulary_and_device(attends, cells, expected):
    nn = pytest.importorskip("torch").nn
    net = nn.Module()
    for index, cell in enumerate(cells):
        net.add_module(f"cell{index}", getattr(nn, cell)(2, 3))
    if attends:
        net.add_module("attention", nn.Linear(1000, 1000, bias=False))
    task = type("Task", (), {"target_dictionary": range(2431)})
    model = type("Model", (), {"model": net, "task": task})
    line = describe(model)
    assert line.startswith(f"{expected} · ")
    assert line.endswith(" · 2,431 subwords · CPU")
    assert ("1.0M" if attends else "0.0M") in line
