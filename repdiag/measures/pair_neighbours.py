"""Information of two views from the distances of a sample of rows to their neighbours."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from repdiag.errors import InputError
from repdiag.measures.declaration import Reading, Requirement
from repdiag.measures.pair_inputs import NOTHING_GIVEN, PairNeed, RowPairs
from repdiag.measures.pair_registry import pair_measure
from repdiag.measures.trees import crowds, suits_tree

BLOCK = 256
"""Rows compared with all others at a time: 8 MB of distances of a view for 4,000 rows."""

WIDE = 10
"""Features of both views together above which the figure falls far short: 2,000 rows of Gaussian pairs
correlated by 0.75 give three quarters of their information at 10 features, half at 16, a quarter at 32."""

NORMS = {"max": math.inf, "euclidean": 2.0}
CHOICES: tuple[Requirement, ...] = (
    ("k is at least 1", lambda o: o["k"] >= 1),
    ("norm is max or euclidean", lambda o: o["norm"] in NORMS),
)


@pair_measure(
    needs=PairNeed.ROWS,
    bounds=(None, "log n"),
    definition="psi(k) + psi(n) - mean(psi(nx + 1) + psi(ny + 1)), k = <k>, nx and ny the rows nearer in "
    "one view than the k-th neighbour in both, <norm> norm in each view, larger of the two in "
    "both, standardize=<standardize>, components=<components> (leading principal components of each view "
    "first; 0: all features)",
    cite="Kraskov, Stogbauer & Grassberger 2004, Estimating mutual information, algorithm 1",
    says="the Shannon information of two continuous views, whatever their law, in few dimensions",
    cannot="it cannot exceed psi(n) - psi(k), and above ten features together it falls far below the truth",
    invariant_to=("row order", "translation", "scale", "feature order"),
    requires=(*CHOICES, ("components is not negative", lambda o: o["components"] >= 0)),
)
def ksg_mi(
    rows: RowPairs, *, k: int = 3, norm: str = "max", standardize: bool = True, components: int = 0
) -> Reading:
    """Nearest-neighbour mutual information of two views; `ceiling` is the most it can give."""
    m = rows.x.shape[0]
    views = [principal(view, components) if components else view for view in (rows.x, rows.y)]
    views = [standardised(view) if standardize else view for view in views]
    beside = _dimensions(sum(view.shape[1] for view in views))
    if m <= k:
        return Reading(views[0].new_full((), math.nan), beside)
    start = torch.special.digamma(views[0].new_tensor([float(k), float(m)]))
    beside["ceiling"] = start[1] - start[0]
    crowds = _crowds(views, k, norm)
    return Reading(start.sum() - torch.special.digamma(crowds).sum(1).mean(), beside)


@pair_measure(
    needs=PairNeed.GIVEN,
    bounds=(None, "log n"),
    definition="psi(k) + mean(psi(nz + 1) - psi(nxz + 1) - psi(nyz + 1)), k = <k>, nz, nxz and nyz the rows "
    "nearer in z, in x and z, in y and z, than the k-th neighbour in all three, <norm> norm in a view, the "
    "largest in several, standardize=<standardize>; z the third view or, without one, the labels, alike or "
    "infinitely far apart",
    cite="Frenzel & Pompe 2007, Partial mutual information for coupling analysis of multivariate time series",
    says="the Shannon information that two continuous views share beyond a third view or the labels",
    cannot="it shows only among rows with enough neighbours alike in the third view, so it falls to zero "
    "as features are added, soonest those of the third view; and what a third view does not hold of a common "
    "cause stays in",
    invariant_to=("row order", "translation", "scale", "feature order"),
    requires=CHOICES,
)
def conditional_ksg_mi(rows: RowPairs, *, k: int = 3, norm: str = "max", standardize: bool = True) -> Reading:
    """Nearest-neighbour information of two views given a third view, or given the labels.

    Given labels it is the mean over classes, by their sizes, of `ksg_mi` within the class; rows of a class
    with k rows or fewer are left out.
    """
    if rows.z is None and rows.labels is None:
        raise InputError(f"conditional_ksg_mi {NOTHING_GIVEN}")
    views = [view for view in (rows.x, rows.y, rows.z) if view is not None]
    beside = _dimensions(sum(view.shape[1] for view in views))
    m = rows.x.shape[0]
    if m <= k:
        return Reading(rows.x.new_full((), math.nan), beside)
    views = [standardised(view) if standardize else view for view in views]
    crowds = torch.cat([_crowd_given(views, rows.labels, block, k, norm) for block in range(0, m, BLOCK)])
    # The rows of a class with k rows or fewer have no k-th neighbour.
    counted = crowds[:, 0] > k if rows.z is None else torch.ones_like(crowds[:, 0], dtype=torch.bool)
    nz, nxz, nyz = (torch.special.digamma(crowds) * counted[:, None]).sum(0).div(counted.sum()).unbind()
    nearest = torch.special.digamma(nz.new_tensor(float(k)))
    beside |= {"ceiling": nz - nearest, "rows_used": counted.sum()}
    return Reading(nearest + nz - nxz - nyz, beside)


def _dimensions(count: int) -> dict[str, Tensor | int | str]:
    if count <= WIDE:
        return {"dimensions": count}
    warning = f"{count} features together; above {WIDE} the figure falls far short"
    return {"dimensions": count, "warning": warning}


def _crowds(views: list[Tensor], k: int, norm: str) -> Tensor:
    """nx + 1 and ny + 1 (m, 2), at least k, as they are where no distances tie."""
    if suits_tree(views, norm):
        return crowds(views, k).clamp(min=k)
    return torch.cat([_crowd(views, block, k, norm) for block in range(0, views[0].shape[0], BLOCK)])


def _crowd(views: list[Tensor], start: int, k: int, norm: str) -> Tensor:
    """nx + 1 and ny + 1 (b, 2) for a block of rows; at least k, as they are where no distances tie."""
    x, y = (distances_to_all(view, start, norm) for view in views)
    radius = torch.maximum(x, y).kthvalue(k, dim=1, keepdim=True).values
    return _inside([x, y], radius, k)


def _crowd_given(views: list[Tensor], labels: Tensor | None, start: int, k: int, norm: str) -> Tensor:
    """nz + 1, nxz + 1 and nyz + 1 (b, 3) for a block of rows; at least k."""
    distances = [distances_to_all(view, start, norm) for view in views]
    apart = distances[2] if len(views) == 3 else _apart(labels, start, distances[0])
    x, y = (torch.maximum(each, apart) for each in distances[:2])
    radius = torch.maximum(x, y).kthvalue(k, dim=1, keepdim=True).values
    return _inside([apart, x, y], radius, k)


def _inside(distances: list[Tensor], radius: Tensor, k: int) -> Tensor:
    counts = torch.stack([(each < radius).sum(1) + 1 for each in distances], dim=1)
    return counts.clamp(min=k).to(radius.dtype)


def distances_to_all(view: Tensor, start: int, norm: str = "max") -> Tensor:
    """Of a block of rows to all rows (b, m); infinite to itself."""
    mode = "donot_use_mm_for_euclid_dist"
    found = torch.cdist(view[start : start + BLOCK], view, p=NORMS[norm], compute_mode=mode)
    own = torch.arange(found.shape[0], device=found.device)
    found[own, own + start] = torch.inf
    return found


def _apart(labels: Tensor | None, start: int, like: Tensor) -> Tensor:
    """Nearer than any distance between rows with the same label, infinitely far otherwise and to itself."""
    assert labels is not None
    same = labels[start : start + BLOCK, None] == labels
    own = torch.arange(same.shape[0], device=same.device)
    same[own, own + start] = False
    return torch.where(same, -1.0, torch.inf).to(like.dtype)


def principal(rows: Tensor, components: int) -> Tensor:
    """The leading principal components (m, c) of rows (m, d)."""
    centred = rows - rows.mean(0)
    _, directions = torch.linalg.eigh(centred.mT @ centred)
    found: Tensor = centred @ directions[:, -components:]
    return found


def standardised(rows: Tensor) -> Tensor:
    """Columns of mean 0 and variance 1; a column that does not vary becomes zero."""
    centred = rows - rows.mean(0)
    deviation = centred.square().mean(0).sqrt()
    return centred / torch.where(deviation > 0, deviation, torch.inf)
