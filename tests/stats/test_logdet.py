"""Corrected log determinants: closed forms, simulated Wishart matrices, and views of known information."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import multigammaln, psi

from repdiag.stats.logdet import (
    GaussianInformation,
    elliptical_bias,
    gaussian_information,
    radial_weights,
    wishart_bias,
)
from repdiag.types import Status

Real = NDArray[np.float64]
REPEATS = 16


def views(seed: int, n: int, d: int, correlations: Real, degrees: int = 0) -> tuple[Real, Real]:
    """Views (n, d) whose features correlate pair by pair; Student rows where degrees are given."""
    generator = np.random.default_rng(seed)
    x, noise = generator.standard_normal((2, n, d))
    y = correlations * x + np.sqrt(1 - correlations**2) * noise
    lengths = np.ones((n, 1))
    if degrees:
        lengths = np.sqrt(degrees / generator.chisquare(degrees, (n, 1)))
    return x * lengths, y * lengths


def errors(n: int, d: int, correlations: Real, degrees: int = 0) -> tuple[Real, Real]:
    """Corrected value and plug-in less the truth, over the repeats."""
    truth = -np.log1p(-(correlations**2)).sum() / 2
    found = [figures(gaussian_information(*views(s, n, d, correlations, degrees))) for s in range(REPEATS)]
    value, plugin = np.array(found).T[:2] - truth
    return value, plugin


def figures(found: GaussianInformation) -> tuple[float, float, float]:
    assert found.value is not None
    assert found.plugin is not None
    assert found.bias is not None
    assert found.status is Status.OK
    return found.value, found.plugin, found.bias


def decaying(d: int) -> Real:
    return 0.8 * 0.85 ** np.arange(d, dtype=np.float64)


# --- Bias of one log determinant. ---


def test_one_feature_is_the_mean_log_of_a_chi_square() -> None:
    assert wishart_bias(1, 2) == pytest.approx(-np.euler_gamma, rel=1e-14)
    assert wishart_bias(1, 1) == pytest.approx(-np.euler_gamma - math.log(2), rel=1e-14)
    assert wishart_bias(0, 5) == 0


@given(st.integers(1, 60), st.integers(0, 60))
def test_psi_sum_is_the_derivative_of_the_multivariate_gamma(p: int, more: int) -> None:
    degrees = p + more
    found = wishart_bias(p, degrees)
    assert found < 0
    assert found == pytest.approx(
        sum(psi((degrees - i) / 2) for i in range(p)) + p * math.log(2 / degrees), rel=1e-12
    )
    step = 1e-5
    at = max(degrees / 2, (p - 1) / 2 + 0.5)
    slope = (multigammaln(at + step, p) - multigammaln(at - step, p)) / (2 * step)
    assert found == pytest.approx(slope + p * math.log(2 / degrees), abs=1e-5 * p)


@pytest.mark.parametrize(("p", "degrees"), [(4, 5), (10, 30)])
def test_wishart_bias_is_that_of_simulated_covariances(p: int, degrees: int) -> None:
    rows = np.random.default_rng(0).standard_normal((3000, degrees + 1, p))
    centred = rows - rows.mean(1, keepdims=True)
    seen = np.linalg.slogdet(centred.transpose(0, 2, 1) @ centred / degrees)[1]
    assert abs(seen.mean() - wishart_bias(p, degrees)) < 3 * seen.std() / math.sqrt(len(seen))


@pytest.mark.parametrize(("p", "degrees"), [(4, 3), (1, 0), (0, 0), (-1, 5)])
def test_wishart_bias_needs_as_many_degrees_as_features(p: int, degrees: int) -> None:
    with pytest.raises(ValueError, match="degrees of freedom"):
        wishart_bias(p, degrees)


@given(st.integers(1, 50), st.integers(2, 100), st.floats(0.1, 10))
def test_equal_weights_give_the_closed_form(p: int, more: int, weight: float) -> None:
    degrees = p + more
    found = elliptical_bias(p, np.full(degrees + 1, weight))
    assert found == pytest.approx(-(degrees - p) * math.log1p(-p / degrees) - p, rel=1e-8, abs=1e-9)


def test_elliptical_bias_is_that_of_simulated_rows_of_unequal_length() -> None:
    p, n = 40, 101
    generator = np.random.default_rng(1)
    tau = generator.chisquare(3, n)
    tau /= tau.mean()
    seen = []
    for _ in range(200):
        rows = np.sqrt(tau)[:, None] * generator.standard_normal((n, p))
        seen.append(np.linalg.slogdet(np.cov(rows.T))[1])
    found = elliptical_bias(p, tau) - elliptical_bias(p, np.ones(n)) + wishart_bias(p, n - 1)
    # The equivalent is for large n: a twentieth of a nat of what unequal lengths add (over 5) is allowed.
    assert abs(np.mean(seen) - found) < 3 * np.std(seen) / math.sqrt(200) + 0.05
    assert elliptical_bias(p, tau) < elliptical_bias(p, np.ones(n)) - 1


def test_weights_have_a_floor_and_any_scale() -> None:
    weights = np.r_[0.0, np.arange(1.0, 30.0)]
    assert elliptical_bias(5, weights) == pytest.approx(elliptical_bias(5, 7 * weights), rel=1e-12)
    assert math.isfinite(elliptical_bias(28, weights))
    assert elliptical_bias(0, weights) == 0


@pytest.mark.parametrize(
    ("p", "weights"),
    [(4, [1.0] * 5), (-1, [1.0] * 5), (1, [0.0] * 5), (1, [1, 1, -1, 1]), (1, [1, math.nan, 1]), (1, [[1]])],
)
def test_elliptical_bias_refuses(p: int, weights: list[float]) -> None:
    with pytest.raises(ValueError, match=r"degrees of freedom|weights are"):
        elliptical_bias(p, weights)


# --- Weights. ---


def test_weights_of_gaussian_rows_are_nearly_equal_and_of_student_rows_are_their_lengths() -> None:
    generator = np.random.default_rng(2)
    rows = generator.standard_normal((2000, 50))
    lengths = 5 / generator.chisquare(5, 2000)
    even, uneven = radial_weights(rows), radial_weights(rows * np.sqrt(lengths)[:, None])
    assert even.std() < 0.1
    assert np.corrcoef(uneven, lengths)[0, 1] > 0.9
    assert uneven.std() == pytest.approx(lengths.std() / lengths.mean(), rel=0.15)
    assert even.mean() == pytest.approx(1)
    assert uneven.mean() == pytest.approx(1)
    assert uneven.min() > 0


def test_weights_know_no_units_and_no_columns_that_stand_still() -> None:
    rows = views(3, 60, 6, np.zeros(6), 5)[0]
    found = radial_weights(rows)
    assert radial_weights(rows * 10.0 ** np.arange(6) + 3) == pytest.approx(found, rel=1e-6)
    assert radial_weights(rows * 1e300) == pytest.approx(found, rel=1e-9)
    assert radial_weights(np.ones((4, 2))).tolist() == [1, 1, 1, 1]
    with pytest.raises(ValueError, match="finite"):
        radial_weights(np.full((4, 2), np.nan))
    with pytest.raises(ValueError, match="two rows"):
        radial_weights(np.ones((1, 2)))


# --- Information of two views. ---


@pytest.mark.parametrize("ratio", [3, 8])
def test_gaussian_views_are_unbiased(ratio: int) -> None:
    value, plugin = errors(32 * ratio, 32, decaying(32))
    assert abs(value.mean()) < 3 * value.std(ddof=1) / math.sqrt(REPEATS)
    assert plugin.mean() > 2


@pytest.mark.parametrize("ratio", [3, 8])
def test_student_views_are_at_least_five_times_nearer(ratio: int) -> None:
    value, plugin = errors(32 * ratio, 32, decaying(32), degrees=5)
    assert abs(value.mean()) < plugin.mean() / 5


def test_bias_does_not_depend_on_the_true_correlations() -> None:
    first, raw = errors(100, 16, np.zeros(16))
    second, other = errors(100, 16, np.full(16, 0.9))
    noise = math.hypot(first.std(), second.std()) / math.sqrt(REPEATS)
    assert abs(first.mean() - second.mean()) < 3 * noise
    assert abs(raw.mean() - other.mean()) < 3 * noise


@pytest.mark.parametrize("degrees", [0, 5])
def test_symmetric_in_the_views(degrees: int) -> None:
    x, y = views(4, 80, 12, decaying(12), degrees)
    y = y[:, :7]
    assert figures(gaussian_information(x, y)) == pytest.approx(figures(gaussian_information(y, x)), rel=1e-9)


@pytest.mark.parametrize("degrees", [0, 5])
def test_invertible_maps_of_a_view_change_nothing_but_the_weights(degrees: int) -> None:
    generator = np.random.default_rng(5)
    x, y = views(5, 400, 16, decaying(16), degrees)
    mapped = x @ generator.standard_normal((16, 16)) + 3, y @ generator.standard_normal((16, 16))
    value, plugin, bias = figures(gaussian_information(x, y))
    other = figures(gaussian_information(*mapped))
    assert other[1] == pytest.approx(plugin, rel=1e-9)
    assert other[0] == pytest.approx(value, abs=0.1 * bias)
    units = figures(gaussian_information(x * 1e150 + 1e149, -y[:, ::-1] / 1e150))
    assert units == pytest.approx((value, plugin, bias), rel=1e-6)


def test_refuses_below_the_rows_that_it_says_it_needs() -> None:
    x, y = views(6, 20, 9, decaying(9))
    enough = gaussian_information(x, y)
    assert enough.needed == 20
    assert figures(enough)[0] < figures(enough)[1]
    short = gaussian_information(x[:19], y[:19])
    assert short == GaussianInformation(None, None, None, Status.INSUFFICIENT, 20)


def test_what_has_no_information_says_why() -> None:
    x, y = views(7, 60, 5, decaying(5))
    doubled, still, broken = x.copy(), x.copy(), x.copy()
    doubled[:, 4] = x[:, :4].sum(1)
    still[:, 2] = 0.1
    broken[3, 1] = math.nan
    cases = {
        Status.NONFINITE: [(broken, y), (y, broken), (x, x)],
        Status.CONSTANT: [(still, y), (y, doubled)],
    }
    for status, pairs in cases.items():
        for pair in pairs:
            assert gaussian_information(*pair) == GaussianInformation(None, None, None, status, 12)


@pytest.mark.parametrize("shapes", [((9, 2), (8, 2)), ((9, 2), (9, 0)), ((9,), (9, 2)), ((9, 2), (9, 2, 1))])
def test_shapes_that_are_not_two_views(shapes: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    with pytest.raises(ValueError, match="two views"):
        gaussian_information(*(np.ones(shape) for shape in shapes))
