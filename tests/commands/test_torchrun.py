"""The real thing: processes that torchrun starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from repdiag.store import open_store
from tests.commands.helpers import Typed, in_a_process
from tests.source import ROOT

MODEL = """
from torch import nn
def make():
    return nn.Sequential(nn.Linear(16, 64), nn.ReLU(), nn.Linear(64, 12))
"""
SLOW = """
import time
import numpy as np
import torch
class Slow:
    def __init__(self): self.x = np.load("x.npy")
    def __len__(self): return len(self.x)
    def __getitem__(self, i):
        if i % 64 == 0: time.sleep(0.01)
        return torch.from_numpy(self.x[i])
def data(): return Slow()
"""
N = 4500
"""Rows of two shards."""
SECONDS = 240


@pytest.fixture
def files(here: Path) -> Path:
    """x.npy, a model and two checkpoints of it."""
    np.save("x.npy", np.random.default_rng(0).standard_normal((N, 16)).astype(np.float32))
    (here / "net.py").write_text(MODEL)
    (here / "slow.py").write_text(SLOW)
    space: dict[str, Any] = {}
    exec(compile(MODEL, "net.py", "exec"), space)
    for seed, name in enumerate("ab"):
        torch.manual_seed(seed)
        model: nn.Module = space["make"]()
        torch.save(model.state_dict(), f"{name}.pt")
    return here


def line(size: int, words: Sequence[str]) -> list[str]:
    run = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(size)]
    return [*run, "-m", "repdiag", *words]


def environment() -> dict[str, str]:
    fixed = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "SOURCE_DATE_EPOCH": "0"}
    return {**os.environ, **fixed}


def by_torchrun(size: int, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        line(size, words), env=environment(), capture_output=True, text=True, check=False, timeout=SECONDS
    )


@contextmanager
def begun(size: int, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A run in a group of its own, of which nothing stays."""
    run = subprocess.Popen(
        line(size, words), env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield run
    finally:
        with suppress(ProcessLookupError):
            os.killpg(run.pid, signal.SIGKILL)
        run.wait()


def ranks_under(agent: int) -> dict[int, int]:
    """Process numbers of the ranks that a torchrun has started, by rank."""
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            variables = (folder / "environ").read_bytes().split(b"\0") if parent == agent else []
        except (OSError, ValueError, IndexError):
            continue
        for entry in variables:
            if entry.startswith(b"RANK="):
                found[int(entry[5:])] = int(folder.name)
    return found


def committed(run: Path) -> int:
    try:
        return len(json.loads((run / "manifest.json").read_text())["shards"])
    except (OSError, ValueError):
        return 0


def errors(stderr: str) -> list[str]:
    return [text for text in stderr.splitlines() if text.startswith("error: ")]


def contents(path: Path) -> tuple[list[str], dict[str, np.ndarray]]:
    with open_store(path) as store:
        rows = {str(i.address): store.read(i.address, 0, store.n) for i in store.representations}
        return list(store.ids), rows


def assert_same_store(one: Path, other: Path) -> None:
    (ids, rows), (other_ids, other_rows) = contents(one), contents(other)
    assert ids == other_ids
    assert list(rows) == list(other_rows)
    for address, matrix in rows.items():
        assert matrix.dtype == other_rows[address].dtype
        assert np.array_equal(matrix, other_rows[address]), address


def test_two_ranks_check_a_checkpoint_as_one_process_does(files: Path, typed: Typed) -> None:
    words = ("check", "a.pt", "--model", "net.py:make", "--data", "x.npy", "--threads", "1", "--exit-zero")
    alone = typed(*words, "--json", "one.json", "-o", "one.h5")
    shared = by_torchrun(2, *words, "--json", "two.json", "-o", "two.h5")
    assert (alone.code, shared.returncode) == (0, 0), shared.stderr
    assert shared.stdout == alone.out.replace("one.", "two.")
    assert_same_store(files / "one.h5", files / "two.h5")
    one, two = (json.loads(Path(name).read_text()) for name in ("one.json", "two.json"))
    for first, second in zip(one["representations"], two["representations"], strict=True):
        for name, estimate in first["estimates"].items():
            other = second["estimates"][name]
            assert estimate["status"] == other["status"]
            if estimate["value"] is not None:
                assert other["value"] == pytest.approx(estimate["value"], rel=1e-9, abs=1e-12), name
    assert not list(files.glob("*.partial"))


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 2, 4])
def test_any_number_of_ranks_gives_the_same_store(files: Path, size: int) -> None:
    words = ["extract", "a.pt", "b.pt", "--model", "net.py:make", "--data", "x.npy", "--view", "base"]
    words += ["--view", "noise", "--twin", "--threads", "1", "--layer", "*", "--yes"]
    plain = in_a_process(*words, "-o", "plain.h5", cwd=files)
    assert plain.returncode == 0, plain.stderr
    shared = by_torchrun(size, *words, "-o", "shared.h5")
    assert shared.returncode == 0, shared.stderr
    assert shared.stdout == plain.stdout.replace("plain", "shared")
    assert_same_store(files / "plain.h5", files / "shared.h5")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="finds its processes in /proc")
