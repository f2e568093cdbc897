"""Files from strangers, through the command line: a sentence and exit 2, or a result, and nothing else.

The whole list is run by `make slow`, a sample of it always.
"""

from __future__ import annotations

import json
import os
import random
import resource
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from repdiag.commands import run
from repdiag.errors import EXIT_INCONCLUSIVE, EXIT_PASS, EXIT_USAGE, InputError
from repdiag.store import open_store
from tests.checkpoints.bad_inputs import CANARY
from tests.hostile import checkpoints, stores
from tests.hostile.mutants import flipped
from tests.hostile.watch import Watch
from tests.store.test_shards import finished

MOST_SECONDS = 20
MOST_MEMORY = 1_500_000_000
SAMPLE = 30

Maker = Callable[[Path], Path]
pytestmark = pytest.mark.filterwarnings("ignore:.*sparse CSR.*:UserWarning")


def parameters(cases: dict[str, Maker]) -> list[object]:
    """Every case; all but a sample are slow."""
    quick = set(random.Random(0).sample(sorted(cases), SAMPLE))
    return [
        pytest.param(make, id=name, marks=() if name in quick else pytest.mark.slow)
        for name, make in cases.items()
    ]


def tried(
    words: Sequence[str], folder: Path, watched: Sequence[Path], capfd: pytest.CaptureFixture[str]
) -> int:
    """Run a command on a file; check that it ends in words and looks nowhere else."""
    before, started = list_of(folder), reset_memory()
    capfd.readouterr()
    began = cpu_seconds()
    with Watch(*watched) as outside:
        code = run([*words])
        assert not outside.seen()
    assert cpu_seconds() - began < MOST_SECONDS
    out, err = capfd.readouterr()
    assert code in (EXIT_PASS, EXIT_USAGE) or (code == EXIT_INCONCLUSIVE and "ok" not in statuses(out)), err
    assert list_of(folder) == before
    assert "Traceback" not in err
    assert "\x1b" not in out + err
    if code == EXIT_USAGE:
        assert out == ""
        assert err.startswith("error: ")
        assert err.count("\n") == 1
    else:
        json.loads(out, parse_constant=pytest.fail)
        assert str(stores.SECRET) not in out
    assert peak_memory(started) < MOST_MEMORY
    return code


def statuses(out: str) -> set[str]:
    """Of the figures in a result: a file may be sound and its rows still vary in nothing."""
    found = json.loads(out)["representations"]
    return {figure["status"] for one in found for figure in one["estimates"].values()}


def list_of(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*"))


def cpu_seconds() -> float:
    """Of this process and its children: on a busy machine a clock tells little."""
    used = [resource.getrusage(kind) for kind in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def reset_memory() -> int:
    """Forget what this process took; returns the most that any child took, which cannot be forgotten."""
    with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss


def peak_memory(started: int) -> int:
    """Bytes, of this process since the reset and of children that took more than those before."""
    status = Path("/proc/self/status").read_text(encoding="ascii").split("VmHWM:")[1]
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return 1024 * max(int(status.split()[0]), children if children > started else 0)


@pytest.mark.parametrize("make", parameters(checkpoints.cases()))
def test_checkpoint(
    make: Maker, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    monkeypatch.chdir(folder)
    secret = checkpoints.outside(folder)
    path = make(folder)
    (folder / CANARY).unlink(missing_ok=True)
    tried(["inspect", str(path), "--json", "-"], folder, [secret], capfd)
    assert not list(tmp_path.rglob(CANARY))


@pytest.mark.parametrize("make", parameters(stores.cases()))
def test_store(
    make: Maker, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    secret = stores.outside(tmp_path)
    path = make(tmp_path)
    words = [str(path), "--interval", "none", "--measure", "effective_rank", "--no-report", "--quiet"]
    tried(["spectrum", *words, "--json", "-"], tmp_path, [secret], capfd)
    tried(["inspect", str(path), "--json", "-"], tmp_path, [secret], capfd)
    assert not list(tmp_path.rglob(CANARY))


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_every_flipped_bit_of_shards_is_found(part: int, tmp_path: Path) -> None:
    """A thousand in all, anywhere in shards, header and manifest."""
    out = finished(f"{tmp_path}/run/")
    files = [path for path in list_of(out) if path.is_file()]
    dice = random.Random(part)
    for seed in range(100 * part, 100 * part + 100):
        path = dice.choices(files, [file.stat().st_size for file in files])[0]
        original = path.read_bytes()
        path.write_bytes(flipped(original, seed))
        with pytest.raises(InputError), open_store(out) as store:
            store.verify()
        path.write_bytes(original)


@pytest.mark.slow
@pytest.mark.parametrize("name", random.Random(1).sample(sorted(checkpoints.cases()), 10))
def test_checkpoint_through_the_real_command(name: str, tmp_path: Path) -> None:
    path = checkpoints.cases()[name](tmp_path)
    (tmp_path / CANARY).unlink(missing_ok=True)
    code, err = command("inspect", str(path))
    assert code in (EXIT_PASS, EXIT_USAGE)
    assert "Traceback" not in err
    assert not (tmp_path / CANARY).exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", random.Random(1).sample(sorted(stores.cases()), 10))
def test_store_through_the_real_command(name: str, tmp_path: Path) -> None:
    code, err = command("inspect", str(stores.cases()[name](tmp_path)))
    assert code in (EXIT_PASS, EXIT_USAGE)
    assert "Traceback" not in err


def command(*words: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "repdiag", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.returncode, done.stderr


def test_the_watch_sees_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    with Watch(path) as outside:
        assert not outside.seen()
        path.read_bytes()
        assert outside.seen()
