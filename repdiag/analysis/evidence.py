"""From gathered statistics to the records that measures read, with and without each group."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import blake2b

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators import (
    ClassSums,
    FeatureActivity,
    FeatureMoments,
    GroupedMoments,
    Moments,
    SampledRows,
)
from repdiag.accumulators.pairs import neighbour_ratios, pair_potential
from repdiag.analysis.bandwidth import kernel_of
from repdiag.analysis.replicas import Replicas
from repdiag.measures.inputs import (
    Activity,
    ClassMeans,
    Cloud,
    Directions,
    Location,
    Neighbours,
    Potential,
)
from repdiag.types import GROUPS, IntervalMethod

CLOUD_ROWS = 1000
"""Up to here a figure of all pairs of rows is computed again without each group."""


def locations(features: FeatureMoments, method: IntervalMethod, kept: Tensor | None = None) -> Replicas:
    """Mean and spread from per-feature moments; `kept` (k,) restricts them to some features."""

    def record(groups: list[int]) -> Location:
        chosen = features.over(groups)
        mean, squares = chosen.mean[0], chosen.squares[0]
        if kept is not None:
            mean, squares = mean[kept], squares[kept]
        return Location(mean.square().sum(), squares.sum() / chosen.count[0])

    return leave_out(record, features.count, method)


def directions(features: FeatureMoments, method: IntervalMethod) -> Replicas:
    """Moments of unit rows."""

    def record(groups: list[int]) -> Directions:
        chosen = features.over(groups)
        n = chosen.count[0]
        return Directions(chosen.mean[0], chosen.squares[0] / max(n - 1, 1), n, chosen.nonzero[0])

    return leave_out(record, features.count, method)


def activity(gathered: FeatureActivity, method: IntervalMethod) -> Replicas:
    """Range and firing counts; without a group the counts are scaled to all n, so that the rule
    which calls a feature rare stays the same."""
    n = sum(gathered.count)

    def record(groups: list[int]) -> Activity:
        index = torch.tensor(groups, device=gathered.firing.device)
        share = sum(gathered.count[group] for group in groups) / n
        firing = gathered.firing[index].sum(0) / share
        return Activity(gathered.minimum[index].amin(0), gathered.maximum[index].amax(0), firing, n)

    return leave_out(record, gathered.count, method)


def potentials(sample: SampledRows, method: IntervalMethod) -> Replicas:
    """Pair potential of the shared sample."""
    sums, pairs = pair_potential(sample.rows, sample.groups, GROUPS)

    def record(groups: list[int]) -> Potential:
        index = torch.tensor(groups, device=sums.device)
        return Potential(sums[index][:, index].sum() / 2, pairs[index][:, index].sum() / 2)

    return leave_out(record, group_sizes(sample), method)


def neighbours(sample: SampledRows, method: IntervalMethod) -> Replicas:
    """Neighbour ratios of the distinct rows of the shared sample.

    Without a group, the rows of the group are left out, not their part as others' neighbours.
    """
    distinct = distinct_rows(sample)
    ratios = neighbour_ratios(distinct.rows) if len(distinct.rows) > 2 else distinct.rows.new_zeros(0)

    def record(groups: list[int]) -> Neighbours:
        inside = torch.isin(distinct.groups, torch.tensor(groups, device=ratios.device))
        return Neighbours(ratios[inside] if len(ratios) else ratios)

    return leave_out(record, group_sizes(distinct), method)


def clouds(sample: SampledRows, method: IntervalMethod, scale: float) -> Replicas:
    """The shared sample with its median distance, found again without each group.

    A figure of all m x m pairs costs m^3 operations, so it is found 20 times more for few rows only.
    """
    rows = sample.rows.to(linalg.DTYPE)
    reason = f"{len(rows):,} rows compared with each other: intervals are given up to {CLOUD_ROWS:,} rows"
    long = len(rows) > CLOUD_ROWS

    def record(groups: list[int]) -> Cloud:
        inside = torch.isin(sample.groups, torch.tensor(groups, device=rows.device))
        kept = None if bool(inside.all()) else torch.nonzero(inside).flatten()
        width = kernel_of(rows if kept is None else rows[kept]).width
        told = reason if long and method is not IntervalMethod.NONE else ""
        return Cloud(rows, width, scale, kept, told)

    return leave_out(record, group_sizes(sample), IntervalMethod.NONE if long else method)


def distinct_rows(sample: SampledRows) -> SampledRows:
    """The sample without repeated rows: the first of each in hash order stays."""
    first: dict[bytes, int] = {}
    for place, row in enumerate(sample.rows.cpu().numpy()):
        first.setdefault(blake2b(row.data, digest_size=16).digest(), place)
    if len(first) == len(sample.rows):
        return sample
    index = torch.tensor(list(first.values()), device=sample.rows.device, dtype=torch.int64)
    return replace(sample, rows=sample.rows[index], groups=sample.groups[index])


def class_means(sums: ClassSums, grouped: GroupedMoments, total: Moments, method: IntervalMethod) -> Replicas:
    """Class means with the total scatter. A class that vanishes with a group is left out there."""
    everything = list(range(sums.counts.shape[0]))
    origin = total.mean if sums.origin is None else sums.origin

    def record(groups: list[int]) -> ClassMeans:
        index = torch.tensor(groups, device=sums.counts.device)
        counts = sums.counts[index].sum(0)
        present = counts > 0
        means = sums.sums[index].sum(0)[present] / counts[present][:, None] + origin
        left_out = [group for group in everything if group not in groups]
        moments = grouped.without(left_out[0], total) if left_out else total
        return ClassMeans(counts[present], means, moments.mean, moments.scatter)

    sizes = tuple(int(count) for count in sums.counts.sum(1).tolist())
    if len(grouped.count) == 1:
        return Replicas(record(everything))
    return leave_out(record, sizes, method)


def leave_out(
    record: Callable[[list[int]], object], sizes: tuple[int, ...], method: IntervalMethod
) -> Replicas:
    """A record over all groups and one without each; these cost no decomposition, so they are exact."""
    kept = [group for group, size in enumerate(sizes) if size]
    total = record(kept)
    if method is IntervalMethod.NONE or len(kept) < 2:
        return Replicas(total)
    without = tuple(record([other for other in kept if other != group]) for group in kept)
    return Replicas(total, without, tuple(sizes[group] for group in kept), IntervalMethod.FULL)


def group_sizes(sample: SampledRows) -> tuple[int, ...]:
    """How many rows of a sample each group has."""
    return tuple(torch.bincount(sample.groups, minlength=GROUPS).tolist())
