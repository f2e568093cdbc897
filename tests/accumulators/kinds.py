"""Every accumulator with what it needs to be tested: how it starts, and the answer that it stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag.accumulators import (
    Batch,
    ClassSums,
    FeatureActivity,
    FeatureMoments,
    GroupedMoments,
    JointSums,
    Leverages,
    RowEnergies,
    Sample,
)
from repdiag.accumulators.energies import GroupEnergies

GROUPS, D, CLASSES, DIRECTIONS = 5, 6, 3, 4
Answer = Mapping[str, Tensor]


@dataclass(frozen=True)
class Kind:
    """`start` makes the empty state; `answer` reads everything out of a state, in comparable form."""

    start: Callable[[], Any]
    answer: Callable[[Any], Answer]
    tolerance: float = 1e-10


@dataclass(frozen=True)
class Rows:
    """Rows (n, D) with a group, a class and a place in hash order; the last `unsampled` places are out."""

    rows: Tensor
    groups: NDArray[np.int64]
    labels: NDArray[np.int64]
    order: NDArray[np.int64]
    unsampled: int = 7

    def batch(self, index: Sequence[int] | NDArray[np.int64]) -> Batch:
        """Some rows as one batch."""
        where = np.asarray(index, dtype=np.int64)
        groups, order = self.groups[where], self.order[where]
        return Batch(
            rows=self.rows[where],
            members=[torch.from_numpy(np.flatnonzero(groups == g)) for g in range(GROUPS)],
            labels=torch.from_numpy(self.labels[where]),
            sampled=torch.from_numpy(np.flatnonzero(order < len(self.rows) - self.unsampled)),
            order=torch.from_numpy(order),
        )


def rows(n: int = 90, seed: int = 0, mean: float = 3.0, dtype: torch.dtype = torch.float64) -> Rows:
    """Correlated rows about a mean, one group and one class of which stay empty."""
    r = np.random.default_rng(seed)
    data = r.standard_normal((n, D)) @ r.standard_normal((D, D)) + mean * r.standard_normal(D)
    data[::9] = np.maximum(data[::9], 0)
    data[4] = 0
    groups = r.integers(0, GROUPS - 1, n)
    return Rows(torch.from_numpy(data).to(dtype), groups, r.integers(0, CLASSES, n), r.permutation(n))


def _moments(state: GroupedMoments) -> Answer:
    total = state.total()
    scatters = torch.stack([state.group(g).scatter for g in range(GROUPS)])
    return {
        "count": torch.tensor(state.count),
        "means": state.mean,
        "scatters": scatters,
        "mean": total.mean,
        "scatter": total.scatter,
    }


def _features(state: FeatureMoments) -> Answer:
    counts = torch.tensor(state.count)
    found = {"count": counts, "mean": state.mean, "squares": state.squares, "nonzero": state.nonzero}
    if counts.sum():
        whole = state.over([g for g in range(GROUPS) if state.count[g]])
        found |= {"total mean": whole.mean, "total squares": whole.squares}
    return found


def _activity(state: FeatureActivity) -> Answer:
    return {
        "count": torch.tensor(state.count),
        "minimum": state.minimum,
        "maximum": state.maximum,
        "firing": state.firing,
    }


def _classes(state: ClassSums) -> Answer:
    origin = torch.zeros(D, dtype=torch.float64) if state.origin is None else state.origin
    means = state.sums / state.counts.clamp(min=1)[..., None] + origin * (state.counts > 0)[..., None]
    return {"counts": state.counts, "means": means}


def _sample(state: Sample) -> Answer:
    if not state.blocks:
        return {"rows": torch.zeros(0, D), "groups": torch.zeros(0)}
    found = state.sorted()
    return {"rows": found.rows, "groups": found.groups}


def _energies(state: GroupEnergies) -> Answer:
    return {"count": torch.tensor(state.count), "sums": state.sums, "squares": state.squares}


def _row_energies(state: RowEnergies) -> Answer:
    return {
        "count": torch.tensor(state.count),
        "first": state.first,
        "second": state.second,
        "third": state.third,
        "fourth": state.fourth,
    }


def _joint(state: JointSums) -> Answer:
    total = state.over(range(GROUPS))
    left = state.without(1, total)
    return {
        "count": torch.tensor(state.count),
        "shift": state.shift,
        "scatter": state.scatter,
        "weighted": state.weighted,
        "products": state.products,
        "left count": torch.tensor(left.count),
        "left scatter": left.scatter + total.scatter,
        "left products": left.products + total.products,
    }


def _leverages(state: Leverages) -> Answer:
    return {
        "count": torch.tensor(state.count),
        "sums": torch.view_as_real(state.sums),
        "left out": torch.view_as_real(state.left_out),
    }


def _empty_leverages() -> Leverages:
    basis, _ = torch.linalg.qr(torch.arange(1.0, 1 + D * D).reshape(D, D).sin().double())
    values, z = torch.arange(D, 0, -1).double(), torch.tensor([1 + 1j, 0.2 + 0.5j, -3 + 0.1j])
    return Leverages.empty(GROUPS, basis, torch.ones(D, dtype=torch.float64), 0.01 / (values[:, None] - z))


def _empty_energies(unit: bool) -> GroupEnergies:
    basis = torch.linalg.qr(torch.arange(1.0, 1 + D * DIRECTIONS).reshape(D, DIRECTIONS).sin().double()).Q
    return GroupEnergies.empty(GROUPS, basis, torch.ones(D, dtype=torch.float64), unit=unit)


KINDS: dict[str, Kind] = {
    "moments": Kind(lambda: GroupedMoments.empty(GROUPS, D), _moments),
    "unit moments": Kind(lambda: GroupedMoments.empty(GROUPS, D, unit=True), _moments),
    "features": Kind(lambda: FeatureMoments.empty(GROUPS, D), _features),
    "unit features": Kind(lambda: FeatureMoments.empty(GROUPS, D, unit=True), _features),
    "activity": Kind(lambda: FeatureActivity.empty(GROUPS, D), _activity),
    "classes": Kind(lambda: ClassSums.empty(GROUPS, CLASSES, D), _classes),
    "sample": Kind(Sample, _sample),
    "row energies": Kind(lambda: RowEnergies.empty(GROUPS, torch.ones(D).double()), _row_energies),
    "row energies of some features": Kind(
        lambda: RowEnergies.empty(GROUPS, torch.ones(D).double(), torch.tensor([0, 3, 5])), _row_energies
    ),
    "joint": Kind(lambda: JointSums.empty(GROUPS, 2, torch.ones(D).double()), _joint),
    "unit joint": Kind(lambda: JointSums.empty(GROUPS, 2, torch.ones(D).double(), unit=True), _joint),
    "leverages": Kind(_empty_leverages, _leverages),
    # Projections are taken in float32: they only feed standard errors.
    "energies": Kind(lambda: _empty_energies(unit=False), _energies, 2e-5),
    "unit energies": Kind(lambda: _empty_energies(unit=True), _energies, 2e-5),
}
