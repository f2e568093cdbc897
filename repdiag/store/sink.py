"""A stream between HDF5 and the disk that keeps disk errors away from HDF5."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any


class DiskSink(io.RawIOBase):
    """A file that remembers its first error and from then on only pretends to write.

    HDF5 does not survive a failed write: closing fails too, and the interpreter then crashes at
    exit. So it never hears of one; `check` raises the error that it was spared.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.error: OSError | None = None
        self._position = 0
        self._size = 0
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        self._position = base + offset
        return self._position

    def readinto(self, buffer: Any, /) -> int:
        """Fill the whole buffer; what was never written reads as zeros."""
        view = memoryview(buffer).cast("B")
        try:
            data = os.pread(self._descriptor, len(view), self._position)
        except OSError as error:
            self.error = self.error or error
            data = b""
        view[: len(data)] = data
        view[len(data) :] = bytes(len(view) - len(data))
        self._position += len(view)
        return len(view)

    def write(self, data: Any, /) -> int:
        view = memoryview(data).cast("B")
        self._attempt(view)
        self._position += len(view)
        self._size = max(self._size, self._position)
        return len(view)

    def _attempt(self, view: memoryview) -> None:
        done = 0
        try:
            while done < len(view) and self.error is None:
                done += os.pwrite(self._descriptor, view[done:], self._position + done)
        except OSError as error:
            self.error = error

    def truncate(self, size: int | None = None, /) -> int:
        self._size = self._position if size is None else size
        try:
            if self.error is None:
                os.ftruncate(self._descriptor, self._size)
        except OSError as error:
            self.error = error
        return self._size

    def check(self) -> None:
        """Raise the first error of the disk, if there was one."""
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        if not self.closed:
            os.close(self._descriptor)
        super().close()
