"""Statistics of single features, by group: O(d) each."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.batch import Batch


@dataclass(frozen=True, slots=True)
class FeatureMoments:
    """Per group and feature: mean (g, d) and sum of squared deviations (g, d); count g ints.

    `unit` says that rows are divided by their length first; nonzero (g,) counts rows with a length.
    """

    count: tuple[int, ...]
    mean: Tensor
    squares: Tensor
    nonzero: Tensor
    unit: bool = False

    @classmethod
    def empty(cls, groups: int, d: int, *, unit: bool = False, device: str = "cpu") -> FeatureMoments:
        zeros = torch.zeros(groups, d, dtype=linalg.DTYPE, device=device)
        return cls((0,) * groups, zeros, zeros.clone(), zeros.new_zeros(groups), unit)

    def update(self, batch: Batch) -> FeatureMoments:
        parts = batch.unit_parts if self.unit else batch.parts
        return self.merge(_of_parts(parts, self))

    def merge(self, other: FeatureMoments) -> FeatureMoments:
        total, added = _counts(self), _counts(other)
        both = (total + added).clamp(min=1)
        step = other.mean - self.mean
        return replace(
            self,
            count=tuple(a + b for a, b in zip(self.count, other.count, strict=True)),
            mean=self.mean + step * (added / both)[:, None],
            squares=self.squares + other.squares + step.square() * (total * added / both)[:, None],
            nonzero=self.nonzero + other.nonzero,
        )

    def over(self, groups: list[int]) -> FeatureMoments:
        """The moments of some groups together, as a single group."""
        index = torch.tensor(groups, device=self.mean.device)
        weight = _counts(self)[index]
        n = weight.sum()
        mean = (weight @ self.mean[index]) / n
        squares = self.squares[index].sum(0) + weight @ (self.mean[index] - mean).square()
        nonzero = self.nonzero[index].sum(0, keepdim=True)
        return replace(
            self,
            count=(sum(self.count[group] for group in groups),),
            mean=mean[None],
            squares=squares[None],
            nonzero=nonzero,
        )


def _of_parts(parts: list[Tensor], like: FeatureMoments) -> FeatureMoments:
    d = like.mean.shape[1]
    means = [part.mean(0, dtype=linalg.DTYPE) if len(part) else like.mean.new_zeros(d) for part in parts]
    squares = [(part - mean).square_().sum(0) for part, mean in zip(parts, means, strict=True)]
    nonzero = [part.any(1).sum().to(linalg.DTYPE) for part in parts]
    count = tuple(len(part) for part in parts)
    return replace(
        like, count=count, mean=torch.stack(means), squares=torch.stack(squares), nonzero=torch.stack(nonzero)
    )


def _counts(moments: FeatureMoments) -> Tensor:
    return torch.tensor(moments.count, dtype=moments.mean.dtype, device=moments.mean.device)


@dataclass(frozen=True, slots=True)
class FeatureActivity:
    """Per group and feature (g, d): smallest value, largest value, number of positive values."""

    count: tuple[int, ...]
    minimum: Tensor
    maximum: Tensor
    firing: Tensor

    @classmethod
    def empty(cls, groups: int, d: int, *, device: str = "cpu") -> FeatureActivity:
        zeros = torch.zeros(groups, d, dtype=linalg.DTYPE, device=device)
        return cls((0,) * groups, zeros + torch.inf, zeros - torch.inf, zeros.clone())

    def update(self, batch: Batch) -> FeatureActivity:
        minimum, maximum, firing = self.minimum.clone(), self.maximum.clone(), self.firing.clone()
        for group, index in enumerate(batch.members):
            if len(index):
                rows = batch.rows[index]
                low, high = torch.aminmax(rows, dim=0)
                minimum[group] = torch.minimum(minimum[group], low.to(linalg.DTYPE))
                maximum[group] = torch.maximum(maximum[group], high.to(linalg.DTYPE))
                firing[group] += (rows > 0).sum(0)
        count = tuple(a + len(index) for a, index in zip(self.count, batch.members, strict=True))
        return FeatureActivity(count, minimum, maximum, firing)

    def merge(self, other: FeatureActivity) -> FeatureActivity:
        return FeatureActivity(
            tuple(a + b for a, b in zip(self.count, other.count, strict=True)),
            torch.minimum(self.minimum, other.minimum),
            torch.maximum(self.maximum, other.maximum),
            self.firing + other.firing,
        )


@dataclass(frozen=True, slots=True)
class ClassSums:
    """Per group and class: counts (g, c) and sums (g, c, d) of x - origin; origin (d,).

    The origin is the mean of the first batch, so that a large common mean costs no digits.
    """

    counts: Tensor
    sums: Tensor
    origin: Tensor | None = None

    @classmethod
    def empty(cls, groups: int, classes: int, d: int, *, device: str = "cpu") -> ClassSums:
        sums = torch.zeros(groups, classes, d, dtype=linalg.DTYPE, device=device)
        return cls(sums.new_zeros(groups, classes), sums)

    def update(self, batch: Batch) -> ClassSums:
        assert batch.labels is not None
        if not len(batch.rows):
            return self
        origin = batch.rows.to(linalg.DTYPE).mean(0) if self.origin is None else self.origin
        counts, sums = self.counts.clone(), self.sums
        for group, (index, part) in enumerate(zip(batch.members, batch.parts, strict=True)):
            codes = batch.labels[index]
            counts[group].index_add_(0, codes, torch.ones_like(codes, dtype=linalg.DTYPE))
            sums[group].index_add_(0, codes, part.to(linalg.DTYPE) - origin)
        return ClassSums(counts, sums, origin)

    def merge(self, other: ClassSums) -> ClassSums:
        if self.origin is None or other.origin is None:
            return other if self.origin is None else self
        moved = other.sums + other.counts[..., None] * (other.origin - self.origin)
        return ClassSums(self.counts + other.counts, self.sums + moved, self.origin)


@dataclass(frozen=True, slots=True)
class Sample:
    """The rows that neighbour and pair measures share, with their group and place in hash order.

    Blocks of rows (m, d) float64, groups (m,) and order (m,); `sorted` joins them.
    """

    blocks: tuple[tuple[Tensor, Tensor, Tensor], ...] = ()

    def update(self, batch: Batch) -> Sample:
        assert batch.sampled is not None
        assert batch.order is not None
        groups = torch.zeros(len(batch.rows), dtype=torch.int64, device=batch.rows.device)
        for group, index in enumerate(batch.members):
            groups[index] = group
        chosen = batch.sampled
        block = (batch.rows[chosen].to(linalg.DTYPE), groups[chosen], batch.order[chosen])
        return Sample((*self.blocks, block))

    def merge(self, other: Sample) -> Sample:
        return Sample(self.blocks + other.blocks)

    def sorted(self) -> SampledRows:
        """All rows in hash order, so that no split of the data shows."""
        rows, groups, order = (torch.cat(column) for column in zip(*self.blocks, strict=True))
        place = torch.argsort(order)
        return SampledRows(rows[place], groups[place])


@dataclass(frozen=True, slots=True)
class SampledRows:
    """Rows (m, d) float64 in hash order and their groups (m,)."""

    rows: Tensor
    groups: Tensor
