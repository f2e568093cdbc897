"""One tester for all accumulators: any split, any order, merged, copied or empty, is the same answer."""

from __future__ import annotations

import copy
import pickle
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from repdiag import accumulators
from tests.accumulators.kinds import KINDS, Answer, Kind, Rows, rows

every_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
DATA = rows()


def gathered(kind: Kind, data: Rows, parts: list[list[int]]) -> Any:
    """One state, fed batch by batch."""
    state = kind.start()
    for part in parts:
        state = state.update(data.batch(part))
    return state


def merged(kind: Kind, data: Rows, parts: list[list[int]]) -> Any:
    """One state a batch, merged."""
    states = [kind.start().update(data.batch(part)) for part in parts]
    return reduce(lambda left, right: left.merge(right), states, kind.start())


def assert_same(found: Answer, expected: Answer, tolerance: float) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        scale = float(value[value.isfinite()].abs().max()) if value.isfinite().any() else 0.0
        try:
            torch.testing.assert_close(found[name], value, rtol=tolerance, atol=tolerance * scale)
        except AssertionError as error:
            raise AssertionError(f"{name}: {error}") from None


def whole(kind: Kind, data: Rows = DATA) -> Answer:
    return kind.answer(gathered(kind, data, [list(range(len(data.rows)))]))


@every_kind
@settings(max_examples=30, deadline=None)
@given(
    order=st.permutations(range(len(DATA.rows))), cuts=st.lists(st.integers(0, len(DATA.rows)), max_size=6)
)
def test_any_split_in_any_order_is_the_unsplit_answer(kind: Kind, order: list[int], cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(order)]
    parts = [list(order[a:b]) for a, b in pairwise(edges)]
    parts = [part for part in parts if part]
    assert_same(kind.answer(gathered(kind, DATA, parts)), whole(kind), kind.tolerance)
    assert_same(kind.answer(merged(kind, DATA, parts)), whole(kind), kind.tolerance)


@every_kind
def test_one_row_at_a_time(kind: Kind) -> None:
    parts = [[i] for i in range(len(DATA.rows))]
    assert_same(kind.answer(gathered(kind, DATA, parts)), whole(kind), kind.tolerance)
    assert_same(kind.answer(merged(kind, DATA, parts)), whole(kind), kind.tolerance)


@every_kind
def test_merge_is_associative_and_commutative(kind: Kind) -> None:
    def state(start: int, stop: int) -> Any:
        return kind.start().update(DATA.batch(list(range(start, stop))))

    a, b, c = (0, 20), (20, 55), (55, len(DATA.rows))
    left = kind.answer(state(*a).merge(state(*b)).merge(state(*c)))
    right = kind.answer(state(*a).merge(state(*b).merge(state(*c))))
    swapped = kind.answer(state(*c).merge(state(*a)).merge(state(*b)))
    for found in (left, right, swapped):
        assert_same(found, whole(kind), kind.tolerance)


@every_kind
def test_empty_is_neutral(kind: Kind) -> None:
    everything = list(range(len(DATA.rows)))
    state = gathered(kind, DATA, [everything])
    assert_same(kind.answer(kind.start().merge(state)), whole(kind), 1e-14)
    assert_same(kind.answer(state.merge(kind.start())), whole(kind), 1e-14)
    nothing = kind.answer(kind.start().merge(kind.start()))
    assert_same(nothing, kind.answer(kind.start()), 0.0)


@every_kind
def test_a_batch_without_rows_changes_nothing(kind: Kind) -> None:
    parts = [[], list(range(40)), [], list(range(40, len(DATA.rows))), []]
    assert_same(kind.answer(gathered(kind, DATA, parts)), whole(kind), kind.tolerance)


@every_kind
def test_rows_in_no_group_are_not_counted(kind: Kind) -> None:
    """Non-finite rows are zeroed and belong to no group; a sample leaves them out itself."""
    data = Rows(DATA.rows, np.where(np.arange(len(DATA.rows)) < 10, 99, DATA.groups), DATA.labels, DATA.order)
    if isinstance(kind.start(), accumulators.Sample):
        return
    rest = list(range(10, len(DATA.rows)))
    assert_same(whole(kind, data), kind.answer(gathered(kind, DATA, [rest])), kind.tolerance)


@every_kind
@pytest.mark.parametrize(
    "again", [lambda s: pickle.loads(pickle.dumps(s)), copy.deepcopy], ids=["pickle", "copy"]
)
def test_saved_and_reloaded_midway(kind: Kind, again: Any) -> None:
    n = len(DATA.rows)
    state = again(gathered(kind, DATA, [list(range(33))]))
    state = state.update(DATA.batch(list(range(33, n))))
    assert_same(kind.answer(state), whole(kind), kind.tolerance)


@every_kind
def test_the_batch_is_not_changed(kind: Kind) -> None:
    batch = DATA.batch(list(range(len(DATA.rows))))
    before = batch.rows.clone()
    kind.start().update(batch)
    assert torch.equal(batch.rows, before)


@every_kind
def test_stored_float32_is_gathered_in_float64(kind: Kind) -> None:
    small = rows(dtype=torch.float32)
    double = Rows(small.rows.double(), small.groups, small.labels, small.order)
    assert_same(whole(kind, small), whole(kind, double), max(kind.tolerance, 1e-14))


def test_every_public_accumulator_is_tested() -> None:
    public = {name for name in accumulators.__all__ if hasattr(getattr(accumulators, name), "update")}
    public -= {"Accumulator"}
    tested = {type(kind.start()).__name__ for kind in KINDS.values()}
    assert public <= tested
