"""`repdiag spectrum` as a user types it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from repdiag.measures.registry import all_measures
from repdiag.results import Results, read_results
from tests.commands.helpers import Typed, in_a_process


def test_a_table_and_a_report_in_the_working_folder(typed: Typed, healthy: Path, here: Path) -> None:
    ended = typed("spectrum", healthy)
    assert ended.code == 0
    assert "(n 2,000, d 16)" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80
    (line,) = [line for line in ended.out.splitlines() if line.split()[:1] == ["effective_rank"]]
    assert line.split()[-1] == "ok"
    assert ended.err == "wrote healthy.spectrum.html\n"
    assert (here / "healthy.spectrum.html").read_text(encoding="utf-8").lower().startswith("<!doctype html>")


def test_json_on_stdout_is_all_there_is(typed: Typed, healthy: Path, here: Path) -> None:
    ended = typed("spectrum", healthy, "--json", "-", "--no-report")
    assert ended.code == 0
    assert ended.err == ""
    results = Results.model_validate(json.loads(ended.out))
    (item,) = results.representations
    assert (item.n, item.d) == (2000, 16)
    assert os.listdir(here) == ["healthy.npy"]


def test_json_in_a_file_and_the_table(typed: Typed, healthy: Path, here: Path) -> None:
    ended = typed("spectrum", healthy, "--json", "r.json", "--no-report", "--measure", "effective_rank")
    assert ended.err == "wrote r.json\n"
    (item,) = read_results(here / "r.json").representations
    assert list(item.estimates) == ["effective_rank"]
    assert "effective_rank" in ended.out


def test_measures_with_options(typed: Typed, healthy: Path) -> None:
    ended = typed("spectrum", healthy, "--measure", "rankme{center=true}", "--json", "-", "--no-report")
    (item,) = json.loads(ended.out)["representations"]
    assert list(item["estimates"]) == ["rankme{center=true}"]


def test_every_measure_without_options_has_a_status(typed: Typed, healthy: Path) -> None:
    ended = typed("spectrum", healthy, "--json", "-", "--no-report", "--interval", "fast")
    (item,) = json.loads(ended.out)["representations"]
    assert set(item["estimates"]) <= set(all_measures())
    for name, estimate in item["estimates"].items():
        assert (estimate["value"] is None) == (
            estimate["status"] in ("constant", "insufficient", "nonfinite")
        ), name


def test_the_same_command_gives_the_same_bytes(typed: Typed, healthy: Path) -> None:
    words = ("spectrum", healthy, "--json", "-", "--no-report", "--seed", "3")
    assert typed(*words).out == typed(*words).out


def test_report_where_it_was_asked_for(typed: Typed, healthy: Path, here: Path) -> None:
    ended = typed("spectrum", healthy, "--report", "page.html", "--quiet", "--measure", "effective_rank")
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert sorted(os.listdir(here)) == ["healthy.npy", "page.html"]


def test_two_stores_side_by_side(typed: Typed, healthy: Path, collapsed: Path) -> None:
    ended = typed("spectrum", healthy, collapsed, "--json", "-", "--no-report", "--measure", "effective_rank")
    assert ended.code == 0
    assert len(json.loads(ended.out)["representations"]) == 2


@pytest.mark.parametrize("threads", ["1", "2"])
def test_threads_change_nothing_that_counts(typed: Typed, healthy: Path, threads: str) -> None:
    words = (
        "spectrum",
        healthy,
        "--json",
        "-",
        "--no-report",
        "--measure",
        "effective_rank",
        "--threads",
        threads,
    )
    (item,) = json.loads(typed(*words).out)["representations"]
    assert item["estimates"]["effective_rank"]["value"] == pytest.approx(10.58, rel=0.03)


def bad_inputs(folder: Path) -> dict[str, Path]:
    (folder / "empty.npy").write_bytes(b"")
    (folder / "text.npy").write_text("hello", encoding="utf-8")
    (folder / "page.h5").write_text("<!DOCTYPE html><html></html>", encoding="utf-8")
    (folder / "lfs.npz").write_text("version https://git-lfs.github.com/spec/v1\n", encoding="utf-8")
    np.save(folder / "zero.npy", np.zeros((0, 8), dtype=np.float32))
    np.save(folder / "cube.npy", np.zeros((4, 4, 4), dtype=np.float32))
    np.save(folder / "objects.npy", np.array([{"a": 1}], dtype=object))
    whole = (folder / "cube.npy").read_bytes()
    (folder / "cut.npy").write_bytes(whole[:150])
    names = ("empty.npy", "text.npy", "page.h5", "lfs.npz", "zero.npy", "cube.npy", "objects.npy", "cut.npy")
    return {name: folder / name for name in ("missing.npy", *names)} | {"folder": folder}


@pytest.mark.parametrize("command", ["spectrum", "check"])
def test_bad_input_is_one_sentence_and_leaves_nothing(typed: Typed, here: Path, command: str) -> None:
    for name, path in bad_inputs(here).items():
        before = sorted(os.listdir(here))
        ended = typed(command, path)
        assert ended.code == 2, name
        assert ended.out == "", name
        assert path.name in ended.sentence, name
        assert sorted(os.listdir(here)) == before, name


def test_unknown_names_offer_the_nearest(typed: Typed, healthy: Path) -> None:
    assert (
        'Did you mean "effective_rank"?' in typed("spectrum", healthy, "--measure", "efective_rank").sentence
    )
    ended = typed("spectrum", healthy, "--layer", "no.such.layer")
    assert ended.code == 2
    assert "no.such.layer" in ended.sentence


def test_an_unwritable_report_is_no_success(typed: Typed, healthy: Path) -> None:
    ended = typed("spectrum", healthy, "--report", "no/such/folder/r.html", "--quiet")
    assert ended.code == 2
    assert "could not be written" in ended.sentence


def test_progress_is_for_terminals_only(healthy: Path, here: Path) -> None:
    ended = in_a_process("spectrum", healthy, "--measure", "effective_rank", cwd=here)
    assert ended.returncode == 0
    assert ended.stderr == "wrote healthy.spectrum.html\n"
