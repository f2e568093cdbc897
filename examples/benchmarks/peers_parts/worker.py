"""One call on several inputs, each in a process of its own: value, CPU seconds and memory as lines of JSON.

    python worker.py (ours|theirs) FUNCTION REPEATS (warm|cold) INPUT.npz ...

Libraries are imported once, then a child is forked for each input. Memory is the largest resident size during
the first call over what was held before it, when libraries and rows were there already.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

LONG = 5.0
"""CPU seconds over which a call is not repeated."""

WARM_ROWS = 64
STATUS = Path("/proc/self/status")


def memory(field: str) -> float:
    """MB; NaN where there is no /proc."""
    if not STATUS.exists():
        return float("nan")
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(field))
    return int(line.split()[1]) / 1024


def forget_peak() -> None:
    if STATUS.exists():
        STATUS.with_name("clear_refs").write_text("5")


def measured(call: Callable[..., float], path: str, repeats: int, warm: bool) -> dict[str, Any]:
    with np.load(path) as held:
        x, y, width = held["x"], held["y"], float(held["width"])
    if warm:
        call(x[:WARM_ROWS].copy(), y[:WARM_ROWS].copy(), width)
    forget_peak()
    before, spent, value, peak = memory("VmRSS"), [], float("nan"), float("nan")
    while not spent or (len(spent) < repeats and spent[0] < LONG):
        start = time.process_time()
        value = call(x, y, width)
        spent.append(time.process_time() - start)
        peak = memory("VmHWM") - before if len(spent) == 1 else peak
    return {"value": value, "cpu": median(spent), "mb": max(peak, 0.0), "runs": len(spent)}


def told(call: Callable[..., float], path: str, repeats: int, warm: bool) -> str:
    """What came of one input, or the error of a peer: the others still run."""
    try:
        return json.dumps(measured(call, path, repeats, warm))
    except Exception as error:
        return json.dumps({"failed": f"{type(error).__name__}: {error}".splitlines()[0][:120]})


def main() -> None:
    side, name, repeats, warm, *paths = sys.argv[1:]
    sys.path.insert(1, str(Path(__file__).resolve().parents[1]))
    call = getattr(importlib.import_module(side), name)()
    for path in paths:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            # What a peer prints is on other lines.
            print(f"\n{Path(path).stem} {told(call, path, int(repeats), warm == 'warm')}", flush=True)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
