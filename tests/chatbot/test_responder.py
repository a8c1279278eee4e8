"""The Responder asks the model for what the settings say, and survives whatever a user types."""

from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from chatbot.dialog import MAX_MESSAGE_LENGTH, PLAN_LENGTH, Card, Message, Settings
from chatbot.familiar import KnownWords
from chatbot.responder import LOOK_AHEAD, Seq2SeqResponder, load_responder
from chatbot.strings import FALLBACKS, SENTENCES
from chatbot.turn import answer


@dataclass
class Hypothesis:
    text: str = "i am fine"
    score: float = -0.5
    tokens: list = field(default_factory=lambda: ["▁i", "▁am", "▁fi", "ne", "</s>"])
    source_tokens: list = field(default_factory=lambda: ["▁how", "▁a", "re", "</s>"])
    alignment: list | None = field(
        default_factory=lambda: [[0.5, 0.2, 0.2, 0.1]] * 4 + [[0.0, 0.0, 0.0, 1.0]]
    )

    @property
    def token_scores(self):
        return [self.score] * len(self.tokens)


def saying(text, score=-0.5):
    tokens = [*(f"▁{word}" for word in text.split()), "</s>"]
    return Hypothesis(text, score, tokens, alignment=[[0.4, 0.2, 0.2, 0.2]] * len(tokens))


class FakeStream:
    """The tokens of a hypothesis, one by one."""

    def __init__(self, hypothesis, broken_after=None):
        self.closed, self.ready, self.taken = False, False, 0
        self.hypothesis, self.broken_after = hypothesis, broken_after

    def __iter__(self):
        return self

    def __next__(self):
        place, hypothesis = self.taken, self.hypothesis
        if self.closed or place == len(hypothesis.tokens):
            raise StopIteration
        if place == self.broken_after:
            raise RuntimeError("the model is broken")
        self.taken += 1
        pieces = [piece for piece in hypothesis.tokens[: place + 1] if piece != "</s>"]
        return SimpleNamespace(
            piece=hypothesis.tokens[place],
            text="".join(pieces).replace("▁", " ").strip() if hypothesis.text.strip() else " ",
            score=hypothesis.score,
            alignment=hypothesis.alignment[place] if hypothesis.alignment else None,
        )

    def close(self):
        self.closed = True


class FakeModel:
    """Gives fixed hypotheses and remembers the calls; ``answers`` has those of some sources."""

    def __init__(self, *hypotheses, symbols=("<sep>",), attends=True, broken_after=None):
        self.task = SimpleNamespace(source_dictionary=set(symbols), target_dictionary=set(symbols))
        self.folder, self.attends, self.broken_after = None, attends, broken_after
        self.hypotheses = list(hypotheses) or [Hypothesis()]
        self.answers = {}
        self.calls, self.opened, self.scored = [], [], []

    def source_tokens(self, text):
        return ["▁how", "▁a", "re", "</s>"]

    def generate(self, texts, **settings):
        self.calls.append(("generate", list(texts), settings))
        return [self.answers.get(text, self.hypotheses) for text in texts]

    def streams(self, texts, **settings):
        self.calls.append(("streams", list(texts), settings))
        seen, opened = {}, []
        for text in texts:
            answers = self.answers.get(text, self.hypotheses)
            place = seen[text] = seen.get(text, -1) + 1
            opened.append(FakeStream(answers[place % len(answers)], self.broken_after))
        self.opened += opened
        return opened

    def score(self, pairs):
        self.scored.append(list(pairs))
        return [[self.prior[" ".join(target)]] * len(target) for _, target in pairs]


def replies(model, *texts, responder=None, **settings):
    roles = ["user", "assistant"] * len(texts)
    dialog = [Message(role, text) for role, text in zip(roles, texts, strict=False)]
    responder = responder or Seq2SeqResponder(model)
    return list(responder.reply(dialog, Settings(**settings)))


def say(model, *texts, **settings):
    return replies(model, *texts, **settings)[-1]


