"""What do figures of this library cost beside the packages that give the same ones, and do they agree?

    python examples/benchmarks/peers.py [--sizes 1000x64 4000x64] [--peers .venv-peers] [--write]

Each call runs in a process of its own with one thread, on the same rows as its peer: CPU seconds are the
median of --repeats calls (one where it takes over 5 s), MB the largest resident memory of a call over what
libraries and rows took. Peers are in an environment of their own, which `make bench` makes; one that is not
there is a row that says so. `--write` puts table and plot into docs/benchmarks.md and docs/benchmarks.svg.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from information_parts.reading import markdown
from peers_parts.cases import CASES, Case
from peers_parts.running import Bench
from peers_parts.tables import machine, plot, table
from targets import METHODS, written

PAGE = METHODS.with_name("benchmarks.md")
ROOT = METHODS.parents[1]
ALONE = next(case for case in CASES if case.ours == "renyi_two")


def size(text: str) -> tuple[int, int]:
    n, d = map(int, text.split("x"))
    return n, d


def scaling(bench: Bench, case: Case, sizes: Sequence[int], d: int) -> str:
    """CPU time of our side of a case alone, at rows that no peer is given."""
    held = bench.costs(case, "ours", [(n, d) for n in sizes])
    costs = [held[n, d] for n in sizes]
    rows = [[f"{n:,}", f"{c.cpu:.2f}", f"{c.mb:,.0f}"] for n, c in zip(sizes, costs, strict=True)]
    cpu = [cost.cpu for cost in costs]
    power = np.polyfit(np.log(sizes), np.log(cpu), 1)[0] if len(sizes) > 1 else math.nan
    last = np.diff(np.log(cpu[-2:])) / np.diff(np.log(sizes[-2:])) if len(sizes) > 1 else [math.nan]
    told = f"CPU time grows as n^{power:.2f} over all sizes, as n^{last[0]:.2f} between the last two."
    return f"{markdown(['n', 'CPU s', 'MB'], rows)}\n\n{told}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    usual = ["1000x64", "4000x64", "20000x64", "4000x768", "20000x768"]
    parser.add_argument("--sizes", type=size, nargs="+", default=[size(each) for each in usual])
    parser.add_argument("--scaling", type=int, nargs="*", default=[4000, 10_000, 20_000, 50_000])
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-peers", help="their environment")
    parser.add_argument("--only", nargs="+", default=[], help="functions of peers_parts/theirs.py")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--kept", type=Path, help="a file that costs are added to, and read from")
    parser.add_argument("--recorded", action="store_true", help="only what --kept holds; nothing is run")
    parser.add_argument("--write", action="store_true", help="put table and plot into docs/")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    cases = [case for case in CASES if not options.only or case.theirs in options.only]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(
            Path(folder),
            options.peers.absolute(),
            options.repeats,
            kept=options.kept,
            run=not options.recorded,
        )
        found = []
        for each in bench.measured(cases, options.sizes):
            found.append(each)
            print(table([each]).splitlines()[-1], flush=True)
        tables = {"machine": machine(), "peers": table(found)}
        if options.scaling:
            tables["scaling"] = scaling(bench, ALONE, options.scaling, options.sizes[0][1])
    for name, text in tables.items():
        print(f"\n{name}\n\n{text}")
    if options.write:
        written(tables, PAGE)
        PAGE.with_suffix(".svg").write_text(plot(found), encoding="utf-8")


if __name__ == "__main__":
    main()
