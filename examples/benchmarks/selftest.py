"""Do the limits that `repdiag selftest` prints hold in fresh samples?

For each population and n/d: the limits from one sample, then as many fresh samples as asked for with the
collapse planted at the severity from which on the self-test claims to see it, and at the one up to which it
says that it is missed. The first must be found in at least 90% of runs, the second in fewer.

    python examples/benchmarks/selftest.py --features 32 --ratios 4 --write
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from targets import written

from repdiag import memory_store
from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.check import build_policy, required_measures
from repdiag.selftest.drop import against_clean
from repdiag.selftest.gate import Bench, absolute
from repdiag.selftest.ladder import Trial, is_found
from repdiag.selftest.plantings import PLANTINGS, Planting, Specimen
from repdiag.selftest.records import LimitRecord
from repdiag.selftest.run import SelftestRequest, selftest
from repdiag.synthetic import Cloud, clusters, heavy_tail, power_law

POPULATIONS: dict[str, Callable[[int, int, int], Cloud]] = {
    "power law": lambda n, d, seed: power_law(n, d, seed=seed),
    "clusters": lambda n, d, seed: clusters(n, d, classes=10, separation=4.0, seed=seed),
    "t5": lambda n, d, seed: heavy_tail(n, d, seed=seed),
}
HEAD = "| population | n/d | planted | sees from | found | misses up to | found |"
CLASSES = 5
FEWEST = 10
"""Runs below which a rate says nothing, and the exit code is 0."""
PAGE = Path(__file__).parents[2] / "docs" / "selftest.md"
POLICY = build_policy()
REQUEST = SpectrumRequest(measures=required_measures(POLICY))


@dataclass(frozen=True, slots=True)
class Rates:
    """In how many of the fresh runs a planting was found at the two limits; None where there is none."""

    planted: str
    above: tuple[str, int] | None
    below: tuple[str, int] | None


def labels(cloud: Cloud) -> np.ndarray:
    """Classes of the population, else classes that say nothing."""
    own = np.arange(cloud.n) if cloud.labels is None else cloud.labels.numpy()
    return (own % CLASSES).astype(np.int64)


def rows_of(cloud: Cloud) -> np.ndarray:
    """As a store would hold them."""
    return cloud.samples.numpy().astype(np.float32)


def claimed(cloud: Cloud, plantings: list[Planting]) -> list[LimitRecord]:
    """The limits that the self-test prints for one sample."""
    store = memory_store(rows_of(cloud), ids=[str(i) for i in range(cloud.n)], labels=labels(cloud))
    return selftest(store, SelftestRequest(POLICY, REQUEST, plantings=plantings)).places[0].limits


def fresh(cloud: Cloud, seed: int, folder: Path) -> Trial:
    """The gate on another sample."""
    ids = [str(i) for i in range(cloud.n)]
    store = memory_store(rows_of(cloud), ids=ids, labels=labels(cloud))
    address = store.representations[0].address
    clean = analyse_spectrum([store], REQUEST)
    columns = {"label": labels(cloud)}
    bench = Bench(address, "float32", absolute(POLICY), REQUEST, clean, tuple(ids), columns)
    rows = torch.from_numpy(rows_of(cloud).astype(np.float64))
    specimen = Specimen(rows, torch.from_numpy(labels(cloud)))
    paired = against_clean(bench, specimen, POLICY, folder)
    return Trial(bench, paired, None, specimen, bench.read(specimen).plain, POLICY, seed)


def rates(
    make: Callable[[int], Cloud], limits: list[LimitRecord], plantings: list[Planting], runs: int
) -> Iterator[Rates]:
    """The rate at which each limit is found in fresh samples."""
    counts = {(limit.planted, side): 0 for limit in limits for side in ("sees_from", "misses_up_to")}
    for run in range(runs):
        with TemporaryDirectory() as folder:
            trial = fresh(make(1000 + run), run, Path(folder))
            for planting, limit in zip(plantings, limits, strict=True):
                for side in ("sees_from", "misses_up_to"):
                    severity = getattr(limit, side)
                    if severity is not None:
                        found = trial.whole(planting, severity.value)
                        counts[limit.planted, side] += is_found(planting, limit.must, found)
    for limit in limits:
        sees, misses = limit.sees_from, limit.misses_up_to
        yield Rates(
            limit.planted,
            None if sees is None else (sees.text, counts[limit.planted, "sees_from"]),
            None if misses is None else (misses.text, counts[limit.planted, "misses_up_to"]),
        )


def row(one: Rates, place: str, runs: int) -> tuple[str, int, int]:
    """A line of the table, how many of its limits were tried, and how many of them hold."""
    pairs = (one.above, one.below)
    cells = ("- | -" if pair is None else f"{pair[0]} | {pair[1]}/{runs}" for pair in pairs)
    held = [pair[1] >= 0.9 * runs for pair in (one.above,) if pair]
    held += [pair[1] < 0.9 * runs for pair in (one.below,) if pair]
    line = f"| {place} | {one.planted} | {' | '.join(cells)} |"
    return line, len(held), sum(held)


def main() -> int:
    """The table; 1 when a limit does not hold."""
    options = parsed()
    torch.set_num_threads(1)
    plantings = [one for one in PLANTINGS if "views" not in one.needs]
    if options.planted:
        plantings = [one for one in plantings if one.name in options.planted]
    lines = [
        "| population | n/d | planted | sees from | found | misses up to | found |",
        "|---|---|---|---|---|---|---|",
    ]
    print(*lines, sep="\n")
    tried = held = 0
    for name, ratio in product(options.populations, options.ratios):
        make = partial(drawn, name, ratio * options.features, options.features)
        limits = claimed(make(1), plantings)
        for one in rates(make, limits, plantings, options.runs):
            line, more, good = row(one, f"{name} | {ratio}", options.runs)
            tried, held = tried + more, held + good
            lines.append(line)
            print(line, flush=True)
    lines += ["", f"limits that hold: {held} of {tried}"]
    print(*lines[-2:], sep="\n")
    if options.write:
        written({"limits": "\n".join(lines)}, PAGE)
    return 0 if held == tried or options.runs < FEWEST else 1


def drawn(name: str, n: int, d: int, seed: int) -> Cloud:
    """A sample of a population."""
    return POPULATIONS[name](n, d, seed)


def parsed() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--populations", nargs="+", default=list(POPULATIONS), choices=list(POPULATIONS))
    parser.add_argument("--ratios", nargs="+", type=int, default=[2, 4, 8], help="n/d")
    parser.add_argument("--features", type=int, default=64, help="d")
    parser.add_argument("--runs", type=int, default=50, help="fresh samples at each limit")
    parser.add_argument("--planted", nargs="+", help="only these kinds")
    parser.add_argument("--write", action="store_true", help="put the table into docs/selftest.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
