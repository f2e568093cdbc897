"""`repdiag information` as a user types it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from repdiag.commands._information import row
from repdiag.results import Estimate, Results
from repdiag.store import write_store
from repdiag.types import Address, Status
from tests.commands.helpers import Typed

CHEAP = ("--measure", "renyi_mi", "--measure", "cka")


def store(path: Path, rows: dict[Address, Any]) -> Path:
    n = len(next(iter(rows.values())))
    return write_store(path, {"id": [f"img_{i}" for i in range(n)]}, rows)


@pytest.fixture
def views(here: Path) -> Path:
    """Two views of 300 samples, the second with noise."""
    r = np.random.default_rng(0)
    base = r.standard_normal((300, 6)).astype(np.float32)
    crop = (base + 0.5 * r.standard_normal((300, 6))).astype(np.float32)
    names = {"base": base, "crop": crop}
    return store(here / "views.h5", {Address("e1", name, "backbone"): rows for name, rows in names.items()})


@pytest.fixture
def layers(here: Path) -> Path:
    """Five layers of one view."""
    r = np.random.default_rng(1)
    base = r.standard_normal((120, 4))
    made = {f"layer{i}": (base + i * r.standard_normal((120, 4))).astype(np.float32) for i in range(5)}
    return store(here / "layers.h5", {Address("e1", "base", name): rows for name, rows in made.items()})


def test_two_views_are_one_block(typed: Typed, views: Path, here: Path) -> None:
    ended = typed("information", views)
    assert ended.code == 0
    assert "x = e1/base/backbone\ny = e1/crop/backbone  (n 300)" in ended.out
    assert max(map(len, ended.out.splitlines())) <= 80
    for name in ("renyi_mi", "renyi_joint_entropy", "logdet_mi", "gaussian_mi", "cka", "alignment", "ksg_mi"):
        (line,) = [line for line in ended.out.splitlines() if line.startswith(f"  {name} ")]
        assert line.endswith("  ok")
        assert "[" in line
    words = " ".join(ended.out.split())
    assert "renyi_mi: how much the similarities of the samples" in words
    assert "no Shannon information" in words
    assert "bandwidth x 3." in words
    assert "normalised (0 at null, 1 at self): renyi_mi 0." in words
    assert ended.err == "wrote views.information.html\n"
    assert 'id="information-title"' in (here / "views.information.html").read_text(encoding="utf-8")


def test_many_pairs_are_one_line_each(typed: Typed, layers: Path) -> None:
    ended = typed("information", layers, *CHEAP, "--no-report")
    assert ended.code == 0
    pairs = [line for line in ended.out.splitlines() if line.startswith("  layer")]
    assert len(pairs) == 10
    assert pairs[0].startswith("  layer0 x layer1 ")
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "1 more measure is in the report and the JSON" in ended.out


def test_json_on_stdout_is_all_there_is(typed: Typed, views: Path, here: Path) -> None:
    ended = typed("information", views, *CHEAP, "--json", "-", "--no-report")
    assert (ended.code, ended.err) == (0, "")
    made = Results.model_validate(json.loads(ended.out))
    (pair,) = made.pairs
    assert made.command == "information"
    assert set(pair.estimates) == {"renyi_mi", "cka"}
    assert (str(pair.x.address), str(pair.y.address)) == ("e1/base/backbone", "e1/crop/backbone")
    estimate = pair.estimates["renyi_mi"]
    assert {"null", "null_low", "null_high", "self_x", "self_y", "normalised", "bandwidth_x"} <= set(
        estimate.details
    )
    assert (estimate.unit, estimate.correction) == ("nats", "unbiased")
    measures = made.source["measures"]
    assert isinstance(measures, dict)
    assert set(measures) == {"renyi_mi", "cka"}
    assert os.listdir(here) == ["views.h5"]


def test_a_saved_result_becomes_a_report(typed: Typed, views: Path, here: Path) -> None:
    assert typed("information", views, *CHEAP, "--json", "r.json", "-q", "--no-report").code == 0
    assert typed("report", "r.json", "-o", "page.html").code == 0
    page = (here / "page.html").read_text(encoding="utf-8")
    assert 'id="information-title"' in page
    assert "nothing was measured" not in page


def test_globs_choose_pairs(typed: Typed, layers: Path) -> None:
    ended = typed(
        "information", layers, "--x", "*/layer0", "--y", "*/layer4", "--measure", "cka", "--no-report"
    )
    assert "x = e1/base/layer0\ny = e1/base/layer4  (n 120)" in ended.out
    chosen = typed("information", layers, "--layer", "layer[12]", *CHEAP, "--no-report")
    assert "x = e1/base/layer1\ny = e1/base/layer2  (n 120)" in chosen.out


def test_a_bandwidth_may_be_given(typed: Typed, views: Path) -> None:
    ended = typed(
        "information", views, "--measure", "renyi_mi", "--bandwidth", "2.5", "--json", "-", "--no-report"
    )
    (pair,) = json.loads(ended.out)["pairs"]
    details = pair["estimates"]["renyi_mi"]["details"]
    assert (details["bandwidth_x"], details["bandwidth_y"]) == (2.5, 2.5)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("healthy.npy",), "is no pair; give a store with two views, layers or checkpoints"),
        (("missing.h5",), "missing.h5"),
        (("views.h5", "--view", "bas"), 'Did you mean "base"?'),
        (("views.h5", "--x", "e1/base/backbon"), 'Did you mean "e1/base/backbone"?'),
        (("views.h5", "--x", "*/base/*", "--y", "*/base/*"), "is no pair"),
        (("views.h5", "--measure", "renyi_m"), 'Did you mean "renyi_mi"?'),
        (("views.h5", "--measure", "effective_rank"), "no measure is called"),
        (("views.h5", "--measure", "renyi_mi{alpha=-1}"), "alpha > 0"),
        (("views.h5", "--measure", "conditional_renyi_mi"), "label"),
        (("views.h5", "--bandwidth", "wide"), "neither median nor best nor a positive number"),
        (("views.h5", "--bandwidth", "0"), "neither median nor best nor a positive number"),
        (("uneven.npz",), "different numbers of rows (a 30, b 20)"),
        (("views.h5", "--rows", "9999"), "--rows is from 10 to 4,000"),
    ],
)
def test_refusals_are_one_sentence(
    typed: Typed, views: Path, healthy: Path, here: Path, words: tuple[str, ...], said: str
) -> None:
    np.savez(here / "uneven.npz", a=np.ones((30, 4)), b=np.ones((20, 4)))
    before = sorted(os.listdir(here))
    ended = typed("information", *words)
    assert (ended.code, ended.out) == (2, "")
    assert said in ended.sentence
    assert sorted(os.listdir(here)) == before


def test_a_constant_view_is_no_crash(typed: Typed, here: Path) -> None:
    r = np.random.default_rng(0)
    rows = {Address("a", "x", "l"): r.standard_normal((50, 3)), Address("a", "y", "l"): np.ones((50, 4))}
    made = store(here / "c.h5", {k: v.astype(np.float32) for k, v in rows.items()})
    ended = typed("information", made, "--json", "c.json")
    assert ended.code == 3
    assert {"c.json", "c.information.html"} <= set(os.listdir(here))
    assert "y does not vary beyond rounding" in ended.out
    assert "note: alignment: left out where it does not apply" in " ".join(ended.out.split())


def test_one_figure_is_a_result(typed: Typed, here: Path) -> None:
    """Alignment says something of views that do not vary, and 3 is for nothing at all."""
    x = np.random.default_rng(0).standard_normal((50, 3)).astype(np.float32)
    made = store(here / "c.h5", {Address("a", "x", "l"): x, Address("a", "y", "l"): np.ones_like(x)})
    assert typed("information", made, "--no-report").code == 0
    assert typed("information", made, "--no-report", "--measure", "cka").code == 3


def test_no_row_at_all_is_no_result(typed: Typed, here: Path) -> None:
    empty = np.full((50, 3), np.nan, np.float32)
    made = store(here / "n.h5", {Address("a", name, "l"): empty for name in "xy"})
    ended = typed("information", made, "--no-report")
    assert ended.code == 3
    assert "no row is finite in both views" in ended.out


def test_unrelated_views_are_unresolved_with_the_reason(typed: Typed, here: Path) -> None:
    r = np.random.default_rng(2)
    rows = {Address("a", name, "l"): r.standard_normal((120, 16)).astype(np.float32) for name in "xy"}
    ended = typed("information", store(here / "u.h5", rows), "--measure", "logdet_mi", "--no-report")
    assert ended.code == 0
    assert "  unresolved" in ended.out
    assert "shuffled rows give" in ended.out


def test_the_bandwidth_that_tells_most(typed: Typed, views: Path, here: Path) -> None:
    measures = ("--measure", "renyi_mi", "--measure", "cka", "--measure", "ksg_mi")
    ended = typed("information", views, *measures, "--bandwidth", "best", "--json", "b.json")
    assert ended.code == 0
    assert "times the median: contrast" in " ".join(ended.out.split())
    (pair,) = json.loads((here / "b.json").read_text(encoding="utf-8"))["pairs"]
    details = pair["estimates"]["renyi_mi"]["details"]
    assert len(details["bandwidth_factors"]) == len(details["contrast_x"]) == 13
    assert "most contrast of self and null" in pair["estimates"]["renyi_mi"]["definition"]
    for name in ("cka", "ksg_mi"):
        assert "bandwidth_x" not in pair["estimates"][name]["details"]
    page = (here / "views.information.html").read_text(encoding="utf-8")
    assert "Contrast of self and null of view x against bandwidth" in page


def test_hostile_names_stay_text(typed: Typed, here: Path) -> None:
    r = np.random.default_rng(0)
    evil = "<img src=x onerror=alert(1)>\x1b[31m"
    rows = {Address("a", name, "l"): r.standard_normal((50, 3)).astype(np.float32) for name in (evil, "b")}
    ended = typed("information", store(here / "a.h5", rows), *CHEAP)
    assert ended.code == 0
    assert "\x1b" not in ended.out
    page = (here / "a.information.html").read_text(encoding="utf-8")
    assert "<img src=x" not in page
    assert "&lt;img src=x" in page


usual = st.floats(-1e9, 1e9).map(lambda value: value if abs(value) > 1e-9 else 0.0)


@given(value=usual, low=usual, high=usual, null=usual, own=usual, status=st.sampled_from(list(Status)))
def test_no_row_is_wider_than_a_terminal(
    value: float, low: float, high: float, null: float, own: float, status: Status
) -> None:
    low, high = sorted((low, high))
    details: dict[str, Any] = {"null": null, "self_x": own, "reason": "x " * 90}
    made = Estimate(value=value, low=low, high=high, status=status, details=details)
    for label in ("renyi_mi", "renyi_conditional_entropy{alpha=1,kernel=cosine}", "long " * 40):
        assert max(map(len, row(label, made))) <= 80
