"""The load figures are counted as they say; without a model."""

from dataclasses import replace

import pytest

from scripts import benchmark_chat
from tests.chatbot.echo import EchoResponder

SHORT = replace(benchmark_chat.GREEDY, beam=1)


def test_all_users_ask_all_messages_and_each_reply_stands_in_its_place():
    asked = [
        f"message number {n} of a sentence as long as sixty characters or more" for n in range(7)
    ]
    responder = EchoResponder()
    together = benchmark_chat.all_at_once(responder, asked, SHORT, users=3)
    assert together == benchmark_chat.one_at_a_time(responder, asked, SHORT) == asked


def test_the_ratio_is_that_of_the_rates_of_the_same_round():
    found = benchmark_chat.load(EchoResponder(), SHORT, users=2, per_user=1, rounds=3)
    assert found["identical"] == "6 of 6" and len(found["rounds"]) == 3
    for each in found["rounds"]:
        assert each["ratio"] == pytest.approx(each["together"] / each["alone"], rel=0.05)
    ratio = found["ratio"]
    assert ratio["min"] <= ratio["median"] <= ratio["max"]


def test_texts_that_differ_are_not_counted_as_identical():
    class Forgetful(EchoResponder):
        asked = 0

        def reply(self, dialog, settings):
            self.asked += 1
            for reply in super().reply(dialog, settings):
                yield replace(reply, text=str(self.asked))

    found = benchmark_chat.load(Forgetful(), SHORT, users=1, per_user=2, rounds=1)
    assert found["identical"] == "0 of 2"


@pytest.mark.parametrize(("percent", "expected"), [(50, 3), (95, 5), (100, 5), (20, 1), (21, 2)])
def test_a_percentile_is_one_of_the_values(percent, expected):
    assert benchmark_chat.percentile([5, 1, 4, 2, 3], percent) == expected


def test_waits_are_the_replys_own_times_in_milliseconds():
    found = benchmark_chat.waits(EchoResponder(), SHORT, ["hi", "how"])
    assert found["first_token_ms"] == {"p50": 11.0, "p95": 11.0}
    assert found["reply_ms"] == {"p50": 52.0, "p95": 52.0}


def test_messages_come_in_both_languages_and_as_many_as_are_asked_for():
    found = benchmark_chat.messages(500)
    assert len(found) == 500
    assert any("\u4e00" <= char <= "\u9fff" for char in "".join(found[:2]))
    assert found[0].isascii() or found[1].isascii()


def test_a_missing_model_is_one_sentence(tmp_path, capsys):
    assert benchmark_chat.main(["--model", str(tmp_path / "nowhere")]) == 1
    assert "nowhere" in capsys.readouterr().err
