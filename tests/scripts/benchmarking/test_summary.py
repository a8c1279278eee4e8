"""What is drawn from a run beside the metrics."""

from functools import partial

import pytest

from scripts.benchmarking.summary import growth, summarise

approx = partial(pytest.approx, rel=1e-3)  # the record is rounded


def test_the_cost_of_a_target_token_is_told_along_both_axes() -> None:
    rounds = [
        {"shape": shape, "system": "fairseq_lstm", "round": 0, "cpu": cpu, "tokens": tokens}
        for shape, cpu, tokens in [
            ("src50_tgt50", 0.5, 500),
            ("src200_tgt50", 1.5, 500),
            ("src50_tgt200", 2.0, 2000),
        ]
    ]
    found = growth(summarise({"rounds": rounds, "memory": {}}))["fairseq_lstm"]
    assert found["source"] == approx({"50": 1000, "200": 3000})  # three times for a longer source
    assert found["target"] == approx({"50": 1000, "200": 1000})  # flat in the target


def test_speed_and_peak_are_those_of_the_system_itself() -> None:
    rounds = [
        {"shape": "len25", "system": "s2s", "round": k, "cpu": cpu, "tokens": 100}
        for k, cpu in enumerate([1.0, 0.5, 0.25])
    ]
    summary = summarise({"rounds": rounds, "memory": {"len25": {"s2s": 12.5}}})
    assert summary == {"s2s": {"len25": {"tokens_per_second": 200.0, "peak_mb": 12.5}}}


def test_the_matrix_products_are_told_by_their_rate_not_by_a_ratio() -> None:
    rounds = [
        {"shape": "x", "system": name, "round": 0, "cpu": 2.0, "tokens": tokens} | counted
        for name, tokens, counted in [
            ("fairseq_lstm", 10, {}),
            ("torch.mm", 0, {"flops": 180e9}),
        ]
    ]
    assert summarise({"rounds": rounds, "memory": {}})["torch.mm"] == {"x": {"gigaflops": 90.0}}