@pytest.mark.parametrize(("size", "victim", "then"), [(2, 0, 1), (2, 1, 4), (4, 2, 2), (4, 0, 1)])
def test_a_rank_that_is_killed_ends_the_run(files: Path, size: int, victim: int, then: int) -> None:
    rows = np.random.default_rng(1).standard_normal((40_960, 16)).astype(np.float32)
    np.save("x.npy", rows)
    words = ("extract", "a.pt", "--model", "net.py:make", "--data", "slow.py:data", "--threads", "1")
    run = files / "e.h5.partial"
    with begun(size, *words, "-o", "e.h5") as agent:
        while committed(run) < 2 and agent.poll() is None:
            time.sleep(0.05)
        os.kill(ranks_under(agent.pid)[victim], signal.SIGKILL)
        started = time.monotonic()
        _, stderr = agent.communicate(timeout=60)
        assert time.monotonic() - started < 60
    assert agent.returncode != 0
    assert len(errors(stderr)) == 1, stderr
    assert "a rank has ended; run the same command again" in errors(stderr)[0]
    held = committed(run)
    assert held >= 2
    assert not (files / "e.h5").exists()
    with open_store(run, allow_partial=True) as partial:
        partial.verify()
    same = (*words, "-o", "e.h5")
    again = by_torchrun(then, *same) if then > 1 else in_a_process(*same, cwd=files)
    assert again.returncode == 0, again.stderr
    whole = in_a_process(*words, "-o", "whole.h5", cwd=files)
    assert whole.returncode == 0, whole.stderr
    assert_same_store(files / "e.h5", files / "whole.h5")


@pytest.mark.slow
@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("command", ["spectrum", "information", "check"])
def test_any_number_of_ranks_gives_the_same_figures(files: Path, size: int, command: str) -> None:
    generator = np.random.default_rng(0)
    common = generator.standard_normal((6000, 24)) * np.arange(1, 25) ** -0.5
    x, y = (common + 0.3 * generator.standard_normal((6000, 24)) for _ in range(2))
    np.savez("v.npz", x=x.astype(np.float32), y=y.astype(np.float32))
    words = [command, "v.npz", "--threads", "1"]
    words += ["--exit-zero"] if command == "check" else ["--no-report"]
    plain = in_a_process(*words, "--json", "plain.json", cwd=files)
    shared = by_torchrun(size, *words, "--json", "shared.json")
    assert (plain.returncode, shared.returncode) == (0, 0), shared.stderr
    assert shared.stdout == plain.stdout
    assert worst(*(json.loads(Path(name).read_text()) for name in ("plain.json", "shared.json"))) < 1e-10


def worst(one: Any, other: Any) -> float:
    """The largest relative difference of two figures; all else must be equal."""
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        return max((worst(value, other[key]) for key, value in one.items()), default=0.0)
    if isinstance(one, list):
        return max((worst(a, b) for a, b in zip(one, other, strict=True)), default=0.0)
    if isinstance(one, float) and one != other:
        return float(abs(one - other) / max(abs(one), abs(other), 1e-9))
    assert one == other
    return 0.0


@pytest.mark.slow
def test_a_mistake_is_one_sentence(files: Path) -> None:
    ended = by_torchrun(2, "extract", "a.pt", "--model", "net.py:make", "--data", "nothing.npy")
    assert ended.returncode != 0
    assert len(errors(ended.stderr)) == 1, ended.stderr
    assert "nothing.npy" in errors(ended.stderr)[0]


@pytest.mark.slow
def test_other_commands_are_refused(files: Path) -> None:
    ended = by_torchrun(2, "plane", "x.npy")
    assert ended.returncode != 0
    assert errors(ended.stderr) == ["error: plane runs in one process; start it without torchrun"]
