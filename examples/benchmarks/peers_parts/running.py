"""Running the calls: inputs, one process a call, and what came of it."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from .cases import Case

WORKER = Path(__file__).with_name("worker.py")
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
RHO = 0.9
LIMIT = 3600
"""Seconds after which a function is given up."""

Size = tuple[int, int]
"""Rows and features."""


@dataclass(frozen=True, slots=True)
class Cost:
    """What one call gave, or in `failed` why it gave nothing."""

    value: float = math.nan
    cpu: float = math.nan
    mb: float = math.nan
    runs: int = 0
    failed: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """A case at one size."""

    case: Case
    n: int
    d: int
    version: str
    ours: Cost
    theirs: Cost

    @property
    def ratio(self) -> float:
        return self.theirs.cpu / self.ours.cpu

    @property
    def difference(self) -> float:
        """Of the values, relative to that of the peer."""
        return abs(self.ours.value - self.theirs.value) / abs(self.theirs.value)


@dataclass
class Bench:
    """Where the calls run and what was run already; inputs lie in `folder`, peers in `environment`.

    `kept` is a file that every cost is added to, so that a run goes on where an earlier one stopped;
    without `run` there is only what it holds.
    """

    folder: Path
    environment: Path
    repeats: int
    seed: int = 0
    kept: Path | None = None
    run: bool = True
    _held: dict[tuple[str, str], dict[Size, Cost]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lines = self.kept.read_text().splitlines() if self.kept and self.kept.exists() else []
        for side, name, n, d, cost in map(json.loads, lines):
            self._held.setdefault((side, name), {})[n, d] = Cost(**cost)

    def measured(self, cases: Sequence[Case], sizes: Sequence[tuple[int, int]]) -> Iterator[Measured]:
        for case in cases:
            version = self.version(case.package)
            taken = [size for size in sizes if case.takes(*size) and (self.run or self._knows(case, size))]
            ours, theirs = self.costs(case, "ours", taken), self.costs(case, "theirs", taken)
            for n, d in taken:
                yield Measured(case, n, d, version, ours[n, d], theirs[n, d])

    def _knows(self, case: Case, size: Size) -> bool:
        return all(
            size in self._held.get(call, {}) for call in (("ours", case.ours), ("theirs", case.theirs))
        )

    def costs(self, case: Case, side: str, sizes: Sequence[Size]) -> dict[Size, Cost]:
        """The cost of one side of a case at each size; no function is run twice at one."""
        name = case.ours if side == "ours" else case.theirs
        held = self._held.setdefault((side, name), {})
        missing = [size for size in sizes if size not in held]
        python = self._python(case.package) if side == "theirs" else sys.executable
        if not Path(python).exists():
            held |= dict.fromkeys(missing, Cost(failed="not installed: make bench installs it"))
        elif missing:
            found = self._run(python, [side, name], case.warm, missing)
            held |= found
            self._keep(side, name, found)
        return held

    def _keep(self, side: str, name: str, found: dict[Size, Cost]) -> None:
        if self.kept:
            lines = [json.dumps([side, name, n, d, asdict(cost)]) for (n, d), cost in found.items()]
            with self.kept.open("a") as file:
                file.write("\n".join([*lines, ""]))

    def version(self, package: str) -> str:
        """Of an installed package; empty where there is none, or it is a dependency of this library."""
        if not package or not Path(self._python(package)).exists():
            return ""
        code = f"from importlib.metadata import version; print(version({package!r}))"
        line = [self._python(package), "-c", code]
        return subprocess.run(line, capture_output=True, text=True, check=False).stdout.strip()

    def _python(self, package: str) -> str:
        return str(self.environment / "bin" / "python") if package else sys.executable

    def _run(self, python: str, call: list[str], warm: bool, sizes: Sequence[Size]) -> dict[Size, Cost]:
        paths = [str(self._input(n, d)) for n, d in sizes]
        words = [*call, str(self.repeats), "warm" if warm else "cold", *paths]
        environment = {**os.environ, **THREADS, "PYTHONWARNINGS": "ignore"}
        try:
            ended = subprocess.run(
                [python, str(WORKER), *words],
                env=environment,
                cwd=self.folder,
                capture_output=True,
                text=True,
                check=False,
                timeout=LIMIT,
            )
        except subprocess.TimeoutExpired:
            return dict.fromkeys(sizes, Cost(failed=f"over {LIMIT} s"))
        if ended.returncode:
            return dict.fromkeys(sizes, Cost(failed=_why(ended.stderr, ended.returncode)))
        told = dict(line.split(" ", 1) for line in ended.stdout.splitlines() if " {" in line)
        died = '{"failed": "its process was ended"}'
        return {(n, d): Cost(**json.loads(told.get(f"{n}-{d}", died))) for n, d in sizes}

    def _input(self, n: int, d: int) -> Path:
        """Gaussian rows with a falling spectrum, a second view that correlates by RHO, and a bandwidth."""
        path = self.folder / f"{n}-{d}.npz"
        if not path.exists():
            scale = np.arange(1, d + 1) ** -0.25
            first, noise = np.random.default_rng(self.seed).standard_normal((2, n, d))
            x, y = first * scale, (RHO * first + math.sqrt(1 - RHO**2) * noise) * scale
            # Near the median distance of two rows.
            np.savez(path, x=x, y=y, width=math.sqrt(2 * float((scale**2).sum())))
        return path


def information(d: int) -> float:
    """The Shannon information of both views, in nats."""
    return -d / 2 * math.log(1 - RHO**2)


def _why(text: str, code: int) -> str:
    """The line of an error that says what it was."""
    lines = [line for line in text.splitlines() if line and not line[0].isspace()]
    if not lines:
        return f"ended with code {code}"
    missing = lines[-1].startswith("ModuleNotFoundError: No module named")
    return f"not installed: {lines[-1]}" if missing else lines[-1][:120]
