"""The conversation in a terminal: memory, commands, pipes, both languages and a clean end."""

import io
import json
import os
import subprocess
import sys

import pytest

from chatbot import terminal
from chatbot.bounds import Bounds
from chatbot.dialog import PRESETS, Candidate, Reply, Settings, make_settings
from chatbot.strings import LABELS, LANGUAGES, SENTENCES
from chatbot.terminal_commands import COMMANDS
from chatbot.terminal_heatmap import display_width, draw, pad, shade, shorten
from chatbot.terminal_strings import TEXTS, preferred

from .echo import ANSWERS, EchoResponder, EchoShelf


class Last(EchoResponder):
    """Answers with all that was said; ``boom`` makes it fail, ``stop`` interrupts."""

    def __init__(self):
        super().__init__("last")
        self.settings = None

    def reply(self, dialog, settings):
        self.settings = settings
        text = dialog[-1].text
        if text == "boom":
            raise RuntimeError("secret")
        if text == "grow":
            yield Reply("gr")
        if text in ("stop", "grow"):
            raise KeyboardInterrupt
        if text == "change":
            yield Reply("first")
        yield Reply("/".join(message.text for message in dialog))


class Terminal(io.StringIO):
    def isatty(self):
        return True


def make(responder=None, sink=None, **options):
    shelf = EchoShelf(responder) if responder else EchoShelf()
    return terminal.Talk(shelf, Settings(), sink or io.StringIO(), **options)


def pipe(text, responder=None, **options):
    """What a pipe gets."""
    sink = io.StringIO()
    talk = make(responder or Last(), sink, **options)
    terminal.converse(talk, io.StringIO(text))
    return sink.getvalue().splitlines()


def at_terminal(monkeypatch, lines, responder=None, end=EOFError, **options):
    """What somebody at a terminal sees."""
    lines = iter(lines)

    def typed(prompt):
        try:
            return next(lines)
        except StopIteration:
            raise end from None

    monkeypatch.setattr("builtins.input", typed)
    sink = Terminal()
    terminal.converse(make(responder or Last(), sink, **options), Terminal())
    return sink.getvalue()


def command(talk, line):
    """What one command shows."""
    before = talk._sink.getvalue()
    talk.command(line)
    return talk._sink.getvalue()[len(before) :].rstrip("\n")


def test_a_pipe_gets_one_line_for_each_line():
    assert pipe("a\nb\n") == ["a", "a/a/b"]


def test_the_last_line_needs_no_line_break():
    assert pipe("a") == ["a"]


def test_an_empty_line_gets_a_kind_sentence_and_is_forgotten():
    assert pipe("a\n\nb\n") == ["a", SENTENCES["en"]["empty"], "a/a/b"]


def test_a_failure_is_a_sentence_and_the_conversation_goes_on():
    assert pipe("a\nboom\nb\n") == ["a", SENTENCES["en"]["failed"], "a/a/b"]


def test_a_pipe_takes_commands():
    lines = pipe("a\n/clear\nb\n/help\n/quit\nc\n")
    assert lines[:3] == ["a", TEXTS["en"]["cleared"], "b"]
    assert "/clear" in "\n".join(lines[3:]) and "c" not in lines


def test_a_huge_line_is_cut():
    assert len(pipe("x" * 10_000 + "\n")[0]) == 500


def test_an_interrupt_ends_a_pipe():
    assert pipe("a\nstop\nb\n") == ["a"]


def test_nothing_said_is_nothing_answered():
    assert pipe("") == []


@pytest.mark.parametrize("end", [EOFError, KeyboardInterrupt])
@pytest.mark.parametrize("language", LANGUAGES)
def test_at_a_terminal_there_is_a_greeting_and_a_goodbye(monkeypatch, end, language):
    seen = at_terminal(monkeypatch, ["hi", ""], end=end, language=language)
    texts = TEXTS[language]
    expected = [texts["greeting"], f"{texts['bot']}hi", texts["goodbye"]]
    assert [line for line in seen.splitlines() if line] == expected


