"""A child may crash, hang, eat memory or lie; its parent gets one sentence and goes on."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import IO

import pytest
import torch

from repdiag import child
from repdiag.child import Limits, in_child, limits_for
from repdiag.errors import EXIT_USAGE, InputError

pytestmark = pytest.mark.skipif(not child.FORKS, reason="work is done in a child only where fork is safe")

SMALL = Limits(memory=256 << 20, cpu=2, wall=20, written=1 << 20)


def writes(sink: IO[bytes]) -> None:
    sink.write(b"x" * 1000)


def segfaults(sink: IO[bytes]) -> None:
    ctypes.string_at(0)


def aborts(sink: IO[bytes]) -> None:
    os.abort()


def eats(sink: IO[bytes]) -> None:
    held = [bytes(64 << 20) for _ in range(40)]
    sink.write(bytes(len(held)))


def overreaches(sink: IO[bytes]) -> None:
    sink.write(bytes(1 << 46))


def spins(sink: IO[bytes]) -> None:
    while True:
        pass


def waits(sink: IO[bytes]) -> None:
    time.sleep(600)


def floods(sink: IO[bytes]) -> None:
    for _ in range(100):
        sink.write(bytes(1 << 20))


def leaves(sink: IO[bytes]) -> None:
    sys.exit(0)


def fails(sink: IO[bytes]) -> None:
    raise RuntimeError("a\x1b[31mb")


def refuses(sink: IO[bytes]) -> None:
    sink.write(b"what was done until then")
    raise InputError("a.pt: is empty")


CASES: dict[str, tuple[Callable[[IO[bytes]], None], str]] = {
    "segfault": (segfaults, r"a\.pt: the file crashed the loader \(signal 11\)"),
    "abort": (aborts, r"crashed the loader \(signal 6\)"),
    "killed": (lambda sink: os.kill(os.getpid(), signal.SIGKILL), "signal 9, perhaps for want of memory"),
    "memory": (eats, "takes over 256 MiB of memory"),
    "written": (floods, "OSError"),
    "exit": (leaves, "SystemExit"),
    "error": (fails, r"RuntimeError: a\\x1b\[31mb"),
    "refusal": (refuses, r"^a\.pt: is empty$"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_ends_the_child_is_one_sentence(case: str, capfd: pytest.CaptureFixture[str]) -> None:
    work, sentence = CASES[case]
    with pytest.raises(InputError, match=sentence) as caught:
        in_child(work, "a.pt", SMALL)
    assert caught.value.exit_code == EXIT_USAGE
    assert "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert_no_children()


def test_a_busy_child_is_stopped() -> None:
    with pytest.raises(InputError, match="busy for 1 seconds"):
        in_child(spins, "a.pt", replace(SMALL, cpu=1))


def test_a_waiting_child_is_stopped() -> None:
    began = time.monotonic()
    with pytest.raises(InputError, match="busy for 1 seconds"):
        in_child(waits, "a.pt", replace(SMALL, wall=1))
    assert time.monotonic() - began < 10
    assert_no_children()


def test_what_is_written_comes_back() -> None:
    with in_child(writes, "a.pt", SMALL) as found:
        assert found.read() == b"x" * 1000


def test_an_interrupt_of_the_parent_ends_the_child() -> None:
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        in_child(waits, "a.pt", SMALL)
    timer.join()
    assert_no_children()


def test_limits_are_set_in_the_child_alone(tmp_path: Path) -> None:
    def tell(sink: IO[bytes]) -> None:
        limits = [resource.getrlimit(kind) for kind in (resource.RLIMIT_CORE, resource.RLIMIT_CPU)]
        sink.write(repr(limits).encode())

    before = resource.getrlimit(resource.RLIMIT_AS)
    with in_child(tell, "a.pt", SMALL) as found:
        assert found.read() == b"[(0, 0), (2, 7)]"
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_threads_of_the_parent_do_no_harm() -> None:
    """Of torch's pool and of our own: the child runs alone."""

    def adds(sink: IO[bytes]) -> None:
        torch.set_num_threads(1)
        sink.write(str(int(torch.ones(3_000_000).clone().sum())).encode())

    threads = torch.get_num_threads()
    stop = threading.Event()
    other = threading.Thread(target=stop.wait)
    other.start()
    try:
        torch.set_num_threads(2)
        assert torch.ones(3_000_000).sum() == 3_000_000
        with in_child(adds, "a.pt", replace(SMALL, wall=60)) as found:
            assert found.read() == b"3000000"
    finally:
        torch.set_num_threads(threads)
        stop.set()
        other.join()


def test_without_fork_the_work_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "FORKS", False)
    monkeypatch.delattr(os, "memfd_create")
    with in_child(writes, "a.pt", SMALL) as found:
        assert found.read() == b"x" * 1000
    with pytest.raises(InputError, match="is empty"):
        in_child(refuses, "a.pt", SMALL)
    with pytest.raises(InputError, match="more memory than there is"):
        in_child(overreaches, "a.pt", SMALL)


def test_limits_grow_with_the_file() -> None:
    small, large = limits_for(0), limits_for(100 << 30)
    assert small.memory == 768 << 20
    assert large.memory > 300 << 30
    assert large.cpu > small.cpu
    assert large.wall > small.wall


def assert_no_children() -> None:
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)
