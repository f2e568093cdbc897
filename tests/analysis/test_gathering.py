"""Points that rows gather around are told from directions that they fill."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from repdiag import linalg, synthetic
from repdiag.analysis.gathering import EXPLAINED, SETTLED, gathering, k_means, live_directions
from tests.analysis.memory import analyse

N, D = 1000, 64


def centred(rows: Tensor) -> Tensor:
    return rows - rows.mean(0)


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, dtype=linalg.DTYPE, generator=torch.Generator().manual_seed(seed))


def points(count: int, directions: int, noise: float) -> Tensor:
    """Rows around `count` points that span `directions`."""
    centres = torch.zeros(count, D, dtype=linalg.DTYPE)
    centres[:, :directions] = normal(count, directions, seed=1)
    return centred(centres[torch.arange(N) % count] + noise * normal(N, D))


@pytest.mark.parametrize("classes", [3, 10, 40])
def test_clusters_are_counted(classes: int) -> None:
    cloud = synthetic.clusters(N, D, classes=classes, separation=8 * classes**0.5, seed=0)
    found = gathering(centred(cloud.samples), max(2, math.ceil((classes - 1) / 1.25)))
    assert found is not None
    assert found.clusters == classes
    assert found.explained > 0.95
    assert found.null < 0.7
    assert found.contested == 0


def test_more_points_than_directions() -> None:
    found = gathering(points(50, 8, noise=0.02), 7)
    assert found is not None
    assert found.clusters in range(45, 51)
    assert found.contested <= SETTLED


def test_close_copies_leave_nothing_around_them() -> None:
    found = gathering(points(6, 5, noise=1e-3), 5)
    assert found is not None
    assert (found.clusters, found.within < 1e-4) == (6, True)


def circle() -> Tensor:
    angle = 2 * math.pi * torch.rand(N, dtype=linalg.DTYPE, generator=torch.Generator().manual_seed(0))
    return torch.stack([angle.cos(), angle.sin()], 1)


FILLED = {
    "normal": normal(N, 9),
    "heavy": synthetic.heavy_tail(N, 9, exponent=1.0, degrees=3, seed=0).samples,
    "cube": torch.rand(N, 3, dtype=linalg.DTYPE, generator=torch.Generator().manual_seed(0)),
    "sphere": linalg.unit_rows(normal(N, 4)),
    "circle": circle(),
    "steep": synthetic.power_law(N, 6, exponent=3.0, seed=0).samples,
    "skewed": normal(N, 4).exp(),
}


@pytest.mark.parametrize("name", FILLED)
def test_directions_that_are_filled_are_no_clusters(name: str) -> None:
    rows = torch.cat([FILLED[name], torch.zeros(N, D - FILLED[name].shape[1], dtype=linalg.DTYPE)], 1)
    found = gathering(centred(rows + 0.01 * normal(N, D, seed=1)), FILLED[name].shape[1])
    assert found is not None
    assert found.clusters == 1
    assert found.contested > SETTLED or found.explained < EXPLAINED


def test_the_same_rows_give_the_same_answer() -> None:
    rows = points(10, 9, noise=0.05)
    assert gathering(rows, 8) == gathering(rows.clone(), 8)


def test_wide_rows() -> None:
    cloud = synthetic.clusters(200, 500, classes=5, separation=100.0, seed=0)
    found = gathering(centred(cloud.samples), 4)
    assert found is not None
    assert found.clusters == 5


def test_few_rows_say_nothing() -> None:
    assert gathering(points(10, 9, noise=0.1)[:60], 8) is None


def test_the_fall_may_come_later_than_the_cliff() -> None:
    values = torch.tensor([9.0, 9, 9, 9, 9, 9, 9, 9, 9, 0.1, 0.1, 0.1], dtype=linalg.DTYPE)
    assert live_directions(values, 8) == 9


def test_evidence_stands_beside_a_steep_cliff_only() -> None:
    tight = synthetic.clusters(N, D, classes=10, separation=30.0, seed=0).samples.numpy()
    loose = synthetic.power_law(N, D, exponent=1.0, seed=0).samples.numpy()
    beside = [analyse(rows, "spectral_cliff").estimates["spectral_cliff"].details for rows in (tight, loose)]
    assert beside[0]["clusters"] == 10
    assert "clusters" not in beside[1]


def test_order_of_the_rows_changes_nothing() -> None:
    rows = synthetic.clusters(N, D, classes=10, separation=30.0, seed=0).samples.numpy()
    order = np.random.default_rng(0).permutation(N)
    ids = [str(i) for i in range(N)]
    first = analyse(rows, "spectral_cliff", ids=ids)
    second = analyse(rows[order], "spectral_cliff", ids=[ids[i] for i in order])
    one, other = (each.estimates["spectral_cliff"].details for each in (first, second))
    assert one["clusters"] == other["clusters"]
    assert one["explained"] == pytest.approx(other["explained"], abs=1e-9)


def test_centres_stay_on_their_device() -> None:
    with FakeTensorMode():
        assert k_means(torch.ones(60, 4, dtype=linalg.DTYPE, device="cuda"), 3).device.type == "cuda"
