"""The delete-group jackknife: by hand, against the textbook's equal groups, and on data of known truth."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repdiag.stats.jackknife import interval, standard_error

T_19 = 2.093024054408263
"""97.5% quantile of Student's t with 19 degrees of freedom, from tables."""


def test_by_hand() -> None:
    """Groups {1, 2}, {4}, {6, 7, 10}: n = 6, mean 5; means without each: 27/4, 26/5, 7/3.

    h = 3, 6, 2; pseudo-values 3/2, 4, 23/3; jackknife estimate 1/2 + 2/3 + 23/6 = 5;
    squares (7/2)^2 / 2 + 1 / 5 + (8/3)^2 = 6.125 + 0.2 + 64/9.
    """
    found = standard_error(5.0, [27 / 4, 26 / 5, 7 / 3], [2, 1, 3])
    assert found == pytest.approx(math.sqrt((6.125 + 0.2 + 64 / 9) / 3), rel=1e-14)


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=20), st.integers(1, 50))
def test_equal_groups_reduce_to_the_textbook(replicates: list[float], size: int) -> None:
    g = len(replicates)
    centre = sum(replicates) / g
    textbook = math.sqrt((g - 1) / g * sum((each - centre) ** 2 for each in replicates))
    # With equal groups the figure from all samples drops out.
    for value in (0.0, centre, 1e3):
        found = standard_error(value, replicates, [size] * g)
        assert found == pytest.approx(textbook, rel=1e-9, abs=1e-9)


def test_mean_of_single_rows_gives_the_usual_standard_error() -> None:
    x = np.random.default_rng(0).standard_normal(30)
    replicates = [float(np.delete(x, i).mean()) for i in range(30)]
    assert standard_error(float(x.mean()), replicates, [1] * 30) == pytest.approx(x.std(ddof=1) / 30**0.5)


def twenty(x: np.ndarray[tuple[int], np.dtype[np.float64]], seed: int) -> tuple[list[float], list[int]]:
    """Means without each of 20 unequal groups, and their sizes."""
    groups = np.random.default_rng(seed).integers(0, 20, len(x))
    sizes = np.bincount(groups, minlength=20)
    return [float(x[groups != g].mean()) for g in range(20)], sizes.tolist()


def test_interval_is_value_and_t_times_error() -> None:
    x = np.random.default_rng(1).standard_normal(500)
    replicates, sizes = twenty(x, 2)
    found = interval(float(x.mean()), replicates, sizes, confidence=0.95, scale="linear")
    assert found is not None
    assert found.error == pytest.approx(standard_error(float(x.mean()), replicates, sizes))
    assert (found.low, found.high) == pytest.approx(
        (x.mean() - T_19 * found.error, x.mean() + T_19 * found.error), rel=1e-12
    )


def test_log_scale_is_symmetric_in_the_logarithm() -> None:
    x = np.random.default_rng(3).exponential(size=400)
    replicates, sizes = twenty(x, 4)
    found = interval(float(x.mean()), replicates, sizes, confidence=0.95, scale="log")
    assert found is not None
    assert found.low > 0
    assert found.low * found.high == pytest.approx(x.mean() ** 2, rel=1e-10)


def test_more_confidence_is_wider() -> None:
    x = np.random.default_rng(5).standard_normal(300)
    replicates, sizes = twenty(x, 6)

    def reach(confidence: float) -> float:
        found = interval(float(x.mean()), replicates, sizes, confidence=confidence, scale="linear")
        assert found is not None
        return found.high - found.low

    assert reach(0.5) < reach(0.9) < reach(0.99)


@pytest.mark.parametrize(
    ("value", "replicates", "sizes", "scale"),
    [
        (1.0, [1.0], [5], "linear"),
        (1.0, [], [], "linear"),
        (math.nan, [1.0, 2.0], [1, 1], "linear"),
        (1.0, [1.0, math.inf], [1, 1], "linear"),
        (0.0, [1.0, 2.0], [1, 1], "log"),
        (1.0, [0.0, 2.0], [1, 1], "log"),
        (-1.0, [-1.0, -2.0], [1, 1], "log"),
    ],
)
def test_no_interval_where_none_exists(
    value: float, replicates: list[float], sizes: list[int], scale: Literal["linear", "log"]
) -> None:
    assert interval(value, replicates, sizes, confidence=0.95, scale=scale) is None


def test_figures_that_never_change_have_no_width() -> None:
    found = interval(3.0, [3.0] * 20, [5] * 20, confidence=0.95, scale="linear")
    assert found is not None
    assert (found.low, found.high, found.error) == pytest.approx((3.0, 3.0, 0.0), abs=1e-14)


@pytest.mark.parametrize("scale", ["linear", "log"])
def test_coverage_of_a_mean(scale: Literal["linear", "log"]) -> None:
    """300 data sets of 400 exponential draws, mean 1: 95% intervals hold it in 92 to 98%."""
    hits = 0
    for seed in range(300):
        x = np.random.default_rng(seed).exponential(size=400)
        replicates, sizes = twenty(x, 1000 + seed)
        found = interval(float(x.mean()), replicates, sizes, confidence=0.95, scale=scale)
        assert found is not None
        hits += found.low <= 1.0 <= found.high
    assert 0.92 <= hits / 300 <= 0.98
