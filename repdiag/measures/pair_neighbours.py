"""Information of two views from the distances of a sample of rows to their neighbours."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from repdiag.measures.pair_inputs import PairNeed, RowPairs
from repdiag.measures.pair_registry import pair_measure
from repdiag.measures.registry import Reading

BLOCK = 256
"""Rows compared with all others at a time: 8 MB of distances of a view for 4,000 rows."""

WIDE = 10
"""Features of both views together above which the figure falls far short: 2,000 rows of Gaussian pairs
correlated by 0.75 give three quarters of their information at 10 features, half at 16, a quarter at 32."""

NORMS = {"max": math.inf, "euclidean": 2.0}


@pair_measure(
    needs=PairNeed.ROWS,
    bounds=(None, "log n"),
    definition="psi(k) + psi(n) - mean(psi(nx + 1) + psi(ny + 1)), k = <k>, nx and ny the rows nearer in "
    "one view than the k-th neighbour in both, <norm> norm in each view, larger of the two in "
    "both, standardize=<standardize>",
    cite="Kraskov, Stogbauer & Grassberger 2004, Estimating mutual information, algorithm 1",
    says="the Shannon information of two continuous views, whatever their law, in few dimensions",
    cannot="it cannot exceed psi(n) - psi(k), and above ten features together it falls far below the truth",
    invariant_to=("row order", "translation", "scale", "feature order"),
    requires=(
        ("k is at least 1", lambda o: o["k"] >= 1),
        ("norm is max or euclidean", lambda o: o["norm"] in NORMS),
    ),
)
def ksg_mi(rows: RowPairs, *, k: int = 3, norm: str = "max", standardize: bool = True) -> Reading:
    """Nearest-neighbour mutual information of two views; `ceiling` is the most it can give."""
    m = rows.x.shape[0]
    dimensions = rows.x.shape[1] + rows.y.shape[1]
    views = [_standardised(view) if standardize else view for view in (rows.x, rows.y)]
    beside: dict[str, Tensor | int | str] = {"dimensions": dimensions}
    if dimensions > WIDE:
        beside["warning"] = f"{dimensions} features together; above {WIDE} the figure falls far short"
    if m <= k:
        return Reading(views[0].new_full((), math.nan), beside)
    start = torch.special.digamma(views[0].new_tensor([float(k), float(m)]))
    beside["ceiling"] = start[1] - start[0]
    crowds = torch.cat([_crowd(views, block, k, norm) for block in range(0, m, BLOCK)])
    return Reading(start.sum() - torch.special.digamma(crowds).sum(1).mean(), beside)


def _crowd(views: list[Tensor], start: int, k: int, norm: str) -> Tensor:
    """nx + 1 and ny + 1 (b, 2) for a block of rows; at least k, as they are where no distances tie."""
    mode = "donot_use_mm_for_euclid_dist"
    x, y = (
        torch.cdist(view[start : start + BLOCK], view, p=NORMS[norm], compute_mode=mode) for view in views
    )
    own = torch.arange(x.shape[0], device=x.device)
    for distances in (x, y):
        distances[own, own + start] = torch.inf
    radius = torch.maximum(x, y).kthvalue(k, dim=1, keepdim=True).values
    inside = torch.stack([(distances < radius).sum(1) + 1 for distances in (x, y)], dim=1)
    return inside.clamp(min=k).to(x.dtype)


def _standardised(rows: Tensor) -> Tensor:
    """Columns of mean 0 and variance 1; a column that does not vary becomes zero."""
    centred = rows - rows.mean(0)
    deviation = centred.square().mean(0).sqrt()
    return centred / torch.where(deviation > 0, deviation, torch.inf)
