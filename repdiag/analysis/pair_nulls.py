"""What a figure of a pair is read against: the rows of one view shuffled, and each view beside itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from repdiag import linalg
from repdiag.accumulators import Batch
from repdiag.accumulators.gram import gram_sums
from repdiag.accumulators.joint import JointSums
from repdiag.analysis.frame import SAMPLE_ROWS
from repdiag.analysis.pair_records import (
    MOMENTS,
    Extent,
    Gathered,
    gram_totals,
    joint_moments,
    row_pairs,
)
from repdiag.analysis.pair_sources import PairRows
from repdiag.measures.pair_inputs import GramTotals, JointMoments, PairNeed, PairRecord, RowPairs

NULL_ROWS = 20_000
"""Up to here the shuffled figure is of as many rows as the figure itself; above, of the shared sample."""

SHUFFLES = 8
CHEAP_FEATURES = 512
"""Shuffles of at most SAMPLE_ROWS rows, or of joint sums of so few features; else there is one."""


def shuffled(need: PairNeed, found: Gathered, extent: Extent) -> Iterator[PairRecord]:
    """The record with the rows of y in random order, a few times."""
    rows = _null_rows(need, found, extent)
    generator = torch.Generator().manual_seed(extent.seed)
    cheap = rows.m <= SAMPLE_ROWS or (need in MOMENTS and len(found.sums[need].origin) <= CHEAP_FEATURES)
    for _ in range(SHUFFLES if cheap else 1):
        mixed = rows.shuffled(generator)
        if need is PairNeed.GRAM:
            yield gram_totals(gram_sums(mixed.x, mixed.y, found.widths).total, mixed.m, found)
        elif need is PairNeed.ROWS:
            yield row_pairs(mixed, found)
        else:
            yield _moments_of(mixed, found.sums[need])


def _null_rows(need: PairNeed, found: Gathered, extent: Extent) -> PairRows:
    """As many rows as the figure has, or the shared sample where that is too many."""
    if need is PairNeed.ROWS:
        return found.rows.first(extent.figure_rows)
    most = extent.gram_rows if need is PairNeed.GRAM else found.n
    return found.rows.first(most if min(most, found.n) <= NULL_ROWS else SAMPLE_ROWS)


def _moments_of(rows: PairRows, like: JointSums) -> JointMoments:
    both = torch.cat([rows.x, rows.y], dim=1).to(linalg.DTYPE)
    every = torch.arange(len(both), device=both.device)
    empty = JointSums.empty(1, like.d1, like.origin, unit=like.unit)
    return joint_moments(empty.update(Batch(both, [every])))


def itself(record: PairRecord, side: int) -> PairRecord:
    """The record of one view beside itself: side 0 is x, 1 is y."""
    match record:
        case GramTotals():
            single, joint = side, 3 + side
            index: Sequence[int] = [single, single, joint, joint, joint]
            widths, means = (record.widths[side],) * 2, (record.means[side],) * 2
            return GramTotals(record.sums[index], record.n, widths, means)
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
