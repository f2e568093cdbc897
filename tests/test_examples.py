"""Every example runs, small, and prints what it is there to show."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.source import ROOT

QUICK = {
    "train_and_watch.py": (["runs", "2"], "epoch_02: "),
    "information_plane.py": (["--seeds", "1", "--epochs", "20", "--rows", "300"], "I(X;T) falls in tanh"),
    "build_architectures.py": (["small.npz", "--limit", "3"], "3 architectures, 3 classes"),
    "ci/train.py": (["collapsed", "--epochs", "1"], "trained the collapsed encoder"),
    "benchmarks/calibration.py": (["--parts", "spectra", "--features", "32", "--ratios", "2"], "failed: 0"),
    "benchmarks/entropy.py": (
        [
            *("--size", "300", "--seeds", "3", "--pair-seeds", "3", "--large", "300"),
            *("--cost-seeds", "1", "--kinds", "sphere"),
        ],
        "100.0%",
    ),
    "benchmarks/extraction.py": (
        ["--models", "vit", "--samples", "4", "--repeats", "1", "--rows", "1000", "--features", "4"],
        "1,000 rows x 4: ",
    ),
    "benchmarks/gate.py": (["--repeats", "1", "--runs", "1", "--ratios", "0.25"], "1 different verdict(s)"),
    "benchmarks/kills.py": (
        ["--points", "2", "--errors", "2", "--signals", "0", "--full", "0"],
        "2 disk errors",
    ),
    "benchmarks/identify.py": (
        ["--timm", "2", "--torchvision", "1", "--files", "1", "--seed", "1"],
        "| all | 18 | 100.0% | 0 |",
    ),
    "benchmarks/information.py": (
        [
            *("--rows", "60", "--draws", "1", "--dimensions", "2", "--tasks", "2", "--widths", "2"),
            *("--exact", "80", "--features", "4", "--pairs", "160"),
            *("--streamed", "400", "--streamed-features", "4"),
        ],
        "CPU time grows as n^",
    ),
    "benchmarks/information_bias.py": (["--features", "4", "6", "--repeats", "2"], "t5 4+4"),
    "benchmarks/information_trust.py": (["--parts", "told", "--seeds", "1", "--rows", "60"], "ksg_mi"),
    "benchmarks/onset.py": (["--series", "2", "--checkpoints", "3"], "Alarms in health: 0 of 1"),
    "benchmarks/paired.py": (["--repeats", "1", "--features", "12"], "false alarms: "),
    "benchmarks/plane_channels.py": (["--dimensions", "2", "--rows", "200", "--seeds", "3"], "of 3"),
    "benchmarks/ranks.py": (
        ["--rows", "64", "--width", "16", "--ranks", "1", "--repeats", "1"],
        "| ranks | wall s | CPU s |",
    ),
    "benchmarks/reconciliation.py": (["--recorded"], "| none; nearest is `lidar{delta=1e-06}` |"),
    "benchmarks/peers.py": (
        [
            *("--sizes", "80x4", "--scaling", "--repeats", "1", "--peers", "absent"),
            *("--only", "ssrlib_rankme", "renyi_two"),
        ],
        "not installed: make bench installs it",
    ),
    "benchmarks/targets.py": (["--bias", "1", "--intervals", "1", "--ratios", "1"], "verdicts 10% from"),
    "benchmarks/selftest.py": (
        ["--runs", "1", "--features", "16", "--ratios", "8", "--planted", "cone"],
        "limits that hold: ",
    ),
    "benchmarks/shown_samples.py": (["--rows", "400", "--features", "8"], "more than without"),
    "benchmarks/streaming.py": (
        [
            *("--rows", "2000", "--features", "32", "--repeats", "1"),
            *("--pairs", "500", "--pair-features", "4"),
        ],
        "eight measures of moments",
    ),
    "benchmarks/zoo.py": (["--data", "digits", "--encoders", "2", "--epochs", "1"], "named rightly"),
}
BY_HAND = {"build_reference.py", "gallery.py"}
"""One has its test beside the pages that it writes, the other takes minutes."""


def example(name: str, *words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    line = [sys.executable, str(ROOT / "examples" / name), *words]
    return subprocess.run(
        line, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


def test_every_example_is_run_here() -> None:
    scripts = [p for p in (ROOT / "examples").rglob("*.py") if not p.parent.name.endswith("_parts")]
    found = {str(path.relative_to(ROOT / "examples")) for path in scripts}
    assert found == {*QUICK, *BY_HAND}


# The benchmarks are run by hand, and for hours: that they still start is no news between two commits.
STARTED = [
    pytest.param(name, marks=pytest.mark.slow) if name.startswith("benchmarks/") else name for name in QUICK
]


@pytest.mark.parametrize("name", STARTED)
def test_example_runs(name: str, tmp_path: Path) -> None:
    words, said = QUICK[name]
    ended = example(name, *words, cwd=tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert said in ended.stdout


def test_a_picture_is_made_only_of_a_run_that_ends_as_it_says(tmp_path: Path) -> None:
    ended = example("gallery.py", "--demo", str(tmp_path), "--docs", str(tmp_path / "docs"), cwd=tmp_path)
    assert ended.returncode == 1
    assert "ended with 2, but the picture is of 1" in ended.stderr
    assert not list((tmp_path / "docs").rglob("*.png"))
