"""CPU time and memory of order 2 in closed form, and of diffusion entropy, against dense linear algebra."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from repdiag.accumulators.gram import BLOCK
from repdiag.analysis.bandwidth import kernel_of
from repdiag.analysis.frame import SAMPLE_ROWS
from repdiag.analysis.pair_records import Extent, Gathered, replicas
from repdiag.analysis.pair_sources import PairRows
from repdiag.measures.pair_grams import diffusion_spectral_entropy
from repdiag.measures.pair_inputs import PairNeed
from repdiag.measures.pair_registry import parse_pair_selection
from repdiag.stats.jackknife import Interval, interval
from repdiag.types import GROUPS

from .reading import cost, estimates, markdown

PUBLISHED = 10.0
"""The bandwidth of the published diffusion entropy."""


@dataclass(frozen=True)
class Order2:
    """Entropies of x, y and both, plug-in and debiased information, and its interval."""

    entropies: tuple[float, ...]
    plugin: float
    value: float
    reach: Interval | None


def closed_form(found: Gathered) -> Order2:
    """All of renyi_mi at order 2 with a delete-one jackknife interval: what the library does on rows."""
    extent = Extent(gram_rows=found.n, figure_rows=1000, intervals=True, tied=False)
    held = replicas(PairNeed.GRAM, found, extent)
    selection = parse_pair_selection("renyi_mi")
    reading, value = selection(held.total), float(selection.corrected(held.total))
    left = [each for record in held.without() for each in selection.corrected(record).tolist()]
    x, y = (float(reading.details[f"entropy_{name}"]) for name in "xy")
    plugin = float(reading.value)
    reach = interval(value, left, held.sizes, confidence=0.95, scale="linear")
    return Order2((x, y, x + y - plugin), plugin, value, reach)


def three_eigenvalues(found: Gathered) -> tuple[float, ...]:
    """Entropies of order 2 from the eigenvalues of both kernel matrices and of their product."""
    x, y = (_kernel(z, width) for z, width in zip((found.rows.x, found.rows.y), found.widths, strict=True))
    grams = (x, y, x * y)
    return tuple(-math.log(float(torch.linalg.eigvalsh(each / found.n).square().sum())) for each in grams)


def order_two(sizes: Sequence[int], exact: int, d: int, seed: int) -> str:
    """Against three eigendecompositions of `exact` rows, and alone for `sizes`; all with one thread."""
    rows: list[list[str]] = []
    spent: dict[int, float] = {}
    closed_form(gathered(BLOCK, d, seed))  # what the first call alone pays
    for n in (exact, *sizes):
        found = gathered(n, d, seed)
        _, spent[n], extra = cost(lambda: closed_form(found))  # noqa: B023
        _, whole, _ = cost(lambda: estimates(*_views(n, d, seed), ("renyi_mi",), "auto"))  # noqa: B023
        eigen, worst = _against(found) if n == exact else (math.nan, math.nan)
        ratio = "" if n != exact else f"{eigen / spent[n]:.0f}x"
        cells = [f"{n:,}", f"{spent[n]:.2f}", f"{max(extra, 0):.0f}", f"{whole:.2f}"]
        rows.append([*cells, _shown(eigen, ".1f"), ratio, _shown(worst, ".1e")])
    head = [
        "n",
        "CPU s",
        "extra MB",
        "whole call, CPU s",
        "three eigvalsh, CPU s",
        "ratio",
        "largest difference",
    ]
    return f"{markdown(head, rows)}\n\n{_exponent(spent)}"


def _exponent(spent: Mapping[int, float]) -> str:
    sizes = sorted(spent)[-2:]
    power = np.polyfit(np.log(sizes), np.log([spent[n] for n in sizes]), 1)[0] if len(sizes) > 1 else math.nan
    return f"CPU time grows as n^{power:.2f} between the last two sizes."


def _against(found: Gathered) -> tuple[float, float]:
    """CPU seconds of the dense way, and the largest relative difference of entropies and information."""
    exact, spent, _ = cost(lambda: three_eigenvalues(found))
    ours = closed_form(found)
    theirs = (*exact, exact[0] + exact[1] - exact[2])
    pairs = zip((*ours.entropies, ours.plugin), theirs, strict=True)
    return spent, max(abs(a / b - 1) for a, b in pairs)


def diffusion(n: int, d: int, seed: int) -> str:
    """Entropy at the published bandwidth, against products with dense diagonal matrices."""
    x, _ = _views(n, d, seed)
    dense, slow, _ = cost(lambda: dense_diffusion_entropy(x, PUBLISHED))
    ours, fast, _ = cost(lambda: float(diffusion_spectral_entropy(torch.from_numpy(x), PUBLISHED)))
    bits = dense * math.log(2)
    head = ["n", "d", "this library, nats", "dense way, nats", "CPU s", "dense way, CPU s", "ratio"]
    cells = [f"{n:,}", str(d), f"{ours:.8f}", f"{bits:.8f}", f"{fast:.1f}", f"{slow:.1f}"]
    return markdown(head, [[*cells, f"{slow / fast:.1f}x"]])


def dense_diffusion_entropy(rows: np.ndarray, width: float) -> float:
    """-sum p log2 p of D^-1/2 G D^-1/2, the way it is written down: two products with diagonal matrices."""
    squares = (rows**2).sum(1)
    distances = np.maximum(squares[:, None] + squares - 2 * rows @ rows.T, 0)
    gram = np.exp(-distances / (2 * width**2))
    scale = np.diag(gram.sum(1) ** -0.5)
    values = np.abs(np.linalg.eigvalsh(scale @ gram @ scale))
    shares = values / values.sum()
    shares = shares[shares > 0]
    return float(-(shares * np.log2(shares)).sum())


def gathered(n: int, d: int, seed: int) -> Gathered:
    """Two correlated Gaussian views as one pass over a store leaves them."""
    x, y = map(torch.from_numpy, _views(n, d, seed))
    kernels = kernel_of(x[:SAMPLE_ROWS]), kernel_of(y[:SAMPLE_ROWS])
    groups = (np.arange(n) % GROUPS).astype(np.uint8)
    return Gathered(n, 0, PairRows(x, y, groups), {}, kernels)


def _views(n: int, d: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    x, noise = np.random.default_rng(seed).standard_normal((2, n, d))
    return x, 0.9 * x + math.sqrt(1 - 0.81) * noise


def _kernel(rows: Tensor, width: float) -> Tensor:
    return torch.exp(torch.cdist(rows, rows).square() / (-2 * width**2))


def _shown(value: float, form: str) -> str:
    return "" if math.isnan(value) else format(value, form)
