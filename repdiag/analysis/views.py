"""Measures over several views of each object: one record per checkpoint and layer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators import Batch, GroupedMoments, Moments
from repdiag.analysis.corrected import Pair
from repdiag.analysis.estimates import estimate
from repdiag.analysis.facts import facts_of
from repdiag.analysis.frame import SampleFrame
from repdiag.analysis.replicas import Replicas
from repdiag.analysis.source import StoreSource
from repdiag.measures.inputs import Objects
from repdiag.measures.registry import Selection
from repdiag.results import Representation
from repdiag.store import RepresentationInfo
from repdiag.types import GROUPS, IntervalMethod


@dataclass(frozen=True, slots=True)
class ViewRequest:
    """What is asked of every set of views."""

    selections: Sequence[Selection]
    method: IntervalMethod
    confidence: float
    device: str


def view_sets(chosen: Sequence[RepresentationInfo]) -> list[list[RepresentationInfo]]:
    """Two or more views of one checkpoint and layer, of equal width."""

    def key(info: RepresentationInfo) -> tuple[str, str, int]:
        return info.address.checkpoint, info.address.layer, info.d

    sets = [list(group) for _, group in groupby(sorted(chosen, key=key), key)]
    return [each for each in sets if len(each) > 1]


def examine_views(
    frame: SampleFrame, views: Sequence[RepresentationInfo], request: ViewRequest
) -> Representation:
    """The figures of one set of views; its `view` joins their names with `+`."""
    first = views[0]
    between, within = _gather(frame, views, request)
    total_between, total_within = between.total(), within.total()
    q = len(views)
    replicas = Replicas(_objects(total_between, total_within, q))
    kept = [group for group, size in enumerate(between.count) if size]
    if request.method is not IntervalMethod.NONE and len(kept) > 1:
        without = tuple(
            _objects(between.without(g, total_between), within.without(g, total_within), q) for g in kept
        )
        replicas = Replicas(
            replicas.total, without, tuple(between.count[g] for g in kept), IntervalMethod.FULL
        )
    nonempty = len(set(frame.groups.tolist()))
    facts, _ = facts_of(total_between, nonempty, first.dtype, 1.0)
    return Representation(
        checkpoint=first.address.checkpoint,
        view="+".join(info.address.view for info in views),
        layer=first.address.layer,
        step=first.step,
        n=facts.n,
        d=first.d,
        estimates={s.key: estimate(s, Pair(replicas), facts, request.confidence) for s in request.selections},
        notes=[f"{q} views of each of {facts.n} objects"],
    )


def _gather(
    frame: SampleFrame, views: Sequence[RepresentationInfo], request: ViewRequest
) -> tuple[GroupedMoments, GroupedMoments]:
    d = views[0].d
    grouped = d < linalg.TWO_PASS_FEATURES and request.method is not IntervalMethod.NONE
    groups = GROUPS if grouped else 1
    between = GroupedMoments.empty(groups, d, device=request.device)
    within = GroupedMoments.empty(groups, d, device=request.device)
    for stacked, members in _stacked(frame, views, request.device):
        members = members if grouped else [torch.cat(members)]
        mean = stacked.mean(0)
        deviations = (stacked - mean).flatten(0, 1)
        between = between.update(Batch(mean, members))
        every = [torch.cat([index + view * len(mean) for view in range(len(views))]) for index in members]
        within = within.update(Batch(deviations, every))
    return between, within


def _stacked(
    frame: SampleFrame, views: Sequence[RepresentationInfo], device: str
) -> Iterator[tuple[Tensor, list[Tensor]]]:
    """Rows of all views (q, b, d) float64 with the members of each group that are finite in all views."""
    sources = [StoreSource(frame, info.address, info.n, info.d, device) for info in views]
    for batches in zip(*(source.batches() for source in sources), strict=True):
        stacked = torch.stack([batch.rows.to(linalg.DTYPE) for batch in batches])
        members = [
            _common([batch.members[group] for batch in batches]) for group in range(len(batches[0].members))
        ]
        yield stacked, members


def _common(members: Sequence[Tensor]) -> Tensor:
    first = members[0]
    for other in members[1:]:
        first = first[torch.isin(first, other)]
    return first


def _objects(between: Moments, within: Moments, q: int) -> Objects:
    """Both matrices as published: over n objects, and over n q views."""
    return Objects(
        between.scatter / max(between.count, 1), within.scatter / max(within.count, 1), between.count, q
    )
