"""What one visitor may ask, and that it is counted right."""

import threading

import pytest

from chatbot import bounds
from chatbot.arguments import make_parser, read_arguments, read_bounds
from chatbot.bounds import BOUNDS_LIMITS, Bounds, Rate
from chatbot.dialog import Message, Reply, Settings
from chatbot.turn import answer


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_a_visitor_is_admitted_so_often_in_any_minute(clock):
    rate = Rate(2, clock)
    assert [rate.admit("ann") for _ in range(3)] == [True, True, False]
    assert rate.admit("bob")
    clock.now = 59.9
    assert not rate.admit("ann")
    clock.now = 60.0
    assert [rate.admit("ann") for _ in range(3)] == [True, True, False]


def test_who_is_refused_is_not_counted(clock):
    rate = Rate(1, clock)
    assert rate.admit("ann")
    for clock.now in (20.0, 40.0, 59.0):
        assert not rate.admit("ann")
    clock.now = 60.0
    assert rate.admit("ann")


def test_nought_is_any_number():
    rate = Rate(0)
    assert all(rate.admit("ann") for _ in range(1000))


def test_the_memory_is_bounded(clock, monkeypatch):
    monkeypatch.setattr(bounds, "MANY", 10)
    rate = Rate(1, clock)
    for visitor in range(100):
        assert rate.admit(visitor)
        clock.now += 1.0
    assert len(rate._asked) <= 10
    clock.now += 60.0
    rate.admit("ann")
    assert list(rate._asked) == ["ann"]


def test_many_threads_are_counted_together():
    rate, admitted = Rate(50), []

    def visit():
        for _ in range(20):
            if rate.admit("ann"):
                admitted.append(1)

    threads = [threading.Thread(target=visit) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 50


def test_the_flags_set_them():
    flags = ["--message-length", "9", "--waiting", "3", "--reply-seconds", "1.5", "--requests", "0"]
    options, _ = read_arguments(make_parser(), flags)
    assert read_bounds(options) == Bounds(9, 3, 1.5, 0)
    options, _ = read_arguments(make_parser(), [])
    assert read_bounds(options) == Bounds()


@pytest.mark.parametrize("name", BOUNDS_LIMITS)
def test_their_bounds_hold(name, capsys):
    for value in (BOUNDS_LIMITS[name][0] - 1, BOUNDS_LIMITS[name][1] + 1):
        with pytest.raises(SystemExit):
            read_arguments(make_parser(), [f"--{name.replace('_', '-')}", str(value)])
        assert capsys.readouterr().err.count("\n") == 1


class Slow:
    """Adds a word a second."""

    def __init__(self, clock):
        self.clock, self.closed = clock, False

    def reply(self, dialog, settings):
        try:
            for count in range(1, 100):
                self.clock.now += 1.0
                yield Reply("word " * count)
        finally:
            self.closed = True


def test_a_slow_reply_is_cut(clock, monkeypatch):
    monkeypatch.setattr("chatbot.turn.time.monotonic", clock)
    slow = Slow(clock)
    turns = list(answer(slow, "hi", [], Settings(), Bounds(reply_seconds=5)))
    assert turns[-1].notice == "late" and turns[-1].text == "word " * 5
    assert not turns[-1].failed
    assert slow.closed


def test_what_is_read_of_a_message_and_of_earlier_ones_is_bounded():
    read = []

    class Recorder:
        def reply(self, dialog, settings):
            read.extend(said.text for said in dialog)
            yield Reply("yes")

    history = [Message("user", "x" * 900), Message("assistant", "y" * 900)]
    *_, turn = answer(Recorder(), "z" * 900, history, Settings(), Bounds(message_length=7))
    assert read == ["x" * 7, "y" * 7, "z" * 7]
    assert turn.notice == "cut"
