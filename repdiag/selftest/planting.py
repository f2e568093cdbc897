"""Collapses planted into rows: pure functions of rows, a severity and a seed.

Every function takes rows (n, d) float64 and returns new ones of the same shape and dtype; nothing is
changed in place. What a severity means is said by each function; unless it says otherwise, 0 is harmless.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.errors import UsageError

FLOOR = 1e-3
"""What is left of the length of a direction that is lost: far below any other, far above rounding."""


def constant(rows: Tensor, severity: float, seed: int) -> Tensor:
    """Every row moved towards one vector: `severity` of the way, 0 to 1; at 1 all rows are that vector.

    The vector is as long as the rows are: the mean where that is most of a row, else a random direction.
    """
    target = _typical(rows, seed)
    if severity >= 1:
        return target.expand_as(rows).clone()  # exactly: what is left of a difference is not zero
    planted: Tensor = target + (1.0 - severity) * (rows - target)
    return planted


def jitter(rows: Tensor, severity: float, seed: int) -> Tensor:
    """One vector with white noise of 10^-severity of its length on it; nothing of the rows is left.

    Severity 0 is a noise as long as the vector, 5 and more what float32 arithmetic leaves of a constant.
    """
    target = _typical(rows, seed)
    noise = _normal(rows.shape, seed + 1) / rows.shape[1] ** 0.5
    planted: Tensor = target + 10.0**-severity * target.norm() * noise
    return planted


def cone(rows: Tensor, severity: float, seed: int) -> Tensor:
    """A common vector added, so that the mean holds `severity` of the mean squared length, below 1.

    Rows whose mean holds as much already are returned as they are.
    """
    mean, centred = _split(rows)
    spread, wanted = _trace(centred), min(severity, 1 - 1e-12)
    length = (wanted / (1 - wanted) * spread) ** 0.5
    if length <= float(mean.norm()):
        return rows.clone()
    direction = mean if float(mean.norm()) > 0.1 * spread**0.5 else _normal(mean.shape, seed)
    planted: Tensor = centred + length * direction / direction.norm()
    return planted


def rank_loss(rows: Tensor, severity: float, seed: int) -> Tensor:
    """The weakest principal directions scaled to a floor, until `severity` of the effective rank is gone.

    The effective rank is the plug-in one of these rows, and the last direction is lost in part, so that
    any share between 0 and 1 - 1/rank can be met.
    """
    del seed
    mean, centred = _split(rows)
    values, vectors = linalg.eigenbasis(centred.mT @ centred)
    kept = _kept_directions(values, severity)
    return mean + centred - (centred @ vectors) * (1 - kept) @ vectors.mT


def one_direction(rows: Tensor, severity: float, seed: int) -> Tensor:
    """One random direction stretched until it holds `severity` of the variance, below 1.

    Where it holds as much already, the rows are returned as they are.
    """
    _, centred = _split(rows)
    direction = _normal((rows.shape[1],), seed)
    direction /= direction.norm()
    along = centred @ direction
    own, wanted = float(along.square().mean()), min(severity, 1 - 1e-12)
    rest = _trace(centred) - own
    factor = (wanted / (1 - wanted) * rest / own) ** 0.5 if own > 0 else 1.0
    return rows + (max(factor, 1.0) - 1.0) * along[:, None] * direction


def rogue_feature(rows: Tensor, severity: float, seed: int) -> Tensor:
    """One random feature, mean and all, times `severity`; 1 is harmless."""
    planted = rows.clone()
    planted[:, _some(rows.shape[1], 1, seed)] *= severity
    return planted


def dead_features(rows: Tensor, severity: float, seed: int) -> Tensor:
    """A random `severity` of the features, 0 to 1, set to zero; two of them always live."""
    d = rows.shape[1]
    planted = rows.clone()
    planted[:, _some(d, max(min(round(severity * d), d - 2), 0), seed)] = 0.0
    return planted


def repeated_rows(rows: Tensor, severity: float, seed: int) -> Tensor:
    """A random `severity` of the rows, 0 to 1, replaced by copies of the others."""
    n = rows.shape[0]
    order = torch.randperm(n, generator=_generator(seed))
    copies = min(round(severity * n), n - 1)
    sources = order[copies:]
    planted = rows.clone()
    planted[order[:copies]] = rows[sources[torch.arange(copies) % len(sources)]]
    return planted


def nonfinite_rows(rows: Tensor, severity: float, seed: int) -> Tensor:
    """A random `severity` of the rows, 0 to 1, replaced by NaN; at least one row above 0."""
    count = min(math.ceil(severity * rows.shape[0]), rows.shape[0])
    planted = rows.clone()
    planted[_some(rows.shape[0], count, seed)] = torch.nan
    return planted


def class_collapse(rows: Tensor, severity: float, seed: int, labels: Tensor) -> Tensor:
    """`severity` of the effective rank of one class, the largest, lost about its own mean.

    Args:
        labels: (n,) int64 class codes from 0.

    Raises:
        UsageError: there are fewer than two classes.
    """
    counts = torch.bincount(labels)
    classes = int((counts > 0).sum())
    if classes < 2:
        raise UsageError(f"{classes} class: one class can only collapse among several; give other labels")
    chosen = labels == counts.argmax()
    planted = rows.clone()
    planted[chosen] = rank_loss(rows[chosen], severity, seed)
    return planted


def clusters(rows: Tensor, severity: float, seed: int, count: int | None = None) -> Tensor:
    """Every row moved `severity` of the way, 0 to 1, to the nearest of `count` rows chosen at random.

    Without a count there are eight, or fewer where they would span more than a quarter of the features.
    """
    few = min(max(rows.shape[1] // 4, 3), 8) if count is None else count
    centres = rows[_some(rows.shape[0], min(few, rows.shape[0]), seed)]
    nearest = centres[torch.cdist(rows, centres).argmin(1)]
    return rows + severity * (nearest - rows)


def nuisance(rows: Tensor, severity: float, seed: int, values: Tensor | None = None) -> Tensor:
    """A direction that holds `severity` of the variance, below 1, and follows `values` (n,).

    Without values it follows the length of the rows (or chance, where all are equally long) on one side of
    the origin, so that moving along it is being longer.
    """
    _, centred = _split(rows)
    score = _lengths(rows, seed) if values is None else values.to(rows.dtype) - values.to(rows.dtype).mean()
    spread = float(score.std(unbiased=False))
    if spread == 0 or severity <= 0:
        return rows.clone()
    direction = _normal((rows.shape[1],), seed)
    wanted = min(severity, 1 - 1e-12)
    length = (wanted / (1 - wanted) * _trace(centred)) ** 0.5
    planted: Tensor = rows + length / spread * score[:, None] * (direction / direction.norm())
    return planted


def view_collapse(views: Sequence[Tensor], severity: float, seed: int) -> list[Tensor]:
    """Two or more views of the same samples; what samples differ in shrunk by `severity`, 0 to 1.

    What is lost goes into one common vector, so that rows stay as long as they were. What sets the views of a
    sample apart shrinks too, but only by the square root: at the end it is most of what varies.

    Raises:
        UsageError: there are fewer than two views.
    """
    if len(views) < 2:
        raise UsageError(f"{len(views)} view: views can only collapse together; give two or more")
    together = torch.stack(list(views)).mean(0)
    target, left = _typical(together, seed), 1.0 - severity
    return [target * severity + left * together + left**0.5 * (view - together) for view in views]


def shrunk_scale(rows: Tensor, severity: float, seed: int) -> Tensor:
    """Rows times 1 - `severity`, mean and all: the shape stays, the total variance goes."""
    del seed
    return (1.0 - severity) * rows


def _lengths(rows: Tensor, seed: int) -> Tensor:
    """Lengths (n,) of the rows over that of the shortest, or random ones where they do not vary."""
    lengths = rows.norm(dim=1)
    if float(lengths.std()) <= 1e-3 * float(lengths.mean()):
        lengths = _normal(lengths.shape, seed + 1)
    shortest: Tensor = lengths - lengths.min()
    return shortest


def _kept_directions(values: Tensor, severity: float) -> Tensor:
    """What each principal direction is multiplied by, (d,), for a loss of `severity` effective rank."""
    wanted = (1.0 - severity) * _effective_rank(values)
    low, high = 1.0, float(len(values))
    for _ in range(60):
        middle = (low + high) / 2
        short = _effective_rank(values * _first(middle, len(values)).square()) < wanted
        low, high = (middle, high) if short else (low, middle)
    return _first(high, len(values))


def _first(count: float, d: int) -> Tensor:
    """One for the first `count` of d directions, the floor for the rest, between them for the last."""
    ranks = torch.arange(d, dtype=linalg.DTYPE)
    return (count - ranks).clamp(FLOOR, 1.0)


def _effective_rank(values: Tensor) -> float:
    shares = values / values.sum()
    return float(torch.special.entr(shares).sum().exp())


def _typical(rows: Tensor, seed: int) -> Tensor:
    """A vector (d,) as long as the rows are."""
    mean = rows.mean(0)
    length = rows.square().sum(1).mean().sqrt()
    direction = mean if mean.norm() > 0.5 * length else _normal(mean.shape, seed)
    typical: Tensor = length * direction / direction.norm()
    return typical


def _split(rows: Tensor) -> tuple[Tensor, Tensor]:
    mean = rows.mean(0)
    return mean, rows - mean


def _trace(centred: Tensor) -> float:
    """Mean squared distance from the mean."""
    return float(centred.square().sum(1).mean())


def _some(total: int, count: int, seed: int) -> Tensor:
    """`count` of `total` indices; more of them with the same seed contain the fewer."""
    return torch.randperm(total, generator=_generator(seed))[:count]


def _normal(shape: Sequence[int], seed: int) -> Tensor:
    return torch.randn(*shape, dtype=linalg.DTYPE, generator=_generator(seed))


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
