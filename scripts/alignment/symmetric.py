"""One alignment of the two that two directions give.

Koehn et al. 2005, "Edinburgh system description for the 2005 IWSLT speech translation
evaluation": grow-diag-final-and begins with the links that both directions have, adds links of
either that stand beside one that is there (diagonally too) while one of its words has none yet,
and last those of either direction both of whose words have none.
"""

from collections.abc import Callable, Iterable, Set

from scripts.alignment.quality import Link

# Straight neighbours come before diagonal ones, as in the paper: a link can take a word away.
BESIDE = ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def intersect(forward: Set[Link], backward: Set[Link]) -> set[Link]:
    """What both directions have: few links, and precise."""
    return set(forward) & set(backward)


def grow_diag(forward: Set[Link], backward: Set[Link]) -> set[Link]:
    """The common links and, again and again, links of either direction beside those."""
    either = set(forward) | set(backward)
    links = intersect(forward, backward)
    before = -1
    while len(links) > before:
        before = len(links)
        for place in sorted(either):
            if place in links:  # it may have come a moment ago
                _grow(links, place, either)
    return links


def _grow(links: set[Link], place: Link, either: Set[Link]) -> None:
    """Add what stands beside one link."""
    for i, j in BESIDE:
        link = (place[0] + i, place[1] + j)
        if link in either and link not in links and _has_free(links, link, any):
            links.add(link)


def grow_diag_final_and(forward: Set[Link], backward: Set[Link]) -> set[Link]:
    """That, and the links of either direction whose two words have no other link.

    Args:
        forward, backward: links of the same sentence, source first in both
    """
    links = grow_diag(forward, backward)
    for direction in (forward, backward):
        for link in sorted(direction):
            if _has_free(links, link, all):
                links.add(link)
    return links


def transpose(links: Iterable[Link]) -> set[Link]:
    """Links of a model that translates the other way, source first."""
    return {(target, source) for source, target in links}


def _has_free(links: Set[Link], link: Link, which: Callable[[Iterable[bool]], bool]) -> bool:
    """Whether any, or all, of a link's two words have no link."""
    source, target = link
    free = (
        all(source != other for other, _ in links),
        all(target != other for _, other in links),
    )
    return which(free)
