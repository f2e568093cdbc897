"""What the leading direction goes along with that is not content: the length of a row, a sample column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag import linalg
from repdiag.analysis.row_sample import RowSample
from repdiag.results import Correlate, Estimate
from repdiag.stats.jackknife import LEAST_GROUPS, interval
from repdiag.store import Store
from repdiag.types import IntervalMethod

Real = NDArray[np.float64]

NORM = "norm"
NOT_NUISANCES = ("id", "label", "group", "split")
MOST_COLUMNS = 20
LEAST_ROWS = 50

LENGTHS_ALIKE = 1e-3
"""Relative deviation of the row lengths under which they say nothing: rows scaled to unit length."""

DIRECTIONS = 8
ROUNDS = 12
"""Of the block power iteration: a direction that carries a fifth of the variance is found to a thousandth."""

_Z_LIMIT = 1 - 1e-12


def sample_columns(store: Store) -> dict[str, Real]:
    """The integer columns (n,) of the samples that may be nuisances: lengths, brightness, positions."""
    names = [name for name in store.columns if name not in NOT_NUISANCES][:MOST_COLUMNS]
    columns = {name: store.column(name) for name in names}
    return {
        name: values.astype(np.float64)
        for name, values in columns.items()
        if values is not None and values.dtype.kind in "iuf" and np.isfinite(values).all()
    }


def correlates(sample: RowSample, columns: Mapping[str, Real], confidence: float) -> list[Correlate]:
    """Size of the rank correlation of each nuisance with the first principal component, strongest first.

    Spearman 1904; delete-group interval on Fisher's z. Empty for fewer than 50 rows.

    Args:
        columns: values (n,) of all samples of the store by name.
        confidence: of the two-sided interval, in (0, 1).
    """
    if len(sample.rows) < LEAST_ROWS:
        return []
    direction = leading_direction(sample.centred)
    scores = ranks((sample.centred @ direction).cpu().numpy())
    found = [
        Correlate(name=name, figure=_figure(name, scores, ranks(values[sample.places]), sample, confidence))
        for name, values in columns.items()
        if np.ptp(values[sample.places]) > 0
    ]
    if (norm := _norm(sample, scores, direction, confidence)) is not None:
        found.append(norm)
    return sorted(found, key=lambda each: -(each.figure.value or 0.0))


def leading_direction(centred: Tensor) -> Tensor:
    """First principal direction (d,) of rows (m, d) about their mean, by a block power iteration."""
    width = min(DIRECTIONS, *centred.shape)
    start = torch.randn(
        centred.shape[1], width, dtype=linalg.DTYPE, generator=torch.Generator().manual_seed(0)
    )
    block = start.to(centred.device)
    rows, d = centred.shape
    scatter = centred.mT @ centred if d <= rows else None

    def spread(block: Tensor) -> Tensor:
        return centred.mT @ (centred @ block) if scatter is None else scatter @ block

    for _ in range(ROUNDS):
        block = torch.linalg.qr(spread(block)).Q
    _, vectors = linalg.eigenbasis(block.mT @ spread(block))
    return block @ vectors[:, 0]


def ranks(values: Real) -> Real:
    """Ranks (m,) about zero, those of equal values their mean."""
    from scipy.stats import rankdata

    found: Real = rankdata(values) - (len(values) + 1) / 2
    return found


def _norm(sample: RowSample, scores: Real, direction: Tensor, confidence: float) -> Correlate | None:
    lengths = torch.linalg.vector_norm(sample.rows, dim=1).cpu().numpy()
    if lengths.std() <= LENGTHS_ALIKE * lengths.mean():
        return None
    mean = sample.rows.mean(0)
    reach = torch.linalg.vector_norm(mean).clamp(min=torch.finfo(linalg.DTYPE).tiny)
    aligned = (direction @ mean).abs() / reach
    figure = _figure(NORM, scores, ranks(lengths), sample, confidence)
    details = {**figure.details, "cosine_with_mean": min(float(aligned), 1.0)}
    return Correlate(name=NORM, figure=figure.model_copy(update={"details": details}))


def _figure(name: str, scores: Real, other: Real, sample: RowSample, confidence: float) -> Estimate:
    signed = _correlation(scores, other)
    ends = _ends(signed, scores, other, sample.groups, confidence)
    what = "length of the row" if name == NORM else f"sample column {name}"
    return Estimate(
        value=abs(signed),
        low=ends[0] if ends else None,
        high=ends[1] if ends else None,
        confidence=confidence,
        plugin=abs(signed),
        unit="correlation",
        interval_method=IntervalMethod.FULL if ends else IntervalMethod.NONE,
        definition=f"|Spearman correlation| of the first principal component with the {what}",
        details={"n": len(scores)},
    )


def _ends(
    signed: float, scores: Real, other: Real, groups: NDArray[Any], confidence: float
) -> tuple[float, float] | None:
    """The interval of the size of a correlation, where there are groups enough for one."""
    kept, sizes = np.unique(groups, return_counts=True)
    if len(kept) < LEAST_GROUPS:
        return None
    sign = -1.0 if signed < 0 else 1.0
    without = [sign * _correlation(scores[groups != g], other[groups != g]) for g in kept]
    z, *replicates = (float(np.arctanh(np.clip(r, -_Z_LIMIT, _Z_LIMIT))) for r in (sign * signed, *without))
    found = interval(z, replicates, _counts(sizes), confidence=confidence, scale="linear")
    return None if found is None else (max(float(np.tanh(found.low)), 0.0), float(np.tanh(found.high)))


def _counts(sizes: NDArray[Any]) -> Sequence[int]:
    return [int(size) for size in sizes]


def _correlation(first: Real, second: Real) -> float:
    """Pearson's, 0 where one of them does not vary."""
    first, second = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((first @ first) * (second @ second)))
    return float(np.clip(first @ second / scale, -1, 1)) if scale > 0 else 0.0
