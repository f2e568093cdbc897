"""What commands do in one of several ranks, without starting any."""

from __future__ import annotations

from pathlib import Path

import pytest

from repdiag.commands._errors import Terminated, guarded, together
from repdiag.ranks import Ranks
from tests.commands.helpers import Typed
from tests.threads import Board, ranks_of


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> list[Ranks]:
    """Both ranks of a run; `be` makes this process one of them."""
    monkeypatch.setattr("signal.signal", lambda *given: None)
    return ranks_of(2, Board())


def be(ranks: Ranks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repdiag.ranks.ranks_here", lambda: ranks)


def test_commands_that_do_not_share_their_work_are_refused(
    pair: list[Ranks], typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    be(pair[0], monkeypatch)
    ended = typed("measures")
    assert (ended.code, ended.sentence) == (2, "measures runs in one process; start it without torchrun")


def test_a_mistake_of_all_ranks_is_said_once(
    pair: list[Ranks], typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = []
    for ranks in reversed(pair):
        be(ranks, monkeypatch)
        ended = typed("spectrum", "nothing.npy")
        assert ended.code == 2
        said.append(ended.err)
    assert said[0].startswith("error: nothing.npy")
    assert said[1] == ""


def test_what_ends_all_ranks_is_told(
    pair: list[Ranks], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop() -> None:
        raise Terminated(143)

    be(pair[1], monkeypatch)
    assert guarded(stop, debug=False) == 143
    assert "torchrun sends when a rank has ended; run the same command again" in capfd.readouterr().err


def test_rank_1_prints_and_writes_nothing(
    pair: list[Ranks], typed: Typed, healthy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("repdiag.analysis.distributed.team_of", lambda ranks: _whole())
    be(pair[1], monkeypatch)
    for words in (("spectrum", healthy, "--json", "r.json"), ("check", healthy, "--report", "r.html")):
        ended = typed(*words)
        assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert [path.name for path in healthy.parent.iterdir()] == [healthy.name]


def _whole() -> object:
    from repdiag.analysis.distributed import WHOLE

    return WHOLE


def test_all_ranks_end_with_the_verdict_of_rank_0(pair: list[Ranks], monkeypatch: pytest.MonkeyPatch) -> None:
    pair[0].post("code", "1")
    be(pair[1], monkeypatch)
    assert together(3) == 1
    assert pair[0].posted("left/1") == ""


def test_a_rank_that_failed_does_not_wait(pair: list[Ranks], monkeypatch: pytest.MonkeyPatch) -> None:
    be(pair[1], monkeypatch)
    assert together(2) == 2
