"""What a closer look costs: samples behind the leading directions, repeated rows, lengths and cosines.

    python examples/benchmarks/shown_samples.py [--rows 200000] [--features 768] [--interval auto]

One thread; CPU seconds of `analyse_spectrum` with a closer look, and of the parts that the look adds, counted
inside the same run: the difference of two runs on a shared machine is mostly noise.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from streaming import make_store

from repdiag.analysis import SpectrumRequest, analyse_spectrum, leading, spectrum
from repdiag.analysis.leading import LeadingWatch
from repdiag.store import open_store

PARTS: tuple[tuple[Any, str], ...] = (
    (leading, "_lengths"),
    (LeadingWatch, "aim"),
    (LeadingWatch, "_score"),
    (spectrum, "with_rows_shown"),
)
"""What only a closer look calls; a pass of its own, where there is one, is inside the last."""


def timed(function: Callable[..., Any], spent: dict[str, float], name: str) -> Callable[..., Any]:
    def run(*arguments: Any, **options: Any) -> Any:
        started = time.process_time()
        try:
            return function(*arguments, **options)
        finally:
            spent[name] = spent.get(name, 0.0) + time.process_time() - started

    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--features", type=int, default=768)
    parser.add_argument("--interval", choices=("auto", "fast", "full", "none"), default="auto")
    options = parser.parse_args()
    torch.set_num_threads(1)
    spent: dict[str, float] = {}
    for owner, name in PARTS:
        setattr(owner, name, timed(getattr(owner, name), spent, name))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.h5"
        make_store(path, options.rows, options.features)
        with open_store(path) as store:
            started = time.process_time()
            analyse_spectrum([store], SpectrumRequest(interval=options.interval, device="cpu", closer=True))
            total = time.process_time() - started
    added = sum(spent.values())
    print(f"{options.rows:,} x {options.features} float32, interval {options.interval}, one thread")
    for name, seconds in spent.items():
        print(f"  {name.strip('_'):20}{seconds:8.3f} CPU s")
    print(f"at most {added:.2f} of {total:.2f} CPU s: {added / (total - added):.1%} more than without")


if __name__ == "__main__":
    main()
