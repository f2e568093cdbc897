"""The demo as a user runs it: both encoders, every step, every file, and what it says at its end."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest

from repdiag.demo.closing import WIDTH
from repdiag.demo.outcome import EPOCHS, LAYERS
from repdiag.results import read_results
from repdiag.store import open_store
from tests.commands.helpers import Typed, in_a_process

DEMO = "repdiag-demo"
RUNS = ("healthy", "collapsed")
CHECKPOINTS = [f"epoch_{epoch:02d}" for epoch in range(EPOCHS + 1)]


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """The folder in which `repdiag demo` was typed, and how it ended."""
    here = tmp_path_factory.mktemp("demo")
    return here, in_a_process("demo", cwd=here)


@pytest.fixture
def folder(ended: tuple[Path, subprocess.CompletedProcess[str]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo's folder, from inside of it."""
    monkeypatch.chdir(ended[0] / DEMO)
    return ended[0] / DEMO


@pytest.fixture
def said(ended: tuple[Path, subprocess.CompletedProcess[str]]) -> str:
    return ended[1].stdout


@pytest.fixture
def typed(capfd: pytest.CaptureFixture[str]) -> Typed:
    return Typed(capfd)


def test_it_ends_well_and_quietly(ended: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    here, process = ended
    assert (process.returncode, process.stderr) == (0, "")
    assert os.listdir(here) == [DEMO]


def test_every_file_is_there_and_nothing_half_written(folder: Path) -> None:
    expected = {".repdiag-demo", "checkpoints", "comparison.html"}
    for run in RUNS:
        expected |= {f"{run}.h5", f"{run}.results.json"}
        expected |= {f"{run}.{page}.html" for page in ("spectrum", "information", "plane")}
        assert sorted(path.stem for path in (folder / "checkpoints" / run).iterdir()) == CHECKPOINTS
    assert {path.name for path in folder.iterdir()} == expected


def test_the_gate_tells_the_two_runs_apart(folder: Path, typed: Typed) -> None:
    healthy, collapsed = (typed("check", f"{run}.h5") for run in RUNS)
    assert (healthy.code, collapsed.code) == (0, 1)
    assert healthy.out.startswith("PASS")
    assert collapsed.out.startswith("FAIL")
    last = [line for line in collapsed.out.splitlines() if f"{CHECKPOINTS[-1]}/base/" in line]
    assert any(line.startswith("FAIL") for line in last)
    assert [typed("check", f"{run}.results.json").code for run in RUNS] == [0, 1]


def test_the_stores_hold_every_epoch_and_layer(folder: Path) -> None:
    for run in RUNS:
        with open_store(folder / f"{run}.h5") as store:
            found = {(info.address.checkpoint, info.address.layer) for info in store.representations}
            assert found == {(name, layer) for name in CHECKPOINTS for layer in LAYERS}
            assert store.n == 1797
            assert set(store.columns) >= {"label"}


def test_both_start_alike_and_end_apart(folder: Path) -> None:
    """The one term of the loss is seen in the figures, not only in the verdict."""
    ranks = {}
    for run in RUNS:
        items = read_results(folder / f"{run}.results.json").representations
        of_layer = [item for item in items if item.layer == LAYERS[-1]]
        assert [item.checkpoint for item in of_layer] == CHECKPOINTS
        ranks[run] = [item.estimates["effective_rank"].value or 0.0 for item in of_layer]
    assert ranks["healthy"][0] == pytest.approx(ranks["collapsed"][0], rel=1e-6)
    assert ranks["healthy"][-1] > 3 * ranks["collapsed"][-1]
    assert ranks["collapsed"][-1] < ranks["collapsed"][0]


@pytest.mark.parametrize("name", ["comparison.html", "healthy.spectrum.html", "collapsed.spectrum.html"])
def test_a_report_opens_offline_and_holds_its_runs(folder: Path, name: str) -> None:
    page = (folder / name).read_text(encoding="utf-8")
    assert page.lstrip().lower().startswith("<!doctype html>")
    assert page.rstrip().endswith("</html>")
    for run in RUNS if name == "comparison.html" else (name.split(".", maxsplit=1)[0],):
        assert f"{run}.h5" in page
    assert re.findall(r"<(?:script|img)[^>]+src=[\"']https?:|<link[^>]+href=[\"']https?:", page) == []
    assert str(folder) not in page


def test_its_last_words_fit_a_terminal_and_say_what_was_found(said: str) -> None:
    assert max(map(len, said.splitlines())) <= WIDTH
    assert re.search(r"repdiag check +pass \(exit 0\) +fail \(exit 1\)", said)
    assert "What the gate says of the collapsed one" in said
    for layer in LAYERS:
        assert f"  {layer}, d = " in said


def test_its_last_words_name_files_that_are_there(
    ended: tuple[Path, subprocess.CompletedProcess[str]], said: str
) -> None:
    named = re.findall(rf"{DEMO}/\S+\.html", said)
    assert len(named) == 6
    assert all((ended[0] / name).is_file() for name in named)


def test_the_steps_it_prints_can_be_typed(folder: Path, said: str, typed: Typed) -> None:
    steps = said.partition("The same, step by step:\n")[2].replace("\\\n", " ").splitlines()
    assert shlex.split(steps[0]) == ["cd", DEMO]
    codes = [typed(*shlex.split(step)[1:]).code for step in steps[1:]]
    assert codes == [0, 0, 0, 0, 1, 0]
    judged = json.loads((folder / "collapsed.results.json").read_text(encoding="utf-8"))
    assert judged["verdict"] == "fail"


def test_a_second_demo_replaces_only_when_asked(
    ended: tuple[Path, subprocess.CompletedProcess[str]], typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ended[0])
    before = (ended[0] / DEMO / "healthy.h5").read_bytes()
    again = typed("demo")
    assert again.code == 2
    assert "repdiag demo repdiag-demo --overwrite" in again.sentence
    assert (ended[0] / DEMO / "healthy.h5").read_bytes() == before


@pytest.mark.parametrize(
    ("words", "said"), [(("--epochs", "0"), "--epochs 0"), (("file",), "is a file"), (("full",), "no demo")]
)
def test_what_it_declines(
    typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    ended = typed("demo", *words)
    assert ended.code == 2
    assert said in ended.sentence
    assert sorted(os.listdir(tmp_path)) == ["file", "full"]
    assert os.listdir(tmp_path / "full") == ["mine.txt"]
