"""The order of a map: a permutation, blocks together, the same whatever way round pairs are named."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from repdiag.report.clustering import MOST_LEAVES, leaf_order

PAIRS = st.integers(2, 8).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.lists(
            st.floats(-1, 1) | st.none(),
            min_size=count * (count - 1) // 2,
            max_size=count * (count - 1) // 2,
        ),
    )
)


def pairs_of(count: int, values: list[float | None]) -> list[tuple[int, int, float | None]]:
    places = itertools.combinations(range(count), 2)
    return [(i, j, value) for (i, j), value in zip(places, values, strict=True)]


@given(PAIRS)
def test_every_leaf_is_there_once(drawn: tuple[int, list[float | None]]) -> None:
    count, values = drawn
    assert sorted(leaf_order(count, pairs_of(count, values))) == list(range(count))


@given(PAIRS)
def test_naming_pairs_the_other_way_round_changes_nothing(drawn: tuple[int, list[float | None]]) -> None:
    made = pairs_of(*drawn)
    assert leaf_order(drawn[0], made) == leaf_order(drawn[0], [(j, i, value) for i, j, value in made[::-1]])


def test_three_interleaved_blocks_come_apart() -> None:
    block = [0, 1, 2, 0, 1, 2, 0, 1, 2]
    made = [(i, j, 0.9 if block[i] == block[j] else 0.1) for i, j in itertools.combinations(range(9), 2)]
    ordered = [block[i] for i in leaf_order(9, made)]
    assert len(list(itertools.groupby(ordered))) == 3


def test_a_chain_is_laid_out_in_its_order() -> None:
    shuffled = [3, 0, 4, 1, 2]
    made = [(i, j, 1 - 0.2 * abs(shuffled[i] - shuffled[j])) for i, j in itertools.combinations(range(5), 2)]
    ordered = [shuffled[i] for i in leaf_order(5, made)]
    assert ordered in ([0, 1, 2, 3, 4], [4, 3, 2, 1, 0])


def test_without_similarities_or_with_too_many_leaves_the_order_stays() -> None:
    assert leaf_order(0, []) == []
    assert leaf_order(MOST_LEAVES + 1, []) == list(range(MOST_LEAVES + 1))
