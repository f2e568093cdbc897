"""What a run leaves when it is cut off, and who may go on from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repdiag.analysis import PlaneJournal, PlaneRequest, analyse_plane
from repdiag.analysis import plane_work as work
from repdiag.analysis.plane_journal import HEADER
from repdiag.analysis.plane_points import Evidence, Measured, measured
from repdiag.errors import OutputError
from repdiag.measures.plane_inputs import PlaneRows
from repdiag.measures.plane_registry import EstimatorChoice
from repdiag.results import Results
from repdiag.store import open_store
from tests.analysis import planes
from tests.analysis.test_plane_points import evidence, rows

REQUEST = PlaneRequest(estimators=("binning",))
POINTS = 12
"""Six checkpoints of two layers."""


class CutError(Exception):
    """The run is killed."""


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return planes.written(tmp_path / "run.h5", planes.rising_then_falling(6))


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every point that is measured, by its estimator."""
    seen: list[str] = []

    def watched(choice: EstimatorChoice, given: PlaneRows, known: Evidence) -> Measured:
        seen.append(choice.key)
        return measured(choice, given, known)

    monkeypatch.setattr(work, "measured", watched)
    return seen


def analysed(store: Path, folder: Path, request: PlaneRequest = REQUEST) -> tuple[Results, list[str]]:
    said: list[str] = []
    with open_store(store) as opened:
        return analyse_plane([opened], request, journal=PlaneJournal(folder, said.append)), said


def cut_after(points: int, store: Path, folder: Path) -> None:
    def progress(what: str, done: int, total: int) -> None:
        if what == "points" and done == points:
            raise CutError

    with open_store(store) as opened, pytest.raises(CutError):
        analyse_plane([opened], REQUEST, progress, PlaneJournal(folder, print))


@pytest.mark.parametrize("points", [1, 5, 12])
def test_a_cut_run_goes_on_and_gives_the_same(
    store: Path, tmp_path: Path, counted: list[str], points: int
) -> None:
    folder = tmp_path / "run.plane.partial"
    whole, said = analysed(store, tmp_path / "other")
    assert (len(counted), said) == (POINTS, [])
    counted.clear()
    cut_after(points, store, folder)
    assert len(counted) == points
    again, said = analysed(store, folder)
    assert len(counted) == POINTS
    assert said == [f"going on from {points} points in {folder}"]
    assert again == whole


def test_a_torn_or_foreign_point_is_measured_again(store: Path, tmp_path: Path, counted: list[str]) -> None:
    folder = tmp_path / "run.plane.partial"
    whole, _ = analysed(store, folder)
    first, second, third, *_ = sorted(folder.glob("*.point.json"))
    first.write_bytes(first.read_bytes()[:-40])
    second.write_bytes(third.read_bytes())
    third.write_text('{"key": 1}', encoding="utf-8")
    counted.clear()
    assert analysed(store, folder)[0] == whole
    assert len(counted) == 3


def test_other_options_or_another_store_start_again(store: Path, tmp_path: Path, counted: list[str]) -> None:
    folder = tmp_path / "run.plane.partial"
    cut_after(5, store, folder)
    counted.clear()
    _, said = analysed(store, folder, PlaneRequest(estimators=("binning",), seed=1))
    assert said == [f"{folder} was of other stores or options: it is replaced"]
    assert len(counted) == POINTS
    planes.written(store, planes.rising_then_falling(6, seed=1))
    counted.clear()
    assert len(analysed(store, folder, PlaneRequest(estimators=("binning",), seed=1))[1]) == 1
    assert len(counted) == POINTS


def test_removing_takes_only_what_is_ours(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run.plane.partial"
    journal = PlaneJournal(folder, print)
    journal.remove()
    with open_store(store) as opened:
        analyse_plane([opened], REQUEST, journal=journal)
    assert len(list(folder.iterdir())) == POINTS + 1
    journal.remove()
    assert not folder.exists()
    analysed(store, folder)
    (folder / "mine.txt").write_text("kept", encoding="utf-8")
    journal.remove()
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_a_folder_of_something_else_is_left_alone(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run.plane.partial"
    folder.mkdir()
    analysed(store, folder)
    (folder / HEADER).unlink()
    with pytest.raises(OutputError, match="holds something else; move it away"):
        analysed(store, folder)
    assert len(list(folder.iterdir())) == POINTS


def test_without_a_place_for_points_the_run_goes_on(store: Path, tmp_path: Path) -> None:
    results, said = analysed(store, tmp_path / "missing" / "run.plane.partial")
    assert len(results.trajectories) == 2
    assert len(said) == 1
    assert "no such file or directory; a run that is cut off will start again" in said[0]


def test_two_runs_in_one_folder_do_not_take_each_others_points(tmp_path: Path) -> None:
    first, second = (PlaneJournal(tmp_path / "j", print) for _ in range(2))
    first.open("one")
    point = measured(planes.choice(), rows(), evidence())
    first.keep(["key"], point)
    second.open("two")
    assert second.find(["key"]) is None
    second.keep(["key"], point)
    first.keep(["other"], point)
    assert first.find(["other"]) is not None
    assert second.find(["other"]) is None
    first.remove()
    second.keep(["last"], point)
    assert second.find(["last"]) is not None


def test_a_point_comes_back_to_the_last_digit(tmp_path: Path) -> None:
    journal = PlaneJournal(tmp_path / "j", print)
    journal.open("print")
    for known in (evidence(), evidence(constant=True), evidence(target="")):
        point = measured(planes.choice(), rows(), known)
        key: list[Any] = [0, "step=1", None, str(known.constant)]
        journal.keep(key, point)
        found = journal.find(key)
        assert found is not None
        assert (found.ixt.estimate, found.ity.estimate) == (point.ixt.estimate, point.ity.estimate)
        for own, kept in ((point.ixt, found.ixt), (point.ity, found.ity)):
            assert np.array_equal(own.parts, kept.parts)
        assert journal.find([*key, "other"]) is None


def test_a_point_is_small(store: Path, tmp_path: Path) -> None:
    folder = tmp_path / "j"
    analysed(store, folder)
    sizes = [path.stat().st_size for path in folder.glob("*.point.json")]
    assert max(sizes) < 20_000
    assert json.loads((folder / HEADER).read_text(encoding="utf-8"))["format"] == "repdiag.plane-journal"
