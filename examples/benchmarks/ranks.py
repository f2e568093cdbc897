"""What torchrun costs and gains: wall and CPU seconds of the same extraction by 1, 2 ... ranks.

    python examples/benchmarks/ranks.py [--rows 65536] [--ranks 1 2] [--repeats 3] [--width 2048]

One rank is a plain run. Every rank has one thread, as torchrun arranges it, so more ranks than cores gain
nothing. Runs are interleaved and medians are printed; `start` is a run over two samples, which is what
the libraries, the model and torchrun itself cost; `work` is what lies above it.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import median

MODEL = """
from torch import nn
def make(width):
    width = int(width)
    blocks = [layer for _ in range(4) for layer in (nn.Linear(width, width), nn.ReLU())]
    return nn.Sequential(nn.Linear(256, width), *blocks, nn.Linear(width, 512))
"""


@dataclass(frozen=True)
class Cost:
    """Seconds of one run with all its processes."""

    wall: float
    cpu: float


def prepare(folder: Path, rows: int, width: int) -> None:
    """Arrays, a model and its weights."""
    import numpy as np
    import torch

    np.save(folder / "x.npy", np.random.default_rng(0).standard_normal((rows, 256), dtype=np.float32))
    np.save(folder / "two.npy", np.ones((2, 256), dtype=np.float32))
    (folder / "net.py").write_text(MODEL)
    sys.path.insert(0, str(folder))
    import net  # type: ignore[import-not-found]

    torch.manual_seed(0)
    torch.save(net.make(width).state_dict(), folder / "net.pt")


def run(folder: Path, ranks: int, data: str, width: int) -> Cost:
    """One extraction in a process of its own, or in several."""
    start = ["-m", "repdiag"]
    if ranks > 1:
        start = ["-m", "torch.distributed.run", "--nproc-per-node", str(ranks), *start]
    words = ["extract", "net.pt", "--model", "net.py:make", "--model-arg", f"width={width}", "--data", data]
    line = [sys.executable, *start, *words, "--overwrite", "--quiet", "-o", "e.h5"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    ended = subprocess.run(line, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    if ended.returncode:
        sys.exit(ended.stderr)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def measured(folder: Path, options: argparse.Namespace) -> dict[tuple[int, str], Cost]:
    """Medians of interleaved repeats, by number of ranks and data."""
    found: dict[tuple[int, str], list[Cost]] = defaultdict(list)
    for _ in range(options.repeats):
        for ranks in options.ranks:
            for data in ("x.npy", "two.npy"):
                found[ranks, data].append(run(folder, ranks, data, options.width))
    return {
        key: Cost(median(cost.wall for cost in costs), median(cost.cpu for cost in costs))
        for key, costs in found.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=65_536)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--ranks", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name), options.rows, options.width)
        costs = measured(Path(name), options)
    print(f"{options.rows:,} rows, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n")
    print("| ranks | wall s | CPU s | start wall s | start CPU s | work wall s | work CPU s |")
    print("|---|---|---|---|---|---|---|")
    for ranks in options.ranks:
        whole, start = costs[ranks, "x.npy"], costs[ranks, "two.npy"]
        figures = (
            whole.wall,
            whole.cpu,
            start.wall,
            start.cpu,
            whole.wall - start.wall,
            whole.cpu - start.cpu,
        )
        print(f"| {ranks} | {' | '.join(f'{figure:.1f}' for figure in figures)} |")


if __name__ == "__main__":
    main()