def test_the_prompt_is_in_the_language(monkeypatch):
    asked = []
    monkeypatch.setattr("builtins.input", lambda prompt: asked.append(prompt) or "/quit")
    terminal.converse(make(sink=Terminal(), language="zh"), Terminal())
    assert asked == [TEXTS["zh"]["you"]]


def test_a_reply_grows_in_its_place(monkeypatch):
    class Watched(Terminal):
        def __init__(self):
            super().__init__()
            self.writes = []

        def flush(self):
            self.writes.append(self.getvalue())

    sink = Watched()
    talk = make(EchoResponder(), sink)
    talk.live = True
    talk.say("hi")
    assert sink.getvalue() == f"bot> {ANSWERS['en']}\n"
    assert len(set(sink.writes)) > 8


def test_a_reply_that_changes_its_beginning_is_written_again(monkeypatch):
    seen = at_terminal(monkeypatch, ["change"])
    assert f"bot> first{terminal.START_OF_LINE}bot> change\n" in seen


def test_an_interrupt_stops_a_reply_and_keeps_what_there_is(monkeypatch):
    seen = at_terminal(monkeypatch, ["a", "grow", "b"])
    assert "bot> gr …\n" in seen and "bot> a/a/grow/gr/b\n" in seen


def test_a_reply_that_was_stopped_before_it_began_was_never_asked_for(monkeypatch):
    assert "bot> a/a/b\n" in at_terminal(monkeypatch, ["a", "stop", "b"])


@pytest.mark.parametrize(("line", "key"), [("boom", "failed"), ("x" * 501, "cut")])
@pytest.mark.parametrize("language", LANGUAGES)
def test_at_a_terminal_one_is_told_of_failures_and_cuts(monkeypatch, line, key, language):
    seen = at_terminal(monkeypatch, [line], language=language)
    assert TEXTS[language][key].split("{")[0] in seen


@pytest.mark.parametrize("as_json", [False, True])
def test_a_pipe_is_told_of_cuts_beside_its_lines(capsys, as_json):
    lines = pipe("abcdef\nboom\nabc\n", bounds=Bounds(message_length=4), as_json=as_json)
    assert len(lines) == 3
    assert capsys.readouterr().err == TEXTS["en"]["cut"].format(limit=4) + "\n"


@pytest.mark.parametrize("live", [True, False])
def test_a_reply_that_takes_too_long_is_cut_and_said_to_be(capsys, live):
    sink = io.StringIO()
    talk = make(EchoResponder(), sink, bounds=Bounds(reply_seconds=0.3), language="zh")
    talk.live = live
    turn = talk.say("slow")
    assert turn.text in sink.getvalue() and len(turn.text) < len(ANSWERS["en"])
    told = sink.getvalue() if live else capsys.readouterr().err
    assert told.endswith(TEXTS["zh"]["late"] + "\n")


def test_one_message():
    sink = io.StringIO()
    assert terminal.respond(make(Last(), sink), "hi") is True
    assert terminal.respond(make(Last(), sink), "boom") is False
    assert sink.getvalue().splitlines() == ["hi", SENTENCES["en"]["failed"]]


# --- JSON


def test_json_is_one_object_for_each_reply():
    lines = pipe("hi\n你好\n", EchoResponder(), as_json=True)
    first, second = map(json.loads, lines)
    assert first["text"] == ANSWERS["en"] and second["text"] == ANSWERS["zh"]
    assert set(first) == {
        "text",
        "source",
        "plan",
        "kind",
        "tokens",
        "seconds",
        "first_seconds",
        "seed",
        "candidates",
        "cut",
    }
    assert "你" in lines[1]


def test_json_has_the_alignment_where_it_is_asked_for():
    [line] = pipe("hi\n", EchoResponder(), as_json=True, with_alignment=True)
    alignment = json.loads(line)["alignment"]
    assert len(alignment["weights"]) == len(alignment["rows"])


