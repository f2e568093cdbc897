"""Entropies of the kernel matrices of two views, alone, together and beside themselves, each made once.

Letters: m rows, d features. Entropies are in nats, tensors float64 on the device of the rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.measures.pair_grams import factor, factor_gram, gaussian_gram, marginal_entropy, matrix_entropy


@dataclass(frozen=True, slots=True)
class Draws:
    """An entropy as each of b probes alone has it, values (b,); an exact one is a single value.

    `beyond` () is a standard error that the spread of the probes does not show, `passes` the number of passes
    over the matrix, zero for an exact one.
    """

    values: Tensor
    beyond: Tensor
    passes: int = 0


@dataclass(frozen=True, slots=True)
class Total:
    """A sum of entropies, the standard error of its estimator, zero for exact ones, and the passes."""

    value: Tensor
    error: Tensor
    passes: int


Estimator = Callable[[Tensor, float], Draws]
"""Entropy of order alpha of rows (m, d), Gaussian kernel of bandwidth one."""

Made = dict[tuple[str, str, float], Draws]
"""Entropies by views, kernel and order."""

Signed = Sequence[tuple[float, str]]
"""Signs, and whose entropies: x, y, xy, xx or yy."""


def exact(rows: Tensor, alpha: float) -> Draws:
    """From all m eigenvalues: O(m^3) time, 8 m^2 bytes."""
    return _exact(matrix_entropy(gaussian_gram(rows, 1.0), alpha))


def total(signed: Sequence[tuple[float, Draws]]) -> Total:
    """The sum of signed entropies; what the same probes err by alike cancels."""
    b = max(len(draws.values) for _, draws in signed)
    each = torch.stack([sign * draws.values.expand(b) for sign, draws in signed]).sum(0)
    parts = torch.stack([draws.beyond for _, draws in signed])
    spread = each.std() / math.sqrt(b) if b > 1 else torch.zeros_like(parts[0])
    error = (spread.square() + parts.square().sum()).sqrt()
    return Total(each.mean(), error, sum(draws.passes for _, draws in signed))


@dataclass(frozen=True, slots=True)
class KernelRows:
    """Rows x (m, d1) and y (m, d2) of n whose kernels have entropies of any order.

    `widths` are the bandwidths. `estimator` makes the entropies of Gaussian kernels of the figure, `spare`
    those of a view beside itself. `sides` say which view stands first and which second; `order` (m,) is
    another one of the rows of y. What was made is kept: entropies of one view may be shared with records that
    pair the same views in another order.
    """

    x: Tensor
    y: Tensor
    n: int
    widths: tuple[float, float]
    estimator: Estimator = exact
    spare: Estimator = exact
    sides: tuple[str, str] = ("x", "y")
    order: Tensor | None = None
    alone: Made = field(default_factory=dict, repr=False)
    both: Made = field(default_factory=dict, repr=False)

    def entropy(self, signed: Signed, kernel: str, alpha: float) -> Total:
        """The sum of signed entropies of order alpha."""
        return total([(sign, self._draws(whose, kernel, alpha)) for sign, whose in signed])

    def reordered(self, order: Tensor) -> KernelRows:
        """The rows of y in another order: entropies of one view stay, those of both are `spare` ones."""
        return replace(self, order=order, estimator=self.spare, both={})

    def _draws(self, whose: str, kernel: str, alpha: float) -> Draws:
        views = "".join(self.sides["xy".index(each)] for each in whose)
        kept = self.alone if len(set(views)) == 1 else self.both
        key = (views, kernel, alpha)
        if key not in kept:
            kept[key] = self._made(views, kernel, alpha)
        return kept[key]

    def _made(self, views: str, kernel: str, alpha: float) -> Draws:
        if kernel == "gaussian":
            estimator = self.spare if views in ("xx", "yy") else self.estimator
            return estimator(self._scaled(views), alpha)
        rows = [self._view(view) for view in views]
        if len(rows) == 1:
            return _exact(marginal_entropy(rows[0], kernel, 1.0, alpha))
        first, second = (factor_gram(factor(each, kernel)) for each in rows)
        return _exact(matrix_entropy(first.mul_(second), alpha))

    def _scaled(self, views: str) -> Tensor:
        """Rows in units of the bandwidth: two Gaussian kernels have that of both side by side as product."""
        parts = [self._view(view) / self.widths["xy".index(view)] for view in views]
        return torch.cat([part - part.mean(0) for part in parts], dim=1)

    def _view(self, view: str) -> Tensor:
        rows = self.x if view == "x" else self.y
        return (rows if view == "x" or self.order is None else rows[self.order]).to(linalg.DTYPE)


def _exact(value: Tensor) -> Draws:
    return Draws(value[None], torch.zeros_like(value))
