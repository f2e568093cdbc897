"""Kills and failing disks: a light sample here, the whole in `examples/benchmarks/kills.py`."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.source import ROOT

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the trials fork")
CLEAN = "0 shards lost, 0 samples twice"


def told(**counts: int) -> str:
    """What the benchmark prints for so many trials of each kind and none of the others."""
    asked = {"points": 0, "errors": 0, "signals": 0, "full": 0, **counts}
    words = [word for name, count in asked.items() for word in (f"--{name}", str(count))]
    script = str(ROOT / "examples" / "benchmarks" / "kills.py")
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    ended = subprocess.run(
        [sys.executable, script, *words], env=environment, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def check(points: int, errors: int) -> None:
    text = told(points=points, errors=errors)
    assert f"{points} kill points" in text
    assert f"{CLEAN}, 0 results with other bytes" in text
    assert "0 with debris, 0 not clean" in text
    assert f"{errors} disk errors" in text
    assert "0 crashes or other codes, 0 shards lost, 0 wrong" in text


def test_a_kill_or_a_failing_disk_anywhere_loses_nothing() -> None:
    check(points=8, errors=6)


@pytest.mark.slow
def test_two_hundred_kill_points_and_every_disk_error() -> None:
    check(points=200, errors=996)


@pytest.mark.slow
def test_fifty_kills_of_the_real_command() -> None:
    text = told(signals=50)
    assert "50 SIGKILLs" in text
    assert CLEAN in text


@pytest.mark.slow
def test_small_disks() -> None:
    text = told(full=20)
    assert "no right to mount" in text or "all resumed" in text
