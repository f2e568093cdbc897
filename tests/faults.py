"""Faults between a process and its disk: at the n-th operation on files it dies, or the disk fails."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Fault = Literal["before", "after", "torn", "lost", "ENOSPC", "EIO"]
DEATHS: tuple[Fault, ...] = ("before", "after", "torn", "lost")
"""Killed just before or after an operation; or the power fails: what was not synced is cut in half (`torn`),
and also loses its name (`lost`)."""
ERRORS: tuple[Fault, ...] = ("ENOSPC", "EIO")
"""No room from then on, for all that needs room; or one operation that fails."""
KILLED = 9
"""Exit code of a process that dies here."""

_OPERATIONS = (
    "open", "write", "pwrite", "ftruncate", "fsync", "replace", "rename", "link", "unlink", "mkdir", "rmdir",
)  # fmt: skip
_NEED_ROOM = ("open", "write", "pwrite", "fsync", "replace", "link", "mkdir")


@dataclass
class Disk:
    """Stands between `os` and the files under `root`, in a process of its own that ends with the trial."""

    root: str
    at: int = 0
    fault: Fault = "before"
    count: int = 0
    _files: dict[int, str] = field(default_factory=dict)
    _unsynced: set[str] = field(default_factory=set)
    _undo: list[tuple[str, Callable[[], None]]] = field(default_factory=list)
    _real: dict[str, Any] = field(default_factory=dict)

    def install(self) -> None:
        """From now on every operation under `root` is counted."""
        self._real = {name: getattr(os, name) for name in (*_OPERATIONS, "close")}
        for name in _OPERATIONS:
            setattr(os, name, self._standing_before(name))
        vars(os)["close"] = self._close

    def _standing_before(self, name: str) -> Callable[..., Any]:
        def operation(*args: Any, **named: Any) -> Any:
            path = self._path(args[0])
            if not path.startswith(self.root) or (name == "open" and args[1] == os.O_RDONLY):
                return self._done(name, path, args, named)
            self.count += 1
            if self.count == self.at and self.fault in DEATHS:
                self._die(name, path, args, named)
            if self._fails(name):
                return self._failed(name, path, args)
            return self._done(name, path, args, named)

        return operation

    def _path(self, target: Any) -> str:
        return self._files.get(target, "") if isinstance(target, int) else os.path.abspath(os.fspath(target))

    def _done(self, name: str, path: str, args: Any, named: Any) -> Any:
        undo = self._undoing(name, path, args)
        result = self._real[name](*args, **named)
        if name == "open":
            self._files[result] = path
        if name in ("write", "pwrite", "ftruncate"):
            self._unsynced.add(path)
        elif name == "fsync":
            self._unsynced.discard(path)
            self._undo = [(folder, undo) for folder, undo in self._undo if folder != path]
        elif name in ("replace", "rename") and path in self._unsynced:
            self._unsynced.remove(path)
            self._unsynced.add(self._path(args[1]))
        if undo is not None:
            target = self._path(args[1]) if name in ("replace", "rename", "link") else path
            self._undo.append((os.path.dirname(target), undo))
        return result

    def _undoing(self, name: str, path: str, args: Any) -> Callable[[], None] | None:
        """What takes a change of names back, should the power fail before its folder is synced."""
        if name in ("replace", "rename"):
            old = _content(self._path(args[1]))
            return lambda: self._unrename(path, self._path(args[1]), old)
        if name == "unlink" and os.path.lexists(path):
            gone = _content(path)
            return lambda: self._restore(path, gone)
        if name == "link":
            return lambda: Path(self._path(args[1])).unlink(missing_ok=True)
        if name == "mkdir" and not os.path.exists(path):
            return lambda: shutil.rmtree(path, ignore_errors=True)
        return None

    def _unrename(self, source: str, target: str, old: bytes | None) -> None:
        os.rename(target, source)
        self._restore(target, old)

    def _restore(self, path: str, content: bytes | None) -> None:
        if content is not None and os.path.isdir(os.path.dirname(path)):
            Path(path).write_bytes(content)

    def _die(self, name: str, path: str, args: Any, named: Any) -> None:
        if self.fault == "after":
            with suppress(OSError):
                self._real[name](*args, **named)
        if self.fault in ("torn", "lost"):
            if name in ("write", "pwrite"):
                self._done(name, path, (args[0], _half(args[1]), *args[2:]), named)
            self._lose_power()
        os._exit(KILLED)

    def _lose_power(self) -> None:
        for name, real in self._real.items():
            setattr(os, name, real)
        for path in filter(os.path.exists, self._unsynced):
            os.truncate(path, os.path.getsize(path) // 2)
        if self.fault == "lost":
            for _, undo in reversed(self._undo):
                undo()

    def _fails(self, name: str) -> bool:
        if self.fault == "ENOSPC":
            return 0 < self.at <= self.count and name in _NEED_ROOM
        return self.fault == "EIO" and self.count == self.at

    def _failed(self, name: str, path: str, args: Any) -> int:
        """A disk that fills up still takes the first half of a write."""
        if self.fault == "ENOSPC" and self.count == self.at and name in ("write", "pwrite"):
            return int(self._done(name, path, (args[0], _half(args[1]), *args[2:]), {}))
        code = getattr(errno, self.fault)
        raise OSError(code, os.strerror(code), path)

    def _close(self, descriptor: int) -> None:
        self._files.pop(descriptor, None)
        self._real["close"](descriptor)


def _half(data: Any) -> memoryview:
    view = memoryview(data).cast("B")
    return view[: len(view) // 2]


def _content(path: str) -> bytes | None:
    return Path(path).read_bytes() if os.path.isfile(path) else None
