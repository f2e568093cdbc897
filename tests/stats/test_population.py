"""The inversion on spectra that are known, its symmetries, and the edge of the noise that it implies."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from repdiag.stats import population as stats
from repdiag.stats.population import Complex, Quadrature, Real, Sample

SEEDS = range(5)


def drawn(values: Real, n: int, seed: int = 0) -> Real:
    """Gaussian rows (n, d) with these population eigenvalues."""
    rows: Real = np.random.default_rng(seed).standard_normal((n, len(values))) * np.sqrt(values)
    return rows


def isotropic(d: int) -> Real:
    return np.ones(d)


def spiked(d: int) -> Real:
    """One direction with a variance of 20 beside those of one."""
    return np.concatenate([[20.0], np.ones(d - 1)])


def power_law(d: int) -> Real:
    found: Real = 1 / np.arange(1, d + 1)
    return found


def observed(rows: Real) -> tuple[Sample, NDArray[np.float64]]:
    """The sample's spectrum, and the squared projections (n, m) of unit variance of its rows."""
    n, d = rows.shape
    left, singular, _ = np.linalg.svd(rows - rows.mean(0), full_matrices=False)
    rank = min(n - 1, d)
    return Sample(singular[:rank] ** 2 / (n - 1), n, d), left[:, :rank] ** 2


def left_out(sample: Sample, squares: Real, z: Complex) -> Complex:
    """Mean over the rows of h / (1 - h), from the definition of the leverage h."""
    weights = sample.eigenvalues[:, None] * sample.factors(z)
    leverage = squares @ weights * sample.n / (sample.n - 1)
    found: Complex = (leverage / (1 - leverage)).mean(0)
    return found


def histogram(rows: Real) -> tuple[Quadrature, Sample]:
    sample, squares = observed(rows)
    z = stats.points(sample)
    return stats.lev(sample, z, left_out(sample, squares, z)), sample


def by_contour(rows: Real) -> Quadrature | None:
    sample, squares = observed(rows)
    z = stats.contour(sample)
    return stats.girko(sample, z, left_out(sample, squares, z))


def effective_rank(found: Quadrature) -> float:
    """exp of the entropy of a quadrature rule."""
    total = (found.weights * found.nodes).sum()
    shares = found.nodes[found.nodes != 0] / total
    return float(np.exp(-(found.weights[found.nodes != 0] * shares * np.log(shares)).sum().real))


def truth(values: Real) -> float:
    shares = values / values.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


@pytest.mark.parametrize("seed", SEEDS)
def test_lev_of_as_many_rows_as_features(seed: int) -> None:
    found, _ = histogram(drawn(isotropic(128), 128, seed))
    assert effective_rank(found) == pytest.approx(128, rel=0.02)


@pytest.mark.parametrize("seed", SEEDS)
def test_lev_and_contour_of_a_power_law(seed: int) -> None:
    rows = drawn(power_law(128), 512, seed)
    contour = by_contour(rows)
    assert contour is not None
    for found in (histogram(rows)[0], contour):
        assert effective_rank(found) == pytest.approx(truth(power_law(128)), rel=0.05)


@pytest.mark.parametrize("values", [isotropic(64), spiked(64), power_law(64)])
@pytest.mark.parametrize("n", [40, 64, 256])
def test_weights_sum_to_d_and_keep_the_trace(values: Real, n: int) -> None:
    found, sample = histogram(drawn(values, n))
    # The fit meets both sums by a weight, not exactly.
    assert found.weights.sum() == pytest.approx(64, rel=2e-3)
    assert (found.weights * found.nodes).sum() == pytest.approx(sample.trace, rel=2e-3)


def test_contour_keeps_mass_and_trace() -> None:
    rows = drawn(power_law(64), 256)
    found = by_contour(rows)
    assert found is not None
    assert found.weights.sum() == pytest.approx(64, rel=1e-3)
    assert (found.weights * found.nodes).sum() == pytest.approx(observed(rows)[0].trace, rel=1e-6)


@pytest.mark.parametrize("change", ["rows", "features", "scale", "shift"])
def test_figures_do_not_see_order_or_scale(change: str) -> None:
    rows = drawn(power_law(64), 256)
    changed = {
        "rows": rows[np.random.default_rng(1).permutation(256)],
        "features": rows[:, np.random.default_rng(1).permutation(64)],
        "scale": 1024 * rows,
        "shift": rows + 3,
    }[change]
    before, after = by_contour(rows), by_contour(changed)
    assert before is not None
    assert after is not None
    pairs = [(before, after), (histogram(rows)[0], histogram(changed)[0])]
    for one, other in pairs:
        assert effective_rank(other) == pytest.approx(effective_rank(one), rel=1e-10)


@pytest.mark.parametrize("d", [128, 256])
@pytest.mark.parametrize("seed", SEEDS)
def test_edge_of_isotropic_rows(d: int, seed: int) -> None:
    found = stats.noise_edge(*histogram(drawn(isotropic(d), 2 * d, seed)))
    assert found == pytest.approx((1 + np.sqrt(1 / 2)) ** 2, rel=0.03)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_spike_leaves_the_edge_where_the_bulk_has_it(seed: int) -> None:
    found, sample = histogram(drawn(spiked(256), 512, seed))
    edge = stats.noise_edge(found, sample)
    assert edge == pytest.approx((1 + np.sqrt(1 / 2)) ** 2, rel=0.03)
    assert (sample.eigenvalues > edge).sum() == 1


def test_signal_over_noise_is_counted() -> None:
    values = np.concatenate([np.full(10, 5.0), np.full(246, 0.1)])
    found, sample = histogram(drawn(values, 512))
    edge = stats.noise_edge(found, sample)
    assert edge == pytest.approx(0.1 * (1 + np.sqrt(246 / 511)) ** 2, rel=0.03)
    assert (sample.eigenvalues > edge).sum() == 10


@pytest.mark.parametrize("seed", SEEDS)
def test_of_a_power_law_several_stand_apart_and_most_do_not(seed: int) -> None:
    found, sample = histogram(drawn(power_law(128), 256, seed))
    above = (sample.eigenvalues > stats.noise_edge(found, sample)).sum()
    assert 3 <= above <= 32


@pytest.mark.parametrize("values", [isotropic(64), spiked(64), power_law(64)])
@pytest.mark.parametrize("n", [40, 128])
def test_edge_scales_with_the_rows(values: Real, n: int) -> None:
    rows = drawn(values, n)
    once, fourfold = (stats.noise_edge(*histogram(factor * rows)) for factor in (1.0, 2.0))
    assert fourfold == pytest.approx(4 * once, rel=1e-8)


def test_without_noise_there_is_no_edge() -> None:
    """Three directions vary and the others do not: of what is not apart nothing has any variance."""
    found = Quadrature(np.array([0.0, 1.0, 2.0]), np.array([61.0, 1.0, 2.0]))
    sample = Sample(np.array([2.1, 1.9, 1.0, *[1e-17] * 61]), 256, 64)
    assert stats.noise_edge(found, sample) == 0
