"""How small a drop `repdiag compare` sees, and how often it sees one that is not there.

    python examples/benchmarks/paired.py [--repeats 24] [--features 128]

A and B are of one population, their rows correlated 0.95; B then has its effective rank lowered by 0, 5 or
10% (every eigenvalue raised to the power that does it). A drop is found where the interval of the ratio lies
below one. `cover` is the share of intervals that hold the true ratio; `se` is the median standard error of
the paired and of the unpaired comparison, in percent.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from repdiag.analysis import Side, SpectrumRequest, compare
from repdiag.results import Estimate
from repdiag.store import memory_store

Rows = NDArray[np.float64]
CORRELATION = 0.95
DROPS = (0.0, 0.05, 0.10)
SPECTRA = {"i^-0.5": (0.5, 0), "i^-1": (1.0, 0), "t5 i^-1": (1.0, 5)}
RATIOS = (2, 8)
RANK = "effective_rank"


@dataclass(frozen=True)
class Cell:
    """One spectrum at one n/d: standard normal rows, their lengths, and the eigenvalues."""

    n: int
    d: int
    exponent: float
    degrees: int

    def spectrum(self, power: float = 1.0) -> Rows:
        return np.arange(1, self.d + 1, dtype=float) ** (-self.exponent * power)

    def lowered(self, drop: float) -> Rows:
        """The spectrum whose effective rank is lower by `drop`: bisection over the power."""
        wanted = (1 - drop) * effective_rank(self.spectrum())
        low, high = 1.0, 4.0
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if effective_rank(self.spectrum(middle)) > wanted else (low, middle)
        return self.spectrum(low)

    def rows(self, generator: np.random.Generator, drop: float) -> tuple[Rows, Rows]:
        """A and B, before any rotation: nothing that is measured depends on one."""
        first, other = generator.standard_normal((2, self.n, self.d))
        second = CORRELATION * first + np.sqrt(1 - CORRELATION**2) * other
        lengths = np.ones((self.n, 1))
        if self.degrees:
            lengths = np.sqrt(self.degrees / generator.chisquare(self.degrees, (self.n, 1)))
        spectra = self.spectrum(), self.lowered(drop)
        a, b = (rows * lengths * np.sqrt(s) for rows, s in zip((first, second), spectra, strict=True))
        return a, b


def effective_rank(eigenvalues: Rows) -> float:
    shares = eigenvalues / eigenvalues.sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))


def ratio(a: Rows, b: Rows, *, paired: bool = True) -> Estimate:
    """B/A through the library; ids that have nothing in common make it unpaired."""
    names = [f"s{row}" for row in range(len(a))]
    others = names if paired else [f"other {name}" for name in names]
    sides = Side(memory_store(a, ids=names)), Side(memory_store(b, ids=others))
    found = compare(*sides, SpectrumRequest(measures=(RANK,), device="cpu"))
    return found.pairs[0].estimates[RANK]


def below(estimate: Estimate) -> bool:
    return estimate.high is not None and estimate.high < 1


def half_width(estimate: Estimate) -> float:
    """In percent, from a 95% interval with 19 degrees of freedom."""
    low, high = estimate.low or 1.0, estimate.high or 1.0
    return 100 * float(np.log(high / low)) / 2 / 2.093


def row(cell: Cell, repeats: int) -> tuple[str, int]:
    """One line of the table, and its false alarms."""
    found: dict[float, list[Estimate]] = {drop: [] for drop in DROPS}
    apart = []
    for seed in range(repeats):
        for drop in DROPS:
            a, b = cell.rows(np.random.default_rng(seed), drop)
            found[drop].append(ratio(a, b))
        apart.append(ratio(a, b, paired=False))
    shares = [f"{100 * np.mean([below(e) for e in found[drop]]):8.0f}" for drop in DROPS]
    shares.append(f"{100 * np.mean([below(e) for e in apart]):12.0f}")
    cover = [f"{100 * np.mean([covers(e, 1 - drop) for e in found[drop]]):5.0f}" for drop in DROPS]
    size = median(map(half_width, found[0.0])), median(map(half_width, apart))
    bias = [
        f"{100 * np.mean([np.log((e.value or 1) / (1 - drop)) for e in found[drop]]):+6.2f}" for drop in DROPS
    ]
    text = "".join(shares) + "  " + "".join(cover) + f"{size[0]:8.2f} /{size[1]:6.2f}" + "".join(bias)
    return text, sum(map(below, found[0.0]))


def covers(estimate: Estimate, truth: float) -> bool:
    return (estimate.low or 0) <= truth <= (estimate.high or 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=24)
    parser.add_argument("--features", type=int, default=128)
    options = parser.parse_args()
    print(
        f"d = {options.features}, {options.repeats} repeats, found %; unpaired: the 10% drop of the same rows"
    )
    print(f"{'spectrum, n/d':16}{'no drop':>8}{'-5%':>8}{'-10%':>8}{'unpaired':>12}  {'cover %':^15}", end="")
    print(f"{'se %':>12}{'bias %':>20}")
    alarms = 0
    for per_feature in RATIOS:
        for name, (exponent, degrees) in SPECTRA.items():
            cell = Cell(per_feature * options.features, options.features, exponent, degrees)
            text, false = row(cell, options.repeats)
            alarms += false
            print(f"{name + ', ' + str(per_feature):16}{text}", flush=True)
    print(f"false alarms: {alarms} of {len(RATIOS) * len(SPECTRA) * options.repeats}")


if __name__ == "__main__":
    main()
