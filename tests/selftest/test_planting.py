"""Planted collapses are what they say."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from repdiag.errors import UsageError
from repdiag.selftest import planting
from repdiag.selftest.plantings import PLANTINGS, Planting, Specimen
from repdiag.synthetic import power_law

N, D = 300, 24
FROM_HARMLESS = [one for one in PLANTINGS if one.name != "jitter"]


@pytest.fixture
def specimen() -> Specimen:
    rows = power_law(N, D, seed=0).samples + 0.1
    return Specimen(rows, torch.arange(N) % 3, (rows + 0.01 * power_law(N, D, seed=1).samples,))


def variances(rows: Tensor) -> Tensor:
    """Eigenvalues of the covariance, descending, as shares."""
    values = torch.linalg.eigvalsh(rows.T.cov()).flip(0).clamp(min=0)
    shares: Tensor = values / values.sum()
    return shares


def effective_rank(rows: Tensor) -> float:
    return float(torch.special.entr(variances(rows)).sum().exp())


def different(rows: Tensor) -> int:
    """How many rows are not repeats."""
    return len(set(map(tuple, rows.tolist())))


def mean_share(rows: Tensor) -> float:
    return float(rows.mean(0).square().sum() / rows.square().sum(1).mean())


@pytest.mark.parametrize("entry", PLANTINGS, ids=lambda entry: entry.name)
def test_every_planting_is_pure_repeatable_and_keeps_its_shape(entry: Planting, specimen: Specimen) -> None:
    before = specimen.rows.clone()
    assert list(entry.levels) == sorted(set(entry.levels))
    for severity in (entry.levels[0], entry.levels[-1]):
        first, again = (entry.plant(specimen, severity, 7) for _ in range(2))
        assert first.rows.shape == (N, D)
        assert first.rows.dtype == torch.float64
        assert torch.equal(first.rows.nan_to_num(), again.rows.nan_to_num())
    assert torch.equal(specimen.rows, before)


@pytest.mark.parametrize(
    "entry", [one for one in PLANTINGS if one.name != "jitter"], ids=lambda one: one.name
)
def test_the_first_level_plants_nothing(entry: Planting, specimen: Specimen) -> None:
    planted = entry.plant(specimen, entry.levels[0], 7)
    assert torch.allclose(planted.rows, specimen.rows, rtol=0, atol=1e-12)


@pytest.mark.parametrize("lost", [0.05, 0.3, 0.8])
def test_rank_loss_takes_that_share_of_the_effective_rank(specimen: Specimen, lost: float) -> None:
    planted = planting.rank_loss(specimen.rows, lost, 0)
    assert effective_rank(planted) == pytest.approx((1 - lost) * effective_rank(specimen.rows), rel=1e-3)
    assert torch.allclose(planted.mean(0), specimen.rows.mean(0))


def test_rank_loss_keeps_one_direction(specimen: Specimen) -> None:
    assert effective_rank(planting.rank_loss(specimen.rows, 1.0, 0)) == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("share", [0.5, 0.98])
def test_cone_and_one_direction_hold_that_share(specimen: Specimen, share: float) -> None:
    assert mean_share(planting.cone(specimen.rows, share, 0)) == pytest.approx(share, abs=1e-9)
    # The stretched direction is at most the leading one.
    assert float(variances(planting.one_direction(specimen.rows, share, 0))[0]) >= share - 1e-3


def test_constant_ends_in_one_vector_and_jitter_in_noise_on_one(specimen: Specimen) -> None:
    assert different(planting.constant(specimen.rows, 1.0, 0)) == 1
    noisy = planting.jitter(specimen.rows, 5.0, 0)
    assert 1 - mean_share(noisy) == pytest.approx(1e-10, rel=0.1)


def test_dead_repeated_and_nonfinite_are_counted(specimen: Specimen) -> None:
    dead = planting.dead_features(specimen.rows, 0.5, 0)
    assert int((dead == 0).all(0).sum()) == D // 2
    assert different(planting.repeated_rows(specimen.rows, 0.2, 0)) == N - 60
    assert int(planting.nonfinite_rows(specimen.rows, 1e-6, 0).isnan().any(1).sum()) == 1


def test_rogue_feature_touches_one_column(specimen: Specimen) -> None:
    changed = (planting.rogue_feature(specimen.rows, 30.0, 3) != specimen.rows).any(0)
    assert int(changed.sum()) == 1


def test_class_collapse_touches_one_class_and_needs_two(specimen: Specimen) -> None:
    assert specimen.labels is not None
    planted = planting.class_collapse(specimen.rows, 0.9, 0, specimen.labels)
    touched = set(specimen.labels[(planted != specimen.rows).any(1)].tolist())
    assert len(touched) == 1
    chosen = specimen.labels == touched.pop()
    rows, before = planted[chosen], specimen.rows[chosen]
    assert effective_rank(rows) == pytest.approx(0.1 * effective_rank(before), rel=1e-3)
    with pytest.raises(UsageError, match="1 class"):
        planting.class_collapse(specimen.rows, 0.9, 0, torch.zeros(N, dtype=torch.int64))


def test_clusters_end_in_few_points(specimen: Specimen) -> None:
    assert different(planting.clusters(specimen.rows, 1.0, 0, 8).round(decimals=9)) == 8


def test_nuisance_follows_the_length_or_a_column(specimen: Specimen) -> None:
    planted = planting.nuisance(specimen.rows, 0.9, 0)
    leading = torch.linalg.svd(planted - planted.mean(0), full_matrices=False).Vh[0]
    lengths = torch.stack([planted @ leading, planted.norm(dim=1)])
    assert abs(float(torch.corrcoef(lengths)[0, 1])) > 0.95
    values = torch.arange(N, dtype=torch.float64)
    column = torch.stack([planting.nuisance(specimen.rows, 0.9, 0, values) @ leading, values])
    assert float(variances(planting.nuisance(specimen.rows, 0.9, 0, values))[0]) > 0.85
    assert column.shape == (2, N)


def test_views_collapse_onto_one_vector_and_need_two(specimen: Specimen) -> None:
    first, second = planting.view_collapse([specimen.rows, *specimen.views], 0.999, 0)
    assert mean_share(first) > 0.99
    assert float((first - second).square().sum() / first.square().sum()) < 0.01
    with pytest.raises(UsageError, match="1 view"):
        planting.view_collapse([specimen.rows], 0.5, 0)


def test_shrunk_scale_keeps_the_shape(specimen: Specimen) -> None:
    planted = planting.shrunk_scale(specimen.rows, 0.9, 0)
    assert effective_rank(planted) == pytest.approx(effective_rank(specimen.rows))
    assert float(planted.norm()) == pytest.approx(0.1 * float(specimen.rows.norm()))
