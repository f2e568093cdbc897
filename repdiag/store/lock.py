"""One writer for each run folder: a lock file that names its process and host."""

from __future__ import annotations

import errno
import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from repdiag.files import write_all
from repdiag.store.complaints import bad_output, bad_usage, said
from repdiag.text import printable

_EMPTY_LOCK_SECONDS = 10.0
_TRIES = 5
_NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK)
"""What disks without hard links say."""


@dataclass(frozen=True)
class Owner:
    """A process; `birth` tells it from a later one with the same number."""

    pid: int
    host: str
    birth: str

    @classmethod
    def me(cls) -> Owner:
        return cls(os.getpid(), socket.gethostname(), _birth(os.getpid()))

    @property
    def is_dead(self) -> bool:
        """True when that process certainly ended; one on another host never counts as dead."""
        return self.host == socket.gethostname() and (
            not _is_running(self.pid) or _birth(self.pid) != self.birth
        )


def acquire(path: Path) -> None:
    """Make the lock file, or take over that of a process that died.

    Raises:
        UsageError: another process holds it.
        OutputError: it cannot be written.
    """
    for _ in range(_TRIES):
        try:
            _create(path)
            return
        except FileExistsError:
            _clear_stale(path)
        except OSError as error:
            if isinstance(error, FileNotFoundError) and path.parent.is_dir():
                continue  # the owner, while it clears the folder, took our file for debris
            raise bad_output(path, f"could not be written ({said(error)})") from error
    raise bad_usage(path, "other processes keep taking this lock; try again")


def release(path: Path) -> None:
    """Remove our own lock file; one that a failing disk keeps is taken over by the next run."""
    if _read(path) == Owner.me():
        with suppress(OSError):
            path.unlink()


def _create(path: Path) -> None:
    """Write it aside and link it: a kill leaves a whole lock or none."""
    aside = _aside(path)
    try:
        _write(aside, os.O_TRUNC)
        os.link(aside, path)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        _write(path, os.O_EXCL)
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)


def _write(path: Path, flag: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | flag, 0o666)
    try:
        write_all(descriptor, json.dumps(asdict(Owner.me())).encode("ascii"))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.{os.getpid()}.tmp")


def _clear_stale(path: Path) -> None:
    owner = _read(path)
    if owner is None and _age(path) < _EMPTY_LOCK_SECONDS:
        raise bad_usage(path, "another process is just starting here; try again")
    if owner is not None and not owner.is_dead:
        raise bad_usage(
            path.parent,
            f"is being written by process {owner.pid} on {printable(owner.host)}; "
            f"wait for it, or if it is dead remove {printable(path)}",
        )
    aside = _aside(path)
    try:
        os.rename(path, aside)
        if _read(aside) != owner:  # somebody else took over between our look and our rename
            os.link(aside, path)
        aside.unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise bad_output(path, f"could not be taken over ({said(error)})") from error


def _read(path: Path) -> Owner | None:
    try:
        content = json.loads(path.read_bytes())
        return Owner(int(content["pid"]), str(content["host"]), str(content["birth"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _age(path: Path) -> float:
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return _EMPTY_LOCK_SECONDS


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def _birth(pid: int) -> str:
    """Start time of a process where the system tells it (Linux), else nothing."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return stat.rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
