"""Work on files that nobody vouches for, in a child process with limits: it may crash, we do not.

The child is a fork, so it starts in milliseconds and has all modules; it does nothing but the work
and never returns into our code. Where the system cannot fork safely, the work is done here.
"""

from __future__ import annotations

import faulthandler
import io
import os
import select
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, NoReturn

from repdiag.errors import InputError, RepdiagError
from repdiag.text import printable

FORKS = sys.platform == "linux"
"""System libraries of macOS do not survive a fork, and Windows has none."""
_REFUSED, _OUT_OF_MEMORY, _FAILED = 2, 3, 4
_SPARE = 768 << 20
_SENTENCE_BYTES = 4000

Work = Callable[[IO[bytes]], None]


@dataclass(frozen=True, slots=True)
class Limits:
    """What the child may take: bytes of memory beyond what we have, CPU and wall seconds, bytes written."""

    memory: int
    cpu: int
    wall: int
    written: int


def limits_for(size: int) -> Limits:
    """Generous for an honest file of `size` bytes: 768 MiB and three times its size, 30 s and 20 MB/s."""
    return Limits(
        memory=_SPARE + 3 * size,
        cpu=30 + size // (20 << 20),
        wall=120 + (size >> 20),
        written=_SPARE + 4 * size,
    )


def in_child(work: Work, shown: str, limits: Limits) -> IO[bytes]:
    """What `work` wrote to the file that it is given: memory without a name, at its start.

    Args:
        work: gets a file to write to; what it raises on purpose is raised here too.
        shown: the file that is worked on, as errors name it.

    Raises:
        InputError: of `work`, or because it crashed, ran out of its limits or took too long.
    """
    sink = _nameless()
    try:
        if FORKS:
            _fork(work, sink, shown, limits)
        else:
            work(sink)
            sink.flush()
        sink.seek(0)
    except MemoryError as error:
        sink.close()
        raise _out_of_memory(shown) from error
    except BaseException:
        sink.close()
        raise
    return sink


def _nameless() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        return io.BufferedRandom(io.FileIO(os.memfd_create("repdiag"), "r+"))
    return tempfile.TemporaryFile()


def _fork(work: Work, sink: IO[bytes], shown: str, limits: Limits) -> None:
    ended, alive = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads: the child needs none of them
        pid = os.fork()
    if not pid:
        _serve(work, sink, limits)
    os.close(alive)
    try:
        status = _wait(pid, ended, limits.wall)
    finally:
        os.close(ended)
    _raise_for(status, sink, shown, limits)


def _wait(pid: int, ended: int, seconds: int) -> int | None:
    """The exit status of the child, or None where it was stopped because time was up."""
    deadline = time.monotonic() + seconds
    try:
        while (left := deadline - time.monotonic()) > 0:
            # Readable once the last writer, the child, is gone; a fork beside us may hold it too.
            select.select([ended], [], [], min(left, 1.0))
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                pid = 0
                return status
        return None
    finally:
        if pid:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _raise_for(status: int | None, sink: IO[bytes], shown: str, limits: Limits) -> None:
    if status == 0:
        return
    if status is None or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU):
        seconds = limits.wall if status is None else limits.cpu
        raise InputError(
            f"{shown}: kept the loader busy for {seconds} seconds; it is damaged or crafted, save it again"
        )
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        memory = ", perhaps for want of memory" if number == signal.SIGKILL else ""
        raise InputError(
            f"{shown}: the file crashed the loader (signal {number}{memory}); fetch or save it again"
        )
    code = os.WEXITSTATUS(status)
    if code == _OUT_OF_MEMORY:
        raise _out_of_memory(shown, f"over {limits.memory >> 20:,} MiB of memory")
    text = printable(os.pread(sink.fileno(), _SENTENCE_BYTES, 0).decode("utf-8", "replace"), _SENTENCE_BYTES)
    if code == _REFUSED:
        raise InputError(text)
    raise InputError(f"{shown}: cannot be read ({text or f'exit code {code}'}); fetch or save it again")


def _out_of_memory(shown: str, amount: str = "more memory than there is") -> InputError:
    return InputError(
        f"{shown}: takes {amount} to read, which its size does not explain; fetch or save it again"
    )


def _serve(work: Work, sink: IO[bytes], limits: Limits) -> NoReturn:
    """The life of the child."""
    code = _FAILED
    try:
        _confine(limits)
        work(sink)
        sink.flush()
        code = 0
    except RepdiagError as error:
        code = _say(sink, str(error), _REFUSED)
    except MemoryError:
        code = _OUT_OF_MEMORY
    except BaseException as error:
        code = _say(sink, f"{type(error).__name__}: {printable(error, 200)}", _FAILED)
    finally:
        os._exit(code)


def _say(sink: IO[bytes], text: str, code: int) -> int:
    descriptor = sink.fileno()
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode("utf-8", "replace")[:_SENTENCE_BYTES], 0)
    return code


def _confine(limits: Limits) -> None:
    """Quiet, deaf to the keyboard (the parent decides), and with bounds."""
    faulthandler.disable()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS):
        signal.signal(number, signal.SIG_DFL)
    silence = os.open(os.devnull, os.O_RDONLY)  # what the readers print fails, which they do not mind
    for descriptor in (0, 1, 2):
        os.dup2(silence, descriptor)
    _limit(limits)


def _limit(limits: Limits) -> None:
    import resource

    with open("/proc/self/statm", encoding="ascii") as pages:
        held = int(pages.read().split()[0]) * resource.getpagesize()
    for kind, soft, hard in (
        (resource.RLIMIT_AS, held + limits.memory, held + limits.memory),
        (resource.RLIMIT_CPU, limits.cpu, limits.cpu + 5),
        (resource.RLIMIT_FSIZE, limits.written, limits.written),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        most = resource.getrlimit(kind)[1]
        bounded = [value if most == resource.RLIM_INFINITY else min(value, most) for value in (soft, hard)]
        resource.setrlimit(kind, (bounded[0], bounded[1]))


__all__ = ["FORKS", "Limits", "in_child", "limits_for"]
