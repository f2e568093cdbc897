"""What the population adds to a representation: the edge of the noise, and how the rank grows with n."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from repdiag.analysis.frame import SampleFrame
from repdiag.results import Representation
from repdiag.store import memory_store
from tests.analysis.memory import Array, analyse

RANK = "effective_rank"


def isotropic(n: int, d: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((n, d))


def full(rows: Array, **options: Any) -> Representation:
    return analyse(rows, RANK, **{"interval": "full", **options})


@pytest.mark.parametrize(("n", "d"), [(256, 128), (300, 280), (900, 100)])
def test_sizes_ascend_to_the_estimate(n: int, d: int) -> None:
    found = full(isotropic(n, d))
    sizes = [point.n for point in found.rank_curve]
    assert len(sizes) == 4
    assert sizes == sorted(set(sizes))
    last, estimate = found.rank_curve[-1], found.estimates[RANK]
    assert (last.n, last.plugin, last.value) == (n, estimate.plugin, estimate.value)


@pytest.mark.parametrize("seed", range(3))
def test_plug_in_climbs_where_the_corrected_rank_lies_flat(seed: int) -> None:
    curve = full(isotropic(256, 128, seed)).rank_curve
    plugin = [point.plugin for point in curve]
    corrected = [point.value for point in curve if point.value is not None]
    assert plugin == sorted(plugin)
    assert plugin[-1] > 2 * plugin[0]
    assert len(corrected) == 2
    assert corrected[0] == pytest.approx(corrected[1], rel=0.1)
    assert corrected[1] == pytest.approx(128, rel=0.1)


def test_parts_of_the_rows_read_as_these_rows_alone() -> None:
    """Two and five of the twenty groups, evenly spaced; then the two halves, by their geometric mean."""
    rows = isotropic(400, 40)
    group = SampleFrame(memory_store(rows)).groups

    def alone(*groups: int) -> float:
        found = analyse(rows[np.isin(group, groups)], RANK).estimates[RANK].plugin
        assert found is not None
        return found

    two, five, half, _ = (point.plugin for point in full(rows).rank_curve)
    assert two == pytest.approx(alone(0, 10), rel=1e-10)
    assert five == pytest.approx(alone(0, 4, 8, 12, 16), rel=1e-10)
    assert half == pytest.approx((alone(*range(0, 20, 2)) * alone(*range(1, 20, 2))) ** 0.5, rel=1e-10)


def test_too_few_rows_for_a_value_leave_the_plug_in() -> None:
    """n = 0.3 d is enough for all rows, half of them are not."""
    curve = full(isotropic(90, 300)).rank_curve
    assert curve[-1].value is not None
    assert [point.value for point in curve[:-1]] == [None] * (len(curve) - 1)


@pytest.mark.parametrize("interval", ["none", "fast"])
def test_no_curve_without_the_full_interval(interval: str) -> None:
    assert full(isotropic(256, 64), interval=interval).rank_curve == []


def test_no_curve_where_scatters_are_not_kept_by_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repdiag.linalg.TWO_PASS_FEATURES", 64)
    found = full(isotropic(256, 64))
    assert found.estimates[RANK].value is not None
    assert found.rank_curve == []


def test_no_curve_and_no_edge_of_rows_that_do_not_vary() -> None:
    found = full(np.ones((100, 8)))
    assert found.rank_curve == []
    assert found.spectrum is None or found.spectrum.noise_edge is None


def test_no_edge_without_a_population() -> None:
    spectrum = analyse(isotropic(256, 64), "trace").spectrum
    assert spectrum is not None
    assert spectrum.noise_edge is None


@pytest.mark.parametrize("interval", ["none", "fast", "full"])
def test_edge_is_that_of_the_bulk_and_scales(interval: str) -> None:
    rows = isotropic(512, 256)
    rows[:, 0] *= 5
    edges = []
    for factor in (1.0, 1e-100):
        spectrum = full(factor * rows, interval=interval).spectrum
        assert spectrum is not None
        assert spectrum.noise_edge is not None
        assert sum(value > spectrum.noise_edge for value in spectrum.eigenvalues) == 1
        edges.append(spectrum.noise_edge)
    assert edges[0] == pytest.approx((1 + np.sqrt(1 / 2)) ** 2, rel=0.03)
    assert edges[1] == pytest.approx(1e-200 * edges[0], rel=1e-6)
