"""Every measure agrees with its slow twin, through the whole analysis and over every shape."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from repdiag.measures.inputs import Need
from repdiag.measures.registry import Selection, all_measures, parse_selection
from tests.analysis.memory import analyse, figure
from tests.reference import EPS, TWINS, Data, Matrix, covariance_eigenvalues, reference

SHAPES = [(60, 20), (40, 40), (41, 40), (40, 41), (25, 60), (50, 1), (50, 2), (80, 30), (45, 5)]
OPTIONS = [
    "rankme{center=true}",
    "rankme{eps=0}",
    "rankme{center=true,eps=1e-5}",
    "stable_rank{center=true}",
    "power_law_alpha{first=1,last=12,weights=ols}",
    "power_law_alpha{first=3}",
    "live_directions{share=0.5}",
    "live_directions{reference=2,share=0.3}",
    "spectral_cliff{stretch=2}",
    "coding_rate{eps_sq=1}",
    "twonn{discard=0.3}",
    "lidar{delta=0.1,eps=0}",
    "diffusion_entropy{t=2}",
    "diffusion_entropy{preset=published}",
    "diffusion_entropy{anisotropic=true}",
    "conditional_mutual_information{outputs=logits}",
    "conditional_mutual_information{outputs=probabilities}",
    "conditional_mutual_information{weighting=class}",
    "effective_rank{rogue=drop}",
    "mean_share{rogue=drop}",
]
KEYS = [*all_measures(), *OPTIONS]


def draw(n: int, d: int, seed: int, tail: float = 0.0) -> Data:
    """Correlated rows about a mean that is not zero, four classes, three views of each row."""
    r = np.random.default_rng(seed)
    mixed = r.standard_normal((n, d)) * np.arange(1, d + 1) ** -0.4 @ r.standard_normal((d, d)) / d**0.5
    rows = mixed * np.exp(tail * r.standard_normal((n, 1))) + r.standard_normal(d) * 0.5
    views = rows + 0.3 * r.standard_normal((3, n, d))
    return Data(rows, np.arange(n) % 4, views)


def ours(key: str, data: Data, **options: Any) -> float | None:
    """The textbook figure that the package gives, through a store, every record and every pass."""
    if parse_selection(key).needs is Need.OBJECTS:
        assert data.views is not None
        rows: Matrix | dict[str, Matrix] = {str(i): view for i, view in enumerate(data.views)}
    else:
        rows = data.rows
    return figure(rows, key, labels=data.labels, **options).plugin


def check(key: str, data: Data, tolerance: float = 1e-8) -> None:
    """The twin's figure, or a figure that the package withholds because too few ranks are there."""
    compare(key, ours(key, data), data, tolerance)


def compare(key: str, found: float | None, data: Data, tolerance: float) -> None:
    selection = parse_selection(key)
    if found is None and withheld(selection, *data.rows.shape):
        return
    expected = reference(selection.measure.name, data, **selection.all_options)
    assert found == (None if expected is None else pytest.approx(expected, rel=tolerance, abs=1e-12))


def withheld(selection: Selection, n: int, d: int) -> bool:
    """Whether the declaration, or a fit through fewer than five ranks, explains a missing figure."""
    rank = min(n - 1, d)
    if rank < selection.least_rank:
        return True
    return selection.measure.name == "power_law_alpha" and rank - selection.all_options["first"] < 4


def test_every_measure_has_a_twin_and_no_twin_is_left_over() -> None:
    assert set(TWINS) == set(all_measures())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("key", KEYS)
def test_twin_agrees(key: str, shape: tuple[int, int]) -> None:
    check(key, draw(*shape, seed=sum(shape)))


@pytest.mark.parametrize("key", KEYS)
def test_twin_agrees_with_heavy_tails(key: str) -> None:
    check(key, draw(70, 24, seed=5, tail=1.5))


@pytest.mark.parametrize("key", KEYS)
def test_twin_agrees_with_a_rogue_feature(key: str) -> None:
    data = draw(70, 24, seed=6)
    scale = np.ones(24)
    scale[5] = 200.0
    assert data.views is not None
    check(key, Data(data.rows * scale, data.labels, data.views * scale), tolerance=1e-7)


@pytest.mark.parametrize("key", KEYS)
def test_twin_agrees_with_duplicated_rows_and_constant_features(key: str) -> None:
    data = draw(70, 24, seed=7)
    assert data.views is not None
    rows = np.concatenate([data.rows[:60], data.rows[:10]])
    rows[:, 3] = 0.25
    check(key, Data(rows, data.labels, data.views), tolerance=1e-7)


READ_SMALL_VALUES = ("rankme", "power_law_alpha")
"""Squaring the data hides singular values under 1e-8 of the largest; these two give each its own weight."""


def resolved(data: Data) -> float:
    """How well float64 resolves the smallest eigenvalue of the covariance."""
    values = covariance_eigenvalues(data.rows)
    return min(max(2e-6, 20 * EPS * values[0] / max(values[-1], 1e-300)), 1e-2)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    n=st.integers(20, 45),
    d=st.integers(1, 50),
    seed=st.integers(0, 10_000),
    tail=st.sampled_from([0.0, 1.0, 2.0]),
)
def test_twins_agree_on_random_shapes(n: int, d: int, seed: int, tail: float) -> None:
    data = draw(n, d, seed, tail)
    together = analyse(data.rows, labels=data.labels).estimates
    for name, found in together.items():
        compare(name, found.plugin, data, resolved(data) if name in READ_SMALL_VALUES else 1e-7)
    single = {name for name, measure in all_measures().items() if measure.opt_in}
    for name in (*single, "lidar"):
        check(name, data, tolerance=1e-7)
    assert {*together, *single, "lidar"} == set(all_measures())


# --- dead_features needs thousands of rows, so its twin is met on its own data. ---


def firing(n: int, counts: list[int], seed: int = 0) -> Matrix:
    """Non-negative features that fire a given number of times."""
    r = np.random.default_rng(seed)
    rows = np.zeros((n, len(counts)))
    for j, count in enumerate(counts):
        rows[r.choice(n, count, replace=False), j] = r.uniform(0.1, 1, count)
    return rows


@pytest.mark.parametrize("n", [2999, 3000, 5000, 9000])
def test_dead_features_agrees_near_its_edge(n: int) -> None:
    rows = firing(n, [0, 1, 2, 3, 4, 5, 9, n])
    rows[:, -1] -= 2.0
    data = Data(np.column_stack([rows, np.full(n, 7.0)]))
    check("dead_features", data)
    assert 0 < (ours("dead_features", data) or 0) < 1


def test_dead_features_says_when_rare_firing_is_not_judged() -> None:
    few, many = (figure(firing(n, [0, 1, n]), "dead_features") for n in (2999, 5000))
    assert (few.details["constant"], few.details["rare"]) == (1, 0)
    assert (many.details["constant"], many.details["rare"]) == (1, 1)
    assert few.details["rare_firing"] == "not judged below n = 3000"
    assert many.details["rare_firing"] == "judged"