@pytest.mark.parametrize("mode", ["greedy", "beam", "sampling"])
@pytest.mark.parametrize("attends", [True, False])
def test_a_plan_is_no_part_of_the_reply(mode, attends):
    tokens = ["▁fine", "<say>", "▁i", "▁am", "▁fine", "</s>"]
    weights = [[1.0, 0.0, 0.0, 0.0]] * 2 + [[0.0, 0.5, 0.5, 0.0]] * 4
    planned = Hypothesis("fine<say> i am fine", tokens=tokens, alignment=weights)
    planned.alignment = weights if attends else None
    model = FakeModel(planned, symbols=("<sep>", "<say>"), attends=attends)
    found = replies(model, "how are you", mode=mode)
    assert {reply.text for reply in found} <= {"", "i", "i am", "i am fine"}
    last = found[-1]
    assert (last.text, last.tokens, last.candidates[0].text) == ("i am fine", 3, "i am fine")
    assert last.reply_words == ("i", "am", "fine")
    assert last.alignment == (((0.0, 1.0),) * 3 if attends else None)


class Bounded(FakeModel):
    """Ends its hypotheses where the greatest length is reached."""

    def bounded(self, most):
        tokens = ["<FOOD>", "▁fine", "<say>", "▁i", "▁am", "▁fine"][:most]
        text = "".join(tokens).replace("▁", " ")
        row = [0.4, 0.2, 0.2, 0.2]
        return [Hypothesis(text, tokens=[*tokens, "</s>"], alignment=[row] * (len(tokens) + 1))]

    def generate(self, texts, **settings):
        self.hypotheses = self.bounded(settings["max_len"])
        return super().generate(texts, **settings)

    def streams(self, texts, **settings):
        self.hypotheses = self.bounded(settings["max_len"])
        return super().streams(texts, **settings)


@pytest.mark.parametrize("mode", ["greedy", "beam", "sampling"])
def test_a_plan_takes_nothing_from_the_length_of_the_reply(mode):
    model = Bounded(symbols=("<sep>", "<say>"))
    cut = say(model, "how are you", mode=mode, min_length=2, max_length=2)
    whole = say(model, "how are you", mode=mode, max_length=4)
    assert (cut.text, cut.tokens, cut.unfinished) == ("i am", 2, True)
    assert (whole.text, whole.tokens, whole.unfinished) == ("i am fine", 3, False)
    assert [each.unfinished for each in (*cut.candidates, *whole.candidates)] == [True, False]
    assert model.calls[0][2]["min_len"] == 2 + PLAN_LENGTH


def test_a_plan_is_as_long_as_those_that_models_are_trained_on():
    prepare_chat = pytest.importorskip("scripts.prepare_chat")
    pieces = SimpleNamespace(encode=lambda text, out_type: text.split())
    plan = prepare_chat.Plans({"i am fine": "food"}, pieces).plan("i am fine", ["i", "am", "fine"])
    assert len([*plan, "<say>"]) == PLAN_LENGTH


@pytest.mark.parametrize("mode", ["greedy", "beam", "sampling"])
def test_a_reply_holds_the_alignment_between_words(mode):
    reply = say(FakeModel(), "How are?", mode=mode)
    assert (reply.text, reply.source, reply.tokens) == ("i am fine", "how are", 4)
    assert reply.source_words == ("how", "are")
    assert reply.reply_words == ("i", "am", "fine")
    assert reply.alignment == (pytest.approx((5 / 9, 4 / 9)),) * 3
    assert reply.attends and reply.kind == "model"
    assert 0 < reply.first_seconds <= reply.seconds


@pytest.mark.parametrize("mode", ["greedy", "beam", "sampling"])
def test_a_model_without_attention_has_no_alignment(mode):
    reply = say(FakeModel(Hypothesis(alignment=None), attends=False), "hi", mode=mode)
    assert reply.alignment is None and not reply.attends
    assert [each.alignment for each in reply.candidates] == [None]


@pytest.mark.parametrize("mode", ["greedy", "beam"])
def test_the_model_reads_the_dialog_in_its_own_form(mode):
    model = FakeModel()
    say(model, "One!", "Two.", "Three?", turns=1, mode=mode)
    assert model.calls[0][1] == ["one <sep> two <sep> three", "three"]
    model.calls.clear()
    say(model, "One!", "Two.", "Three?", turns=0, mode=mode)
    assert model.calls[0][1] == ["three"]


def test_a_model_whose_dictionary_names_the_speakers_reads_them():
    model = FakeModel(symbols=("<sep>", "<user>", "<bot>"))
    say(model, "One!", "Two.", "Three?", turns=1)
    assert model.calls[0][1] == ["<user> one <sep> <bot> two <sep> <user> three", "<user> three"]


