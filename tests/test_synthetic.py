"""The known answers are known: sample spectra approach the declared population."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch

from repdiag import synthetic
from repdiag.errors import UsageError
from repdiag.synthetic import Cloud

N, D = 20_000, 24
DRAWS: dict[str, Callable[..., Cloud]] = {
    "power_law": partial(synthetic.power_law, exponent=1.0),
    "isotropic": synthetic.isotropic,
    "exponential": partial(synthetic.exponential, decay=5.0),
    "low_rank": partial(synthetic.low_rank, rank=4),
    "low_rank with noise": partial(synthetic.low_rank, rank=4, noise=0.3),
    "heavy_tail": partial(synthetic.heavy_tail, degrees=9.0),
    "clusters": partial(synthetic.clusters, classes=5, separation=4.0),
    "cone": partial(synthetic.cone, offset=3.0),
    "rogue": partial(synthetic.rogue, feature=7, factor=10.0),
}
every_draw = pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS)


def sample_eigenvalues(cloud: Cloud) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    covariance = np.cov(cloud.samples.numpy(), rowvar=False)
    return np.linalg.eigvalsh(covariance)[::-1].astype(np.float64)


@every_draw
def test_sample_spectrum_is_near_the_population(draw: Callable[..., Cloud]) -> None:
    cloud = draw(N, D, seed=3)
    found, known = sample_eigenvalues(cloud), cloud.eigenvalues.numpy()
    assert found == pytest.approx(known, rel=0.12, abs=1e-9)
    assert found.sum() == pytest.approx(cloud.trace, rel=0.03)
    entropy = -(p := found[found > 1e-12] / found[found > 1e-12].sum()) @ np.log(p)
    assert np.exp(entropy) == pytest.approx(cloud.effective_rank, rel=0.02)


@every_draw
def test_sample_mean_is_near_the_population(draw: Callable[..., Cloud]) -> None:
    cloud = draw(N, D, seed=4)
    error = (cloud.samples.mean(0) - cloud.mean).square().sum()
    assert float(error) < 3 * cloud.trace / N


@every_draw
def test_seed_decides_everything(draw: Callable[..., Cloud]) -> None:
    state = torch.get_rng_state()
    first, again, other = draw(50, D, seed=1), draw(50, D, seed=1), draw(50, D, seed=2)
    assert torch.equal(first.samples, again.samples)
    assert not torch.equal(first.samples, other.samples)
    assert torch.equal(state, torch.get_rng_state())


@every_draw
def test_records_have_the_stated_shapes(draw: Callable[..., Cloud]) -> None:
    cloud = draw(30, D, seed=0)
    assert (cloud.n, cloud.d) == (30, D)
    assert cloud.samples.shape == (30, D)
    assert cloud.samples.dtype == cloud.eigenvalues.dtype == torch.float64
    assert cloud.eigenvalues.shape == cloud.mean.shape == (D,)
    assert bool((cloud.eigenvalues.diff() <= 0).all())
    assert 1 <= cloud.participation_ratio <= cloud.effective_rank <= D * (1 + 1e-12)


def test_known_ranks() -> None:
    assert synthetic.isotropic(5, 64, seed=0).effective_rank == pytest.approx(64)
    assert synthetic.low_rank(5, 64, rank=8, seed=0).effective_rank == pytest.approx(8)
    assert synthetic.low_rank(5, 64, rank=8, seed=0).trace == pytest.approx(64)
    assert synthetic.rogue(5, 10, feature=0, factor=3.0, seed=0).participation_ratio == pytest.approx(
        18**2 / 90
    )


def test_cone_has_the_stated_mean_share() -> None:
    assert synthetic.cone(5, 40, offset=3.0, seed=0).mean_share == pytest.approx(0.9)


def test_clusters_are_labelled_in_turn() -> None:
    cloud = synthetic.clusters(9000, 8, classes=3, separation=6.0, seed=0)
    assert cloud.labels is not None
    assert cloud.labels[:6].tolist() == [0, 1, 2, 0, 1, 2]
    means = torch.stack([cloud.samples[cloud.labels == c].mean(0) for c in range(3)])
    assert (means @ means.T).numpy() == pytest.approx(36 * np.eye(3), abs=0.7)


def test_heavy_tails_are_heavy() -> None:
    light = synthetic.power_law(5000, 8, seed=0).samples
    heavy = synthetic.heavy_tail(5000, 8, degrees=5.0, seed=0).samples

    def kurtosis(rows: torch.Tensor) -> float:
        scaled = (rows - rows.mean(0)) / rows.std(0)
        return float(scaled.pow(4).mean())

    assert kurtosis(light) == pytest.approx(3, abs=0.3)
    assert kurtosis(heavy) > 5


def test_directions_are_spread_over_the_features() -> None:
    cloud = synthetic.power_law(4000, 256, exponent=2.0, seed=0)
    shares = cloud.samples.var(0) / cloud.samples.var(0).sum()
    assert float(shares.max()) < 0.05


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: synthetic.low_rank(5, 4, rank=5, seed=0),
        lambda: synthetic.low_rank(5, 4, rank=0, seed=0),
        lambda: synthetic.clusters(5, 4, classes=5, separation=1.0, seed=0),
        lambda: synthetic.heavy_tail(5, 4, degrees=2.0, seed=0),
    ],
)
def test_impossible_requests_are_refused(wrong: Callable[[], Cloud]) -> None:
    with pytest.raises(UsageError):
        wrong()
