"""What a pass over a large store costs: CPU against a bare loop, and memory over the imported libraries.

    python examples/benchmarks/streaming.py [--rows 200000] [--features 768] [--folder DIR]
    python examples/benchmarks/streaming.py --rows 0 --pairs 250000 500000 1000000

`--pairs` measures two views of so many rows in one file: linear and cosine kernels (`cka`, `alignment`), and
every measure of joint moments. `--write` puts that table into docs/benchmarks.md.

Every line is a process of its own with one thread. `bare` reads the same file and accumulates x.T @ x in
float64, then `eigvalsh`; `imports` loads the libraries and stops. The store is made once, in a temporary
folder unless --folder names one.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from information_parts.reading import markdown
from information_parts.streamed import MEASURES, write
from targets import METHODS, written

THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
IMPORTS = (
    "import h5py, numpy, scipy.linalg, torch, sklearn.neighbors, pydantic, repdiag.analysis, repdiag.store"
)
BARE = """
import h5py, numpy as np, scipy.linalg, sys
with h5py.File(sys.argv[1]) as file:
    rows = file["embeddings/bench/base/output"]
    scatter = np.zeros((rows.shape[1],) * 2)
    for start in range(0, len(rows), 4096):
        block = rows[start : start + 4096].astype(np.float64)
        scatter += block.T @ block
np.linalg.eigvalsh(scatter)
"""
KINDS = {"`cka` and `alignment`": ("cka", "alignment"), "eight measures of moments": MEASURES}
"""Linear kernels and cosine ones, and everything that reads joint moments."""

FEW = 200
"""Rows of two features, which cost what the libraries cost."""

ID_BYTES = 20
"""What a sample may take: its id, its group, its rank."""

COMMAND = "import sys; from repdiag.commands import main; sys.argv[0] = 'repdiag'; main()"
ENDED = """
import resource
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
usage = resource.getrusage(resource.RUSAGE_SELF)
print("ended", usage.ru_utime + usage.ru_stime, peak, file=sys.stderr)
"""


@dataclass(frozen=True)
class Cost:
    """CPU seconds and the largest resident memory in MB of one process."""

    cpu: float
    peak: float


def make_store(path: Path, n: int, d: int) -> None:
    """Rows with a power-law spectrum, made block by block."""
    import numpy as np

    from repdiag.store import write_store
    from repdiag.types import Address

    generator = np.random.default_rng(0)
    scale = np.arange(1, d + 1, dtype=np.float32) ** -0.5
    rows = np.empty((n, d), dtype=np.float32)
    for start in range(0, n, 10_000):
        block = rows[start : start + 10_000]
        block[:] = generator.standard_normal(block.shape, dtype=np.float32) * scale
    write_store(path, {"id": [str(i) for i in range(n)]}, {Address("bench"): rows})


def information(path: Path, measures: tuple[str, ...], repeats: int) -> Cost:
    words = [word for measure in measures for word in ("--measure", measure)]
    return typical(COMMAND, "information", str(path), *words, "--no-report", "--quiet", repeats=repeats)


def run(code: str, *arguments: str) -> Cost:
    """One process; what it prints is thrown away, how it ended is not."""
    body = f"import sys, atexit\ndef _end():\n    exec({ENDED!r}, globals())\natexit.register(_end)\n{code}"
    line = [sys.executable, "-c", body, *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=True, env={**os.environ, **THREADS})
    cpu, peak = next(row for row in done.stderr.splitlines() if row.startswith("ended")).split()[1:]
    return Cost(float(cpu), int(peak) / 1024)


def typical(code: str, *arguments: str, repeats: int) -> Cost:
    """The median of several runs."""
    costs = [run(code, *arguments) for _ in range(repeats)]
    return Cost(median(cost.cpu for cost in costs), median(cost.peak for cost in costs))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000, help="of one representation; 0 for none")
    parser.add_argument("--features", type=int, default=768)
    parser.add_argument("--pairs", type=int, nargs="*", default=[250_000], help="rows of two views")
    parser.add_argument("--pair-features", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--write", action="store_true", help="put the table of pairs into docs/benchmarks.md")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        if options.rows:
            single(folder, options)
        if options.pairs:
            found = pairs(folder, options)
            print(f"\n{found}")
            if options.write:
                written({"pass": found}, METHODS.with_name("benchmarks.md"))


def single(folder: Path, options: argparse.Namespace) -> None:
    path = folder / f"bench-{options.rows}-{options.features}.h5"
    if not path.exists():
        make_store(path, options.rows, options.features)
    size = path.stat().st_size / 1e6
    print(f"{options.rows:,} x {options.features} float32, {size:,.0f} MB, one thread, medians")
    table(str(path), options.repeats)


def pairs(folder: Path, options: argparse.Namespace) -> str:
    """Cost of `repdiag information` with its intervals, over that of the same command on a few small rows."""
    rows, d = [], options.pair_features
    small = folder / "few.h5"
    write(small, FEW, 2, 0)
    base = {kind: information(small, measures, options.repeats) for kind, measures in KINDS.items()}
    for n in options.pairs:
        path = folder / f"pairs-{n}-{d}.h5"
        if not path.exists():
            write(path, n, d, 0)
        for kind, measures in KINDS.items():
            cost = information(path, measures, options.repeats)
            grown = cost.peak - base[kind].peak
            cells = [f"{n:,}", kind, f"{cost.cpu - base[kind].cpu:.1f}", f"{grown:.0f}"]
            rows.append([*cells, f"{grown - ID_BYTES * n / 2**20:.0f}"])
            print("|", " | ".join(rows[-1]), "|", flush=True)
    square = (2 * d) ** 2 * 8 / 2**20
    head = [
        "n",
        "measures",
        "CPU s",
        f"MB over the same on {FEW} rows",
        f"and over {ID_BYTES} bytes a sample",
    ]
    note = f"d = {d} a view, float32; one (2d)^2 matrix in float64 is {square:.0f} MB."
    return f"{markdown(head, rows)}\n\n{note}"


def table(path: str, repeats: int) -> None:
    imports = typical(IMPORTS, repeats=repeats)
    libraries = typical("import h5py, numpy, scipy.linalg", repeats=repeats)
    bare = typical(BARE, path, repeats=repeats)
    loop = bare.cpu - libraries.cpu
    print(f"{'':34}{'CPU s':>8}{'x bare':>8}{'MB over libraries':>20}")
    print(f"{'bare loop':34}{loop:8.2f}{1:8.2f}{bare.peak - libraries.peak:20.0f}")
    effective = ("--measure", "effective_rank")
    runs = {
        "effective_rank, no interval": (*effective, "--interval", "none"),
        "effective_rank, fast": (*effective, "--interval", "fast"),
        "effective_rank, full": (*effective, "--interval", "full"),
        "every measure, default interval": (),
    }
    for name, options in runs.items():
        cost = typical(COMMAND, "spectrum", path, "--no-report", "--quiet", *options, repeats=repeats)
        cpu = cost.cpu - imports.cpu
        print(f"{name:34}{cpu:8.2f}{cpu / loop:8.2f}{cost.peak - imports.peak:20.0f}")


if __name__ == "__main__":
    main()
