"""Moments of shuffled views, and the quick way to figures of them, against the plain one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from repdiag.accumulators.joint import JointSums
from repdiag.analysis.pair_sources import PairRows
from repdiag.analysis.shuffled_moments import Sides
from repdiag.measures.pair_registry import parse_pair_selection

FIELDS = ("origin", "shift", "scatter", "weighted", "products")


def rows(n: int, d1: int, d2: int) -> PairRows:
    r = np.random.default_rng(0)
    x, y = (torch.from_numpy(r.standard_normal((n, d)) + 1) for d in (d1, d2))
    return PairRows(x, y, np.zeros(n, np.uint8))


def sides(some: PairRows, *, unit: bool = False) -> Sides:
    p = some.x.shape[1] + some.y.shape[1]
    return Sides.of(some, JointSums.empty(1, some.x.shape[1], torch.full((p,), 0.5).double(), unit=unit))


@pytest.mark.parametrize("unit", [False, True])
def test_shuffled_moments_are_those_of_shuffled_rows(unit: bool) -> None:
    some, order = rows(50, 3, 4), torch.randperm(50, generator=torch.Generator().manual_seed(1))
    found = sides(some, unit=unit).reordered(order)
    expected = sides(some.reordered(order), unit=unit).moments
    for name in FIELDS:
        torch.testing.assert_close(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("key", ["gaussian_mi", "logdet_mi", "logdet_mi{eps=0.1,relative=false}"])
def test_the_quick_way_gives_the_same(key: str) -> None:
    selection, record = parse_pair_selection(key), sides(rows(90, 5, 7)).moments
    plain: Any = selection.corrected(record)
    plain = selection(record).value if plain is None else plain
    assert float(selection.quick(record)) == pytest.approx(float(plain), rel=1e-10)


def test_the_quick_way_declines_where_a_view_settles_the_other_or_does_not_vary() -> None:
    some = rows(90, 4, 4)
    settled = sides(PairRows(some.x, some.x.clone(), some.groups)).moments
    still = sides(PairRows(some.x, some.y * torch.tensor([1.0, 1.0, 0.0, 1.0]), some.groups)).moments
    for record in (settled, still):
        assert torch.isnan(parse_pair_selection("gaussian_mi").quick(record))
    assert parse_pair_selection("cka").quick(settled) is None
