"""One alignment of two."""

import itertools
import random

import numpy as np

from scripts.alignment.symmetric import grow_diag, grow_diag_final_and, intersect, transpose

FORWARD = {(0, 0), (1, 1), (1, 2), (4, 4)}
BACKWARD = {(0, 0), (1, 1), (2, 2), (5, 0)}


def test_the_common_links():
    assert intersect(FORWARD, BACKWARD) == {(0, 0), (1, 1)}


def test_growing_adds_neighbours_that_have_a_free_word():
    # (1, 2) stands beside (1, 1) and its target 2 is free; then (2, 2) stands beside it, 2 is free
    assert grow_diag(FORWARD, BACKWARD) == {(0, 0), (1, 1), (1, 2), (2, 2)}
    # no common link: nothing to grow from
    assert grow_diag({(0, 0)}, {(1, 1)}) == set()


def test_a_neighbour_whose_words_both_have_links_is_not_added():
    forward = {(0, 0), (1, 1), (0, 1)}
    assert grow_diag(forward, {(0, 0), (1, 1)}) == {(0, 0), (1, 1)}


def test_last_come_links_between_two_words_without_any():
    # (4, 4) is far away, both free; (5, 0) is not added, since target 0 has a link
    assert grow_diag_final_and(FORWARD, BACKWARD) == {(0, 0), (1, 1), (1, 2), (2, 2), (4, 4)}


def test_the_other_direction_is_turned_round():
    assert transpose({(1, 2), (3, 0)}) == {(2, 1), (0, 3)}


def of_the_paper(size: int, forward: set, backward: set) -> set:
    """The paper's program on a grid, literally, with a tally of links for each word."""
    grid = np.zeros((size + 2, size + 2), dtype=bool)  # with a margin
    either = grid.copy()
    for source, target in forward | backward:
        either[source + 1, target + 1] = True
    for source, target in forward & backward:
        grid[source + 1, target + 1] = True
    while True:
        before = grid.sum()
        for source, target in itertools.product(range(1, size + 1), repeat=2):
            if not grid[source, target]:
                continue
            for i, j in [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)]:
                free = not grid[source + i].any() or not grid[:, target + j].any()
                grid[source + i, target + j] |= free and either[source + i, target + j]
        if grid.sum() == before:
            break
    for direction in (forward, backward):
        for source, target in sorted(direction):
            if not grid[source + 1].any() and not grid[:, target + 1].any():
                grid[source + 1, target + 1] = True
    return {(int(source) - 1, int(target) - 1) for source, target in np.argwhere(grid)}


def test_it_lies_between_intersection_and_union_and_is_the_papers():
    # nltk's function of that name (3.10) is no judge: it returns nearly the union
    rng = random.Random(1)
    for _ in range(300):
        words = range(rng.randint(1, 7))
        # one link a word, as directed alignments have
        forward = {(rng.choice(words), target) for target in words}
        backward = {(source, rng.choice(words)) for source in words}
        found = grow_diag_final_and(forward, backward)
        assert intersect(forward, backward) <= found <= forward | backward
        assert found == of_the_paper(len(words), forward, backward)
