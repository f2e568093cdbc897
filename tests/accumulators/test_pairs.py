"""Sums over pairs and neighbour ratios against loops, across block borders."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from repdiag.accumulators import pairs
from tests.reference import Matrix


def cloud(n: int, d: int = 3, seed: int = 0) -> Matrix:
    found: Matrix = np.random.default_rng(seed).standard_normal((n, d))
    return found


@pytest.mark.parametrize("block", [4, 7, 1024])
def test_pair_potential_counts_every_ordered_pair_once(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "BLOCK", block)
    x, groups = cloud(23), np.random.default_rng(1).integers(0, 4, 23)
    sums, counts = pairs.pair_potential(torch.from_numpy(x), torch.from_numpy(groups), 5)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    expected, number = np.zeros((5, 5)), np.zeros((5, 5))
    for i in range(23):
        for j in range(23):
            if i != j:
                expected[groups[i], groups[j]] += math.exp(-2 * ((unit[i] - unit[j]) ** 2).sum())
                number[groups[i], groups[j]] += 1
    np.testing.assert_allclose(sums.numpy(), expected, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(counts.numpy(), number)


@pytest.mark.parametrize("block", [4, 7, 1024])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_neighbour_ratios_against_loops(block: int, offset: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "BLOCK", block)
    x = cloud(26) + offset
    ratios = pairs.neighbour_ratios(torch.from_numpy(x)).numpy()
    for i, row in enumerate(x):
        first, second = sorted(math.dist(row, x[j]) for j in range(26) if j != i)[:2]
        assert ratios[i] == pytest.approx(second / first, rel=1e-7)


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9])
def test_neighbour_ratios_of_near_twins(gap: float) -> None:
    """Rows in pairs that almost touch: differences must not drown in the rounding of squares."""
    x = cloud(20)
    step = gap * cloud(20, seed=9)
    both = np.concatenate([x, x + step])
    ratios = pairs.neighbour_ratios(torch.from_numpy(both)).numpy()
    for i, row in enumerate(both):
        first, second = sorted(math.dist(row, both[j]) for j in range(40) if j != i)[:2]
        assert ratios[i] == pytest.approx(second / first, rel=1e-5)


def test_squared_distances_are_never_negative() -> None:
    x = torch.full((5, 3), 1e8, dtype=torch.float64)
    assert float(pairs.squared_distances(x, x).min()) >= 0
