"""`repdiag plane` as a user types it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repdiag.results import Results, Trajectory
from repdiag.store import write_store
from repdiag.types import Address, Status
from tests.analysis import planes
from tests.commands.helpers import Typed
from tests.source import ROOT

BINS = ("--estimator", "binning", "--no-report")


@pytest.fixture
def run(here: Path) -> Path:
    """Eight steps of two layers."""
    return planes.written(here / "run.h5", planes.rising_then_falling())


def found(typed: Typed, *words: str | Path, code: int = 0) -> Results:
    ended = typed("plane", *words, "--json", "-", "--no-report")
    assert ended.code == code, ended.err
    return Results.model_validate(json.loads(ended.out))


def path_of(results: Results, layer: str, estimator: str = "binning") -> Trajectory:
    return next(p for p in results.trajectories if p.layer == layer and p.estimator == estimator)


def statuses(path: Trajectory) -> set[tuple[Status, Status]]:
    return {(point.ixt.status, point.ity.status) for point in path.points}


def notes(results: Results) -> str:
    held = results.source["notes"]
    assert isinstance(held, list)
    return " | ".join(map(str, held))


def test_a_twin_with_fresh_weights_is_no_step_unless_named(typed: Typed, here: Path) -> None:
    made = planes.rising_then_falling(3)
    rows = {Address(f"step={step}", "base", "turns"): made[step]["turns"] for step in made}
    rows[Address("step=2-twin", "base", "turns")] = made[0]["turns"]
    checkpoints = {f"step={step}": {"step": step} for step in made} | {"step=2-twin": {"twin_of": "step=2"}}
    labels = {"label": [f"c{i % 2}" for i in range(planes.N)]}
    write_store(here / "twin.h5", labels, rows, checkpoints=checkpoints)
    results = found(typed, here / "twin.h5", "--estimator", "binning")
    assert [point.step for point in path_of(results, "turns").points] == [0, 1, 2]
    assert "fresh weights: left out step=2-twin; --checkpoint names them" in notes(results)
    named = found(typed, here / "twin.h5", "--estimator", "binning", "--checkpoint", "*")
    assert len(path_of(named, "turns").points) == 4


def test_estimators_of_which_the_same_holds_share_one_text(typed: Typed, run: Path) -> None:
    pair = ("--estimator", "renyi", "--estimator", "renyi{bandwidth=step}", "--no-report")
    said = " ".join(typed("plane", run, *pair).out.split())
    assert said.count("it is no Shannon information") == 1
    assert "renyi, renyi{bandwidth=step}: the number of rows" in said


def test_a_store_is_paths_phases_and_a_page(typed: Typed, run: Path, here: Path) -> None:
    ended = typed("plane", run)
    assert ended.code == 0
    assert ended.err == "wrote run.plane.html\n"
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "binning: information in nats (n 300)" in ended.out
    assert "adaptive_binning: information in nats (n 300)" in ended.out
    lines = ended.out.splitlines()
    start = next(at for at, line in enumerate(lines) if line.startswith("  turns "))
    assert lines[start].split()[1] == "I(X;T)"
    assert lines[start + 1].split()[0] == "I(T;Y)"
    falls = lines[lines.index("  compression, a fall of I(X;T)") :]
    (fall,) = [line for line in falls[:4] if line.startswith("  turns ")]
    assert fall.split()[1:3] == ["4", "7"]
    assert fall.split()[-1] == "no"  # shrinking alone moves no figure without scale
    words = " ".join(ended.out.split())
    assert "no p-value from 1 run: five are needed" in words
    assert "deterministic: a layer without noise is a function of its input" in words
    assert "binning: the number of activation patterns" in words
    assert "note: estimator of fixed scale: binning, which resolves something in 2 of 2 layers" in words
    assert 'id="plane-title"' in (here / "run.plane.html").read_text(encoding="utf-8")
    assert sorted(os.listdir(here)) == ["run.h5", "run.plane.html"]


def test_json_on_stdout_is_all_there_is(typed: Typed, run: Path, here: Path) -> None:
    ended = typed("plane", run, *BINS, "--json", "-")
    assert (ended.code, ended.err) == (0, "")
    results = Results.model_validate(json.loads(ended.out))
    assert results.command == "plane"
    path = path_of(results, "turns")
    assert [(point.checkpoint, point.step) for point in path.points] == [(f"step={i}", i) for i in range(8)]
    details = path.points[3].ixt.details
    assert {"ceiling", "rows", "remark", "patterns"} <= set(details)
    assert {"null", "null_low", "null_high", "ceiling"} <= set(path.points[3].ity.details)
    measures = results.source["measures"]
    assert isinstance(measures, dict)
    assert set(measures) == {"binning"}
    assert [phase.kind for phase in results.phases] == ["compression", "fitting"] * 2
    assert os.listdir(here) == ["run.h5"]


def test_a_saved_result_becomes_a_report(typed: Typed, run: Path, here: Path) -> None:
    assert typed("plane", run, *BINS, "--json", "r.json", "-q").code == 0
    assert typed("report", "r.json", "-o", "page.html").code == 0
    assert 'id="plane-title"' in (here / "page.html").read_text(encoding="utf-8")


def test_five_runs_have_a_p_value(typed: Typed, here: Path) -> None:
    stores = [
        planes.written(here / f"seed{seed}.h5", planes.rising_then_falling(seed=seed)) for seed in range(5)
    ]
    ended = typed("plane", *stores, *BINS, "--group-runs", "--layer", "turns")
    assert ended.code == 0
    assert "binning: information in nats (n 300, mean of 5 runs)" in ended.out
    (fall,) = [line for line in ended.out.splitlines() if line.startswith("  turns          4 ")]
    assert "0.0312" in fall
    assert "no p-value" not in ended.out
    assert "5 more paths are in the report and the JSON." in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80


def test_options_reach_the_estimators(typed: Typed, run: Path) -> None:
    words = ("--estimator", "renyi", "--estimator", "kde{noise=0.1}", "--bandwidth", "2.5", "--rows", "100")
    results = found(typed, run, *words)
    assert {path.estimator for path in results.trajectories} == {"renyi", "kde{noise=0.1}"}
    details = path_of(results, "turns", "renyi").points[0].ixt.details
    assert (details["bandwidth"], details["rows"]) == (2.5, 100)
    assert results.source["bandwidth"] == 2.5


# --- What is not as it should be: the documented status, and a page that still reads. ---


def test_the_page_of_broken_layers_still_reads(typed: Typed, here: Path) -> None:
    """Constant, missing, never finite and of one class, on one page and in one table."""

    def ruined(made: dict[int, dict[str, Any]]) -> None:
        for step, layers in made.items():
            layers["flat"] = np.ones((planes.N, 2), dtype=np.float32)
            layers["gone"] = np.full((planes.N, 2), np.nan, dtype=np.float32)
            if step != 2:
                layers["late"] = layers["grows"]
            if step > 5:
                layers["turns"][:] = 0

    one = {"label": ["a"] * planes.N}
    ended = typed("plane", broken(here, ruined, columns=one), "--estimator", "binning")
    assert ended.code == 0
    assert max(map(len, ended.out.splitlines())) <= 80
    words = " ".join(ended.out.split())
    assert "flat I(X;T) - constant - constant - constant I(T;Y) - constant" in words
    assert "gone I(X;T) - insufficient" in words
    assert "flat cannot be read: I(X;T) has a value at 0 checkpoints, two are needed" in words
    assert "note: base/late is missing at step=2" in words
    page = (here / "broken.plane.html").read_text(encoding="utf-8")
    assert all(name in page for name in ("flat", "gone", "late", "constant", "insufficient"))


def broken(here: Path, change: Any, n: int = planes.N, **options: Any) -> Path:
    made = planes.rising_then_falling(n=n)
    change(made)
    return planes.written(here / "broken.h5", made, **options)


def nothing(made: dict[int, dict[str, Any]]) -> None:
    """As it is."""


def test_a_constant_layer_has_no_value(typed: Typed, here: Path) -> None:
    def flat(made: dict[int, dict[str, Any]]) -> None:
        for layers in made.values():
            layers["turns"][:] = 0.1

    results = found(typed, broken(here, flat), "--estimator", "binning")
    path = path_of(results, "turns")
    assert statuses(path) == {(Status.CONSTANT, Status.CONSTANT)}
    assert {point.ixt.value for point in path.points} == {None}
    phase = next(phase for phase in results.phases if phase.layer == "turns")
    assert (phase.size.value, phase.size.status) == (None, Status.CONSTANT)


def test_a_layer_that_becomes_constant_keeps_its_other_points(typed: Typed, here: Path) -> None:
    def dies(made: dict[int, dict[str, Any]]) -> None:
        for step in (6, 7):
            made[step]["turns"][:] = 0.0

    results = found(typed, broken(here, dies), "--estimator", "binning")
    kinds = [point.ixt.status for point in path_of(results, "turns").points]
    assert kinds[6:] == [Status.CONSTANT] * 2
    assert Status.CONSTANT not in kinds[:6]
    fall = next(phase for phase in results.phases if phase.layer == "turns")
    assert fall.end_step == 5


def test_fewer_than_fifty_rows_are_inconclusive(typed: Typed, here: Path) -> None:
    broken(here, nothing, n=49)
    ended = typed("plane", "broken.h5", "--json", "r.json")
    assert ended.code == 3
    results = Results.model_validate_json((here / "r.json").read_bytes())
    path = results.trajectories[0]
    assert statuses(path) == {(Status.INSUFFICIENT, Status.INSUFFICIENT)}
    assert "49 usable rows, 50 are needed" in str(path.points[0].ixt.details["reason"])
    assert "note: nothing here can be read with binning, adaptive_binning" in " ".join(ended.out.split())
    assert (here / "broken.plane.html").is_file()
    quiet = typed("plane", "broken.h5", "-q", "--no-report")
    assert (quiet.code, quiet.err) == (3, "")
    assert quiet.out.startswith("nothing here can be read")


def test_what_is_saturated_everywhere_is_inconclusive_and_says_why(typed: Typed, here: Path) -> None:
    random = np.random.default_rng(0)
    rows = {
        Address(f"step={k}", "base", "wide"): random.standard_normal((200, 64)).astype(np.float32)
        for k in range(3)
    }
    write_store(here / "wide.h5", {"label": [f"c{i % 2}" for i in range(200)]}, rows)
    ended = typed("plane", "wide.h5", *BINS)
    assert ended.code == 3
    words = " ".join(ended.out.split())
    assert "nothing here can be read with binning: of 6 figures 6 saturated" in words
    assert "n 200, d 64, up to 200 distinct patterns" in words
    chosen = found(typed, "wide.h5")
    assert "binning" not in {path.estimator for path in chosen.trajectories}
    assert "passed over: binning resolves nothing (I(X;T) saturated)" in notes(chosen)


@pytest.mark.parametrize("labels", ["one", "none"])
def test_one_class_or_no_labels_leave_ixt(typed: Typed, here: Path, labels: str) -> None:
    made = planes.rising_then_falling()
    rows = {Address(f"step={k}", "base", "turns"): held["turns"] for k, held in made.items()}
    columns = {"label": ["a"] * planes.N} if labels == "one" else {}
    write_store(here / "one.h5", columns, rows)
    results = found(typed, "one.h5", "--estimator", "binning")
    assert {point.ity.status for point in path_of(results, "turns").points} == {Status.INSUFFICIENT}
    assert Status.OK in {point.ixt.status for point in path_of(results, "turns").points}
    fitting = next(phase for phase in results.phases if phase.kind == "fitting")
    assert (fitting.size.value, fitting.size.status) == (None, Status.INSUFFICIENT)
    said = "1 class, 2 are needed" if labels == "one" else "name a column of the samples with --target"
    assert said in str(path_of(results, "turns").points[0].ity.details["reason"])


def test_a_checkpoint_without_a_step_follows_the_store(typed: Typed, here: Path) -> None:
    made = planes.rising_then_falling()
    rows = {Address(f"step={k}", "base", "turns"): held["turns"] for k, held in made.items()}
    steps = {f"step={k}": {"step": k} if k != 3 else {} for k in made}
    write_store(here / "gap.h5", {"label": [f"c{i % 2}" for i in range(planes.N)]}, rows, checkpoints=steps)
    results = found(typed, "gap.h5", "--estimator", "binning")
    assert [point.step for point in path_of(results, "turns").points] == [0, 1, 2, 4, 5, 6, 7, None]
    assert "step=3: without a step: the path follows the order of the store" in notes(results)


def test_duplicate_steps_are_kept_by_name(typed: Typed, here: Path) -> None:
    made = planes.rising_then_falling(3)
    rows = {Address(f"{name}{k}", "base", "turns"): made[k]["turns"] for k in made for name in "ba"}
    steps = {f"{name}{k}": {"step": k} for k in made for name in "ba"}
    write_store(here / "twice.h5", {"label": [f"c{i % 2}" for i in range(planes.N)]}, rows, checkpoints=steps)
    results = found(typed, "twice.h5", "--estimator", "binning")
    names = [(point.step, point.checkpoint) for point in path_of(results, "turns").points]
    assert names == [(0, "a0"), (0, "b0"), (1, "a1"), (1, "b1"), (2, "a2"), (2, "b2")]
    assert "step 0, 1, 2 comes more than once: all are kept, by name" in notes(results)


def test_a_layer_that_is_missing_somewhere_has_the_points_it_has(typed: Typed, here: Path) -> None:
    results = found(typed, broken(here, lambda made: made[2].pop("turns")), "--estimator", "binning")
    assert [point.step for point in path_of(results, "turns").points] == [0, 1, 3, 4, 5, 6, 7]
    assert "base/turns is missing at step=2" in notes(results)


def test_rows_that_are_not_finite_are_left_out_and_counted(typed: Typed, here: Path) -> None:
    def holes(made: dict[int, dict[str, Any]]) -> None:
        made[1]["turns"][:7] = np.nan

    results = found(typed, broken(here, holes), "--estimator", "binning")
    assert {point.ixt.details["rows"] for point in path_of(results, "turns").points} == {planes.N - 7}
    assert "base/turns: 7 of 300 rows hold NaN or infinity" in notes(results)


def test_a_layer_that_is_never_finite_is_insufficient(typed: Typed, here: Path) -> None:
    def gone(made: dict[int, dict[str, Any]]) -> None:
        made[1]["turns"][:] = np.nan

    results = found(typed, broken(here, gone), "--estimator", "binning")
    assert statuses(path_of(results, "turns")) == {(Status.INSUFFICIENT, Status.INSUFFICIENT)}


def test_one_checkpoint_is_a_point_without_a_path(typed: Typed, run: Path) -> None:
    results = found(typed, run, "--checkpoint", "step=4", "--estimator", "binning")
    assert [len(path.points) for path in results.trajectories] == [1, 1]
    assert results.phases == []
    assert "there is one checkpoint: points, but no path and no phases" in notes(results)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("missing.h5",), "missing.h5"),
        (("run.h5", "--layer", "turn"), 'Did you mean "turns"?'),
        (("run.h5", "--estimator", "bining"), 'Did you mean "binning"?'),
        (("run.h5", "--estimator", "kde{noise=0}"), "noise is above zero"),
        (("run.h5", "--target", "lable"), 'Did you mean "label"?'),
        (("run.h5", "--bandwidth", "wide"), "neither median nor a positive number"),
        (("run.h5", "--rows", "10"), "--rows is at least 50"),
        (("run.h5", "--group-runs"), "holds one run, and --group-runs needs several"),
        (("run.h5", "--run", "seed"), 'finds no run in checkpoint "step=0"'),
        (("run.h5", "--inputs"), "extract it with --keep-inputs"),
    ],
)
def test_refusals_are_one_sentence(
    typed: Typed, run: Path, here: Path, words: tuple[str, ...], said: str
) -> None:
    ended = typed("plane", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.sentence
    assert os.listdir(here) == ["run.h5"]


def test_hostile_names_stay_text(typed: Typed, here: Path) -> None:
    evil = "<img src=x onerror=alert(1)>\x1b[31m"
    made = planes.rising_then_falling(3)
    rows = {Address(f"step={k}", "base", evil): held["turns"] for k, held in made.items()}
    write_store(here / "a.h5", {"label": [f"c{i % 2}" for i in range(planes.N)]}, rows)
    ended = typed("plane", "a.h5", "--estimator", "binning")
    assert ended.code == 0
    assert "\x1b" not in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "<img src=x" not in (here / "a.plane.html").read_text(encoding="utf-8")


def test_a_killed_run_goes_on_from_its_points(typed: Typed, here: Path) -> None:
    """SIGKILL in the middle of the points: the next run takes them over and ends like a whole one."""
    planes.written(here / "run.h5", planes.rising_then_falling(12))
    words = ("plane", "run.h5", *BINS, "--json", "r.json")
    folder = here / "run.plane.partial"
    process = subprocess.Popen(
        [sys.executable, "-m", "repdiag", *words],
        cwd=here,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.monotonic() + 60
    while (
        len(list(folder.glob("*.point.json"))) < 2 and process.poll() is None and time.monotonic() < deadline
    ):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    kept = len(list(folder.glob("*.point.json"))) if folder.exists() else 0
    ended = typed(*words)
    assert ended.code == 0
    assert f"going on from {kept} points in run.plane.partial" in ended.err or kept == 0
    assert not folder.exists()
    again = (here / "r.json").read_bytes()
    assert typed(*words).code == 0
    assert (here / "r.json").read_bytes() == again
