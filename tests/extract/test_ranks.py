from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from repdiag import ranks as ranks_module
from repdiag.errors import UsageError
from repdiag.extract import ExtractRequest, ExtractSummary, extract
from repdiag.extract import shards as shards_module
from repdiag.ranks import RanksError
from repdiag.store import open_store
from tests.threads import in_threads, ranks_of

Save = Callable[..., tuple[Path, nn.Module]]
Ask = Callable[..., ExtractRequest]


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """150 samples are 5 shards of at most 32; nothing here is about a loss of power."""
    monkeypatch.setattr(shards_module, "SHARD_ROWS", 40)
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")


def by_ranks(request: ExtractRequest, size: int, progress: Any = None) -> list[Any]:
    ranks = ranks_of(size)
    return in_threads(lambda rank: extract(request, None if rank else progress, ranks[rank]), size)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("size", [3])
def test_ranks_leave_the_same_bytes_as_one_process(save: Save, ask: Ask, tmp_path: Path, size: int) -> None:
    path, seen = save()[0], list[tuple[int, int]]()
    plain = ask(path, views=("base", "noise"), output=f"{tmp_path}/plain/")
    shared = ask(path, views=("base", "noise"), output=f"{tmp_path}/shared/")
    alone = extract(plain)
    summaries = by_ranks(shared, size, lambda label, done, total: seen.append((done, total)))
    assert all(isinstance(one, ExtractSummary) and one.rows == 150 for one in summaries), summaries
    assert len({str(summary) for summary in summaries}) == 1
    assert str(summaries[0]).replace("shared", "plain") == str(alone)
    assert len(contents(tmp_path / "plain")) == 2 * 5 + 2
    assert contents(tmp_path / "plain") == contents(tmp_path / "shared")
    assert seen[-1] == (300, 300)
    assert [done for done, _ in seen] == sorted({done for done, _ in seen})


def test_more_ranks_than_shards(save: Save, ask: Ask) -> None:
    request = ask(save()[0], limit=20)
    assert all(isinstance(one, ExtractSummary) for one in by_ranks(request, 3))
    assert all(isinstance(one, ExtractSummary) and one.was_complete for one in by_ranks(request, 3))


@pytest.mark.parametrize("other_size", [3])
def test_a_rank_that_dies_leaves_a_folder_that_any_number_of_ranks_goes_on_from(
    save: Save, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, other_size: int
) -> None:
    path, _ = save()
    whole = ask(path, views=("base", "noise"), output=str(tmp_path / "whole.h5"))
    broken = ask(path, views=("base", "noise"), output=str(tmp_path / "broken.h5"))
    extract(whole)
    made: list[tuple[str, int]] = []

    def dying(*arguments: Any) -> Any:
        if len(made) >= 6 and die:
            raise KeyboardInterrupt
        made.append((arguments[3].view.name, arguments[2][0]))
        return original(*arguments)

    original, die = shards_module.make_shard, True
    monkeypatch.setattr("repdiag.extract.runner.make_shard", dying)
    monkeypatch.setattr(ranks_module, "TIMEOUT", timedelta(seconds=2))
    ended = by_ranks(broken, 2)
    assert any(isinstance(one, KeyboardInterrupt) for one in ended)
    assert all(isinstance(one, KeyboardInterrupt | RanksError) for one in ended)
    with open_store(tmp_path / "broken.h5.partial", allow_partial=True) as partial:
        held = len(list((tmp_path / "broken.h5.partial" / "shards").iterdir()))
        assert partial.n >= 32
    assert 4 <= held <= 6
    die = False
    monkeypatch.setattr(ranks_module, "TIMEOUT", timedelta(minutes=1))
    assert all(isinstance(one, ExtractSummary) for one in by_ranks(broken, other_size))
    assert len(made) <= 10 + 2  # at most the last shard of each rank is done again
    assert Path(broken.output).read_bytes() == Path(whole.output).read_bytes()
    assert not list(tmp_path.glob("*.partial"))


def test_ranks_that_see_other_data_are_refused(save: Save, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks_module, "TIMEOUT", timedelta(seconds=1))
    path, _ = save()
    ranks, requests = ranks_of(2), [ask(path), ask(path, seed=1)]
    first, second = in_threads(lambda rank: extract(requests[rank], None, ranks[rank]), 2)
    assert isinstance(second, UsageError)
    assert str(second).startswith("rank 1 sees other data, weights, code or options than rank 0")
    assert isinstance(first, RanksError)


def test_a_run_that_fails_at_once_leaves_nothing(save: Save, ask: Ask, tmp_path: Path) -> None:
    ended = by_ranks(ask(save()[0], layers=("nothing",)), 2)
    assert all(isinstance(one, UsageError) and "no layer of the model" in str(one) for one in ended)
    assert not list(tmp_path.glob("out.h5*"))


def test_broken_samples_are_left_out_by_every_rank(save: Save, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "holes.py").write_text(
        "import torch\n"
        "class Holes:\n"
        "    def __len__(self): return 150\n"
        "    def __getitem__(self, i):\n"
        "        if i % 50 == 7: raise OSError('truncated')\n"
        "        return torch.full((1, 8, 8), i / 150)\n"
        "def data(): return Holes()\n"
    )
    request = ask(save()[0], data=f"{tmp_path}/holes.py:data", limit=None, on_error="skip")
    ended = by_ranks(request, 2)
    assert all(isinstance(one, ExtractSummary) and one.rows == 147 for one in ended), ended
    with open_store(Path(request.output)) as store:
        assert "57" not in store.ids
        assert len(np.unique(store.read(store.representations[0].address, 0, 147), axis=0)) == 147
