from __future__ import annotations

import errno
import json
import multiprocessing
import os
import socket
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from repdiag.errors import UsageError
from repdiag.store import ShardWriter, lock
from tests.store.helpers import CONFIG


def test_second_writer_is_refused_with_pid_and_host(tmp_path: Path) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG):
        for overwrite in (False, True):
            with pytest.raises(UsageError, match=f"process {os.getpid()} on {socket.gethostname()}"):
                ShardWriter.open(tmp_path / "e.h5", CONFIG, overwrite=overwrite)
    with ShardWriter.open(tmp_path / "e.h5", CONFIG):
        pass
    assert not (tmp_path / "e.h5.partial" / "lock").exists()


def _try(path: Path) -> bool:
    try:
        ShardWriter.open(path, CONFIG)
    except UsageError:
        return False
    return True


def test_of_many_writers_one_gets_in(tmp_path: Path) -> None:
    with multiprocessing.get_context("fork").Pool(8) as pool:
        got_in = pool.map(_try, [tmp_path / "e.h5"] * 8, chunksize=1)
    assert sum(got_in) >= 1  # a worker that ended may be replaced; two at once are excluded below


def _dead_owner() -> lock.Owner:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = lock.Owner(child.pid, socket.gethostname(), lock._birth(child.pid))
    child.communicate(b"\n")
    return owner


def test_lock_of_a_dead_process_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps(asdict(_dead_owner())), encoding="ascii")
    lock.acquire(path)
    assert json.loads(path.read_text(encoding="ascii"))["pid"] == os.getpid()
    lock.release(path)
    assert list(tmp_path.iterdir()) == []


def test_process_number_that_came_back_is_another_process(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps(asdict(lock.Owner(os.getpid(), socket.gethostname(), "1"))), encoding="ascii")
    lock.acquire(path)
    assert json.loads(path.read_text(encoding="ascii"))["birth"] != "1"


@pytest.mark.parametrize("content", ["", "{", '{"pid": 1}'])
def test_unreadable_lock_counts_once_it_is_old(tmp_path: Path, content: str) -> None:
    path = tmp_path / "lock"
    path.write_text(content, encoding="ascii")
    with pytest.raises(UsageError, match="just starting"):
        lock.acquire(path)
    os.utime(path, (1, 1))
    lock.acquire(path)


def test_lock_on_another_host_is_never_taken(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps(asdict(lock.Owner(1, "elsewhere", ""))), encoding="ascii")
    with pytest.raises(UsageError, match="if it is dead remove"):
        lock.acquire(path)


def test_release_leaves_the_lock_of_another(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_text(json.dumps(asdict(lock.Owner(1, "elsewhere", ""))), encoding="ascii")
    lock.release(path)
    assert path.exists()


def test_disk_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*names: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    path = tmp_path / "lock"
    lock.acquire(path)
    assert json.loads(path.read_text(encoding="ascii"))["pid"] == os.getpid()
    with pytest.raises(UsageError, match="is being written by process"):
        lock.acquire(path)
    lock.release(path)
    assert list(tmp_path.iterdir()) == []
