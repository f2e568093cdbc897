"""Records of pairs: with and without parts of the samples, shuffled, and of a view beside itself."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.gram import GramSums, gram_sums
from repdiag.accumulators.gram import Kernel as GramKernel
from repdiag.accumulators.joint import JointSums
from repdiag.analysis.bandwidth import Bandwidth, Kernel, chosen_kernel, kernel_of
from repdiag.analysis.frame import SAMPLE_ROWS
from repdiag.analysis.memory import give_back
from repdiag.analysis.pair_sources import PairRows, PairSource
from repdiag.analysis.source import pooled
from repdiag.measures.pair_inputs import GramTotals, JointMoments, PairNeed, PairRecord, RowPairs
from repdiag.types import GROUPS

MOMENTS = frozenset({PairNeed.MOMENTS, PairNeed.UNIT_MOMENTS})
NO_KERNEL = Kernel(math.nan, math.nan)
"""Where nothing that is measured has a kernel: the median of all distances takes time and memory."""

COMPARED = frozenset({PairNeed.ROWS, PairNeed.GIVEN})
"""Records of rows that are compared with each other in memory."""

GRAMS: Mapping[PairNeed, GramKernel] = {
    PairNeed.GRAM: "gaussian",
    PairNeed.COSINE_GRAM: "cosine",
    PairNeed.LINEAR_GRAM: "linear",
}
"""Records of sums over all pairs of rows, and their kernels."""

INTERVAL_ROWS = 1000
"""Up to here a figure of rows is computed again without each group."""


@dataclass(frozen=True, slots=True)
class PairReplicas:
    """A record of `rows` rows, and the same without parts of them of these sizes.

    `without` makes them one after the other, so that no two are held; a record without a row may hold all of
    them at once, along the last axis of its sums. `reason` says why there are none. Where they would take too
    long, `sample` has them of fewer rows.
    """

    total: PairRecord
    rows: int
    without: Callable[[], Iterable[PairRecord]] = tuple
    sizes: tuple[int, ...] = ()
    reason: str = ""
    sample: PairReplicas | None = None


@dataclass(frozen=True, slots=True)
class Gathered:
    """One pass over a pair: n finite rows, those that are kept, joint sums, and a kernel of each view.

    `given` is the address of a third view, or says labels, and is empty without both; `spread` is the
    bandwidth of that view.
    """

    n: int
    dropped: int
    rows: PairRows
    sums: Mapping[PairNeed, JointSums]
    kernels: tuple[Kernel, Kernel]
    given: str = ""
    spread: float = 1.0

    @property
    def widths(self) -> tuple[float, float]:
        return self.kernels[0].width, self.kernels[1].width


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is computed: rows of kernel sums, of figures of rows and of stochastic entropies, intervals,
    and by which units.

    `tied` says that rows of one group belong together, so that whole groups are left out; `given` names what
    every pair is conditioned on, empty for labels.
    """

    gram_rows: int
    figure_rows: int
    intervals: bool
    tied: bool
    bandwidth: Bandwidth = None
    seed: int = 0
    given: str = ""
    kernel_rows: int = SAMPLE_ROWS


def gather(source: PairSource, needs: frozenset[PairNeed], extent: Extent) -> Gathered:
    """The sums that `needs` ask for in one pass, and the rows with the lowest id hashes."""
    p, origin = source.x.d + source.y.d, source.origin()
    together = not extent.intervals or p > linalg.TWO_PASS_FEATURES
    sums = {
        need: JointSums.empty(
            1 if together else GROUPS, source.x.d, origin, unit=need is PairNeed.UNIT_MOMENTS
        )
        for need in needs & MOMENTS
    }
    for batch in source.batches():
        for seen in pooled(batch) if together else [batch]:
            sums = {need: each.update(seen) for need, each in sums.items()}
        del batch, seen  # or they would be held while the next block is read
    sums = {need: source.merged(sums[need]) for need in sorted(sums)}
    give_back()
    rows = source.kept()
    kernels = tuple(
        chosen_kernel(view[:SAMPLE_ROWS], extent.bandwidth, scale) if needs - MOMENTS else NO_KERNEL
        for view, scale in zip((rows.x, rows.y), source.scales, strict=True)
    )
    found = Gathered(source.n - source.dropped, source.dropped, rows, sums, (kernels[0], kernels[1]))
    if rows.z is not None and source.z is not None:
        spread = kernel_of(rows.z[:SAMPLE_ROWS]).width
        return replace(found, given=str(source.z.address), spread=spread)
    return found if rows.labels is None else replace(found, given="labels")


def replicas(need: PairNeed, found: Gathered, extent: Extent) -> PairReplicas:
    """The record that `need` names, with what an interval takes."""
    if need in GRAMS:
        return _gram(need, found, extent)
    if need in COMPARED:
        return _rows(found, extent)
    return _moments(found.sums[need], extent)


def _gram(need: PairNeed, found: Gathered, extent: Extent) -> PairReplicas:
    rows = found.rows.first(extent.gram_rows)
    by_group = extent.intervals and extent.tied
    sums = gram_sums(rows.x, rows.y, found.widths, rows.members() if by_group else None, GRAMS[need])
    total = gram_totals(sums, found)
    if not extent.intervals:
        return PairReplicas(total, rows.m)
    if not by_group:
        return PairReplicas(total, rows.m, lambda: [_without_row(sums, found)], (1,) * rows.m)
    counts = np.bincount(rows.groups, minlength=GROUPS).tolist()
    kept = [group for group, size in enumerate(counts) if size]
    left, traces = sums.without_group(), rows.members().mT @ sums.diagonal
    return PairReplicas(
        total,
        rows.m,
        lambda: (
            _totals(left[group], rows.m - counts[group], sums.diagonal.sum(0) - traces[group], sums, found)
            for group in kept
        ),
        tuple(counts[group] for group in kept),
    )


def _without_row(sums: GramSums, found: Gathered) -> GramTotals:
    traces = (sums.diagonal.sum(0) - sums.diagonal).mT
    return _totals(sums.without_row().mT, sums.n - 1, traces, sums, found)


def gram_totals(sums: GramSums, found: Gathered) -> GramTotals:
    """The record of sums over all pairs of rows."""
    return _totals(sums.total, sums.n, sums.diagonal.sum(0), sums, found)


def _totals(total: Tensor, n: int, traces: Tensor, sums: GramSums, found: Gathered) -> GramTotals:
    first, second = found.kernels
    known = None if sums.kernel == "gaussian" else traces
    return GramTotals(total, n, found.widths, (first.mean, second.mean), known)


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
    z = None if rows.z is None else rows.z.to(linalg.DTYPE)
    return RowPairs(x, y, found.n, found.widths, rows.labels, z)
