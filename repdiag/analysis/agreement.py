"""Two views of the same samples: how far apart, beside how far apart different samples are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag.analysis.row_sample import RowSample
from repdiag.results import Estimate, Pair, Place
from repdiag.stats.jackknife import LEAST_GROUPS, interval
from repdiag.types import Address, IntervalMethod, Status

KEPT_BYTES = 2 << 20
LEAST_ROWS = 50
"""Of each view so many bytes of rows are kept until the next view comes by, and so many rows at least."""

NOISE, DISTANCE = "view_noise", "view_distance"
DEFINITIONS = {
    NOISE: "tr Cov(a - b) / (tr Cov(a) + tr Cov(b)), a and b two views of a sample: the share of the "
    "variance that the views do not have in common",
    DISTANCE: "mean |a - b|^2 / mean (|a|^2 + |b|^2), a and b two views of a sample: 1 minus their cosine, "
    "weighted by length",
}

Groups = NDArray[np.uint8]


@dataclass
class Agreement:
    """Rows of every first view, and a pair for each further view of the same checkpoint and layer."""

    confidence: float
    pairs: list[Pair] = field(default_factory=list)
    _first: dict[tuple[str, str], tuple[Address, RowSample]] = field(default_factory=dict)

    def add(self, address: Address, sample: RowSample) -> None:
        """Keep the rows of a first view, or compare those of a further one with them."""
        key, kept = (address.checkpoint, address.layer), sample.first(_rows(sample.rows.shape[1]))
        other, first = self._first.setdefault(key, (address, kept))
        if other == address or first.rows.shape[1] != kept.rows.shape[1]:
            return
        places, mine, yours = np.intersect1d(first.places, kept.places, return_indices=True)
        if len(places) < LEAST_ROWS:
            return
        a, b = first.rows[_index(mine, first.rows)], kept.rows[_index(yours, kept.rows)]
        estimates = compare_views(a, b, first.groups[mine], self.confidence)
        self.pairs.append(Pair(x=_place(other), y=_place(address), n=len(places), estimates=estimates))


def compare_views(a: Tensor, b: Tensor, groups: Groups, confidence: float) -> dict[str, Estimate]:
    """Both figures of two views (m, d) of the same rows, `groups` (m,) being those of the intervals."""
    centred = torch.cat([a - a.mean(0), b - b.mean(0)], 1)
    return {
        NOISE: _estimate(NOISE, lambda rows: _noise(centred[rows]), groups, confidence),
        DISTANCE: _estimate(DISTANCE, lambda rows: _distance(a[rows], b[rows]), groups, confidence),
    }


def _noise(both: Tensor) -> float:
    """Both views side by side (m, 2d)."""
    a, b = (both - both.mean(0)).chunk(2, 1)
    return _ratio((a - b).square().sum(), both.var(0, correction=0).sum() * len(both))


def _distance(a: Tensor, b: Tensor) -> float:
    return _ratio((a - b).square().sum(), a.square().sum() + b.square().sum())


def _ratio(above: Tensor, below: Tensor) -> float:
    """Not a number where nothing varies at all."""
    return float(above / below)


def _estimate(name: str, figure: Callable[[Any], float], groups: Groups, confidence: float) -> Estimate:
    value = figure(slice(None))
    if not np.isfinite(value):
        return Estimate(
            value=None, status=Status.CONSTANT, definition=DEFINITIONS[name], confidence=confidence
        )
    kept, sizes = np.unique(groups, return_counts=True)
    ends = None
    if len(kept) >= LEAST_GROUPS:
        without = [figure(torch.from_numpy(np.flatnonzero(groups != group))) for group in kept]
        counts = [int(size) for size in sizes]
        ends = interval(value, without, counts, confidence=confidence, scale="log")
    return Estimate(
        value=value,
        low=None if ends is None else ends.low,
        high=None if ends is None else ends.high,
        confidence=confidence,
        plugin=value,
        unit="share",
        interval_method=IntervalMethod.NONE if ends is None else IntervalMethod.FULL,
        definition=DEFINITIONS[name],
    )


def _rows(d: int) -> int:
    return max(2 * LEAST_ROWS, KEPT_BYTES // (8 * d))


def _index(places: NDArray[np.integer], like: Tensor) -> Tensor:
    return torch.from_numpy(places).to(like.device)


def _place(address: Address) -> Place:
    return Place(checkpoint=address.checkpoint, view=address.view, layer=address.layer)
