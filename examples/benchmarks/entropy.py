"""Stochastic matrix entropy against an eigendecomposition: error, coverage of its interval, CPU.

    python examples/benchmarks/entropy.py [--parts coverage pairs cost] [--size 2000] [--seeds 400]

Order 1, Gaussian kernel, bandwidth the median distance. Every seed has probes of its own on the same
matrix, which is made once. Errors of entropies are relative to the exact one, those of mutual information
with a noisy second view in nats; `bias` is their mean, `said` the mean standard error that came with them,
`held` the share of 95% intervals that hold the exact figure. `ratio` is CPU of one eigvalsh in float64,
without the matrix, over CPU of one estimate, with its matrix, at --large rows. The design was chosen on the
kinds in TUNING alone. `--write` puts the tables into docs/entropy.md.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Iterator, Sequence

# One thread: CPU seconds of several are no measure of work.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from information_parts.reading import markdown
from numpy.typing import NDArray
from targets import METHODS, written
from torch import Tensor

from repdiag.stats import slq
from repdiag.stats.slq import StochasticEntropy
from repdiag.stats.slq_kernel import Gram

PAGE = METHODS.with_name("entropy.md")
PARTS = ("coverage", "pairs", "cost")
Rows = NDArray[np.float64]
Make = Callable[[int, np.random.Generator], Rows]
NOISE = 0.5
"""Standard deviations of noise on every feature of the second view."""


def gaussian(n: int, generator: np.random.Generator) -> Rows:
    return generator.standard_normal((n, 64))


def power_law(n: int, generator: np.random.Generator) -> Rows:
    return gaussian(n, generator) * np.arange(1, 65) ** -0.5


def clusters(n: int, generator: np.random.Generator) -> Rows:
    centres = 3 * generator.standard_normal((20, 32))
    return centres[generator.integers(0, 20, n)] + generator.standard_normal((n, 32))


def swiss_roll(n: int, generator: np.random.Generator) -> Rows:
    angle = 1.5 * np.pi * (1 + 2 * generator.random(n))
    return np.stack([angle * np.cos(angle), 21 * generator.random(n), angle * np.sin(angle)], 1)


def digits(n: int, generator: np.random.Generator) -> Rows:
    """Scanned digits; beyond 1,797, the same ones moved by a pixel, 8,985 in all."""
    from sklearn.datasets import load_digits

    images: Rows = load_digits().images
    moved = [np.roll(images, move, (1, 2)) for move in ((0, 1), (0, -1), (1, 0), (-1, 0))]
    extra = np.concatenate(moved)[generator.permutation(4 * len(images))]
    rows = np.concatenate([generator.permutation(images), extra])[:n]
    return rows.reshape(len(rows), 64)


def heavy_tail(n: int, generator: np.random.Generator) -> Rows:
    return gaussian(n, generator) * np.sqrt(5 / generator.chisquare(5, (n, 1)))


def low_rank(n: int, generator: np.random.Generator) -> Rows:
    signal = generator.standard_normal((n, 5)) @ generator.standard_normal((5, 128))
    return signal + 0.3 * generator.standard_normal((n, 128))


def relu(n: int, generator: np.random.Generator) -> Rows:
    mixed = generator.standard_normal((n, 16)) @ generator.standard_normal((16, 256)) / 4
    return np.maximum(mixed + 0.3 * generator.standard_normal(256), 0)


def sphere(n: int, generator: np.random.Generator) -> Rows:
    rows = generator.standard_normal((n, 8))
    lengths: Rows = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths


def tanh(n: int, generator: np.random.Generator) -> Rows:
    mixed = generator.standard_normal((n, 12)) @ generator.standard_normal((12, 192)) / 3
    found: Rows = np.tanh(mixed + 0.5 * generator.standard_normal(192))
    return found


def scales(n: int, generator: np.random.Generator) -> Rows:
    return generator.standard_normal((n, 24)) * np.exp(0.7 * generator.standard_normal((n, 1)))


def sparse(n: int, generator: np.random.Generator) -> Rows:
    return generator.standard_normal((n, 100)) * (generator.random((n, 100)) < 0.1)


TUNING: tuple[Make, ...] = (gaussian, clusters, swiss_roll, tanh, scales, sparse)
HELD_OUT: tuple[Make, ...] = (power_law, digits, heavy_tail, low_rank, relu, sphere)
KINDS = {make.__name__: make for make in TUNING + HELD_OUT}


def median_distance(rows: Tensor) -> float:
    return float(torch.pdist(rows[:1000]).median())


def exact(rows: Tensor) -> tuple[float, float]:
    """The entropy of K/n at bandwidth one, and CPU seconds of its eigenvalues."""
    distances = torch.cdist(rows, rows, compute_mode="donot_use_mm_for_euclid_dist")
    matrix = distances.square_().div_(-2).exp_().div_(len(rows))
    started = time.process_time()
    eigenvalues = torch.linalg.eigvalsh(matrix).clamp_(min=0)
    spent = time.process_time() - started
    return float(-torch.xlogy(eigenvalues, eigenvalues).sum()), spent


def views(make: Make, n: int) -> list[Tensor]:
    """x, y and both side by side, in units of their bandwidths."""
    generator = np.random.default_rng(sum(make.__name__.encode()))
    x = make(n, generator)
    y = x + NOISE * x.std(0) * generator.standard_normal(x.shape)
    scaled = [rows / median_distance(rows) for rows in map(torch.as_tensor, (x, y))]
    return [*scaled, torch.cat(scaled, 1)]


def figures(found: Sequence[StochasticEntropy], truth: float, unit: float) -> list[str]:
    """Root mean square, mean and largest error, mean standard error, in units of `unit`, and coverage."""
    errors = np.array([one.value - truth for one in found]) / unit
    said = float(np.mean([one.error for one in found])) / unit
    spread = (np.sqrt(np.mean(errors**2)), errors.mean(), abs(errors).max(), said)
    held = float(np.mean([one.low <= truth <= one.high for one in found]))
    return [f"{truth:.4f}", *(f"{each:.1e}" for each in spread), f"{held:.1%}"]


HEAD = ["kind", "n", "exact", "rms error", "bias", "largest", "said", "held"]


def coverage_row(make: Make, options: argparse.Namespace) -> list[str]:
    rows = views(make, options.size)[0]
    truth, _ = exact(rows)
    gram = Gram(rows, 1.0)
    found = [slq.gram_entropy(gram, seed=seed) for seed in range(options.seeds)]
    return [make.__name__, f"{len(rows):,}", *figures(found, truth, truth)]


def pairs_row(make: Make, options: argparse.Namespace) -> list[str]:
    each = views(make, options.size)
    x, y, joint = (exact(rows)[0] for rows in each)
    grams = [Gram(rows, 1.0) for rows in each]
    found = [slq.gram_information(grams, seed=seed).information for seed in range(options.pair_seeds)]
    return [make.__name__, f"{len(each[0]):,}", *figures(found, x + y - joint, 1.0)]


def cost_row(make: Make, options: argparse.Namespace) -> list[str]:
    rows = views(make, options.large)[0]
    truth, reference = exact(rows)
    found, spent, passes = [], [], []
    for seed in range(options.cost_seeds):
        started = time.process_time()
        found.append(slq.entropy(rows, 1.0, seed=seed))
        spent.append(time.process_time() - started)
        passes.append(found[-1].passes)
    here = float(np.median(spent))
    cost = [f"{np.mean(passes):.0f}", f"{reference:.1f}", f"{here:.2f}", f"{reference / here:.1f}x"]
    return [make.__name__, f"{len(rows):,}", *figures(found, truth, truth)[:-1], *cost]


TABLES: dict[str, tuple[list[str], Callable[[Make, argparse.Namespace], list[str]]]] = {
    "coverage": (HEAD, coverage_row),
    "pairs": (HEAD, pairs_row),
    "cost": ([*HEAD[:-1], "passes", "eigvalsh, CPU s", "here, CPU s", "ratio"], cost_row),
}


def lines(options: argparse.Namespace, part: str) -> Iterator[list[str]]:
    for kind in options.kinds:
        row = TABLES[part][1](KINDS[kind], options)
        print(" ".join(row), flush=True)
        yield row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="*", choices=PARTS, default=PARTS)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=[make.__name__ for make in HELD_OUT])
    parser.add_argument("--size", type=int, default=2000, help="rows of coverage and of pairs")
    parser.add_argument("--seeds", type=int, default=400, help="of coverage")
    parser.add_argument("--pair-seeds", type=int, default=100)
    parser.add_argument("--large", type=int, default=8000, help="rows of the cost")
    parser.add_argument("--cost-seeds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/entropy.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for part in options.parts:
        table = markdown(TABLES[part][0], list(lines(options, part)))
        print(f"\n{part}\n\n{table}\n", flush=True)
        if options.write:
            written({part: table}, PAGE)


if __name__ == "__main__":
    main()
