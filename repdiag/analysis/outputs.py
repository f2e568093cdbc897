"""Outputs of a classifier by class: entropies of the rows and of their means, without each group too."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators import Batch
from repdiag.analysis.replicas import Replicas
from repdiag.analysis.source import RowSource
from repdiag.measures.inputs import Outputs
from repdiag.types import GROUPS, IntervalMethod

SUM_BYTES = 64 << 20
"""Sums of outputs by group and class that are held; more classes take another pass over the rows."""

SUM_TOLERANCE = 1e-3
"""How far the sum of a row may be from one: rows stored in half precision err by half of that."""


@dataclass
class ClassSums:
    """Of some classes, by group: counts (g, c), sums of distributions (2, g, c, d) and of their entropies
    (2, g, c), of rows as logits and as probabilities."""

    first: int
    counts: Tensor
    sums: Tensor
    entropies: Tensor
    distributions: bool = True

    def add(self, rows: Tensor, labels: Tensor, groups: Tensor) -> None:
        """Rows (b, d) float64 with class codes and group numbers (b,), of any class."""
        self.distributions &= bool(are_distributions(rows).all())
        number, classes, d = self.sums.shape[1:]
        own = (labels >= self.first) & (labels < self.first + classes)
        rows, place = rows[own], groups[own] * classes + labels[own] - self.first
        self.counts.view(-1).index_add_(0, place, torch.ones_like(place, dtype=linalg.DTYPE))
        for side, outputs in enumerate((rows.softmax(1), normalised(rows))):
            self.sums[side].view(number * classes, d).index_add_(0, place, outputs)
            self.entropies[side].view(-1).index_add_(0, place, torch.special.entr(outputs).sum(1))

    def without(self, group: int | None) -> tuple[Tensor, Tensor]:
        """Counts (c,) and entropies (2, c, 2) of the rows of a class and of their mean, without a group."""
        counts, sums, entropies = self.counts.sum(0), self.sums.sum(1), self.entropies.sum(1)
        if group is not None:
            counts = counts - self.counts[group]
            sums, entropies = sums - self.sums[:, group], entropies - self.entropies[:, group]
        means = sums.clamp(min=0) / counts.clamp(min=1)[:, None]
        return counts, torch.stack([entropies / counts.clamp(min=1), torch.special.entr(means).sum(2)], dim=2)


def outputs(source: RowSource, classes: int, method: IntervalMethod, scale: float = 1.0) -> Replicas:
    """The record of all rows, which must carry labels, and the same without each group."""
    number = 1 if method is IntervalMethod.NONE else GROUPS
    step = max(1, SUM_BYTES // (16 * number * source.d))
    parts = [
        _gathered(source, (at, min(at + step, classes)), number, scale) for at in range(0, classes, step)
    ]
    sizes = torch.stack([part.counts.sum(1) for part in parts]).sum(0).long().tolist()
    total = _record(parts, None, source.d)
    if number == 1:
        return Replicas(total)
    kept = [group for group, size in enumerate(sizes) if size]
    without = tuple(_record(parts, group, source.d) for group in kept)
    return Replicas(total, without, tuple(sizes[group] for group in kept), IntervalMethod.FULL)


def are_distributions(rows: Tensor) -> Tensor:
    """Which rows (b,) have no negative entry and sum to one."""
    return (rows >= 0).all(1) & ((rows.sum(1) - 1).abs() <= SUM_TOLERANCE)


def normalised(rows: Tensor) -> Tensor:
    """Rows without negative entries, divided by their sum."""
    positive = rows.clamp(min=0)
    return positive / positive.sum(1, keepdim=True).clamp(min=torch.finfo(linalg.DTYPE).tiny)


def _gathered(source: RowSource, span: tuple[int, int], number: int, scale: float) -> ClassSums:
    found: ClassSums | None = None
    for batch in source.batches():
        found = found or _empty(span, number, batch)
        groups = torch.full((len(batch.rows),), -1, device=batch.rows.device)
        for group, index in enumerate(batch.members):
            groups[index] = group if number > 1 else 0
        used = groups >= 0
        assert batch.labels is not None
        found.add(batch.rows[used].to(linalg.DTYPE) / scale, batch.labels[used], groups[used])
    assert found is not None
    return found


def _empty(span: tuple[int, int], number: int, batch: Batch) -> ClassSums:
    count = span[1] - span[0]
    shape, device = (number, count, batch.rows.shape[1]), batch.rows.device
    nothing = torch.zeros(2, *shape, dtype=linalg.DTYPE, device=device)
    return ClassSums(span[0], nothing[0, :, :, 0].clone(), nothing, nothing[:, :, :, 0].clone())


def _record(parts: list[ClassSums], group: int | None, d: int) -> Outputs:
    found = [part.without(group) for part in parts]
    counts, entropies = torch.cat([each for each, _ in found]), torch.cat([each for _, each in found], dim=1)
    present = counts > 0
    distributions = all(part.distributions for part in parts)
    logits, plain = entropies[:, present]
    return Outputs(counts[present], logits, plain, int(counts.sum()), d, distributions)