def test_json_tells_failures_and_canned_sentences():
    failed, empty = map(json.loads, pipe("boom\n\n", as_json=True))
    assert failed["kind"] == "failed" and failed["reference"] and "secret" not in str(failed)
    assert empty["kind"] == "canned" and empty["text"] == SENTENCES["en"]["empty"]


def test_with_json_a_command_is_one_object_too():
    [found] = map(json.loads, pipe("/settings\n", as_json=True))
    assert found["command"] == "/settings" and "beam" in found["output"]


# --- commands


def test_both_languages_have_every_text_with_the_same_gaps():
    assert TEXTS["en"].keys() == TEXTS["zh"].keys()
    for key, text in TEXTS["en"].items():
        gaps = {part.split("}")[0].split("!")[0] for part in text.split("{")[1:]}
        other = {part.split("}")[0].split("!")[0] for part in TEXTS["zh"][key].split("{")[1:]}
        assert gaps == other, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_help_names_every_command(language):
    shown = command(make(language=language), "/help")
    for name in (*COMMANDS, "/quit"):
        assert name in shown
    assert "parrot" in shown and "lively" in shown


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("line", ["/dance", "/", "//", "/Help", "/set_"])
def test_an_unknown_command_is_one_sentence(language, line):
    shown = command(make(language=language), line)
    assert shown == TEXTS[language]["unknown"].format(command=line)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("line", ["/retry", "/undo", "/candidates", "/use 1", "/attention"])
def test_before_anything_was_said_there_is_nothing_to_show(language, line):
    assert command(make(language=language), line) == TEXTS[language]["nothing"]


def test_undo_takes_back_the_last_exchange():
    talk = make(Last())
    talk.say("a")
    talk.say("b")
    assert command(talk, "/undo") == "Taken back: b"
    assert talk.say("c").text == "a/a/c"


def test_retry_draws_another_answer_to_the_same_message():
    responder = Last()
    talk = make(responder)
    command(talk, "/set seed 7")
    talk.say("a")
    talk.say("b")
    assert command(talk, "/retry") == "a/a/b"
    assert (responder.settings.mode, responder.settings.seed) == ("sampling", None)
    assert len(talk.conversation.exchanges) == 2
    assert talk.say("c").text == "a/a/b/a/a/b/c"


def test_a_candidate_in_the_answers_place_is_what_the_conversation_goes_on_from():
    class Choices(Last):
        def reply(self, dialog, settings):
            [reply] = super().reply(dialog, settings)
            others = (Candidate(reply.text, -0.1), Candidate("other", -0.7))
            yield Reply(reply.text, candidates=others)

    talk = make(Choices())
    talk.say("a")
    assert command(talk, "/candidates").splitlines() == ["> 1.  90%  a", "  2.  50%  other"]
    assert command(talk, "/use 2") == "bot> other"
    assert command(talk, "/candidates").splitlines()[1].startswith("> 2.")
    assert talk.say("b").text == "a/other/b"


@pytest.mark.parametrize(
    "number", ["0", "9", "-1", "x", "", "1.5", "²", "0000000012", "0" * 9 + "1", "9" * 5000]
)
def test_a_candidate_that_is_not_there_is_one_sentence(number):
    talk = make()
    talk.say("hi")
    assert command(talk, f"/use {number}").startswith(f"There is no candidate {number}: choose")


def test_an_answer_without_candidates_or_attention_says_so():
    talk = make(Last())
    talk.say("boom")
    assert command(talk, "/candidates") == command(talk, "/use 1") == TEXTS["en"]["no_candidates"]
    talk.say("blind")
    assert command(talk, "/attention") == TEXTS["en"]["no_attention"]


