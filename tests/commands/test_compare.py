"""`repdiag compare` as a user types it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repdiag.commands._comparison import fitted, row
from repdiag.results import DIFFERENCE, RATIO, Estimate, Results
from repdiag.store import write_store
from repdiag.types import Address
from tests.commands.helpers import Typed

RANK = ("--measure", "effective_rank")


@pytest.fixture
def run(here: Path) -> Path:
    """Two checkpoints, the second with a lower rank, of one layer."""
    return store(here / "run.h5", {"epoch=1": rows(1.0), "epoch=2": rows(1.3)})


def rows(exponent: float, n: int = 600, d: int = 16) -> np.ndarray[Any, Any]:
    z = np.random.default_rng(0).standard_normal((n, d))
    return (z * np.arange(1, d + 1) ** (-exponent / 2)).astype(np.float32)


def store(path: Path, checkpoints: dict[str, Any], **attrs: Any) -> Path:
    n = len(next(iter(checkpoints.values())))
    addresses = {Address(name, "base", "backbone"): array for name, array in checkpoints.items()}
    return write_store(
        path,
        {"id": [f"img_{i}" for i in range(n)]},
        addresses,
        checkpoints={name: attrs.get("checkpoint", {}) for name in checkpoints},
        representations={address: attrs.get("representation", {}) for address in addresses},
    )


def test_two_checkpoints_of_one_store(typed: Typed, run: Path, here: Path) -> None:
    ended = typed("compare", "run.h5::epoch=1", "run.h5::epoch=2")
    assert ended.code == 0
    assert "base/backbone  (paired, n 600)" in ended.out
    assert "A = epoch=1, B = epoch=2" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80
    (line,) = [line for line in ended.out.splitlines() if line.startswith("effective_rank")]
    assert line.split()[-1] == "lower"
    assert ended.err == "wrote run.compare.html\n"
    page = (here / "run.compare.html").read_text(encoding="utf-8")
    assert 'id="comparison-title"' in page
    assert "not drawn on this page" not in page


def test_json_on_stdout_is_all_there_is(typed: Typed, run: Path, here: Path) -> None:
    ended = typed("compare", "run.h5::epoch=1", "run.h5::epoch=2", *RANK, "--json", "-", "--no-report")
    assert (ended.code, ended.err) == (0, "")
    made = Results.model_validate(json.loads(ended.out))
    (pair,) = made.pairs
    estimate = pair.estimates["effective_rank"]
    assert made.command == "compare"
    assert [one.checkpoint for one in made.representations] == ["epoch=1", "epoch=2"]
    assert estimate.unit == "ratio B/A"
    assert set(estimate.details) == {"a", "b", "pairing"}
    assert estimate.high is not None
    assert estimate.high < 1
    assert os.listdir(here) == ["run.h5"]


def test_a_saved_comparison_becomes_a_report(typed: Typed, run: Path, here: Path) -> None:
    assert typed("compare", "run.h5::epoch=1", "run.h5::epoch=2", *RANK, "--json", "r.json", "-q").code == 0
    assert typed("report", "r.json", "-o", "page.html").code == 0
    assert 'id="comparison-title"' in (here / "page.html").read_text(encoding="utf-8")


def test_stores_with_the_same_checkpoint_are_told_apart(typed: Typed, here: Path) -> None:
    store(here / "a.h5", {"last": rows(1.0)})
    store(here / "b.h5", {"last": rows(1.3)[:500]})
    ended = typed("compare", "a.h5", "b.h5", *RANK, "--no-report")
    assert "A = a:last, B = b:last" in ended.out
    assert "paired on 500 common samples" in ended.out
    assert "note: left out: 100 samples that only A has" in ended.out


def test_arrays_say_that_rows_are_taken_to_be_the_same(typed: Typed, healthy: Path) -> None:
    ended = typed("compare", healthy, healthy, *RANK, "--no-report")
    assert (ended.code, "no difference seen" in ended.out) == (0, True)
    np.save("other.npy", np.load(healthy))
    assert "taken to be the same samples" in typed("compare", healthy, "other.npy", *RANK, "--no-report").out


def test_several_checkpoints_name_the_command_to_try(typed: Typed, run: Path) -> None:
    ended = typed("compare", run, "run.h5::epoch=2")
    assert ended.code == 2
    assert "holds 2 checkpoints (epoch=1, epoch=2)" in ended.sentence
    assert "repdiag compare run.h5::epoch=1 run.h5::epoch=2" in ended.sentence


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("run.h5::epoch=3", "run.h5::epoch=2"), 'Did you mean "epoch=2"?'),
        (("run.h5::epoch=1", "run.h5::epoch=2", "--interval", "none"), "without an interval"),
        (("run.h5::epoch=1", "run.h5::epoch=2", "--layer", "backbon"), 'Did you mean "backbone"?'),
        (("run.h5::epoch=1", "missing.h5"), "missing.h5"),
        (("run.h5::epoch=1", "healthy.npy"), "no view and layer of run.h5 (base/backbone)"),
        (("run.h5::epoch=1", "run.h5::epoch=2", "--measure", "lidar"), "several views"),
    ],
)
def test_refusals_are_one_sentence(
    typed: Typed, run: Path, healthy: Path, here: Path, words: tuple[str, ...], said: str
) -> None:
    before = sorted(os.listdir(here))
    ended = typed("compare", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.sentence
    assert sorted(os.listdir(here)) == before


def test_what_was_made_differently_is_refused(typed: Typed, here: Path) -> None:
    store(here / "a.h5", {"a": rows(1.0)}, representation={"pool": "mean"})
    store(here / "b.h5", {"b": rows(1.0)}, representation={"pool": "cls"})
    ended = typed("compare", "a.h5", "b.h5")
    assert ended.code == 2
    assert "differ in pool (A has mean, B has cls)" in ended.sentence
    store(here / "c.h5", {"c": rows(1.0)}, checkpoint={"preprocessing": {"size": 224, "crop": 0.9}})
    store(here / "d.h5", {"d": rows(1.0)}, checkpoint={"preprocessing": {"size": 256, "crop": 0.9}})
    assert "differ in preprocessing (size, A has 224, B has 256)" in typed("compare", "c.h5", "d.h5").sentence
    ended = typed("compare", "a.h5", "c.h5", *RANK, "--no-report")
    assert ended.code == 0
    assert "pool is known of A only; c.h5 does not say" in " ".join(ended.out.split())


def test_a_constant_side_is_no_crash(typed: Typed, here: Path) -> None:
    store(here / "a.h5", {"a": rows(1.0), "b": np.ones((600, 16), dtype=np.float32)})
    ended = typed("compare", "a.h5::a", "a.h5::b", "--no-report")
    assert ended.code == 0
    assert "B: nothing varies beyond rounding" in ended.out


def test_hostile_names_stay_text(typed: Typed, here: Path) -> None:
    evil = "<img src=x onerror=alert(1)>\x1b[31m"
    store(here / "a.h5", {evil: rows(1.0), "b": rows(1.1)})
    ended = typed("compare", "a.h5::<img*", "a.h5::b", *RANK)
    assert ended.code == 0
    assert "\x1b" not in ended.out
    page = (here / "a.compare.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


usual = st.floats(-1e9, 1e9).map(lambda value: value if abs(value) > 1e-9 else 0.0)


@given(a=usual, b=usual, value=usual, low=usual, high=usual, unit=st.sampled_from([RATIO, DIFFERENCE]))
def test_no_row_is_wider_than_a_terminal(
    a: float, b: float, value: float, low: float, high: float, unit: str
) -> None:
    low, high = sorted((low, high))
    made = Estimate(value=value, low=low, high=high, unit=unit, details={"a": a, "b": b, "reason": "x " * 90})
    assert max(map(len, row("participation_ratio", made))) <= 80


@pytest.mark.parametrize(
    ("value", "width", "shown"),
    [
        (None, 7, "-"),
        (101.234, 7, "101.2"),
        (12345.6, 7, "12,346"),
        (123456.0, 7, "1.2e+05"),
        (0.93012, 6, "0.9301"),
        (-0.012345, 6, "-0.012"),
        (0.00012345, 7, "0.00012"),
        (0, 7, "0"),
    ],
)
def test_numbers_fit_their_column(value: float | None, width: int, shown: str) -> None:
    assert fitted(value, width) == shown
