"""What a figure of a pair is read against: the rows of one view shuffled, and each view beside itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from repdiag.accumulators.gram import gram_sums
from repdiag.analysis.conditional_null import shuffles_among_alike
from repdiag.analysis.frame import SAMPLE_ROWS
from repdiag.analysis.pair_records import (
    COMPARED,
    GRAMS,
    MOMENTS,
    Extent,
    Gathered,
    gram_totals,
    row_pairs,
)
from repdiag.analysis.pair_sources import PairRows
from repdiag.analysis.shuffled_moments import Sides
from repdiag.measures.pair_entropies import KernelRows
from repdiag.measures.pair_inputs import GramTotals, JointMoments, PairNeed, PairRecord, RowPairs

NULL_ROWS = 20_000
"""Up to here the shuffled figure is of as many rows as the figure itself; above, of the shared sample."""

SHUFFLES, WIDE_SHUFFLES = 8, 4
CHEAP_FEATURES = 512
"""Shuffles of at most SAMPLE_ROWS rows, where both views have at most so many features together and where
they have more; beyond that many rows there is one, except of joint sums of so few features."""

WIDE_ROWS = 2000
"""Rows of shuffled sums over all pairs, where views are wider than that."""


def shuffled(need: PairNeed, found: Gathered, extent: Extent) -> Iterator[PairRecord]:
    """The record with the rows of y in random order, a few times; only among rows alike in what is given."""
    rows = _null_rows(need, found, extent)
    generator = torch.Generator().manual_seed(extent.seed)
    count = _count(need, rows)
    if need is PairNeed.GIVEN:
        yield from (row_pairs(mixed, found) for mixed in shuffles_among_alike(rows, count, extent.seed))
        return
    sides = Sides.of(rows, found.sums[need]) if need in MOMENTS else None
    for _ in range(count):
        order = torch.randperm(rows.m, generator=generator)
        if sides is not None:
            yield sides.reordered(order)
        elif need in GRAMS:
            mixed = rows.reordered(order)
            yield gram_totals(gram_sums(mixed.x, mixed.y, found.widths, kernel=GRAMS[need]), found)
        else:
            yield row_pairs(rows.reordered(order), found)


def _count(need: PairNeed, rows: PairRows) -> int:
    """How many shuffles these rows are worth."""
    narrow = need in COMPARED or _narrow(rows)
    if rows.m > SAMPLE_ROWS and not (narrow and need in MOMENTS):
        return 1
    return SHUFFLES if narrow else WIDE_SHUFFLES


def _narrow(rows: PairRows) -> bool:
    return rows.x.shape[1] + rows.y.shape[1] <= CHEAP_FEATURES


def _null_rows(need: PairNeed, found: Gathered, extent: Extent) -> PairRows:
    """As many rows as the figure has, or the shared sample where that is too many."""
    if need in COMPARED:
        return found.rows.first(extent.figure_rows)
    most = extent.gram_rows if need in GRAMS else found.n
    rows = found.rows.first(most if min(most, found.n) <= NULL_ROWS else SAMPLE_ROWS)
    return rows.first(WIDE_ROWS) if need in GRAMS and not _narrow(rows) else rows


def itself(record: PairRecord, side: int) -> PairRecord:
    """The record of one view beside itself: side 0 is x, 1 is y."""
    match record:
        case GramTotals():
            single, joint = side, 3 + side
            index: Sequence[int] = [single, single, joint, joint, joint]
            widths, means = (record.widths[side],) * 2, (record.means[side],) * 2
            traces = None if record.traces is None else record.traces[index]
            return GramTotals(record.sums[index], record.n, widths, means, traces)
        case KernelRows():
            return replace(record, sides=(record.sides[side],) * 2)
        case RowPairs():
            view = (record.x, record.y)[side]
            return replace(record, x=view, y=view, widths=(record.widths[side],) * 2)
        case JointMoments():
            return _joint_itself(record, side)


def _joint_itself(record: JointMoments, side: int) -> JointMoments:
    d = (record.d1, record.d2)[side]
    part = slice(0, record.d1) if side == 0 else slice(record.d1, record.d1 + record.d2)
    return JointMoments(
        n=record.n,
        d1=d,
        d2=d,
        origin=record.origin[part].repeat(2),
        shift=record.shift[part].repeat(2),
        scatter=record.scatter[part, part].repeat(2, 2),
        weighted=record.weighted[part, side, None].repeat(2, 2),
        products=record.products[2 * side].repeat(3),
    )