def test_set_changes_what_the_model_is_asked_for():
    responder = Last()
    talk = make(responder)
    for line, shown in [
        ("/set mode sampling", "mode is now sampling."),
        ("/set beam 3", "beam is now 3."),
        ("/set topp 0.5", "topp is now 0.5."),
        ("/set fallback off", "fallback is now off."),
        ("/set seed 7", "seed is now 7."),
    ]:
        assert command(talk, line) == shown
    talk.say("hi")
    expected = Settings(mode="sampling", beam=3, topp=0.5, fallback=False, seed=7)
    assert responder.settings == expected
    assert command(talk, "/set seed none") == "seed is now none."
    assert talk.settings.seed is None


@pytest.mark.parametrize(
    ("line", "english", "chinese"),
    [
        ("/set", "/set needs a name", "/set 需要"),
        ("/set beam", "/set needs a name", "/set 需要"),
        ("/set colour red", "There is no setting 'colour'", "没有 'colour'"),
        ("/set beam 0", "beam cannot be '0': 1 to 20.", "beam 不能是 '0'，可以是：1 到 20。"),
        ("/set beam nan", "beam cannot be 'nan'", "beam 不能是"),
        ("/set beam none", "beam cannot be 'none'", "beam 不能是"),
        ("/set beam on", "beam cannot be 'on'", "beam 不能是"),
        ("/set mode dance", "mode cannot be 'dance': greedy, beam, sampling.", "mode 不能是"),
        ("/set fallback maybe", "fallback cannot be 'maybe': on, off.", "fallback 不能是"),
        ("/set max_length 900", "max_length cannot be '900': 1 to 200.", "max_length 不能是"),
        ("/preset wild", "There is no preset 'wild'", "没有 'wild'"),
        ("/model nobody", "There is no model 'nobody': choose among echo, parrot.", "没有模型"),
        ("/lang fr", "/lang needs en or zh.", "/lang 需要 en 或 zh。"),
        ("/save", "/save needs", "/save 需要"),
        ("/save notes.txt", "/save needs", "/save 需要"),
        ("/save /nowhere/at/all.md", "/nowhere/at/all.md cannot be written", "无法写入"),
        ("/save ~nosuchuser/x.json", "~nosuchuser/x.json cannot be written", "无法写入"),
    ],
)
def test_what_is_wrong_with_a_command_is_one_sentence(line, english, chinese):
    for language, sentence in (("en", english), ("zh", chinese)):
        talk = make(language=language)
        shown = command(talk, line)
        assert sentence in shown and "\n" not in shown
        assert talk.settings == Settings()


def test_lengths_that_contradict_each_other_are_one_sentence():
    talk = make()
    command(talk, "/set min_length 20")
    assert command(talk, "/set max_length 10") == TEXTS["en"]["lengths"]
    assert talk.settings.max_length == 60


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_changes_several_settings(name):
    talk = make()
    shown = command(talk, f"/preset {name}")
    assert talk.settings == make_settings(PRESETS[name])
    assert f"mode             {talk.settings.mode}" in shown and "fallback         on" in shown


def test_another_model_goes_on_with_the_conversation():
    talk = make()
    talk.say("hi")
    assert command(talk, "/model") == "You are talking to echo. The models are echo, parrot."
    assert command(talk, "/model parrot").startswith("You are talking to parrot.")
    assert talk.say("hi").text.startswith("Well: ") and len(talk.conversation.exchanges) == 2


