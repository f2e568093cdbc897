"""Statistics of pairs of rows, from the sample that pair and neighbour measures share."""

from __future__ import annotations

import torch
from torch import Tensor

from repdiag import linalg

BLOCK = 128
"""Rows compared with all others at a time: 4 MB of distances for 4,000 rows."""

UNIFORMITY_T = 2.0
CANDIDATES = 4
"""Neighbours whose distance is taken again from differences: that from squares drowns for near twins."""


def pair_potential(rows: Tensor, groups: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """Sums (count, count) of exp(-2 |zi - zj|^2) over pairs of groups, and the numbers of pairs.

    rows (m, d), groups (m,) int64 below `count`. Both results are symmetric and count every ordered
    pair i != j once, so that leaving out a group is leaving out its row and column.
    """
    unit = linalg.unit_rows(rows)
    member = torch.nn.functional.one_hot(groups, count).to(rows.dtype)
    sums = rows.new_zeros(count, count)
    for start in range(0, len(unit), BLOCK):
        block = slice(start, start + BLOCK)
        kernel = squared_distances(unit[block], unit).mul_(-UNIFORMITY_T).exp_()
        sums += member[block].mT @ (kernel @ member)
    sizes = member.sum(0)
    own = torch.diag(sizes)
    return sums - own, torch.outer(sizes, sizes) - own


def neighbour_ratios(rows: Tensor) -> Tensor:
    """Ratio (m,) of the distances to the second and the first nearest neighbour of distinct rows (m, d)."""
    centred = rows - rows.mean(0)
    count = min(CANDIDATES, len(rows) - 1)
    ratios = []
    for start in range(0, len(rows), BLOCK):
        block = centred[start : start + BLOCK]
        distances = squared_distances(block, centred)
        own = torch.arange(len(distances), device=rows.device)
        distances[own, own + start] = torch.inf
        near = distances.topk(count, dim=1, largest=False).indices
        del distances
        gaps = centred[near].sub_(block[:, None])
        nearest = torch.linalg.vector_norm(gaps, dim=2).topk(2, dim=1, largest=False, sorted=True).values
        ratios.append(nearest[:, 1] / nearest[:, 0])
    return torch.cat(ratios)


def squared_distances(left: Tensor, right: Tensor) -> Tensor:
    """Squared Euclidean distances (a, b) between rows (a, d) and rows (b, d)."""
    products = (left @ right.mT).mul_(-2)
    products += left.square().sum(1)[:, None]
    products += right.square().sum(1)
    return products.clamp_(min=0)
