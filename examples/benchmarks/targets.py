"""How close the corrected figures come to the truth, how often their intervals hold it, how gates decide.

    python examples/benchmarks/targets.py [--bias 100] [--intervals 30] [--ratios 0.5 1 2 4] [--seed 0]

Draws samples from populations whose spectrum is known (d = 256, digits d = 64) and reads `effective_rank`,
`rankme{center=true}` and `participation_ratio` through the library. Prints Markdown tables: bias on the log
scale with its standard deviation, coverage of the 95% interval, verdicts for a limit 10% from the truth, and
the cost in units of one eigendecomposition. `--write` puts them into docs/methods.md between its markers.
"""

from __future__ import annotations

import argparse
import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from repdiag import SpectrumRequest, analyse_spectrum, memory_store
from repdiag.results import Estimate

D = 256
MEASURES = ("effective_rank", "rankme{center=true}", "participation_ratio")
METHODS = Path(__file__).resolve().parents[2] / "docs" / "methods.md"
Draw = Callable[[int, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Population:
    """A law of rows and the eigenvalues of its covariance."""

    draw: Draw
    eigenvalues: np.ndarray

    @property
    def d(self) -> int:
        return len(self.eigenvalues)

    def truth(self, measure: str) -> float:
        values = self.eigenvalues
        if measure == "participation_ratio":
            return float(values.sum() ** 2 / (values**2).sum())
        values = np.sqrt(values) if measure.startswith("rankme") else values
        shares = values / values.sum()
        shares = shares[shares > 0]
        return float(np.exp(-(shares * np.log(shares)).sum()))


def gaussian(eigenvalues: np.ndarray, mean: float = 0.0) -> Population:
    scale = np.sqrt(eigenvalues)
    return Population(lambda n, r: mean + r.standard_normal((n, len(scale))) * scale, eigenvalues)


def student(eigenvalues: np.ndarray, degrees: int = 5) -> Population:
    def draw(n: int, r: np.random.Generator) -> np.ndarray:
        rows = r.standard_normal((n, len(eigenvalues))) * np.sqrt(eigenvalues)
        return rows / np.sqrt(r.chisquare(degrees, (n, 1)) / degrees)

    return Population(draw, eigenvalues)


def finite(rows: np.ndarray) -> Population:
    """Rows drawn with replacement: exact repeats are part of this law."""
    values = np.linalg.eigvalsh(np.cov(rows, rowvar=False, ddof=0))[::-1]
    return Population(lambda n, r: rows[r.integers(0, len(rows), n)], values.clip(min=0))


def clusters(spread: float = 1.0) -> Population:
    """Ten Gaussian clusters with equal trace between and within."""
    centres = np.random.default_rng(7).standard_normal((10, D))
    centres = (centres - centres.mean(0)) * math.sqrt(spread)
    covariance = np.eye(D) * (centres**2).sum() / 10 / D + centres.T @ centres / 10
    within = math.sqrt((centres**2).sum() / 10 / D)
    return Population(
        lambda n, r: centres[r.integers(0, 10, n)] + within * r.standard_normal((n, D)),
        np.linalg.eigvalsh(covariance)[::-1],
    )


@cache
def digits() -> np.ndarray:
    from sklearn.datasets import load_digits

    return np.asarray(load_digits().data, dtype=np.float64)


def relu_features() -> np.ndarray:
    weights = np.random.default_rng(3).standard_normal((64, D)) / 8
    return np.maximum(digits() @ weights, 0)


def populations() -> dict[str, Population]:
    i = np.arange(1, D + 1, dtype=np.float64)
    return {
        "isotropic": gaussian(np.ones(D)),
        "i^-0.5": gaussian(i**-0.5),
        "i^-0.7": gaussian(i**-0.7),
        "i^-1": gaussian(i**-1.0),
        "i^-1.2": gaussian(i**-1.2),
        "i^-2": gaussian(i**-2.0),
        "exp(-i/40)": gaussian(np.exp(-i / 40)),
        "16 of 256": gaussian(np.where(i <= 16, 1.0, 1e-3)),
        "cone": gaussian(np.concatenate([[64.0, 16.0, 4.0], np.ones(D - 3)]), mean=20.0),
        "t5 isotropic": student(np.ones(D)),
        "t5 i^-1": student(i**-1.0),
        "10 clusters": clusters(),
        "digits": finite(digits()),
        "ReLU of digits": finite(relu_features()),
    }


@dataclass(frozen=True)
class Read:
    """One estimate and its truth."""

    estimate: Estimate
    truth: float

    @property
    def error(self) -> float:
        assert self.estimate.value is not None
        return math.log(self.estimate.value / self.truth)

    @property
    def holds(self) -> bool:
        low, high = self.estimate.low, self.estimate.high
        return low is not None and high is not None and low <= self.truth <= high

    def verdict(self, limit: float) -> str:
        """The gate on a minimum of `limit` times the truth."""
        low, high = self.estimate.low, self.estimate.high
        if low is None or high is None:
            return "inconclusive"
        return (
            "pass" if low >= limit * self.truth else "fail" if high < limit * self.truth else "inconclusive"
        )


def read(
    population: Population, n: int, seed: int, interval: str, measures: Sequence[str]
) -> dict[str, Read]:
    rows = population.draw(n, np.random.default_rng(seed))
    ids = [f"{seed}-{row}" for row in range(n)]
    request = SpectrumRequest(measures=tuple(measures), interval=interval, device="cpu")  # type: ignore[arg-type]
    (found,) = analyse_spectrum([memory_store(rows, ids=ids)], request).representations
    return {name: Read(found.estimates[name], population.truth(name)) for name in measures}


def percent(values: Sequence[float]) -> str:
    """Mean and standard deviation."""
    return f"{100 * np.mean(values):+.1f} ({100 * np.std(values):.1f})"


def bias_table(ratios: Sequence[float], repeats: int, seed: int, measure: str) -> str:
    head = "| n/d | " + " | ".join(populations()) + " |"
    lines = [head, "|---" * (len(populations()) + 1) + "|"]
    for ratio in ratios:
        cells = []
        for population in populations().values():
            n = max(int(ratio * population.d), 8)
            runs = [read(population, n, seed + k, "none", (measure,))[measure] for k in range(repeats)]
            found = [run.error for run in runs if run.estimate.value is not None]
            cells.append(percent(found) if found else "withheld")
        lines.append(f"| {ratio:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def interval_tables(ratios: Sequence[float], repeats: int, seed: int) -> tuple[str, str]:
    """Coverage of each measure, and verdicts of gates 10% above and below the truth."""
    coverage = ["| n/d | measure | pooled | worst | per population |", "|---|---|---|---|---|"]
    gates = ["| n/d | wrong | inconclusive, truth above | inconclusive, truth below |", "|---|---|---|---|"]
    for ratio in ratios:
        runs: dict[str, list[dict[str, Read]]] = {}
        for name, population in populations().items():
            n = max(int(ratio * population.d), 8)
            runs[name] = [read(population, n, seed + 1000 + k, "full", MEASURES) for k in range(repeats)]
        coverage += [coverage_row(ratio, measure, runs) for measure in MEASURES]
        gates.append(gate_row(ratio, [run["effective_rank"] for each in runs.values() for run in each]))
    return "\n".join(coverage), "\n".join(gates)


def coverage_row(ratio: float, measure: str, runs: dict[str, list[dict[str, Read]]]) -> str:
    held = {}
    for name, each in runs.items():
        # A bound in place of a value makes no claim that the truth lies below it.
        judged = [run[measure] for run in each if run[measure].estimate.value is not None]
        if judged:
            held[name] = 100 * float(np.mean([one.holds for one in judged]))
    cells = ", ".join(f"{name} {share:.0f}" for name, share in held.items())
    pooled, worst = float(np.mean(list(held.values()))), min(held.values())
    return f"| {ratio:g} | `{measure}` | {pooled:.1f} | {worst:.0f} | {cells} |"


def gate_row(ratio: float, runs: Sequence[Read]) -> str:
    above = [run.verdict(1 / 1.1) for run in runs]
    below = [run.verdict(1.1) for run in runs]
    wrong = above.count("fail") + below.count("pass")
    open_above = 100 * above.count("inconclusive") / len(runs)
    open_below = 100 * below.count("inconclusive") / len(runs)
    return f"| {ratio:g} | {wrong} of {2 * len(runs)} | {open_above:.0f}% | {open_below:.0f}% |"


def cost_lines() -> str:
    """CPU time in units of one eigendecomposition with vectors, d = 768, n = 1,024."""
    rows = np.random.default_rng(0).standard_normal((1024, 768))
    covariance = np.cov(rows, rowvar=False)
    lines = []
    units = [timed(lambda: np.linalg.eigh(covariance)) for _ in range(3)]
    for interval in ("none", "fast", "full"):
        request = SpectrumRequest(measures=("effective_rank",), interval=interval, device="cpu")  # type: ignore[arg-type]
        store = memory_store(rows)
        spent = min(timed(lambda: analyse_spectrum([store], request)) for _ in range(2))  # noqa: B023
        value = analyse_spectrum([store], request).representations[0].estimates["effective_rank"]
        lines.append(
            f"interval {interval}: {spent / min(units):.1f} x one eigh, value {value.value / 768:.3f} d"
        )
    return "\n".join(lines)


def timed(action: Callable[[], object]) -> float:
    start = time.process_time()
    action()
    return time.process_time() - start


def written(tables: dict[str, str], page: Path = METHODS) -> None:
    """Put the tables between their markers in a page."""
    text = page.read_text(encoding="utf-8")
    for name, table in tables.items():
        pattern = rf"(<!-- table: {name} -->\n).*?(<!-- end -->)"
        text = re.sub(
            pattern, lambda found, table=table: f"{found[1]}\n{table}\n\n{found[2]}", text, flags=re.S
        )
    page.write_text(text, encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bias", type=int, default=100, help="repeats without intervals")
    parser.add_argument("--intervals", type=int, default=30, help="repeats with full intervals")
    parser.add_argument("--ratios", type=float, nargs="+", default=[0.25, 0.5, 1, 2, 4])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    bias = bias_table(options.ratios, options.bias, options.seed, "effective_rank")
    print(f"effective_rank, bias % (standard deviation %), {options.bias} repeats\n\n{bias}\n")
    ratio = bias_table(options.ratios, options.bias, options.seed, "participation_ratio")
    print(f"participation_ratio, the same\n\n{ratio}\n")
    coverage, gates = interval_tables(options.ratios, options.intervals, options.seed)
    print(f"coverage of 95% intervals, {options.intervals} repeats each\n\n{coverage}\n")
    print(f"verdicts 10% from the limit\n\n{gates}\n\n{cost_lines()}")
    if options.write:
        tables = {"bias": bias, "participation": ratio, "coverage": coverage, "gate": gates}
        written(tables)


if __name__ == "__main__":
    main()
