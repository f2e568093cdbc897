"""Rows that are not independent samples are found and named; clean rows are left in peace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from repdiag.analysis.rows import RowWatch
from repdiag.results import Finding
from repdiag.stats import rowtests
from tests.analysis.memory import analyse_all

Rows = NDArray[np.float64]
SEEDS = range(20)


def clean(seed: int, n: int = 400, d: int = 100, exponent: float = 1.0) -> Rows:
    return np.random.default_rng(seed).standard_normal((n, d)) * np.arange(1, d + 1) ** (-exponent / 2)


def heavy(seed: int) -> Rows:
    """Student t with five degrees of freedom: heavy, but one law."""
    return clean(seed) / np.sqrt(np.random.default_rng(seed + 99).chisquare(5, (400, 1)) / 5)


def steep(seed: int) -> Rows:
    return clean(seed, exponent=2.0)


def offset(seed: int) -> Rows:
    return clean(seed) + 20


def rectified(seed: int) -> Rows:
    return np.maximum(clean(seed), 0)


def dependent(seed: int) -> Rows:
    """AR(1) with coefficient 0.8 along the rows."""
    noise, rows = clean(seed), np.zeros((400, 100))
    rows[0] = noise[0]
    for i in range(1, 400):
        rows[i] = 0.8 * rows[i - 1] + 0.6 * noise[i]
    return rows


def repeated(seed: int) -> Rows:
    """A fifth of the rows repeat another."""
    rows, r = clean(seed), np.random.default_rng(seed + 5)
    rows[r.choice(400, 80, replace=False)] = rows[r.integers(0, 400, 80)]
    return rows


def outlying(seed: int) -> Rows:
    """One row in twenty has six times the scale, with the spectrum reversed."""
    rows, r = clean(seed), np.random.default_rng(seed + 6)
    rows[r.choice(400, 20, replace=False)] = 6 * clean(seed + 50, n=20)[:, ::-1]
    return rows


def found(rows: Rows, **options: Any) -> list[Finding]:
    return analyse_all(rows.astype(np.float32), "effective_rank", **options).findings


@pytest.mark.parametrize(
    ("make", "kind"),
    [(dependent, "dependent rows"), (repeated, "repeated rows"), (outlying, "outlying rows")],
)
def test_found_and_named_on_every_seed(make: Callable[[int], Rows], kind: str) -> None:
    named = [[finding.kind for finding in found(make(seed))] for seed in SEEDS]
    assert all(kind in kinds for kinds in named)
    assert sum(len(kinds) > 1 for kinds in named) <= 1


@pytest.mark.parametrize("make", [clean, heavy, steep, offset, rectified])
def test_clean_rows_are_left_in_peace(make: Callable[[int], Rows]) -> None:
    assert sum(bool(found(make(seed))) for seed in SEEDS) <= 1


@pytest.mark.parametrize("make", [dependent, repeated, outlying])
def test_the_effect_on_the_figure_is_given(make: Callable[[int], Rows]) -> None:
    (finding,) = found(make(0))
    assert finding.rule == "rows"
    assert finding.severity == "warn"
    assert "effective_rank is" in finding.message or "effective_rank cannot be read" in finding.message
    assert finding.next_step
    assert finding.value is not None


def test_without_repeats_the_figure_is_that_of_the_distinct_rows() -> None:
    rows = repeated(3)
    (finding,) = found(rows)
    distinct = np.unique(rows.astype(np.float32), axis=0)
    value = analyse_all(distinct, "effective_rank").representations[0].estimates["effective_rank"].value
    assert f"is {value:.4g} without them" in finding.message


def test_samples_sorted_by_class_are_not_dependent() -> None:
    r = np.random.default_rng(0)
    labels = np.repeat(np.arange(10), 60)
    rows = 3 * r.standard_normal((10, 40))[labels] + r.standard_normal((600, 40))
    assert [one.kind for one in found(rows, labels=labels)] == []
    assert [one.kind for one in found(rows)] == ["dependent rows"]


def test_rows_tied_by_a_group_are_known_to_be_alike() -> None:
    r = np.random.default_rng(1)
    groups = np.repeat(np.arange(100), 6)
    rows = 2 * r.standard_normal((100, 40))[groups] + r.standard_normal((600, 40))
    assert found(rows, groups=groups) == []
    assert [one.kind for one in found(rows)] == ["dependent rows"]


def test_rows_that_are_not_finite_are_a_finding() -> None:
    rows = clean(0)
    rows[7, 3] = np.nan
    (finding,) = found(rows)
    assert finding.kind == "nonfinite rows"
    assert "1 of 400 rows" in finding.message


def test_a_mean_that_eats_the_digits_is_a_finding() -> None:
    assert [one.kind for one in found(clean(0) + 1e5)] == ["storage resolution"]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("d", [1, 3, 8])
def test_equal_rows_have_equal_hashes_and_others_do_not(dtype: str, d: int) -> None:
    rows = np.random.default_rng(0).standard_normal((2000, d)).astype(dtype)
    rows[1500] = rows[2]
    hashes = rowtests.row_hashes(rows)
    assert len(np.unique(hashes)) == len(np.unique(rows, axis=0))
    assert hashes[1500] == hashes[2]
    np.testing.assert_array_equal(rowtests.row_hashes(rows[300:]), hashes[300:])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("low", [-1.0, 0.0])
def test_rows_of_two_values_have_hashes_of_their_own(dtype: str, low: float) -> None:
    bits = (np.arange(2**15)[:, None] >> np.arange(15)) & 1
    rows = np.where(bits == 1, 1.0, low).astype(dtype)
    assert len(np.unique(rowtests.row_hashes(rows))) == len(rows)
    assert len(np.unique(rowtests.row_hashes(np.hstack([rows, rows[:, :1]])))) == len(rows)


def test_seeing_the_rows_twice_or_in_pieces_changes_nothing() -> None:
    rows = repeated(1).astype(np.float32)
    once, twice = (RowWatch(400, 100, np.zeros(100)) for _ in range(2))
    once.observe(0, rows, None)
    for _ in range(2):
        for start in range(0, 400, 70):
            twice.observe(start, rows[start : start + 70], None)
    left, right = once.concerns(None, None).repeated, twice.concerns(None, None).repeated
    assert left is not None
    assert right is not None
    np.testing.assert_array_equal(left, right)
