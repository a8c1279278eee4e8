"""Schedules at points computed by the paper's own formulas, and the mixing of words."""

import math
from fractions import Fraction

import pytest
import torch

from fairseq_plugins.modules.scheduled_sampling import SCHEDULES, build_schedule, mix

UPDATES = [0, 1, 10, 100, 1000, 10**4, 10**5, 10**9]


@pytest.mark.parametrize(
    ("updates", "expected"), [(0, 0.9), (100, 0.8), (700, 0.2), (701, 0.2), (10**9, 0.2)]
)
def test_linear_falls_by_its_slope_to_its_floor(updates, expected):
    schedule = build_schedule("linear", 0.9, 0.001, 0.2)
    assert schedule.probability(updates) == pytest.approx(expected)


def test_exponential_is_a_power():
    schedule = build_schedule("exponential", 0.75)
    for updates in (0, 1, 7, 50):
        assert schedule.probability(updates) == pytest.approx(float(Fraction(3, 4) ** updates))


def test_inverse_sigmoid_is_the_papers_formula():
    schedule = build_schedule("inverse-sigmoid", 50)
    for updates in (0, 1, 50, 196, 400, 2000):
        expected = 50 / (50 + math.exp(updates / 50))
        assert schedule.probability(updates) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("floor", [0.0, 0.25, 1.0])
def test_every_schedule_falls_and_stays_between_floor_and_1(name, floor):
    schedule = build_schedule(name, floor=floor)
    probabilities = [schedule.probability(updates) for updates in UPDATES]
    assert probabilities == sorted(probabilities, reverse=True)
    assert probabilities[-1] == floor
    assert probabilities[0] == pytest.approx(1, abs=2e-3)
    assert all(type(p) is float and floor <= p <= 1 for p in probabilities)


@pytest.mark.parametrize(
    ("name", "half"),
    [
        ("linear", 10_000),
        ("exponential", math.log(2) / 1e-4),
        ("inverse-sigmoid", 1000 * math.log(1000)),
    ],
)
def test_the_defaults_reach_one_half_where_their_docstrings_say(name, half):
    assert build_schedule(name).probability(round(half)) == pytest.approx(0.5, abs=1e-3)


def test_none_is_no_schedule():
    assert build_schedule("none") is None


@pytest.mark.parametrize(
    ("name", "options", "quoted"),
    [
        ("cubic", {}, ["--scheduled-sampling is cubic", "linear"]),
        ("linear", {"k": 0.0}, ["--scheduled-sampling-k is 0.0", "linear"]),
        ("linear", {"k": 1.5}, ["--scheduled-sampling-k is 1.5", "linear"]),
        ("linear", {"slope": 0.0}, ["--scheduled-sampling-slope is 0.0"]),
        ("linear", {"slope": math.inf}, ["--scheduled-sampling-slope is inf"]),
        ("exponential", {"k": 1.0}, ["--scheduled-sampling-k is 1.0", "exponential"]),
        ("exponential", {"k": math.nan}, ["--scheduled-sampling-k is nan", "exponential"]),
        ("inverse-sigmoid", {"k": 0.5}, ["--scheduled-sampling-k is 0.5", "inverse-sigmoid"]),
        ("inverse-sigmoid", {"k": math.inf}, ["--scheduled-sampling-k is inf"]),
        ("linear", {"floor": 1.1}, ["--scheduled-sampling-floor is 1.1"]),
        ("exponential", {"floor": -0.1}, ["--scheduled-sampling-floor is -0.1"]),
        ("exponential", {"slope": 0.1}, ["--scheduled-sampling-slope (0.1)", "exponential"]),
        ("none", {"slope": 0.1}, ["--scheduled-sampling-slope (0.1)", "none"]),
        ("none", {"k": 0.5}, ["--scheduled-sampling-k (0.5)", "--scheduled-sampling is none"]),
        ("none", {"floor": 0.5}, ["--scheduled-sampling-floor (0.5)"]),
    ],
)
def test_a_bad_option_is_refused_in_one_sentence_that_quotes_it(name, options, quoted):
    with pytest.raises(ValueError) as error:
        build_schedule(name, **options)
    assert all(part in str(error.value) for part in quoted)
    assert "\n" not in str(error.value)


def test_mixing_with_certainty_gives_gold_or_own_alone():
    gold, own = torch.arange(1000), -torch.arange(1000)
    assert torch.equal(mix(gold, own, 1.0), gold)
    assert torch.equal(mix(gold, own, 0.0), own)


def test_mixing_takes_each_row_by_its_own_chance():
    torch.manual_seed(1)
    gold, own = torch.ones(20_000), torch.zeros(20_000)
    mixed = mix(gold, own, 0.3)
    deviation = math.sqrt(0.3 * 0.7 / 20_000)  # of the mean of independent rows
    assert abs(mixed.mean().item() - 0.3) < 4 * deviation
    repeats = (mixed[1:] == mixed[:-1]).float().mean().item()
    assert abs(repeats - (0.3**2 + 0.7**2)) < 0.02  # neighbours are independent
