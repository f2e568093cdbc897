"""Bias of the mutual information of two views, with and without the correction for the number of rows.

    python examples/benchmarks/information_bias.py [--features 32 128] [--repeats N]

Views of equal size whose features correlate pair by pair, Gaussian rows of both sizes and Student rows with 5
degrees of freedom of the first. All columns but the first are nats, over the repeats. The target for the
corrected bias is 0.05 nats or half a standard deviation for Gaussian rows, 0.4 nats for Student rows.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from repdiag.stats.logdet import gaussian_information

Rows = NDArray[np.float64]
RATIOS = (2.25, 3.0, 4.0, 8.0, 16.0)
REPEATS = {32: 30, 128: 6}
STRONGEST, DECAY = 0.8, 0.9
"""Correlation of the first pair of features, and of each next one over the one before."""

GAUSSIAN_TARGET, SHARE_OF_DEVIATION, STUDENT_TARGET = 0.05, 0.5, 0.4


@dataclass(frozen=True)
class Cell:
    """One law of two views of d features each, n rows; degrees 0 is Gaussian."""

    d: int
    n: int
    degrees: int

    @property
    def correlations(self) -> Rows:
        return STRONGEST * DECAY ** np.arange(self.d)

    @property
    def truth(self) -> float:
        return float(-np.log1p(-(self.correlations**2)).sum() / 2)

    @property
    def name(self) -> str:
        return f"{f't{self.degrees}' if self.degrees else 'Gaussian'} {self.d}+{self.d}"

    def views(self, generator: np.random.Generator) -> tuple[Rows, Rows]:
        x, noise = generator.standard_normal((2, self.n, self.d))
        lengths = np.ones((self.n, 1))
        if self.degrees:
            lengths = np.sqrt(self.degrees / generator.chisquare(self.degrees, (self.n, 1)))
        y = self.correlations * x + np.sqrt(1 - self.correlations**2) * noise
        return x * lengths, y * lengths


def line(cell: Cell, repeats: int) -> str:
    """One line of the table."""
    found = [gaussian_information(*cell.views(np.random.default_rng(seed))) for seed in range(repeats)]
    plugin = np.array([f.plugin for f in found], dtype=float) - cell.truth
    value = np.array([f.value for f in found], dtype=float) - cell.truth
    deviation = float(value.std(ddof=1)) if repeats > 1 else float("nan")
    said = "met" if meets(cell, float(value.mean()), deviation) else "NOT met"
    figures = f"{cell.truth:8.2f}{plugin.mean():10.2f}{value.mean():+11.3f}{deviation:8.3f}"
    return f"{cell.name:18}{cell.n / cell.d:6.2f}{repeats:9}{figures}  {said}"


def meets(cell: Cell, bias: float, deviation: float) -> bool:
    if cell.degrees:
        return abs(bias) <= STUDENT_TARGET
    return abs(bias) <= GAUSSIAN_TARGET or abs(bias) <= SHARE_OF_DEVIATION * deviation


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--features", type=int, nargs="+", default=list(REPEATS))
    parser.add_argument("--repeats", type=int, help="default: 30 of 32+32, 6 of 128+128")
    options = parser.parse_args()
    laws = [(d, 0) for d in options.features] + [(options.features[0], 5)]
    print(
        f"{'views':18}{'n/d1':>6}{'repeats':>9}{'truth':>8}{'plug-in':>10}{'corrected':>11}{'sd':>8}  target"
    )
    for d, degrees in laws:
        for ratio in RATIOS:
            # Small views need two rows more than n/d1 = 2.25 can give.
            n = max(round(ratio * d), 2 * d + 2)
            print(line(Cell(d, n, degrees), options.repeats or REPEATS.get(d, 6)), flush=True)


if __name__ == "__main__":
    main()
