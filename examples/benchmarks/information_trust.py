"""Does `repdiag information` say more than it can: resolved figures of unrelated views, intervals too wide.

    python examples/benchmarks/information_trust.py [--parts told covered] [--seeds 200] [--rows 300]

told: how often the status of each measure is ok for unrelated views, and for views that correlate by 0.9 one
by one; dear: the same of measures that take eigenvalues. The target is at most 5% of unrelated ones. covered:
how often an interval holds the mean of fresh samples of that size, and its width over that of 95% of them.
`--write` puts the tables into docs/information.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from information_parts.reading import estimates, markdown, short
from numpy.typing import NDArray
from targets import METHODS, written

Rows = NDArray[np.float64]
PAGE = METHODS.with_name("information.md")
QUICK = (
    "renyi_mi",
    "logdet_mi",
    "gaussian_mi",
    "cka",
    "cka{unbiased=false}",
    "alignment",
    "mmcr",
    "cs_qmi",
    "ksg_mi",
)
DEAR = ("renyi_mi{alpha=1}", "matrix_mi", "diffusion_mi")
"""Without intervals, which take a minute."""

ENTROPIES = ("renyi_joint_entropy", "renyi_conditional_entropy", "renyi_mi", "cs_qmi", "cka", "logdet_mi")
PARTS = ("told", "dear", "covered")
RELATED, COVERED_BY = 0.9, 0.7
FEWER = 5
"""A fifth of the seeds does where every figure is resolved."""

CLASSES, APART, DEGREES = 5, 4.0, 3.0


@dataclass(frozen=True)
class Law:
    """Views of d features a side, from a function of generator, n and d."""

    name: str
    d: int
    draw: Callable[[np.random.Generator, int, int], Rows]

    def views(self, generator: np.random.Generator, n: int, rho: float) -> tuple[Rows, Rows]:
        x, other = (self.draw(generator, n, self.d) for _ in range(2))
        return x, rho * x + np.sqrt(1 - rho**2) * other


def gaussian(generator: np.random.Generator, n: int, d: int) -> Rows:
    return generator.standard_normal((n, d))


def student(generator: np.random.Generator, n: int, d: int) -> Rows:
    return generator.standard_normal((n, d)) * np.sqrt(DEGREES / generator.chisquare(DEGREES, (n, 1)))


def clusters(generator: np.random.Generator, n: int, d: int) -> Rows:
    centres = APART * np.random.default_rng(0).standard_normal((CLASSES, d))
    return centres[generator.integers(CLASSES, size=n)] + generator.standard_normal((n, d))


LAWS = (
    Law("Gaussian 8+8", 8, gaussian),
    Law("Gaussian 64+64", 64, gaussian),
    Law("Student t3 8+8", 8, student),
    Law("5 clusters 8+8", 8, clusters),
)


def told(seeds: int, n: int, dear: bool) -> str:
    """Per cent of seeds with status ok: unrelated views, then related ones."""
    names = DEAR if dear else QUICK
    head = ["measure", *(f"{law.name}, {kind}" for law in LAWS for kind in ("unrelated", "related"))]
    columns = [
        resolved(law, rho, repeats, n, names, "none" if dear else "auto")
        for law in LAWS
        for rho, repeats in ((0, seeds), (RELATED, max(1, seeds // FEWER)))
    ]
    lines = [[f"`{name}`", *(f"{column[i]:.1%}" for column in columns)] for i, name in enumerate(names)]
    return markdown(head, lines)


def resolved(law: Law, rho: float, seeds: int, n: int, names: Sequence[str], interval: str) -> Rows:
    """Share of seeds at which each measure has status ok."""
    found = [
        [each.status == "ok" for each in estimates(*drawn(law, seed, n, rho), names, interval).values()]
        for seed in range(seeds)
    ]
    return np.mean(found, axis=0)


def covered(seeds: int, n: int) -> str:
    """Coverage of the mean of all seeds, and width of the interval over that of 95% of the figures."""
    lines = []
    for law in LAWS:
        found = [estimates(*drawn(law, seed, n, COVERED_BY), ENTROPIES, "auto") for seed in range(seeds)]
        for name in ENTROPIES:
            values = np.array([[each[name].low, each[name].value, each[name].high] for each in found], float)
            lines.append([f"`{name}`", law.name, *line(values)])
    return markdown(["measure", "law", "figure", "deviation", "coverage", "width"], lines)


def line(values: Rows) -> list[str]:
    low, middle, high = values.T
    truth, deviation = float(middle.mean()), float(middle.std(ddof=1))
    inside = float(((low <= truth) & (truth <= high)).mean())
    width = float((high - low).mean() / (2 * 1.96 * deviation))
    return [short(truth), short(deviation), f"{inside:.0%}", f"{width:.2f}"]


def drawn(law: Law, seed: int, n: int, rho: float) -> tuple[Rows, Rows]:
    return law.views(np.random.default_rng([seed, law.d]), n, rho)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--parts", nargs="*", choices=("told", "dear", "covered"), default=("told", "covered")
    )
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--rows", type=int, default=300)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/information.md")
    options = parser.parse_args()
    torch.set_num_threads(1)
    for part in options.parts:
        made = (
            covered(options.seeds, options.rows)
            if part == "covered"
            else told(options.seeds, options.rows, part == "dear")
        )
        print(f"{part}\n\n{made}\n", flush=True)
        if options.write:
            written({part: made}, PAGE)


if __name__ == "__main__":
    main()
