"""Count, mean and scatter, by group, in float64: Chan, Golub & LeVeque 1983 (merge formula 2.1)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators.batch import Batch


@dataclass(frozen=True, slots=True)
class Moments:
    """count n, mean (d,), scatter (d, d) = sum of (x - mean)(x - mean)', symmetric."""

    count: int
    mean: Tensor
    scatter: Tensor

    @property
    def covariance(self) -> Tensor:
        """Centred covariance (d, d), ddof=1; n must be at least 2."""
        return self.scatter / (self.count - 1)

    @property
    def second_moment(self) -> Tensor:
        """Uncentred second moment X'X / n (d, d)."""
        return self.scatter / self.count + torch.outer(self.mean, self.mean)

    def select(self, features: Tensor) -> Moments:
        """The same of some features only; features (k,) are indices."""
        return Moments(self.count, self.mean[features], self.scatter[features][:, features])


@dataclass(frozen=True, slots=True)
class GroupedMoments:
    """Moments of each of g groups: count g ints, mean (g, d), scatter (g, d, d), upper triangles.

    `unit` says that rows are divided by their length first.
    """

    count: tuple[int, ...]
    mean: Tensor
    scatter: Tensor
    unit: bool = False

    @classmethod
    def empty(cls, groups: int, d: int, *, unit: bool = False, device: str = "cpu") -> GroupedMoments:
        mean = torch.zeros(groups, d, dtype=linalg.DTYPE, device=device)
        scatter = torch.zeros(groups, d, d, dtype=linalg.DTYPE, device=device)
        return cls((0,) * groups, mean, scatter, unit)

    def update(self, batch: Batch) -> GroupedMoments:
        """Take in a batch whose members are these groups; scatter is updated in place."""
        count = list(self.count)
        for group, part in enumerate(batch.unit_parts if self.unit else batch.parts):
            if len(part):
                self._take(group, count[group], part)
                count[group] += len(part)
        return replace(self, count=tuple(count))

    def _take(self, group: int, before: int, part: Tensor) -> None:
        """Merge rows into one group: the rank-one term of Chan's formula is one more centred row."""
        m = len(part)
        part_mean = part.mean(0, dtype=linalg.DTYPE)
        step = part_mean - self.mean[group]
        centred = part_mean.new_empty(m + 1, part.shape[1])
        torch.sub(part, part_mean, out=centred[:m])
        centred[m] = step * math.sqrt(before * m / (before + m))
        linalg.rank_k_update(self.scatter[group], centred)
        self.mean[group] += step * (m / (before + m))

    def merge(self, other: GroupedMoments) -> GroupedMoments:
        """Group by group the moments of both."""
        total = torch.tensor(self.count, dtype=self.mean.dtype, device=self.mean.device)
        added = torch.tensor(other.count, dtype=self.mean.dtype, device=self.mean.device)
        both = (total + added).clamp(min=1)
        step = other.mean - self.mean
        weight = (total * added / both)[:, None, None]
        scatter = self.scatter + other.scatter + weight * step[:, :, None] * step[:, None, :]
        count = tuple(a + b for a, b in zip(self.count, other.count, strict=True))
        return replace(self, count=count, mean=self.mean + step * (added / both)[:, None], scatter=scatter)

    def total(self) -> Moments:
        """The moments of all groups together."""
        return self.over(range(len(self.count)))

    def over(self, groups: Sequence[int]) -> Moments:
        """The moments of some groups together; no scatter is copied on the way."""
        index = list(groups)
        weight = self._weights()[index]
        n = sum(self.count[group] for group in index)
        means = self.mean[index]
        mean = (weight / max(n, 1)) @ means
        scatter = torch.zeros_like(self.scatter[0])
        for group in index:
            scatter += self.scatter[group]
        linalg.rank_k_update(scatter, (means - mean) * weight.sqrt()[:, None])
        return Moments(n, mean, linalg.symmetrise(scatter))

    def without(self, group: int, total: Moments) -> Moments:
        """The moments of all groups but one; `total` is `self.total()`."""
        m, n = self.count[group], total.count
        step = self.mean[group] - total.mean
        scatter = linalg.symmetrise(self.scatter[group])
        torch.sub(total.scatter, scatter, out=scatter)
        scatter.addr_(step, step, alpha=-m * n / (n - m))
        return Moments(n - m, total.mean - step * (m / (n - m)), scatter)

    def group(self, group: int) -> Moments:
        """The moments of one group."""
        return Moments(self.count[group], self.mean[group], linalg.symmetrise(self.scatter[group]))

    def _weights(self) -> Tensor:
        return torch.tensor(self.count, dtype=self.mean.dtype, device=self.mean.device)


def grouped_rows(rows: Tensor, groups: Sequence[int], count: int) -> Batch:
    """A batch from rows (n, d) and one group number a row: for data that is in memory."""
    codes = torch.as_tensor(groups, device=rows.device)
    return Batch(rows, [torch.nonzero(codes == group).flatten() for group in range(count)])
