"""Messages and a person's replies: those in one language, and a sample of them."""

import random
from collections.abc import Sequence

from fairseq_plugins.errors import S2SError
from scripts.reporting.subject import TestSet
from scripts.scoring.ruler import HAN, TOKENIZERS


def of_language(pairs: TestSet, language: str) -> TestSet:
    """The pairs in one language, told by their script: Chinese where a side has a Han character.

    Raises:
        S2SError: where there is none, or the language is neither ``en`` nor ``zh``
    """
    if language not in TOKENIZERS:
        known = ", ".join(TOKENIZERS)
        raise S2SError(f"The language of replies is {language!r}, but must be one of {known}.")
    both = zip(pairs.sources, pairs.references, strict=True)
    places = [
        place
        for place, sides in enumerate(both)
        if any(map(HAN.search, sides)) == (language == "zh")
    ]
    if not places:
        raise S2SError(
            f"None of the {len(pairs.sources)} pairs of message and reply is in the language "
            f"{language}: choose another language or other data."
        )
    return part(pairs, places)


def sample(pairs: TestSet, count: int, seed: int) -> TestSet:
    """At most ``count`` of the pairs, drawn with a seed, in their order.

    Raises:
        S2SError: where ``count`` is not positive
    """
    if count < 1:
        raise S2SError(f"The number of messages is {count}, but must be at least 1.")
    total = len(pairs.sources)
    return part(pairs, sorted(random.Random(seed).sample(range(total), min(count, total))))


def part(pairs: TestSet, places: Sequence[int]) -> TestSet:
    """The pairs at some places."""
    sources = [pairs.sources[place] for place in places]
    references = [pairs.references[place] for place in places]
    return TestSet(pairs.source_language, pairs.target_language, sources, references)
