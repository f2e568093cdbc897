"""Who opens a file: the kernel tells, so nothing that reads it goes unseen."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from types import TracebackType

IN_ACCESS, IN_OPEN, IN_NONBLOCK = 0x1, 0x20, 0o4000


class Watch:
    """Counts openings and reads of files from here on."""

    def __init__(self, *paths: Path) -> None:
        library = ctypes.CDLL(None, use_errno=True)
        self._queue = library.inotify_init1(IN_NONBLOCK)
        for path in paths:
            if library.inotify_add_watch(self._queue, os.fsencode(path), IN_ACCESS | IN_OPEN) < 0:
                raise OSError(ctypes.get_errno(), "inotify")

    def seen(self) -> bool:
        """True once any of the files was opened or read since the last call."""
        try:
            return bool(os.read(self._queue, 1 << 16))
        except BlockingIOError:
            return False

    def __enter__(self) -> Watch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._queue)
