"""One block of rows on its way through the accumulators."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, Self

from torch import Tensor

from repdiag import linalg


@dataclass(frozen=True)
class Batch:
    """Rows with the groups they belong to.

    rows (b, d) of any float type; members: one index tensor a group, together every row once;
    labels (b,) class codes or None; sampled: indices of the rows that belong to the shared sample;
    order (b,): where the rows stand in the order of id hashes.
    """

    rows: Tensor
    members: Sequence[Tensor]
    labels: Tensor | None = None
    sampled: Tensor | None = None
    order: Tensor | None = None

    @cached_property
    def parts(self) -> list[Tensor]:
        """The rows of each group (m_g, d), of the type they came in."""
        return [self.rows[index] for index in self.members]

    @cached_property
    def unit_parts(self) -> list[Tensor]:
        """The rows of each group divided by their length (m_g, d), float64."""
        return [linalg.unit_rows(part.to(linalg.DTYPE)) for part in self.parts]


class Accumulator(Protocol):
    """Sufficient statistics: any split of the rows, in any order, merged, gives the unsplit answer.

    `update` returns the next value and may reuse the buffers of the old one, which is then spent.
    """

    def update(self, batch: Batch) -> Self: ...

    def merge(self, other: Self) -> Self: ...