def test_a_model_that_cannot_be_loaded_is_one_sentence():
    class Broken(EchoShelf):
        def get(self, name=None):
            if name == "parrot":
                raise ValueError("secret")
            return super().get(name)

    talk = terminal.Talk(Broken(), Settings(), io.StringIO())
    assert command(talk, "/model parrot") == "The model 'parrot' cannot be loaded."
    assert talk.say("hi").text == ANSWERS["en"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_card_is_a_table(language):
    lines = command(make(language=language), "/card").splitlines()
    assert any("1,640,000" in line and TEXTS[language]["card_parameters"] in line for line in lines)
    assert any("MIT" in line for line in lines)
    assert any("3.21" in line and LABELS[language]["perplexity"] in line for line in lines)
    values = [line.split("  ", 1)[1].lstrip() for line in lines]
    starts = {
        display_width(line) - display_width(value)
        for line, value in zip(lines, values, strict=True)
    }
    assert len(starts) == 1


def test_a_conversation_is_kept_as_json_or_markdown(tmp_path):
    talk = make()
    talk.say("hi")
    for name in ("talk.json", "talk.md"):
        path = tmp_path / name
        assert command(talk, f"/save {path}") == f"Saved as {path}."
        assert "hi" in path.read_text("utf-8")
    found = json.loads((tmp_path / "talk.json").read_text("utf-8"))
    assert found["model"] == "echo" and found["exchanges"][0]["message"] == "hi"


def test_no_file_is_overwritten(tmp_path):
    path = tmp_path / "mine.md"
    path.write_text("mine")
    assert command(make(), f"/save {path}") == f"{path} is there already: choose another name."
    assert path.read_text() == "mine"


def test_the_language_changes_at_once():
    talk = make()
    assert command(talk, "/lang zh") == TEXTS["zh"]["lang"]
    assert command(talk, "/undo") == TEXTS["zh"]["nothing"]


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LC_ALL": "", "LC_MESSAGES": "zh_TW", "LANG": "en_GB"}, "zh"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
    ],
)
def test_the_locale_tells_the_language(environment, language):
    assert preferred(environment) == language


# --- the heat map


def test_the_heaviest_cell_is_the_darkest():
    picture = draw(["a", "b"], ["x", "y"], [[0.9, 0.1], [0.3, 0.7]], 80)
    assert picture.splitlines() == ["  x  y", "a ██ ░░", "b ▒▒ ▓▓"]


@pytest.mark.parametrize("width", [12, 14, 20, 80])
def test_wide_characters_are_aligned(width):
    rows, columns = ["我", "fine", "很好"], ["你", "today", "，", "ok"]
    weights = [[0.8, 0.1, 0.05, 0.05]] * 3
    picture = draw(rows, columns, weights, width)
    assert all(display_width(line) <= width for line in picture.splitlines())
    first = picture.splitlines()
    dark = [display_width(line[: line.index("█")]) for line in first[1:4]]
    assert dark == [display_width(first[0][: first[0].index("你")])] * 3


def test_what_does_not_fit_side_by_side_follows_below():
    columns = [f"word{i}" for i in range(9)]
    picture = draw(["r"], columns, [[0.2] * 9], 20)
    assert len(picture.split("\n\n")) == 3
    assert [word for word in picture.split() if word.startswith("word")] == columns


@pytest.mark.parametrize(
    ("text", "width"), [("", 0), ("abc", 3), ("你好", 4), ("e\u0301", 1), ("，", 2), ("😀", 2)]
)
def test_display_width(text, width):
    assert display_width(text) == width
    assert display_width(pad(text, 6)) == display_width(pad(text, 6, right=True)) == 6


def test_long_labels_are_shortened():
    assert shorten("internationalisation", 8) == "interna…"
    assert shorten("注意力机制很好", 8) == "注意力…"
    assert shorten("short", 8) == "short"


def test_shades_grow_with_the_weight():
    found = [shade(weight) for weight in (0.0, 0.09, 0.1, 0.25, 0.5, 0.75, 1.0)]
    assert found == [" ", " ", "░", "▒", "▓", "█", "█"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_attention_of_the_last_answer(language):
    talk = make(language=language)
    talk.say("how are you")
    lines = command(talk, "/attention").splitlines()
    assert lines[0].split() == ["how", "are", "you"]
    assert any("█" in line or "▓" in line for line in lines[1:-1])
    assert TEXTS[language]["legend"] in lines[-1]


def test_neither_gradio_nor_a_server_nor_torch_is_imported():
    code = (
        "import chatbot.terminal, chatbot.__main__, sys; "
        "print({'gradio', 'fastapi', 'starlette', 'torch', 'fairseq', 'numpy'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert done.stdout.strip() == "set()"
