"""What a kill or a failing disk costs an extraction: samples lost, samples twice, shards done again.

`points` kills a small run before and after every operation on its files, and lets the power fail; `errors`
lets operations fail; `signals` kills the real command at random moments; `full` runs it on a disk of a few MB
(needs the right to mount one). Linux only.

    python examples/benchmarks/kills.py                       # all, about ten minutes
    python examples/benchmarks/kills.py --points 24 --errors 12 --signals 0 --full 0
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["SOURCE_DATE_EPOCH"] = "1700000000"

from repdiag.store import open_store  # noqa: E402
from repdiag.store.manifest import read_manifest  # noqa: E402
from repdiag.store.run_folder import is_intact  # noqa: E402
from tests.faults import DEATHS, ERRORS, KILLED, Fault  # noqa: E402
from tests.trials import FORMS, Form, Outcome, operations, outcome, tree  # noqa: E402

NET = """from torch import nn

def make():
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, 16))
"""
ROWS = 40_960
SMALLEST_DISK, LARGEST_DISK = 1, 16


def drawn(folder: Path, faults: tuple[Fault, ...], count: int) -> Iterator[tuple[Form, int, Fault, Outcome]]:
    """`count` trials spread over every form of result, operation and fault; all of them for 0."""
    lengths = {form: operations(folder / f"straight-{form}", form) for form in FORMS}
    every = [(form, at, fault) for form in FORMS for at in range(1, lengths[form] + 1) for fault in faults]
    print(", ".join(f"{form}: {lengths[form]} operations" for form in FORMS) + f"; {len(every):,} points")
    random.Random(0).shuffle(every)
    for number, (form, at, fault) in enumerate(every[: count or len(every)]):
        second = random.Random(number).randint(1, lengths[form]) if number % 2 and fault in DEATHS else 0
        trial = folder / f"{form}-{at}-{fault}"
        yield form, at, fault, outcome(trial, folder / f"straight-{form}", form, at, fault, second)
        shutil.rmtree(trial)


def points(folder: Path, count: int) -> str:
    """Kills at operations, every second one followed by a kill of the resumed run."""
    rows = list(drawn(folder, DEATHS, count))
    unclean = [row for row in rows if not row[3].is_clean or row[3].code != KILLED]
    for row in unclean:
        print("not clean:", row)
    lost, twice = (sum(getattr(row[3], name) for row in rows) for name in ("lost", "twice"))
    return (
        f"{len(rows)} kill points, {len(rows) // 2} killed twice: {lost} shards lost, {twice} samples twice, "
        f"{sum(not row[3].same for row in rows)} results with other bytes, "
        f"at most {max(row[3].redone for row in rows)} shard done again, "
        f"{sum(bool(row[3].debris) for row in rows)} with debris, {len(unclean)} not clean"
    )


def errors(folder: Path, count: int) -> str:
    """ENOSPC from an operation on, or EIO at one: exit 2 and one sentence, unless it did not matter."""
    rows = list(drawn(folder, ERRORS, count))
    wrong = [row for row in rows if not row[3].is_clean or not _is_told(row[3])]
    for row in wrong:
        print("wrong:", row)
    refused, done = (sum(row[3].code == code for row in rows) for code in (2, 0))
    lost = sum(row[3].lost for row in rows)
    return (
        f"{len(rows)} disk errors: {refused} times exit 2 with one sentence, {done} times done all the same, "
        f"{len(rows) - refused - done} crashes or other codes, "
        f"{lost} shards lost, {len(wrong)} wrong; every run resumed to the same bytes"
    )


def _is_told(found: Outcome) -> bool:
    return found.code == 0 or (found.code == 2 and found.said.count("error:") == 1)


def words(out: str) -> list[str]:
    """The real command over data that it reads in the working folder."""
    given = "extract net.pt --model net.py:make --data x.npy --layer 0 --layer 2 --threads 1 --quiet"
    return [*given.split(), "-o", out]


def material(folder: Path) -> None:
    """A checkpoint, its code and data; in a process of its own, so that this one stays small."""
    (folder / "net.py").write_text(NET, encoding="utf-8")
    made = (
        "import numpy as np, torch, net; torch.manual_seed(0); "
        "torch.save(net.make().state_dict(), 'net.pt'); "
        f"np.save('x.npy', np.random.default_rng(0).standard_normal(({ROWS}, 8)).astype('f4'))"
    )
    subprocess.run([sys.executable, "-c", made], cwd=folder, check=True)


def signals(folder: Path, count: int) -> str:
    """SIGKILL at random moments of the write, again and again until a run comes through; then anew."""
    material(folder)
    chance, kills, runs, worst = random.Random(1), 0, 0, 0
    straight = {form: _straight(folder, form) for form in ("file", "folder")}
    while kills < count:
        form = ("file", "folder")[runs % 2]
        out, journal = _out(folder, form, f"run-{runs}")
        before: set[str] = set()
        while kills < count and _killed(folder, out, journal, chance.uniform(0, straight[form][1] / 2)):
            kills += 1
            before, unnamed = _checked(journal, before)
            worst = max(worst, unnamed)
        assert _ended(_started(folder, out)) == 0
        assert tree(Path(out)) == tree(straight[form][0]), f"{out}: other bytes"
        assert not list(folder.glob(f"*run-{runs}*.partial")), "debris"
        runs += 1
        print(f"{kills} kills, {runs} runs that came through", flush=True)
    with open_store(straight["file"][0]) as store:
        assert len(set(store.ids)) == ROWS
    return (
        f"{kills} SIGKILLs of the real command in {runs} runs: 0 shards lost, 0 samples twice, "
        f"all results with the bytes of a run without a kill, at most {worst} shard begun and not committed"
    )


def _out(folder: Path, form: str, name: str) -> tuple[str, Path]:
    out = folder / (name if form == "folder" else f"{name}.h5")
    return (f"{out}/", out) if form == "folder" else (str(out), out.with_name(out.name + ".partial"))


def _straight(folder: Path, form: str) -> tuple[Path, float]:
    """A result without a kill, and the seconds that it took."""
    out, _ = _out(folder, form, "straight")
    started = time.monotonic()
    assert _ended(_started(folder, out)) == 0
    return Path(out), time.monotonic() - started


def _started(folder: Path, out: str) -> int:
    """A child that runs the command line; forked, as a new interpreter spends its time on importing torch."""
    import repdiag.extract  # noqa: F401
    from repdiag.commands import run

    child = os.fork()
    if child == 0:
        os.chdir(folder)
        os._exit(run(words(out)))
    return child


def _ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _killed(folder: Path, out: str, journal: Path, seconds: float) -> bool:
    """Kill the command `seconds` after it holds the lock; False when it was done before that."""
    child = _started(folder, out)
    while not os.waitpid(child, os.WNOHANG)[0]:
        if f'"pid": {child},' in _text(journal / "lock"):
            time.sleep(seconds)
            os.kill(
                child, signal.SIGKILL
            )  # a child that has ended waits for us, so the number is still its own
            return _ended(child) == -signal.SIGKILL
        time.sleep(0.005)
    return False


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""


def _checked(journal: Path, before: set[str]) -> tuple[set[str], int]:
    """Checksums of the shards that are committed, and how many lie there that are not."""
    if not (journal / "manifest.json").exists():  # the result has its name: the folder was being removed
        return before, 0
    entries = read_manifest(journal).shards
    assert all(is_intact(journal, entry) for entry in entries) or not before
    committed = {entry.sha256 for entry in entries}
    assert before <= committed, "a committed shard is gone"
    files = len(list((journal / "shards").iterdir()))
    return committed, max(0, files - len(entries))


def full(folder: Path, count: int) -> str:
    """The real command on disks of 1 to 16 MB, which are then made large enough."""
    material(folder)
    straight = _straight(folder, "folder")[0]
    codes = []
    for number in range(count):
        size = SMALLEST_DISK + number * (LARGEST_DISK - SMALLEST_DISK) // max(1, count - 1)
        out = "folder/" if number % 2 else "out.h5"
        line = " ".join([sys.executable, "-m", "repdiag", *words(f"disk/{out}")])
        script = (
            f"mkdir -p disk && mount -t tmpfs -o size={size}m none disk && "
            f"{{ {line} 2> said; echo $? > code; }}; mount -o remount,size=200m disk && {line} && "
            "rm -rf got && cp -r disk got"
        )
        ended = subprocess.run(["unshare", "-rm", "sh", "-c", script], cwd=folder, check=False)
        assert ended.returncode == 0, f"no resume on {size} MB"
        codes.append((code := int(_text(folder / "code")), said := _text(folder / "said")))
        print(f"{size} MB, {out}: exit {code} {said.strip()}", flush=True)
        assert code == 0 or (code == 2 and said.startswith("error: ") and said.count("\n") == 1), said
        # The header names the command, and so another folder.
        same = number % 2 == 0 or tree(folder / "got/folder/shards") == tree(straight / "shards")
        assert same, "other bytes"
    refused = sum(code == 2 for code, _ in codes)
    return (
        f"{count} small disks: {refused} times exit 2 with one sentence, "
        f"{count - refused} times enough room; all resumed"
    )


def may_mount() -> bool:
    mount = ["unshare", "-rm", "sh", "-c", "mount -t tmpfs none /mnt"]
    if shutil.which("unshare") is None:
        return False
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--errors", type=int, default=600)
    parser.add_argument("--signals", type=int, default=50)
    parser.add_argument("--full", type=int, default=8)
    asked = vars(parser.parse_args())
    parts = {"points": points, "errors": errors, "signals": signals, "full": full}
    folder, ours = Path(tempfile.mkdtemp()), os.getpid()
    try:
        for name, part in parts.items():
            if name == "full" and asked[name] and not may_mount():
                print("full: no right to mount a small disk here")
            elif asked[name]:
                (folder / name).mkdir()
                print(part(folder / name, asked[name]), flush=True)
    finally:
        if os.getpid() == ours:  # children of a trial leave through here too
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
