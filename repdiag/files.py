"""The one door through which files are written: temporary name, fsync, rename."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from repdiag.errors import OutputError
from repdiag.text import printable


def write_file(path: Path, content: str | bytes) -> None:
    """Write `content` so that `path` is either the old file or the whole new one.

    Raises:
        OutputError: the folder is missing or read-only, or the disk is full.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with replacing(path) as temporary:
        _write_all(temporary, data)


@contextmanager
def replacing(path: Path, folder: Path | None = None) -> Iterator[Path]:
    """A temporary path that takes the place of `path` when the block ends without an error.

    Args:
        folder: where the temporary file lies, and a kill leaves it; on the same disk, beside `path` if None.

    Raises:
        OutputError: for any OSError inside the block; the temporary file is removed.
    """
    if not path.name:
        raise OutputError(f"{printable(path)}: is no name of a file; name the file to write")
    temporary = (folder or path.parent) / f".{path.name}.{os.getpid()}.tmp"
    try:
        _require_replaceable(path)
        yield temporary
        _sync(temporary)
        os.replace(temporary, path)
        sync_folder(path.parent)
    except OSError as error:
        raise OutputError(f"{printable(path)}: could not be written ({_advised(error)}") from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a loss of power; some network disks cannot, and need not.

    Raises:
        OSError: the disk fails.
    """
    try:
        _sync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def _write_all(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
    try:
        write_all(descriptor, data)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data`: a disk that fills up takes a part before it says so.

    Raises:
        OSError: the disk fails.
    """
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def _require_replaceable(path: Path) -> None:
    """A rename would put a file where a pipe, or a device such as /dev/null, was."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OutputError(f"{printable(path)}: is a pipe or a device, not a file; name a file to write")


def _advised(error: OSError) -> str:
    """What the system said, and what to do about it."""
    reason = printable(error.strerror or type(error).__name__).lower()
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    step = "make room and run the same command again" if full else "write to another place"
    return f"{reason}); {step}"


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
