"""Degenerate input: every figure has one documented status, and nothing leaves that is not finite."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from repdiag.results import Results
from repdiag.types import Status
from tests.analysis.memory import analyse_all

Rows = NDArray[Any]


def normal(n: int = 200, d: int = 12, seed: int = 0) -> Rows:
    return np.random.default_rng(seed).standard_normal((n, d))


def one(value: float, place: tuple[int, int] = (3, 2)) -> Rows:
    rows = normal()
    rows[place] = value
    return rows


def one_direction() -> Rows:
    return normal(d=1) @ np.ones((1, 12))


DEGENERATE: dict[str, Callable[[], Rows]] = {
    "one NaN": lambda: one(np.nan),
    "one infinity": lambda: one(np.inf),
    "minus infinity": lambda: one(-np.inf),
    "a row of NaN": lambda: np.where(np.arange(200)[:, None] == 5, np.nan, normal()),
    "a column of NaN": lambda: np.where(np.arange(12) == 5, np.nan, normal()),
    "all NaN": lambda: np.full((50, 4), np.nan),
    "all infinite": lambda: np.full((50, 4), np.inf),
    "half NaN": lambda: np.where(np.arange(200)[:, None] % 2, np.nan, normal()),
    "all but one NaN": lambda: np.where(np.arange(200)[:, None] != 7, np.nan, normal()),
    "zeros": lambda: np.zeros((100, 6)),
    "minus zeros": lambda: -np.zeros((100, 6)),
    "a constant": lambda: np.full((100, 6), 3.7),
    "a constant vector": lambda: np.tile(normal(1), (100, 1)),
    "a constant and rounding": lambda: (1.0 + 1e-9 * normal()).astype(np.float32),
    "jitter of 1e-6": lambda: (normal(1) + 1e-6 * normal()).astype(np.float32),
    "one row": lambda: normal(1),
    "two rows": lambda: normal(2),
    "two equal rows": lambda: np.ones((2, 5)),
    "three rows": lambda: normal(3),
    "one feature": lambda: normal(d=1),
    "one constant feature": lambda: np.ones((100, 1)),
    "two features": lambda: normal(d=2),
    "one row, one feature": lambda: normal(1, 1),
    "n = d": lambda: normal(40, 40),
    "n = d + 1": lambda: normal(41, 40),
    "n < d": lambda: normal(20, 60),
    "one direction": one_direction,
    "one direction and zeros": lambda: one_direction() * (np.arange(12) < 3),
    "rank two, n < d": lambda: normal(30, 2) @ normal(2, 80, seed=1),
    "one row differs": lambda: np.where(np.arange(200)[:, None] == 9, 1.0, np.zeros((200, 12))),
    "one feature varies": lambda: normal() * (np.arange(12) == 4),
    "subnormal": lambda: normal() * 1e-310,
    "1e-160": lambda: normal() * 1e-160,
    "1e160": lambda: normal() * 1e160,
    "1e308": lambda: normal() * 1e307,
    "1e308 and 1": lambda: one(1e308),
    "float16 extremes": lambda: np.clip(normal() * 60000, -65504, 65504).astype(np.float16),
    "float32 extremes": lambda: (normal() * 3e37).astype(np.float32),
    "two copies of each": lambda: np.repeat(normal(100), 2, axis=0),
    "all rows equal but ten": lambda: np.concatenate([np.ones((190, 12)), normal(10)]),
    "a huge mean": lambda: normal() + 1e14,
    "Cauchy": lambda: np.random.default_rng(0).standard_cauchy((200, 12)),
    "binary": lambda: np.sign(normal()),
    "integers": lambda: np.round(3 * normal()),
}


def results(rows: Rows, interval: str) -> Results:
    labels = np.arange(len(rows)) % 3
    return analyse_all({"base": rows, "other": rows[::-1].copy()}, labels=labels, interval=interval)


def test_there_are_forty() -> None:
    assert len(DEGENERATE) >= 40


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("interval", ["none", "fast", "full"])
@pytest.mark.parametrize("name", DEGENERATE)
def test_every_figure_has_a_status_and_is_finite(name: str, interval: str) -> None:
    found = results(DEGENERATE[name](), interval)
    assert len(found.representations) == 3
    for item in found.representations:
        for key, estimate in item.estimates.items():
            assert (estimate.value is None) == (not estimate.status.has_value), (key, estimate.status)
            ends = [x for x in (estimate.low, estimate.value, estimate.high) if x is not None]
            assert all(map(math.isfinite, ends)), key
            assert ends == sorted(ends), (key, ends)
            if estimate.value is None and estimate.status is not Status.CONSTANT:
                assert estimate.details.get("reason"), key
    json.loads(found.to_json(), parse_constant=pytest.fail)


EXPECTED = {
    "all NaN": Status.NONFINITE,
    "all infinite": Status.NONFINITE,
    "all but one NaN": Status.INSUFFICIENT,
    "zeros": Status.CONSTANT,
    "minus zeros": Status.CONSTANT,
    "a constant": Status.CONSTANT,
    "a constant vector": Status.CONSTANT,
    "one constant feature": Status.CONSTANT,
    "one row": Status.INSUFFICIENT,
    "two rows": Status.INSUFFICIENT,
    "three rows": Status.INSUFFICIENT,
    "one NaN": Status.OK,
    "one direction": Status.OK,
    "1e160": Status.OK,
    "n < d": Status.OK,
}


@pytest.mark.parametrize("name", EXPECTED)
def test_status_of_the_effective_rank(name: str) -> None:
    found = analyse_all(DEGENERATE[name](), "effective_rank", interval="full").representations[0]
    assert found.estimates["effective_rank"].status is EXPECTED[name]


def test_a_direction_alone_is_rank_one() -> None:
    found = analyse_all(one_direction(), "effective_rank", interval="full").representations[0]
    assert found.estimates["effective_rank"].plugin == pytest.approx(1, abs=1e-9)
    assert found.estimates["effective_rank"].value == pytest.approx(1, abs=0.02)


def test_dropped_rows_are_counted() -> None:
    found = analyse_all(DEGENERATE["half NaN"](), "trace").representations[0]
    assert (found.n, found.dropped) == (100, 100)


def test_rows_of_unequal_length_explain_why_two_figures_differ() -> None:
    r = np.random.default_rng(0)
    rows = r.standard_normal((500, 8)) + 3 * r.standard_normal(8)
    rows[:20] *= -30
    asked = ("mean_share", "mean_cosine")
    (found,) = analyse_all(rows, *asked).representations
    assert any("unequal lengths" in note for note in found.notes)
    (alike,) = analyse_all(np.abs(rows[20:]), *asked).representations
    assert not any("unequal lengths" in note for note in alike.notes)
