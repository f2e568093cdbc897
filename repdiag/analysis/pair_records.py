"""Records of pairs: with and without parts of the samples, shuffled, and of a view beside itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.gram import GramSums, gram_sums
from repdiag.accumulators.joint import JointSums
from repdiag.analysis.bandwidth import Kernel, kernel_of
from repdiag.analysis.frame import SAMPLE_ROWS
from repdiag.analysis.pair_sources import PairRows, PairSource
from repdiag.measures.pair_inputs import GramTotals, JointMoments, PairNeed, PairRecord, RowPairs
from repdiag.types import GROUPS

MOMENTS = frozenset({PairNeed.MOMENTS, PairNeed.UNIT_MOMENTS})

INTERVAL_ROWS = 1000
"""Up to here a figure of rows is computed again without each group."""


@dataclass(frozen=True, slots=True)
class PairReplicas:
    """A record of `rows` rows, and the same without parts of them of these sizes.

    `without` makes them one after the other, so that no two are held; a record without a row may hold all of
    them at once, along the last axis of its sums. `reason` says why there are none.
    """

    total: PairRecord
    rows: int
    without: Callable[[], Iterable[PairRecord]] = tuple
    sizes: tuple[int, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Gathered:
    """One pass over a pair: n finite rows, those that are kept, joint sums, and a kernel of each view."""

    n: int
    dropped: int
    rows: PairRows
    sums: Mapping[PairNeed, JointSums]
    kernels: tuple[Kernel, Kernel]

    @property
    def widths(self) -> tuple[float, float]:
        return self.kernels[0].width, self.kernels[1].width


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is computed: rows of kernel sums and of figures of rows, intervals, and by which units.

    `tied` says that rows of one group belong together, so that whole groups are left out.
    """

    gram_rows: int
    figure_rows: int
    intervals: bool
    tied: bool
    bandwidth: float | None = None
    seed: int = 0


def gather(source: PairSource, needs: frozenset[PairNeed], extent: Extent) -> Gathered:
    """The sums that `needs` ask for in one pass, and the rows with the lowest id hashes."""
    p, origin = source.x.d + source.y.d, source.origin()
    pooled = not extent.intervals or p > linalg.TWO_PASS_FEATURES
    sums = {
        need: JointSums.empty(1 if pooled else GROUPS, source.x.d, origin, unit=need is PairNeed.UNIT_MOMENTS)
        for need in needs & MOMENTS
    }
    for batch in source.batches():
        seen = replace(batch, members=[torch.cat(list(batch.members))]) if pooled else batch
        sums = {need: each.update(seen) for need, each in sums.items()}
    rows = source.kept()
    kernels = tuple(
        kernel_of(view[:SAMPLE_ROWS], None if extent.bandwidth is None else extent.bandwidth * scale)
        for view, scale in zip((rows.x, rows.y), source.scales, strict=True)
    )
    return Gathered(source.n - source.dropped, source.dropped, rows, sums, (kernels[0], kernels[1]))


def replicas(need: PairNeed, found: Gathered, extent: Extent) -> PairReplicas:
    """The record that `need` names, with what an interval takes."""
    if need is PairNeed.GRAM:
        return _gram(found, extent)
    if need is PairNeed.ROWS:
        return _rows(found, extent)
    return _moments(found.sums[need], extent)


def _gram(found: Gathered, extent: Extent) -> PairReplicas:
    rows = found.rows.first(extent.gram_rows)
    by_group = extent.intervals and extent.tied
    sums = gram_sums(rows.x, rows.y, found.widths, rows.members() if by_group else None)
    total = gram_totals(sums.total, rows.m, found)
    if not extent.intervals:
        return PairReplicas(total, rows.m)
    if not by_group:
        return PairReplicas(total, rows.m, lambda: [_without_row(sums, found)], (1,) * rows.m)
    counts = np.bincount(rows.groups, minlength=GROUPS).tolist()
    kept = [group for group, size in enumerate(counts) if size]
    left = sums.without_group()
    return PairReplicas(
        total,
        rows.m,
        lambda: (gram_totals(left[group], rows.m - counts[group], found) for group in kept),
        tuple(counts[group] for group in kept),
    )


def _without_row(sums: GramSums, found: Gathered) -> GramTotals:
    return gram_totals(sums.without_row().mT, sums.n - 1, found)


def gram_totals(sums: Tensor, n: int, found: Gathered) -> GramTotals:
    """The record of sums over the pairs of n rows."""
    first, second = found.kernels
    return GramTotals(sums, n, found.widths, (first.mean, second.mean))


def _moments(sums: JointSums, extent: Extent) -> PairReplicas:
    groups = range(len(sums.count))
    total = sums.over(groups)
    n = total.count[0]
    if not extent.intervals or len(groups) == 1:
        p = len(sums.origin)
        reason = f"d1 + d2 = {p:,}: intervals are given up to {linalg.TWO_PASS_FEATURES:,} features"
        return PairReplicas(joint_moments(total), n, reason=reason if extent.intervals else "")
    kept = [group for group in groups if sums.count[group]]
    return PairReplicas(
        joint_moments(total),
        n,
        lambda: (joint_moments(sums.without(group, total)) for group in kept),
        tuple(sums.count[group] for group in kept),
    )


def joint_moments(sums: JointSums) -> JointMoments:
    """The record of the sums of a single group."""
    return JointMoments(
        n=sums.count[0],
        d1=sums.d1,
        d2=sums.d2,
        origin=sums.origin,
        shift=sums.shift[0],
        scatter=linalg.symmetrise(sums.scatter[0]),
        weighted=sums.weighted[0],
        products=sums.products[0],
    )


def _rows(found: Gathered, extent: Extent) -> PairReplicas:
    rows = found.rows.first(extent.figure_rows)
    total = row_pairs(rows, found)
    if not extent.intervals or rows.m > INTERVAL_ROWS:
        reason = f"{rows.m:,} rows compared with each other: intervals are given up to {INTERVAL_ROWS:,} rows"
        return PairReplicas(total, rows.m, reason=reason if extent.intervals else "")
    groups, counts = np.unique(rows.groups, return_counts=True)
    return PairReplicas(
        total,
        rows.m,
        lambda: (row_pairs(rows.without(group), found) for group in groups.tolist()),
        tuple(counts.tolist()),
    )


def row_pairs(rows: PairRows, found: Gathered) -> RowPairs:
    """The record of rows that are compared with each other."""
    x, y = rows.x.to(linalg.DTYPE), rows.y.to(linalg.DTYPE)
    return RowPairs(x, y, found.n, found.widths, rows.labels)
