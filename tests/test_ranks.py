from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest

from repdiag import ranks as ranks_module
from repdiag.ranks import ALONE, Ranks, RanksError, ranks_here
from tests.source import ROOT
from tests.threads import Board, in_threads, ranks_of

TOLD = {
    "RANK": "2",
    "WORLD_SIZE": "4",
    "LOCAL_RANK": "1",
    "MASTER_ADDR": "localhost",
    "MASTER_PORT": "29500",
    "TORCHELASTIC_RUN_ID": "none",
}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    ranks_here.cache_clear()
    yield
    ranks_here.cache_clear()


def tell(monkeypatch: pytest.MonkeyPatch, **changes: str) -> None:
    for name, value in {**TOLD, **changes}.items():
        monkeypatch.setenv(name, value)


def test_torchrun_tells_the_place(monkeypatch: pytest.MonkeyPatch) -> None:
    tell(monkeypatch)
    assert ranks_here() == Ranks(2, 4, 1)
    assert not ranks_here().leads


@pytest.mark.parametrize(
    "changes", [{"WORLD_SIZE": "1", "RANK": "0"}, {"RANK": "x"}, {"RANK": "7"}, {"TORCHELASTIC_RUN_ID": ""}]
)
def test_all_else_is_alone(monkeypatch: pytest.MonkeyPatch, changes: dict[str, str]) -> None:
    assert ranks_here() is ALONE
    ranks_here.cache_clear()
    tell(monkeypatch, **changes)
    assert ranks_here() is ALONE


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the variables of another process")
def test_a_command_that_a_rank_of_a_training_starts_is_alone() -> None:
    child = "from repdiag.ranks import ranks_here; print(ranks_here().size)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    environment = {**os.environ, **TOLD, "PYTHONPATH": str(ROOT)}
    for program, size in ((child, "4"), (parent, "1")):
        ended = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
        )
        assert ended.stdout.strip() == size


def test_plain_runs_import_no_torch() -> None:
    code = "import sys; from repdiag.ranks import ranks_here as r; r().first('e'); r().meet('m')"
    subprocess.run([sys.executable, "-c", f"{code}; assert 'torch' not in sys.modules"], check=True, cwd=ROOT)


def test_messages_arrive_once_they_are_there() -> None:
    def work(rank: int) -> str:
        return ranks[rank].shared("folder", lambda: f"made by {rank}")

    ranks = ranks_of(3)
    assert in_threads(work, 3) == ["made by 0"] * 3


def test_a_wait_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks_module, "TIMEOUT", timedelta(seconds=0.1))
    with pytest.raises(RanksError, match=r"rank 1 waited for .begun. for 0 s in vain; run the same"):
        ranks_of(2)[1].wait("begun")


def test_nobody_goes_on_before_all_are_there() -> None:
    def work(rank: int) -> int:
        arrived.append(rank)
        ranks[rank].meet("here")
        return len(arrived)

    ranks, arrived = ranks_of(4), list[int]()
    assert in_threads(work, 4) == [4] * 4


def test_one_rank_speaks() -> None:
    ranks = ranks_of(4)
    assert [one.first("error") for one in ranks] == [True, False, False, False]
    assert ALONE.first("error")


class Gone(Board):
    def add(self, key: str, amount: int) -> int:
        raise RuntimeError("Connection reset by peer")

    check = set = add  # type: ignore[assignment]


def test_without_a_store_rank_0_speaks_and_a_message_is_an_error() -> None:
    ranks = ranks_of(2, Gone())
    assert [one.first("error") for one in ranks] == [True, False]
    with pytest.raises(RanksError, match=r"rank 1 cannot reach its torchrun \(Connection reset by peer\)"):
        ranks[1].post("x", "")


def test_all_leave_with_the_code_of_rank_0() -> None:
    ranks = ranks_of(3)
    assert in_threads(lambda rank: ranks[rank].leave(rank), 3) == [0, 0, 0]


def test_a_restart_reads_nothing_old(monkeypatch: pytest.MonkeyPatch) -> None:
    ranks = ranks_of(2)
    ranks[0].post("code", "0")
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert ranks[1].posted("code") is None


def test_each_rank_has_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 2)
    assert [Ranks(rank, 3, rank).device("auto") for rank in range(3)] == ["cuda:0", "cuda:1", "cuda:0"]
    assert Ranks(1, 2, 1).device("cpu") == "cpu"
    assert ALONE.device("auto") == "auto"
