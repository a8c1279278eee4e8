"""Which setting to propose: near to a person's replies, and not bought with quality.

BLEU hardly agrees with what people think of single replies (Liu et al. 2016, arXiv:1603.08023), so
it only guards against replies that have nothing to do with the messages; among what passes, the
measures that complaints about replies are made of decide.
"""

from collections.abc import Callable, Mapping

from .replies import Measures

BLEU_KEPT = 0.75  # of the best: over 300 messages a quarter is two standard errors of BLEU-2

# What readers complain of, by what it is measured with.
COMPLAINTS: Mapping[str, Callable[[Measures], float]] = {
    "generic share": lambda found: found.generic,
    "distinct-2": lambda found: found.distinct[1],
    "share of loops": lambda found: found.loops,
    "mean length": lambda found: found.mean_length,
    "share in Chinese": lambda found: found.chinese,  # a model of two languages may take the other
}

RULE = (
    f"Of the settings that keep {BLEU_KEPT:.0%} of the best BLEU-2 on the validation set, the one "
    "nearest to the human replies is proposed; the distance is the mean of five differences: in "
    "generic share, in distinct-2, in the share of loops, in the share of replies in Chinese, and "
    "in mean length as a part of the human one."
)


def difference(complaint: str, found: Measures, human: Measures) -> float:
    """How far replies lie from a person's in one measure; 0 where they are as a person's.

    Shares and distinct-2 are subtracted as they are; a length is divided by the human one.
    """
    ours, theirs = (COMPLAINTS[complaint](each) for each in (found, human))
    scale = human.mean_length if complaint == "mean length" else 1.0
    return abs(ours - theirs) / scale


def distance(found: Measures, human: Measures) -> float:
    """The mean of the differences: 0 for replies as a person's."""
    return sum(difference(each, found, human) for each in COMPLAINTS) / len(COMPLAINTS)


def bleu_2(found: Measures) -> float:
    """BLEU-2 in percent.

    Raises:
        ValueError: for replies that were compared with no references
    """
    if found.bleu is None:
        raise ValueError("BLEU-2 needs references")
    return found.bleu["bleu-2"]


def choose(measures: Mapping[str, Measures], human: Measures) -> str:
    """The name of the setting to propose, by :data:`RULE`; of equals the first.

    Raises:
        ValueError: where there is no setting
    """
    enough = BLEU_KEPT * max(map(bleu_2, measures.values()))
    good = {name: found for name, found in measures.items() if bleu_2(found) >= enough}
    return min(good, key=lambda name: distance(good[name], human))


def nearest(complaint: str, measures: Mapping[str, Measures], human: Measures) -> str:
    """The name of the setting that mends one complaint best, whatever it costs otherwise."""
    return min(measures, key=lambda name: difference(complaint, measures[name], human))
