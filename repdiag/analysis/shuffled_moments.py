"""Joint moments of two views, one in another order: only what is between them changes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.accumulators import Batch
from repdiag.accumulators.joint import JointSums
from repdiag.analysis.pair_records import joint_moments
from repdiag.analysis.pair_sources import PairRows
from repdiag.analysis.source import pooled
from repdiag.measures.pair_inputs import JointMoments


@dataclass(frozen=True, slots=True)
class Sides:
    """Rows x (m, d1) and y (m, d2) about their reference points, or of unit length, and their moments."""

    x: Tensor
    y: Tensor
    moments: JointMoments

    @classmethod
    def of(cls, rows: PairRows, like: JointSums) -> Sides:
        """The rows as `like` takes them in."""
        both = torch.cat([rows.x, rows.y], dim=1).to(linalg.DTYPE)
        views = both[:, : like.d1], both[:, like.d1 :]
        every = torch.arange(len(both), device=both.device)
        sums = JointSums.empty(1, like.d1, like.origin, unit=like.unit)
        for piece in pooled(Batch(both, [every])):
            sums = sums.update(piece)
        if like.unit:
            x, y = (linalg.unit_rows(view) for view in views)
        else:
            x, y = views[0] - like.origin[: like.d1], views[1] - like.origin[like.d1 :]
        return cls(x, y, joint_moments(sums))

    def reordered(self, order: Tensor) -> JointMoments:
        """The moments of x beside the rows of y in another order (m,)."""
        x, y, held = self.x, self.y[order.to(self.y.device)], self.moments
        first, second = (torch.linalg.vector_norm(view, dim=1).square() for view in (x, y))
        own, other = slice(0, held.d1), slice(held.d1, held.d1 + held.d2)
        scatter, weighted, products = held.scatter.clone(), held.weighted.clone(), held.products.clone()
        scatter[own, other] = x.mT @ y
        scatter[other, own] = scatter[own, other].mT
        weighted[own, 1] = x.mT @ second
        weighted[other, 0] = y.mT @ first
        products[1] = first @ second
        return replace(held, scatter=scatter, weighted=weighted, products=products)
