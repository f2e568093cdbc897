"""Stochastic matrix entropy against an eigendecomposition: error, coverage of its interval, CPU.

    python examples/benchmarks/entropy.py [--size 2000] [--seeds 400] [--kinds power_law digits] [--pairs]

Order 1, Gaussian kernel, bandwidth the median distance. Every seed has probes of its own on the same
matrix, which is made once. Errors are relative to the exact entropy, `bias` their mean, `said` the mean
standard error that came with them, `cover` the share of 95% intervals that hold it. `ratio` is CPU of one
eigvalsh in float64, without the matrix, over CPU of one estimate, with its matrix. --pairs adds the mutual
information with a noisy second view, in nats. The design was chosen on the kinds in TUNING alone.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable, Sequence

# One thread: CPU seconds of several are no measure of work.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from repdiag.stats import slq
from repdiag.stats.slq import StochasticEntropy
from repdiag.stats.slq_kernel import Gram

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


TUNING: tuple[Make, ...] = (gaussian, clusters, swiss_roll)
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


def figures(found: Sequence[StochasticEntropy], truth: float, unit: float) -> str:
    """Root mean square, mean and largest error, mean standard error, in units of `unit`, and coverage."""
    errors = np.array([one.value - truth for one in found]) / unit
    said = np.mean([one.error for one in found]) / unit
    covered = np.mean([one.low <= truth <= one.high for one in found])
    spread = f"{np.sqrt(np.mean(errors**2)):9.1e}{errors.mean():+9.1e}{abs(errors).max():9.1e}{said:9.1e}"
    return f"{truth:9.4f}{spread}{covered:7.1%}"


def entropy_line(make: Make, n: int, seeds: int) -> str:
    rows = views(make, n)[0]
    truth, reference = exact(rows)
    started = time.process_time()
    gram = Gram(rows, 1.0)
    found = [slq.gram_entropy(gram, seed=0)]
    spent = time.process_time() - started
    found += [slq.gram_entropy(gram, seed=seed) for seed in range(1, seeds)]
    cost = f"{reference:9.2f}{spent:8.2f}{reference / spent:7.1f}"
    return f"{make.__name__:11}{len(rows):7}{figures(found, truth, truth)}{cost}"


def pair_line(make: Make, n: int, seeds: int) -> str:
    each = views(make, n)
    x, y, joint = (exact(rows)[0] for rows in each)
    grams = [Gram(rows, 1.0) for rows in each]
    found = [slq.gram_information(grams, seed=seed).information for seed in range(seeds)]
    return f"{make.__name__:11}{len(each[0]):7}{figures(found, x + y - joint, 1.0)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=2000)
    parser.add_argument("--seeds", type=int, default=400)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=[make.__name__ for make in HELD_OUT])
    parser.add_argument("--pairs", action="store_true", help="mutual information too")
    options = parser.parse_args()
    torch.set_num_threads(1)
    head = f"{'exact':>9}{'rms':>9}{'bias':>9}{'largest':>9}{'said':>9}{'cover':>7}"
    print(f"{'kind':11}{'n':>7}{head}{'eigvalsh':>9}{'here':>8}{'ratio':>7}", flush=True)
    for kind in options.kinds:
        print(entropy_line(KINDS[kind], options.size, options.seeds), flush=True)
    if options.pairs:
        print(f"\nmutual information, nats\n{'kind':11}{'n':>7}{head}", flush=True)
        for kind in options.kinds:
            print(pair_line(KINDS[kind], options.size, options.seeds), flush=True)


if __name__ == "__main__":
    main()
