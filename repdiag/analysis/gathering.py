"""Does a cliff leave k directions of a cloud, or about k + 1 points that the rows gather around?"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from repdiag import linalg

STARTS = 2
CANDIDATES = 4
ROUNDS = 10
CLOUDS = 2
"""Random starts, proposals for each new centre, Lloyd rounds, and simulated Gaussian clouds."""

MULTIPLES = (1, 3, 9)
MOST_CENTRES = 128
LEAST_IN_CLUSTER = 8
"""Centres tried, in units of the directions plus one; at most so many, with so many rows each on average."""

CONTESTED = 0.7
"""A row is contested when its nearest centre is this far away in units of the distance to the next one."""

SETTLED = 0.05
"""Share of contested rows from which on the centres are not apart, and more of them are tried."""

EXPLAINED, NEARLY_ALL = 0.8, 0.95
"""Share of the variance along the leading directions that clusters explain at least, and that needs no more
of them."""


@dataclass(frozen=True, slots=True)
class Gathering:
    """How tightly rows lie around `clusters` centres, all shares from 0 to 1.

    explained: of the variance along the leading directions, by the centres; null: the same for Gaussian
    clouds of that spectrum; contested: rows nearly as close to a second centre; within: of the variance in
    all directions, what is left around the centres.
    """

    clusters: int
    explained: float
    null: float
    contested: float
    within: float

    def details(self) -> dict[str, float | int]:
        """As they stand beside the cliff."""
        return {name: getattr(self, name) for name in self.__slots__}


def gathering(centred: Tensor, k: int) -> Gathering | None:
    """The evidence on rows (m, d) about their mean, for a cliff that was found after direction `k`.

    k-means by Lloyd 1982 from seeds by Arthur & Vassilvitskii 2007, greedy, with fixed random numbers: the
    same rows give the same answer. None where there are too few rows for k + 1 centres.
    """
    values, basis = _principal(centred)
    live = live_directions(values, k)
    scores = centred @ basis[:, :live]
    counts = _counts(live + 1, len(scores))
    if not counts:
        return None
    tight = _tightest(scores, counts)
    centres = k_means(scores, counts[0]) if tight is None else tight
    explained = _explained(scores, centres)
    share = float((scores.square().sum() / centred.square().sum()).clamp(max=1))
    return Gathering(
        clusters=1 if tight is None else len(centres),
        explained=explained,
        null=_null(scores, len(centres)),
        contested=_contested(scores, centres),
        within=max(1 - share * explained, 0.0),
    )


def live_directions(values: Tensor, k: int) -> int:
    """Where between k and 1.25 k the eigenvalues (descending) fall most steeply."""
    end = min(max(k + 1, math.ceil(1.25 * k)), len(values))
    levels = values[k - 1 : end].clamp(min=torch.finfo(linalg.DTYPE).tiny).log()
    return k + int((levels[:-1] - levels[1:]).argmax()) if len(levels) > 1 else k


def k_means(points: Tensor, count: int, starts: int = STARTS) -> Tensor:
    """Centres (count, k) of points (m, k) with the smallest squared distances among a few starts."""
    generator = torch.Generator().manual_seed(0)
    uniform = torch.rand(starts, count, CANDIDATES, dtype=linalg.DTYPE, generator=generator)
    found = [_lloyd(points, _seeds(points, each)) for each in uniform.to(points.device)]
    left = torch.stack([_squares(points, centres).amin(1).sum() for centres in found])
    return torch.stack(found)[left.argmin()[None]][0]


def _seeds(points: Tensor, uniform: Tensor) -> Tensor:
    """Rows of `points` as first centres; uniform (count, candidates) in 0..1 alone decides which."""
    least, weights = torch.full_like(points[:, 0], torch.inf), torch.ones_like(points[:, 0])
    chosen: list[Tensor] = []
    for draws in uniform:
        reach = weights.cumsum(0)
        places = torch.searchsorted(reach, draws * reach[-1]).clamp(max=len(points) - 1)
        left = torch.minimum(_squares(points, points[places]), least[:, None])
        best = left.sum(0).argmin()[None]
        chosen.append(points[places[best]])
        least = weights = left[:, best][:, 0]
    return torch.cat(chosen)


def _lloyd(points: Tensor, centres: Tensor) -> Tensor:
    for _ in range(ROUNDS):
        nearest = _squares(points, centres).argmin(1)
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        sizes = torch.zeros_like(centres[:, 0]).index_add_(0, nearest, torch.ones_like(points[:, 0]))
        centres = torch.where(sizes[:, None] > 0, sums / sizes.clamp(min=1)[:, None], centres)
    return centres


def _squares(points: Tensor, centres: Tensor) -> Tensor:
    """Squared distances (m, c)."""
    return torch.cdist(points, centres).square()


def _explained(points: Tensor, centres: Tensor) -> float:
    total = (points - points.mean(0)).square().sum()
    return float((1 - _squares(points, centres).amin(1).sum() / total).clamp(0, 1))


def _contested(points: Tensor, centres: Tensor) -> float:
    nearest, second = torch.cdist(points, centres).topk(2, dim=1, largest=False).values.unbind(1)
    return float((nearest > CONTESTED * second).to(linalg.DTYPE).mean())


def _null(points: Tensor, count: int) -> float:
    """What as many centres explain of a Gaussian cloud with the same variances, on average."""
    generator = torch.Generator().manual_seed(1)
    noise = torch.randn(CLOUDS, *points.shape, dtype=linalg.DTYPE, generator=generator).to(points.device)
    clouds = noise * points.std(0)
    return sum(_explained(cloud, k_means(cloud, count, starts=1)) for cloud in clouds) / CLOUDS


def _joined(points: Tensor, centres: Tensor) -> Tensor:
    """The centres that have rows, one for each set of them that shares a cluster."""
    squares, nearest = _squares(points, centres).min(1)
    sizes = torch.zeros_like(centres[:, 0]).index_add_(0, nearest, torch.ones_like(squares))
    used = centres[sizes > 0]
    reach = 2 * (squares.mean() + torch.finfo(linalg.DTYPE).tiny).sqrt()
    first = (torch.cdist(used, used) <= reach).to(torch.int8).argmax(1)
    return used[first == torch.arange(len(first), device=first.device)]


def _tightest(points: Tensor, counts: Sequence[int]) -> Tensor | None:
    """Centres of clusters that lie apart, from the first number of them that explains nearly all; or None."""
    best, most = None, EXPLAINED
    for count in counts:
        centres = _lloyd(points, _joined(points, k_means(points, count)))
        apart = len(centres) > 1 and _contested(points, centres) <= SETTLED
        if apart and (explained := _explained(points, centres)) >= most:
            best, most = centres, explained
        if most >= NEARLY_ALL:
            break
    return best


def _principal(centred: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (r,) descending and directions (d, r) of rows (m, d), from the smaller side."""
    rows, d = centred.shape
    if d <= rows:
        return linalg.eigenbasis(centred.mT @ centred)
    values, left = linalg.eigenbasis(centred @ centred.mT)
    return values, centred.mT @ left / values.clamp(min=torch.finfo(linalg.DTYPE).tiny).sqrt()


def _counts(first: int, rows: int) -> list[int]:
    """Numbers of centres to try, so that each can have rows enough."""
    most = min(MOST_CENTRES, rows // LEAST_IN_CLUSTER)
    return [multiple * first for multiple in MULTIPLES if multiple * first <= most]
