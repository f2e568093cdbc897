"""Matrix-based entropies of Gaussian Gram matrices from a few passes with many vectors, with an interval.

H = h(tr f(A)) for A = K/n. The trace is split by an orthonormal Q (n, r) near the leading eigenvectors,

    tr f(A) = tr(Q' f(A) Q) + E[z' P f(A) P z],   P = I - QQ', entries of z -1 or 1,

and both parts are forms of the whole matrix, not of its two diagonal blocks: a rough Q adds no bias, it only
leaves more to the probes z. Each form comes as two rules that enclose it (`slq_kernel.Quadrature`), so
truncation is seen, not guessed. What the probes say of P, PAP and PA^2P is known exactly and taken off
(control variates), by coefficients that the other probes give: a probe never tunes itself.

Sources: Ubaru, Chen and Saad (2017), stochastic Lanczos quadrature; Meyer, Musco, Musco and Woodruff (2021),
the split; Golub and Meurant (1994), the enclosing rules; Giraldo, Rao and Principe (2015), the entropies.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from repdiag import linalg
from repdiag.errors import UsageError
from repdiag.measures.pair_entropies import Draws, total
from repdiag.stats import slq_kernel
from repdiag.stats.slq_kernel import Gram, Quadrature, Spectral

PROBES, RANK = 16, 64
POWERS = 1
HEAD_STEPS, TAIL_STEPS = 2, 24
"""Lanczos steps of the columns of Q, and at most of the probes."""

TRUNCATION = 0.15
"""Share of an enclosure that its middle errs by, as a standard error: 0.02 to 0.3 were seen."""

SETTLED = 0.5
"""Standard errors of the probes within which an enclosure needs no more steps."""

ROUNDING = 1.5e-7
"""Relative standard error of float32 products over sqrt(n), below which no interval goes: half of what they
err by where all but a few eigenvalues are below their rounding."""

COVERAGE = 0.95

Widths = tuple[float, float]
"""Bandwidth of each view."""


@dataclass(frozen=True, slots=True)
class StochasticEntropy:
    """An entropy or mutual information in nats, with a 95% interval over probes for the same rows.

    The interval says how far the value is from that of an eigendecomposition, not from a population.
    error is a standard error: probes, truncation, rounding. passes were made over the matrices so far.
    """

    value: float
    low: float
    high: float
    error: float
    passes: int


@dataclass(frozen=True, slots=True)
class StochasticInformation:
    """Entropies of both views and of the pair, and I = H(x) + H(y) - H(x, y) from the same probes."""

    x: StochasticEntropy
    y: StochasticEntropy
    joint: StochasticEntropy
    information: StochasticEntropy


def entropy(
    x: Tensor, width: float, *, alpha: float = 1.0, probes: int = PROBES, rank: int = RANK, seed: int = 0
) -> StochasticEntropy:
    """Renyi entropy of order alpha (von Neumann at 1) of K/n, Gaussian kernel of bandwidth `width`, in nats.

    O(n^2 (d + rank + probes)) time; n^2 float32 of memory up to `slq_kernel.STORED_ROWS` rows, O(n (rank +
    probes)) above. alpha = 2 is exact; orders below 1 take float64.

    Args:
        x: (n, d), any float type, any device. Width: positive.
        probes: random vectors, at least 3: the error falls as 1/sqrt(probes).
        rank: columns of Q, at most n / 2 are used; more of them leave less to chance.

    Raises:
        UsageError: alpha, the width or the number of probes is out of range.
    """
    _check(alpha, probes, (width,))
    return _summary([(1.0, draws(x.to(linalg.DTYPE) / width, alpha, probes=probes, rank=rank, seed=seed))])


def draws(x: Tensor, alpha: float, *, probes: int = PROBES, rank: int = RANK, seed: int = 0) -> Draws:
    """`entropy` at bandwidth one as each probe has it; all on the device of x but when it is enough."""
    gram = Gram(x, 1.0, precise=slq_kernel.is_delicate(alpha))
    return _Order(alpha).entropies(gram, probes, rank, seed)


def half_width(error: float, confidence: float = COVERAGE, probes: int = PROBES) -> float:
    """Half of an interval about a figure whose estimator has this standard error."""
    from scipy.special import stdtrit

    return float(stdtrit(probes - 1, (1 + confidence) / 2)) * error


def information(
    x: Tensor, y: Tensor, widths: Widths, *, alpha: float = 1.0, probes: int = PROBES, seed: int = 0
) -> StochasticInformation:
    """Mutual information of order alpha of x (n, d1) and y (n, d2), the same samples in one order, in nats.

    The joint matrix is the Hadamard product of both: the Gaussian kernel of the scaled rows side by side. One
    matrix is held at a time. Time, memory and errors are those of `entropy`, three times.
    """
    _check(alpha, probes, widths)
    first, second = (rows.to(linalg.DTYPE) / width for rows, width in zip((x, y), widths, strict=True))
    views = (first, second, torch.cat([first, second], 1))
    grams = (Gram(rows, 1.0, precise=slq_kernel.is_delicate(alpha)) for rows in views)
    return gram_information(grams, alpha=alpha, probes=probes, seed=seed)


def gram_entropy(
    gram: Gram, *, alpha: float = 1.0, probes: int = PROBES, rank: int = RANK, seed: int = 0
) -> StochasticEntropy:
    """`entropy` of a matrix that is there already."""
    return _summary([(1.0, _Order(alpha).entropies(gram, probes, rank, seed))])


def gram_information(
    grams: Iterable[Gram], *, alpha: float = 1.0, probes: int = PROBES, seed: int = 0
) -> StochasticInformation:
    """`information` of the matrices of x, of y and of both; an iterator of them may hold one at a time."""
    found = [_Order(alpha).entropies(gram, probes, RANK, seed) for gram in grams]
    one, other, joint = (_summary([(1.0, each)]) for each in found)
    both = _summary(list(zip((1.0, 1.0, -1.0), found, strict=True)))
    return StochasticInformation(one, other, joint, both)


@dataclass(frozen=True, slots=True)
class _Order:
    """Order alpha of a Renyi entropy: f of the eigenvalues, and h of its trace."""

    alpha: float

    def f(self, eigenvalues: Tensor) -> Tensor:
        if self.alpha == 1:
            return -torch.xlogy(eigenvalues, eigenvalues)
        return eigenvalues**self.alpha

    def entropies(self, gram: Gram, probes: int, rank: int, seed: int) -> Draws:
        if self.alpha == 2:
            traces, enclosure = gram.squares.expand(probes), torch.zeros_like(gram.squares)
        else:
            traces, enclosure = _traces(gram, self.f, *slq_kernel.random_vectors(gram, probes, rank, seed))
        if self.alpha != 1:
            # To first order about the mean: probes far from it would bend the logarithm.
            mean = traces.mean()
            traces = (mean.log() + (traces - mean) / mean) / (1 - self.alpha)
            enclosure = enclosure / mean / abs(1 - self.alpha)
        rounding = ROUNDING * math.sqrt(gram.n) * traces.mean()
        beyond = ((TRUNCATION * enclosure).square() + rounding.square()).sqrt()
        return Draws(traces, beyond, gram.passes)


def _check(alpha: float, probes: int, widths: tuple[float, ...]) -> None:
    if not (alpha > 0 and math.isfinite(alpha)):
        raise UsageError(f"alpha is {alpha}: give a positive finite order.")
    if probes < 3:
        raise UsageError(f"{probes} probe(s) give no interval: use at least 3.")
    if not all(width > 0 for width in widths):
        raise UsageError(f"Bandwidth {min(widths)} is not positive: give the median distance.")


def _traces(gram: Gram, f: Spectral, sketch: Tensor, probes: Tensor) -> tuple[Tensor, Tensor]:
    """tr f(A) by each probe (b,), and the width of the enclosure of their mean."""
    basis, image = slq_kernel.leading(gram, sketch, POWERS)
    head = slq_kernel.quadrature(gram, basis, HEAD_STEPS, image)
    for _ in range(2):
        probes = probes - basis @ (basis.mT @ probes)
    left = gram.squares.new_tensor(gram.n - basis.shape[1])
    known = torch.stack([left, 1 - (basis * image).sum(), gram.squares - image.square().sum()])
    gauss, radau = head.forms(f)

    def of_tail(rule: Quadrature) -> tuple[Tensor, Tensor]:
        low, high = rule.forms(f)
        return (low + high) / 2 - slq_kernel.variates(rule, f, known), (low - high).mean().abs()

    rule = slq_kernel.quadrature(gram, probes, TAIL_STEPS, enough=lambda rule: _settled(*of_tail(rule)))
    values, enclosure = of_tail(rule)
    return values + (gauss + radau).sum() / 2, enclosure + (gauss - radau).sum().abs()


def _settled(values: Tensor, enclosure: Tensor) -> bool:
    """Whether more steps would hardly narrow the interval; a few times for a matrix, on the host."""
    return bool(enclosure <= SETTLED * values.std() / math.sqrt(len(values)))


def _summary(signed: list[tuple[float, Draws]]) -> StochasticEntropy:
    """The signed sum of entropies: once per figure, on the host."""
    found = total(signed)
    value, error = float(found.value), float(found.error)
    half = half_width(error, probes=len(signed[0][1].values))
    return StochasticEntropy(value, value - half, value + half, error, found.passes)
