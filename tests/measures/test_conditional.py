"""Information of two views given a third or labels: known answers, twins, and few rows of a class."""

from __future__ import annotations

import math

import numpy as np
import pytest

from repdiag.measures.declaration import Reading
from repdiag.measures.pair_inputs import RowPairs
from repdiag.measures.pair_neighbours import conditional_ksg_mi, ksg_mi
from tests.measures.pair_records import Matrix, row_pairs
from tests.measures.pair_twins import Views, twin

ALONE = (1.0, 1.0)
"""Bandwidths that no measure of neighbours reads."""


def common_cause(n: int, d: int, rho: float, seed: int) -> tuple[Matrix, Matrix, Matrix]:
    """Gaussian views of z, whose own parts are correlated by rho: -d/2 log(1 - rho^2) nats given z."""
    r = np.random.default_rng(seed)
    z, own, other = r.standard_normal((3, n, d))
    return z + own, z + rho * own + math.sqrt(1 - rho**2) * other, z


def given(x: Matrix, y: Matrix, z: Matrix) -> RowPairs:
    return row_pairs(x, y, ALONE, z=z)


def figure(rows: RowPairs, **options: int) -> float:
    return float(conditional_ksg_mi(rows, **options).value)


@pytest.mark.parametrize(
    ("d", "rho", "tolerance"),
    [(1, 0.0, 0.03), (1, 0.6, 0.03), (1, 0.9, 0.05), (2, 0.6, 0.06), (3, 0.6, 0.17)],
)
def test_gaussian_views_given_a_third_have_their_information(d: int, rho: float, tolerance: float) -> None:
    """From 3,000 rows; it falls short as features are added, and never the other way."""
    truth = -d / 2 * math.log(1 - rho**2)
    found = float(np.mean([figure(given(*common_cause(1500, d, rho, seed))) for seed in (0, 1)]))
    assert truth - tolerance < found < truth + 0.04


@pytest.mark.parametrize("d", [1, 2])
def test_what_is_not_given_stays_in(d: int) -> None:
    x, y, z = common_cause(1500, d, 0.0, seed=3)
    assert float(ksg_mi(given(x, y, z)).value) > 0.1
    assert figure(given(x, y, z)) == pytest.approx(0, abs=0.05)


@pytest.mark.parametrize("key", [{}, {"k": 5, "norm": "euclidean"}, {"standardize": False}])
def test_twin_agrees_given_a_third_view(key: dict[str, int]) -> None:
    x, y, z = common_cause(70, 3, 0.5, seed=1)
    z = z[:, :2] * [1.0, 7.0]
    expected = twin("conditional_ksg_mi", Views(x, y, ALONE, z=z), **key)
    assert figure(given(x, y, z), **key) == pytest.approx(expected, rel=1e-10)


def labelled(labels: list[int]) -> Reading:
    x, y, _ = common_cause(len(labels), 2, 0.9, seed=2)
    found: Reading = conditional_ksg_mi(row_pairs(x, y, ALONE, labels=np.array(labels)))
    return found


def test_given_labels_small_classes_are_left_out() -> None:
    labels = [0] * 30 + [1] * 25 + [2] * 3 + [3]
    found = labelled(labels)
    assert int(found.details["rows_used"]) == 55
    x, y, _ = common_cause(len(labels), 2, 0.9, seed=2)
    expected = twin("conditional_ksg_mi", Views(x, y, ALONE, np.array(labels)))
    assert float(found.value) == pytest.approx(expected, rel=1e-10)


def test_given_one_label_for_all_nothing_is_conditioned_on() -> None:
    x, y, _ = common_cause(60, 2, 0.9, seed=2)
    assert float(labelled([7] * 60).value) == pytest.approx(float(ksg_mi(row_pairs(x, y, ALONE)).value))


@pytest.mark.parametrize("labels", [list(range(40)), [0, 0, 0, 1, 1, 1]])
def test_classes_without_a_neighbour_have_no_figure(labels: list[int]) -> None:
    assert math.isnan(float(labelled(labels).value))


def test_equal_views_reach_the_ceiling() -> None:
    x, _, z = common_cause(300, 2, 0.0, seed=5)
    found = conditional_ksg_mi(given(x, x, z))
    assert float(found.value) == pytest.approx(float(found.details["ceiling"]), rel=1e-12)
    assert "warning" not in found.details
    assert "above 10" in conditional_ksg_mi(given(*common_cause(50, 4, 0.5, 0))).details["warning"]


def test_given_a_view_itself_nothing_is_left_of_it() -> None:
    x, y, _ = common_cause(1000, 1, 0.9, seed=6)
    assert figure(given(x, y, x)) < 0.05