@pytest.mark.parametrize("mode", ["greedy", "beam", "sampling"])
def test_of_the_two_readings_the_surer_one_answers(mode):
    model = FakeModel()
    scores = {"one <sep> two <sep> why": -0.2, "why": -0.9, "one <sep> two <sep> hi": -0.8}
    model.answers = {text: [saying(text, score)] for text, score in scores.items()}
    model.answers["hi"] = [saying("hi", -0.1)]
    follow_up = say(model, "One", "Two", "why?", mode=mode)
    opening = say(model, "One", "Two", "hi", mode=mode)
    assert follow_up.source == follow_up.text == "one <sep> two <sep> why"
    assert opening.source == opening.text == "hi"


def test_the_reading_that_is_given_up_costs_no_more_than_the_look_ahead():
    model = FakeModel(saying("a b c d e f g h"))
    model.answers = {"why": [saying("a b c d e f g h", -0.9)]}
    say(model, "One", "Two", "why?")
    assert [stream.taken for stream in model.opened] == [9, LOOK_AHEAD]
    assert all(stream.closed for stream in model.opened)


@pytest.mark.parametrize("mode", ["greedy", "sampling"])
def test_a_reply_grows_token_by_token(mode):
    model = FakeModel(saying("a b c d e f g h"))
    *growing, whole = replies(model, "hi", mode=mode, beam=1)
    texts = [reply.text for reply in growing]
    shown = LOOK_AHEAD if mode == "greedy" else 1
    assert texts[:2] == ["a b c d e f g h"[: 2 * n - 1] for n in (shown, shown + 1)]
    assert texts[-1] == whole.text == "a b c d e f g h"
    for reply in growing:
        assert len(reply.alignment) == len(reply.reply_words) == reply.tokens
        assert reply.candidates == () and reply.first_seconds <= reply.seconds
    assert len({reply.first_seconds for reply in growing}) == 1


def test_tokens_that_come_faster_than_they_are_shown_come_together():
    class Fast(FakeModel):
        def streams(self, texts, **settings):
            for stream in (opened := super().streams(texts, **settings)):
                stream.ready = True
            return opened

    found = replies(Fast(saying("a b c d e f g h")), "hi")
    assert [(reply.text, reply.tokens) for reply in found] == [("a b c d e f g h", 8)] * 2
    assert found[0].candidates == () != found[1].candidates  # before they are searched for


def test_closing_the_reply_closes_all_that_was_begun():
    model = FakeModel(saying("a b c d e f g h"))
    for mode in ("greedy", "sampling"):
        answer = Seq2SeqResponder(model).reply([Message("user", "hi")], Settings(mode=mode))
        next(answer)
        answer.close()
    assert len(model.opened) == 1 + 1 + 5
    assert all(stream.closed for stream in model.opened)
    assert [name for name, *_ in model.calls] == ["streams"] * 3  # no search for candidates


def test_an_error_of_the_model_closes_all_that_was_begun():
    model = FakeModel(saying("a b c d e f g h"), broken_after=LOOK_AHEAD)
    with pytest.raises(RuntimeError, match="broken"):
        say(model, "hi")
    assert model.opened and all(stream.closed for stream in model.opened)


def test_candidates_are_distinct_and_best_first():
    model = FakeModel(
        saying("  ", -0.1), saying("yes", -0.2), saying("yes ", -0.3), saying("no way", -0.4)
    )
    reply = say(model, "hi", mode="beam")
    assert reply.text == "yes"
    assert [(each.text, each.score) for each in reply.candidates] == [
        ("yes", pytest.approx(-0.2)),
        ("no way", pytest.approx(-0.4)),
    ]
    assert [each.tokens for each in reply.candidates] == [1, 2]
    assert [each.reply_words for each in reply.candidates] == [("yes",), ("no", "way")]
    assert all(len(each.alignment) == len(each.reply_words) for each in reply.candidates)


