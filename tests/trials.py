"""A small extraction to a folder or a file that dies, or whose disk fails, and what that costs.

Each run is a child of its own, which leaves by the usual way out, so that a crash at exit shows.
"""

from __future__ import annotations

import gc
import os
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from repdiag.commands._errors import guarded
from repdiag.store import ShardWriter, open_store, schema
from repdiag.store import guarded as hdf5
from repdiag.store.manifest import read_manifest
from repdiag.store.run_folder import is_intact
from tests.faults import KILLED, Disk, Fault
from tests.store.helpers import CONFIG, N, names, small_store, write_shards

Form = Literal["file", "folder", "overwrite"]
FORMS: tuple[Form, ...] = ("file", "folder", "overwrite")
Key = tuple[str, str, int]
PLAN: list[Key] = [("one", view, start) for view in ("base", "crop") for start in range(0, N, 10)]


# The files are ours: to let a child visit each first costs more than the trial.
vars(hdf5)["FORKS"] = False


@dataclass(frozen=True)
class Outcome:
    """What a fault did. `samples` that were committed before it count as lost when they are not there after.

    Attributes:
        code: exit code of the run that it hit.
        said: its words.
        lost, twice: committed shards that are gone; samples that the result has more than once.
        redone: shards that were finished or begun before and had to be made again.
        same: the result has the bytes of a run without a fault.
        debris: files that stayed beside the result.
    """

    code: int
    said: str
    lost: int
    twice: int
    redone: int
    same: bool
    debris: tuple[str, ...]

    @property
    def is_clean(self) -> bool:
        return not (self.lost or self.twice or self.debris) and self.redone <= 1 and self.same


def out_of(folder: Path, form: Form) -> str:
    return f"{folder}/run/" if form == "folder" else f"{folder}/out.h5"


def extraction(out: str, form: Form, log: Callable[[str], None]) -> None:
    """Write every shard that is not done, and finish; `log` hears of each before and after."""
    with ShardWriter.open(out, CONFIG, overwrite=form == "overwrite") as writer:
        for key in () if writer.already_complete else PLAN:
            if key not in writer.done:
                log(f"begun {PLAN.index(key)}")
                write_shards(writer, [key])
                log(f"done {PLAN.index(key)}")
        writer.finalize(checkpoints={"one": {"step": 10}}, attrs={"seed": 0})


def in_child(work: Callable[[Callable[[str], None]], Any]) -> tuple[int, list[str]]:
    """Exit code of a child that does `work`, negative for a signal, and the lines that it logged."""
    reader, writer = os.pipe()
    real_write = os.write
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        gc.disable()
        os.close(reader)
        os.dup2(writer, 2)

        def log(line: str) -> None:
            real_write(writer, f"{line}\n".encode())

        sys.exit(guarded(lambda: work(log), debug=False))
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8", errors="replace") as stream:
        lines = stream.read().splitlines()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), lines


def run(folder: Path, form: Form, at: int, fault: Fault) -> tuple[int, list[str]]:
    """One run with a fault at operation `at`, 0 for none; its last line says how many there were."""

    def work(log: Callable[[str], None]) -> None:
        disk = Disk(str(folder), at, fault)
        disk.install()
        extraction(out_of(folder, form), form, log)
        log(f"operations {disk.count}")

    return in_child(work)


def prepared(folder: Path, form: Form) -> Path:
    """A new folder; for `overwrite` with a store of another configuration in the way."""
    folder.mkdir()
    if form == "overwrite":
        small_store(folder / "out.h5", attrs={"config": {"seed": 1}})
    return folder


def operations(folder: Path, form: Form) -> int:
    """How many operations a run without a fault has; it leaves its result in `folder`."""
    code, lines = run(prepared(folder, form), form, 0, "before")
    assert code == 0, lines
    return int(lines[-1].split()[1])


def outcome(folder: Path, straight: Path, form: Form, at: int, fault: Fault, second: int = 0) -> Outcome:
    """A fault at operation `at`, perhaps a kill at `second` of the next run, then a run to the end."""
    old = small_content(prepared(folder, form), form)
    code, lines = run(folder, form, at, fault)
    told = lines
    acked = _told(lines, "done")
    check_old(folder, form, old, straight)
    lost = len(acked - committed(folder, form))
    if second:
        ended, told = run(folder, form, second, random.Random(second).choice(["before", "after"]))
        assert ended in (0, KILLED), told
        acked |= _told(told, "done")
        lost += len(acked - committed(folder, form))
    # --overwrite makes again what is complete, also where the kill came just after that.
    finished = form == "overwrite" and not (folder / f"out.h5{schema.PARTIAL_SUFFIX}").exists()
    last: list[str] = []
    extraction(out_of(folder, form), form, last.append)
    again = _told(last, "begun") & (acked | _told(told, "begun"))
    redone = 0 if finished else len(again)
    said = " ".join(line for line in lines if line.startswith(("error:", "Traceback", "  ")))
    return Outcome(code, said, lost, twice(folder, form), redone, *_compared(folder, straight))


def small_content(folder: Path, form: Form) -> bytes | None:
    return (folder / "out.h5").read_bytes() if form == "overwrite" else None


def check_old(folder: Path, form: Form, old: bytes | None, straight: Path) -> None:
    """A store that is to be overwritten is the old one or the whole new one, never less."""
    if form == "overwrite":
        assert (folder / "out.h5").read_bytes() in (old, (straight / "out.h5").read_bytes())


def committed(folder: Path, form: Form) -> set[int]:
    """Shards that are whole: of the finished result, or those that the manifest names and that are intact."""
    if form != "folder" and (folder / "out.h5").exists():
        with open_store(folder / "out.h5") as store:
            store.verify()
            if store.provenance["config"] == CONFIG:
                return set(range(len(PLAN)))
    journal = folder / ("run" if form == "folder" else f"out.h5{schema.PARTIAL_SUFFIX}")
    if not (journal / schema.MANIFEST).exists():
        return set()
    return {PLAN.index(entry.key) for entry in read_manifest(journal).shards if is_intact(journal, entry)}


def twice(folder: Path, form: Form) -> int:
    """Samples that a finished result has more than once; it must have every sample."""
    with open_store(Path(out_of(folder, form))) as store:
        store.verify()
        ids = list(store.ids)
    assert set(ids) == set(names())
    return len(ids) - len(set(ids))


def _told(lines: list[str], word: str) -> set[int]:
    return {int(line.split()[1]) for line in lines if line.startswith(word + " ")}


def _compared(folder: Path, straight: Path) -> tuple[bool, tuple[str, ...]]:
    ours, expected = tree(folder), tree(straight)
    return all(ours.get(name) == data for name, data in expected.items()), tuple(
        sorted(ours.keys() - expected)
    )


def tree(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, and its bytes."""
    return {
        str(found.relative_to(folder)): found.read_bytes() for found in folder.rglob("*") if found.is_file()
    }
