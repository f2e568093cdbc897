"""Histograms of lengths and cosines: every value is counted, and isotropy is what it should be."""

from __future__ import annotations

import numpy as np
import pytest

from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.analysis.distributions import BINS, PAIRED_ROWS, histogram, short_steps, spectrum_deviation
from repdiag.results import Distributions, Histogram
from repdiag.store import memory_store
from tests.analysis.memory import Array


def distributions(data: Array) -> Distributions:
    request = SpectrumRequest(measures=("effective_rank",), interval="none", device="cpu", closer=True)
    found = analyse_spectrum([memory_store(data)], request).representations[0].distributions
    assert found is not None
    return found


def lengths(data: Array) -> Histogram:
    found = distributions(data).lengths
    assert found is not None
    return found


def cosines(data: Array) -> Histogram:
    found = distributions(data).cosines
    assert found is not None
    return found


def gaussian(n: int, d: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal((n, d)).astype(np.float32)


def counted(found: Histogram) -> int:
    return sum(found.counts) + found.below + found.above


def test_every_row_is_counted_once() -> None:
    data = gaussian(1000, 12)
    found = lengths(data)
    expected = np.linalg.norm(data.astype(np.float64), axis=1)
    assert counted(found) == found.total == 1000
    assert len(found.counts) == BINS == len(found.edges) - 1
    assert (found.least, found.most) == pytest.approx((expected.min(), expected.max()), rel=1e-6)
    assert (found.mean, found.deviation) == pytest.approx((expected.mean(), expected.std(ddof=1)), rel=1e-5)
    assert found.counts == np.histogram(expected, found.edges)[0].tolist()


def test_every_pair_of_the_sample_is_counted_once() -> None:
    assert counted(cosines(gaussian(900, 12))) == PAIRED_ROWS * (PAIRED_ROWS - 1) // 2
    assert counted(cosines(gaussian(60, 12))) == 60 * 59 // 2


@pytest.mark.parametrize("d", [8, 64, 400])
def test_cosines_of_an_isotropic_cloud_spread_as_they_should(d: int) -> None:
    found = distributions(gaussian(600, d))
    assert found.cosines is not None
    assert found.isotropic_deviation == pytest.approx(d**-0.5)
    assert found.cosines.deviation == pytest.approx(d**-0.5, rel=0.03)
    assert found.cosines.mean == pytest.approx(0, abs=4 * d**-0.5 / 600)


def test_cosines_of_a_spectrum_spread_as_it_says() -> None:
    data = gaussian(2000, 128) * (np.arange(1, 129, dtype=np.float32) ** -0.3)
    found = distributions(data)
    assert found.cosines is not None
    assert found.spectrum_deviation is not None
    assert found.spectrum_deviation == pytest.approx(found.cosines.deviation, rel=0.05)
    assert found.spectrum_deviation > 1.1 * found.isotropic_deviation


def test_spectrum_deviation_is_isotropy_for_equal_eigenvalues() -> None:
    assert spectrum_deviation(np.full(100, 3.0)) == pytest.approx(0.1)
    assert spectrum_deviation(np.array([5.0, 0.0, 0.0])) == pytest.approx(1.0)
    assert spectrum_deviation(np.full(4, 1e300)) == pytest.approx(0.5)
    assert spectrum_deviation(np.zeros(3)) is None


def test_lengths_of_normalised_rows_are_one_spike() -> None:
    data = gaussian(500, 16)
    data /= np.linalg.norm(data, axis=1, keepdims=True)
    found = lengths(data)
    assert found.mean == pytest.approx(1, abs=1e-6)
    assert found.deviation < 1e-6
    assert counted(found) == 500


def test_a_row_far_out_leaves_the_bins_to_the_others() -> None:
    data = gaussian(5000, 16)
    data[17] *= 1e5
    found = lengths(data)
    assert found.above >= 1
    assert found.most > 1e5
    assert found.edges[-1] < 10
    assert max(found.counts) < 1000


@pytest.mark.parametrize("factor", [1e-30, 1e-22, 1.0, 1e22, 1e30])
def test_lengths_hold_where_squares_of_single_precision_do_not(factor: float) -> None:
    data = (gaussian(300, 8) * factor).astype(np.float32)
    expected = np.linalg.norm(data.astype(np.float64), axis=1)
    assert lengths(data).mean == pytest.approx(expected.mean(), rel=1e-5)


def test_lengths_of_double_precision_beyond_squares() -> None:
    data = gaussian(300, 8).astype(np.float64) * 1e200
    assert lengths(data).mean == pytest.approx(np.linalg.norm(data / 1e200, axis=1).mean() * 1e200, rel=1e-6)


def test_rows_that_are_not_finite_and_rows_without_direction_are_left_out() -> None:
    data = gaussian(300, 8)
    data[5, 0] = np.nan
    data[6] = 0
    found = distributions(data)
    assert found.lengths is not None
    assert found.cosines is not None
    assert found.lengths.total == 299
    assert found.lengths.least == 0
    assert found.cosines.total == 298 * 297 // 2


def test_rotation_and_order_change_little() -> None:
    data = gaussian(400, 16).astype(np.float64)
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((16, 16)))[0]
    before, after = lengths(data), lengths(data @ turn)
    assert after.mean == pytest.approx(before.mean, rel=1e-6)
    assert cosines(data @ turn).deviation == pytest.approx(cosines(data).deviation, rel=1e-6)


@pytest.mark.parametrize("start", [0.0, -0.731, 0.99995123456, 12345.678, 3e-7])
@pytest.mark.parametrize("width", [1e-5, 0.0123456, 4.0, 99.9])
def test_edges_are_short_equally_wide_and_hold_what_they_should(start: float, width: float) -> None:
    edges = short_steps(start, width)
    assert edges[0] <= start
    assert edges[-1] >= start + BINS * width
    assert np.diff(edges) == pytest.approx(edges[1] - edges[0], rel=1e-9, abs=1e-11)
    assert edges[1] - edges[0] < 1.003 * width
    assert all(len(str(float(edge))) <= 15 for edge in edges)


def test_few_values_make_no_histogram() -> None:
    assert histogram(np.arange(19.0), "x") is None
    assert histogram(np.full(50, np.nan), "x") is None
    assert histogram(np.arange(20.0), "x") is not None


@pytest.mark.parametrize("value", [0.0, 1.0, -3.0, 1e-300, 1e300])
def test_equal_values_have_one_bin(value: float) -> None:
    found = histogram(np.full(30, value), "x")
    assert found is not None
    assert counted(found) == 30
    assert np.all(np.diff(found.edges) >= 0)