def test_the_candidates_of_greedy_search_begin_with_the_reply_that_was_shown():
    model = FakeModel(saying("no", -0.4), saying("yes", -0.2), saying("no", -0.4))
    reply = say(model, "hi", beam=3)
    assert reply.text == "no"
    assert [each.text for each in reply.candidates] == ["no", "yes"]
    assert [name for name, *_ in model.calls] == ["streams", "generate"]
    model.calls.clear()
    assert len(say(model, "hi", beam=1).candidates) == 1
    assert [name for name, *_ in model.calls] == ["streams"]


def test_the_first_sample_is_the_reply_and_the_others_are_candidates_by_score():
    samples = [saying("a", -0.4), saying("b", -0.9), saying("c", -0.1), saying("b", -0.9)]
    reply = say(FakeModel(*samples), "hi", mode="sampling", beam=4)
    assert reply.text == "a"
    assert [each.text for each in reply.candidates] == ["a", "c", "b"]


def test_beam_search_is_not_given_the_settings_of_sampling():
    model = FakeModel()
    settings = {"beam": 3, "length_penalty": 1.2, "no_repeat_ngram": 2, "max_length": 9}
    say(model, "hi", mode="beam", min_length=2, **settings)
    expected = {"beam": 3, "nbest": 3, "lenpen": 1.2, "no_repeat_ngram": 2}
    assert model.calls[0][2] == {**expected, "max_len": 9, "min_len": 2}


def test_sampling_is_given_its_settings_and_a_seed():
    model = FakeModel()
    reply = say(model, "hi", mode="sampling", temperature=0.3, seed=11, topk=7, topp=0.9, beam=3)
    _, texts, settings = model.calls[-1]
    assert texts == ["hi"] * 3 and reply.seed == 11
    expected = {"sampling": True, "temperature": 0.3, "topk": 7, "topp": 0.9, "seed": 11}
    assert settings == {**expected, "no_repeat_ngram": 4, "max_len": 60, "min_len": 1}


def test_a_seed_that_nobody_gave_is_another_each_time_and_reported():
    model = FakeModel()
    found = [say(model, "hi", mode="sampling") for _ in range(4)]
    given = [settings["seed"] for _, _, settings in model.calls if "seed" in settings]
    assert [reply.seed for reply in found] == given and len(set(given)) > 1
    assert say(model, "hi").seed is None and say(model, "hi", mode="beam").seed is None


@pytest.mark.parametrize("mode", ["greedy", "beam", "sampling"])
def test_the_reranker_prefers_what_is_unlikely_without_the_message(mode):
    model = FakeModel(saying("generic", -0.2), saying("special", -0.4))
    model.prior = {"▁generic </s>": -0.1, "▁special </s>": -3.0}
    plain = say(model, "hi", mode=mode, beam=2)
    found = replies(model, "hi", mode=mode, beam=2, diversity=0.5)
    assert plain.text == "generic" and plain.candidates[0].reranked is None
    assert len(found) == 1  # whole
    assert found[0].text == "special"
    assert found[0].candidates[0].reranked == pytest.approx(-0.4 + 0.5 * 3.0)
    assert found[0].candidates[1].reranked == pytest.approx(-0.2 + 0.5 * 0.1)
    assert model.scored[0][0][0] == ""


def test_a_reverse_model_reranks_by_the_message_that_a_reply_points_to():
    model, reverse = FakeModel(saying("generic", -0.2), saying("special", -0.4)), FakeModel()
    reverse.score = lambda pairs: [[-4.0 if t == "generic" else -0.2] for t, _ in pairs]
    responder = Seq2SeqResponder(model, reverse=reverse)
    [reply] = replies(model, "hi", responder=responder, mode="beam", diversity=0.5)
    assert reply.text == "special"
    assert [each.reranked for each in reply.candidates] == [
        pytest.approx(-0.3),
        pytest.approx(-2.1),
    ]


KNOWN = KnownWords({"how": 90, "are": 80, "you": 100, "today": 5})


@pytest.mark.parametrize("mode", ["greedy", "beam", "sampling"])
def test_a_message_that_is_mostly_unknown_gets_an_honest_sentence(mode):
    model = FakeModel()
    responder = Seq2SeqResponder(model, known=KNOWN)
    texts = ["how are you", "Quantum chromodynamics?", "量子色动力学是什么"]
    known, english, chinese = (
        replies(model, text, responder=responder, mode=mode)[-1] for text in texts
    )
    assert (known.kind, english.kind, chinese.kind) == ("model", "fallback", "fallback")
    assert english.text in FALLBACKS["en"] and chinese.text in FALLBACKS["zh"]
    assert english.candidates == () and english.alignment is None
    off = replies(model, texts[1], responder=responder, mode=mode, fallback=False)[-1]
    assert off.kind == "model"


