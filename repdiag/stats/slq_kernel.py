"""Products of a Gaussian Gram matrix with blocks of vectors, and what few of them tell of f(K/n).

Everything here sees the matrix through `Gram.times`: a pass over the matrix with many vectors at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from repdiag import linalg

STORED_ROWS = 10_000
"""Up to here the Gram matrix is kept, 400 MB at most in float32; above, every pass computes it again."""

BLOCK_ENTRIES = 1 << 18
"""Entries of one block of rows: 1 MB that stays in the cache of a core from distance to exponential."""

SINGLE_ROUNDING = 2e-6
"""Largest error of one exponent up to which float32 does."""

MOMENTS = 3
"""Control variates: the complement's traces of I, A and A^2."""

DELICATE = 1e-3
"""Orders nearer to 1 than this, but not 1, need float64, as those below 1 do."""

TINY = 1e-300

Spectral = Callable[[Tensor], Tensor]
"""f of eigenvalues, elementwise, f(0) = 0."""

LEAST_STEPS, STEPS_BETWEEN = 12, 4
"""Lanczos steps before it is asked for the first time whether they are enough, and between two questions."""


class Gram:
    """A = K/n with K_ij = exp(-|a_i - a_j|^2 / (2 width^2)), of trace one.

    Args:
        rows: (n, d), any float type; their device is that of everything that follows.
        width: bandwidth, positive.
        precise: products in float64; float32 is used otherwise, unless it rounds the exponents too much.
    """

    def __init__(self, rows: Tensor, width: float, *, precise: bool = False) -> None:
        scaled = rows.to(linalg.DTYPE)
        self.rows = (scaled - scaled.mean(0)) / width
        if not precise and _rounds_little(self.rows):
            self.rows = self.rows.float()
        self.halves = self.rows.square().sum(1).div_(-2)
        self.n = rows.shape[0]
        self.passes = 1
        self.step = max(BLOCK_ENTRIES // self.n, 1)
        self.stored = self.rows.new_empty(self.n, self.n) if self.n <= STORED_ROWS else None
        total = torch.zeros((), dtype=linalg.DTYPE, device=rows.device)
        for start in range(0, self.n, self.step):
            block = self._computed(start)
            total += block.square().sum(1).to(linalg.DTYPE).sum()
            if self.stored is not None:
                self.stored[start : start + self.step] = block
        self.squares = total / self.n**2
        """tr(A^2)."""

    def times(self, vectors: Tensor) -> Tensor:
        """A @ vectors, (n, c) float64: one pass."""
        self.passes += 1
        vectors = vectors.to(self.rows.dtype)
        if self.stored is not None:
            # Few rows times a matrix take half the time of a matrix times few columns.
            return (vectors.mT @ self.stored).mT.to(linalg.DTYPE) / self.n
        found = [self._computed(start) @ vectors for start in range(0, self.n, self.step)]
        return torch.cat(found).to(linalg.DTYPE) / self.n

    def _computed(self, start: int) -> Tensor:
        """Rows start to start + step of K."""
        left = slice(start, start + self.step)
        exponent = self.halves[left, None] + self.halves
        exponent.addmm_(self.rows[left], self.rows.mT).clamp_(max=0)
        exponent.diagonal(start).zero_()
        return exponent.exp_()


def is_delicate(alpha: float) -> bool:
    """Whether float32 shows: a slope that is infinite at zero, or 1 / (1 - alpha), magnifies its rounding."""
    return alpha != 1 and alpha < 1 + DELICATE


def _rounds_little(rows: Tensor) -> bool:
    """Once for a matrix, before any block: the host has to choose the type."""
    return float(rows.square().sum(1).mean()) * torch.finfo(torch.float32).eps <= SINGLE_ROUNDING


@dataclass(frozen=True, slots=True)
class Quadrature:
    """Gauss rules of vectors v (c of them) for v'f(A)v: nodes and weights (c, k).

    Even derivatives of x^alpha and of -x log x have one sign on x > 0, odd ones the other: this rule and the
    one with a node fixed at zero (Gauss-Radau) enclose the exact form.
    """

    nodes: Tensor
    weights: Tensor
    radau_nodes: Tensor
    radau_weights: Tensor

    def forms(self, f: Spectral) -> tuple[Tensor, Tensor]:
        """v'f(A)v (c,) by both rules, which enclose it."""
        gauss = (self.weights * f(self.nodes)).sum(1)
        return gauss, (self.radau_weights * f(self.radau_nodes)).sum(1)


def quadrature(
    gram: Gram,
    start: Tensor,
    steps: int,
    first: Tensor | None = None,
    enough: Callable[[Quadrature], bool] = lambda rule: False,
) -> Quadrature:
    """Lanczos with full reorthogonalisation from every column of `start` (n, c), all columns in one pass.

    `first` is A @ start where it is known already, which saves a pass. `enough` says of the rules of fewer
    steps, a few times, whether they do.
    """
    energy = start.square().sum(0)
    length = energy.sqrt().clamp(min=TINY)
    basis = start.new_zeros(start.shape[1], steps + 1, start.shape[0])
    basis[:, 0] = (start / length).mT
    diagonal, beside = [], []
    for step in range(steps):
        current = basis[:, step]
        image = (first / length if first is not None and not step else gram.times(current.mT)).mT
        diagonal.append((image * current).sum(1))
        earlier = basis[:, : step + 1]
        for _ in range(2):
            image = image - (earlier.mT @ (earlier @ image[..., None]))[..., 0]
        beside.append(image.norm(dim=1))
        basis[:, step + 1] = image / beside[-1][:, None].clamp(min=TINY)
        done = step + 1
        asked = done >= LEAST_STEPS and (done - LEAST_STEPS) % STEPS_BETWEEN == 0 and done < steps
        if asked and enough(found := _rules(diagonal, beside, energy)):
            return found
    return _rules(diagonal, beside, energy)


def _rules(diagonal: list[Tensor], beside: list[Tensor], energy: Tensor) -> Quadrature:
    """Both rules of as many steps as there are diagonal entries (c,) of the tridiagonal matrices."""
    alpha, beta = torch.stack(diagonal, 1), torch.stack(beside, 1)
    gauss = _rule(alpha, beta[:, :-1], energy)
    last = beta[:, -1].square() / _last_pivot(alpha, beta)
    return Quadrature(*gauss, *_rule(torch.cat([alpha, last[:, None]], 1), beta, energy))


def _rule(diagonal: Tensor, beside: Tensor, energy: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes and weights (c, k) of the tridiagonal matrices of `diagonal` (c, k) and `beside` (c, k - 1)."""
    matrix = torch.diag_embed(diagonal)
    if beside.shape[1]:
        matrix = matrix + torch.diag_embed(beside, 1) + torch.diag_embed(beside, -1)
    nodes, vectors = torch.linalg.eigh(matrix)
    return nodes.clamp(min=0), vectors[:, 0].square() * energy[:, None]


def _last_pivot(diagonal: Tensor, beside: Tensor) -> Tensor:
    """The last pivot (c,) of elimination, never below the resolution of float64."""
    pivot = diagonal[:, 0]
    for k in range(1, diagonal.shape[1]):
        floor = linalg.EPSILON * diagonal[:, 0] + TINY
        pivot = diagonal[:, k] - beside[:, k - 1].square() / torch.maximum(pivot, floor)
    return torch.maximum(pivot, linalg.EPSILON * diagonal[:, 0] + TINY)


def random_vectors(gram: Gram, probes: int, rank: int, seed: int) -> tuple[Tensor, Tensor]:
    """The sketch (n, r) and the probes (n, b), the same for every matrix of n rows on any device."""
    generator = torch.Generator().manual_seed(seed)
    signs = torch.randint(0, 2, (gram.n, probes), generator=generator)
    sketch = torch.randn(gram.n, max(min(rank, gram.n // 2), 1), generator=generator, dtype=linalg.DTYPE)
    device = gram.rows.device
    return sketch.to(device), (2 * signs - 1).to(device, linalg.DTYPE)


def leading(gram: Gram, start: Tensor, powers: int) -> tuple[Tensor, Tensor]:
    """Ritz vectors Q (n, r) of the range of A^powers @ start, and A @ Q."""
    basis = torch.linalg.qr(start)[0]
    for _ in range(powers):
        basis = torch.linalg.qr(gram.times(basis))[0]
    image = gram.times(basis)
    inner = basis.mT @ image
    vectors = torch.linalg.eigh((inner + inner.mT) / 2)[1]
    return basis @ vectors, image @ vectors


def variates(tail: Quadrature, f: Spectral, known: Tensor) -> Tensor:
    """What to take off each probe (b,): c'(its moments - the known ones), c fitted to f by the other probes.

    c is the least-squares fit of a parabola to f over the spectrum that the rules see.
    """
    scale = (tail.weights * tail.nodes.square()).sum() / (tail.weights * tail.nodes).sum().clamp(min=TINY)
    powers = torch.arange(MOMENTS, device=known.device)
    units = scale.clamp(min=TINY) ** powers
    basis = tail.nodes[..., None] ** powers / units
    normal = torch.einsum("bk,bki,bkj->bij", tail.weights, basis, basis)
    right = torch.einsum("bk,bki->bi", tail.weights * f(tail.nodes), basis)
    others = torch.linalg.pinv(normal.sum(0) - normal, hermitian=True)
    fitted = torch.einsum("bij,bj->bi", others, right.sum(0) - right)
    moments = torch.einsum("bk,bki->bi", tail.weights, basis)
    return (fitted * (moments - known / units)).sum(1)
