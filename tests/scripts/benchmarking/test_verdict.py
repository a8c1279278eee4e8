"""The arithmetic of ratios, medians and verdicts, on rounds made up by hand."""

import pytest

from scripts.benchmarking.metrics import METRICS, Memory, Roofline, Speed
from scripts.benchmarking.shapes import shapes
from scripts.benchmarking.verdict import Refused, combine, evaluate, spread, value


def rounds(shape, **cpu):
    """One round per number: ``rounds("len100", s2s=[1.0, 2.0])``."""
    return [
        {"shape": shape, "system": system, "round": number, "cpu": seconds, "tokens": 10}
        for system, measured in cpu.items()
        for number, seconds in enumerate(measured)
    ]


def run(measured=(), memory=None):
    return {"rounds": list(measured), "memory": memory or {}}


def test_a_speed_is_the_median_of_the_ratios_not_the_ratio_of_the_medians() -> None:
    measured = rounds("x", ours=[1.0, 2.0, 4.0], theirs=[1.2, 2.0, 5.6])
    # Round by round 1.2, 1.0, 1.4; the medians alone would give 2.0 / 2.0 = 1.
    assert value(Speed("x", "ours", "theirs"), run(measured)) == pytest.approx(1.2)


def test_rounds_are_paired_by_number_not_by_place() -> None:
    measured = rounds("x", ours=[1.0, 10.0], theirs=[2.0, 20.0])
    assert value(Speed("x", "ours", "theirs"), run(reversed(measured))) == pytest.approx(2.0)


def test_a_round_that_only_one_of_them_has_counts_for_nothing() -> None:
    measured = rounds("x", ours=[1.0], theirs=[3.0, 999.0])
    assert value(Speed("x", "ours", "theirs"), run(measured)) == pytest.approx(3.0)


def test_another_shape_counts_for_nothing() -> None:
    measured = rounds("x", ours=[1.0], theirs=[3.0]) + rounds("y", ours=[1.0], theirs=[7.0])
    assert value(Speed("x", "ours", "theirs"), run(measured)) == pytest.approx(3.0)


@pytest.mark.parametrize(("largest", "refused"), [(1.39, False), (1.41, True)])
def test_a_spread_over_two_fifths_of_the_median_is_refused(largest: float, refused: bool) -> None:
    measured = rounds("x", ours=[1.0, 1.0, 1.0], theirs=[1.0, 1.0, largest])
    metric = Speed("x", "ours", "theirs")
    if refused:
        with pytest.raises(Refused, match=r"between 1\.00 and 1\.41 around 1\.00"):
            value(metric, run(measured))
    else:
        assert value(metric, run(measured)) == 1.0


def test_the_spread_is_relative_to_the_median() -> None:
    assert spread([2.0, 4.0, 5.0]).relative == pytest.approx(3 / 4)


def test_a_memory_is_the_quotient_of_two_peaks() -> None:
    memory = {"len200": {"ours": 30.0}, "len100": {"ours": 20.0, "theirs": 80.0}}
    growth = Memory(("ours", "len200"), ("ours", "len100"))
    saving = Memory(("ours", "len100"), ("theirs", "len100"))
    assert value(growth, run(memory=memory)) == pytest.approx(1.5)
    assert value(saving, run(memory=memory)) == pytest.approx(0.25)
    with pytest.raises(Refused, match="the memory of theirs on len200 was not measured"):
        value(Memory(("ours", "len200"), ("theirs", "len200")), run(memory=memory))


def test_the_roofline_is_the_best_rate_of_the_run() -> None:
    steps = rounds("x", ours=[2.0, 2.0], mm=[1.0, 0.5])
    for one in steps:
        one["flops"] = 60.0 if one["system"] == "ours" else 50.0
    # 30 a second against the better of 50 and 100 a second
    assert value(Roofline("x", "ours", "mm"), run(steps)) == pytest.approx(0.3)


def test_a_run_gives_every_metric_a_value_or_a_reason() -> None:
    shape = METRICS["train_len100_lstm"].shape
    metrics, why = evaluate(run(rounds(shape, s2s_attn_lstm=[1.0], fairseq_lstm=[1.5])))
    assert metrics["train_len100_lstm"] == 1.5
    assert metrics.keys() == METRICS.keys()
    assert why.keys() == METRICS.keys() - {"train_len100_lstm"}
    assert why["train_2000_vs_joeynmt"] == "s2s_attn_lstm was not measured on multi30k_2000"


def of_runs(*values):
    """Runs with this value of one metric; a text is a refusal."""
    name = "train_2000_lstm"
    made = [
        {"metrics": {name: v}, "why": {}}
        if not isinstance(v, str)
        else {"metrics": {name: None}, "why": {name: v}}
        for v in values
    ]
    metrics, why = combine(made)
    return metrics[name], why.get(name)


def test_the_median_of_the_runs_counts() -> None:
    assert of_runs(1.3, 1.1, 1.2) == (1.2, None)


def test_one_noisy_run_of_three_is_left_out_and_two_refuse_the_metric() -> None:
    assert of_runs(1.3, "too far apart", 1.1) == (1.2, None)
    assert of_runs(1.3, "too far apart", "further") == (None, "further")


def test_a_run_that_did_not_try_has_no_vote() -> None:
    assert of_runs("ours was not measured on x", 1.1, "ours was not measured on x") == (1.1, None)
    assert of_runs() == (None, "there is no run yet")


def test_every_metric_is_measured_on_a_shape_of_its_systems() -> None:
    table = shapes()
    for metric in METRICS.values():
        pairs = metric.pairs if isinstance(metric, Memory) else ()
        if isinstance(metric, Speed):
            pairs = ((metric.system, metric.shape), (metric.base, metric.shape))
        if isinstance(metric, Roofline):
            pairs = ((metric.system, metric.shape), (metric.roofline, metric.shape))
        for system, shape in pairs:
            assert system in table[shape].systems  # in all rounds, not in the first only
            assert not isinstance(metric, Memory) or table[shape].memory