def test_a_fallback_is_never_the_same_twice_in_a_row():
    responder = Seq2SeqResponder(FakeModel(), known=KNOWN)
    dialog = []
    for word in ("zero", "zones", "zebra", "zenith", "zinc", "zoom") * 3:
        dialog.append(Message("user", f"xylophone {word}"))
        *_, turn = answer(responder, dialog[-1].text, dialog[:-1], Settings())
        dialog.append(Message("assistant", turn.text))
    found = [message.text for message in dialog[1::2]]
    assert all(one != next_ for one, next_ in zip(found, found[1:], strict=False))
    assert len(set(found)) > 3


@pytest.mark.parametrize("mode", ["greedy", "beam"])
def test_a_message_that_is_partly_unknown_is_answered_where_the_model_is_sure(mode):
    kinds = []
    for score in (-0.1, -3.0):
        responder = Seq2SeqResponder(FakeModel(Hypothesis(score=score)), known=KNOWN)
        text = "how are you today xylophone"
        kinds.append(replies(None, text, responder=responder, mode=mode)[-1].kind)
    assert kinds == ["model", "fallback"]


@pytest.mark.parametrize("mode", ["greedy", "beam", "sampling"])
def test_a_fallback_that_the_model_has_learned_varies_as_well(mode):
    responder = Seq2SeqResponder(FakeModel(saying(FALLBACKS["en"][0])))
    dialog = []
    for _ in range(3):
        dialog.append(Message("user", "who won"))
        (turn,) = answer(responder, "who won", dialog[:-1], Settings(mode=mode))
        assert turn.reply.kind == "fallback"
        dialog.append(Message("assistant", turn.text))
    assert len({message.text for message in dialog[1::2]}) > 1
    off = replies(None, "who won", responder=responder, mode=mode, fallback=False)[-1]
    assert (off.text, off.kind) == (FALLBACKS["en"][0], "fallback") and off.candidates


def test_a_reply_that_begins_as_a_fallback_does_is_shown():
    text = " ".join(FALLBACKS["en"][0].split()[:5]) + " of it"
    assert say(FakeModel(saying(text)), "hi").text == text


def test_the_words_that_a_model_knows_stand_beside_it(tmp_path):
    (tmp_path / "words.txt").write_text("hello 3\nthere 2\n", encoding="utf-8")
    model = FakeModel()
    model.folder = tmp_path
    assert say(model, "hello there").kind == "model"
    assert say(model, "goodbye everyone").kind == "fallback"
    (tmp_path / "words.txt").write_text("no list", encoding="utf-8")
    with pytest.raises(ValueError, match="words.txt"):
        Seq2SeqResponder(model)


def test_without_a_list_of_words_the_vocabulary_tells():
    model = FakeModel()
    model.source_tokens = lambda text: ["▁", "<unk>", "<0xE4>", "<unk>", "</s>"]
    assert say(model, "hi").kind == "fallback"


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
    assert len(model.calls[0][1][0]) <= MAX_MESSAGE_LENGTH


@pytest.mark.parametrize("mode", ["greedy", "beam", "sampling"])
@pytest.mark.parametrize(("text", "language"), [("xyzzy", "en"), ("what is 注意力", "zh")])
def test_an_empty_output_gets_a_sentence_in_the_messages_language(text, language, mode):
    reply = say(FakeModel(saying(" "), saying("")), text, mode=mode)
    assert reply.text == SENTENCES[language]["speechless"]
    assert reply.candidates == () and reply.alignment is None


def test_the_card_is_the_one_that_was_given():
    card = Card("mine", attends=True)
    assert Seq2SeqResponder(FakeModel(), card).card is card
    assert Seq2SeqResponder(FakeModel(attends=False)).card.attends is False


def test_a_missing_checkpoint_is_one_sentence(tmp_path):
    pytest.importorskip("fairseq")
    with pytest.raises(ValueError) as caught:
        load_responder(tmp_path / "nowhere")
    assert "nowhere" in str(caught.value) and "\n" not in str(caught.value)
