"""`repdiag selftest`: exit codes and outputs."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from repdiag import selftest
from repdiag.selftest.plantings import planting_named
from tests.commands.helpers import Typed


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three kinds are enough to see what is printed."""
    kept = tuple(planting_named(name) for name in ("cone", "dead features", "one class"))
    monkeypatch.setattr(selftest, "SelftestRequest", partial(selftest.SelftestRequest, plantings=kept))


@pytest.mark.usefixtures("quick")
def test_a_good_store_passes_within_80_columns(typed: Typed, here: Path) -> None:
    np.save(here / "rows.npy", np.random.default_rng(0).standard_normal((300, 12)).astype(np.float32))
    ended = typed("selftest", "rows.npy", "--json", "out.json")
    assert ended.code == 0, ended.out
    assert ended.out.startswith("SELFTEST PASS")
    assert max(map(len, ended.out.splitlines())) <= 80
    assert "dead features" in ended.out
    document = json.loads((here / "out.json").read_text(encoding="utf-8"))
    assert document["verdict"] == "pass"
    planted = {limit["planted"]: limit for limit in document["places"][0]["limits"]}
    assert planted["cone"]["sees_from"]["value"] > 0.98
    assert planted["one class"]["outcome"] == "not_applicable"


@pytest.mark.slow
def test_every_kind_is_seen_in_synthetic_rows(typed: Typed) -> None:
    ended = typed("selftest", "--features", "32")
    assert ended.code == 0, ended.out
    assert "rank loss, baseline" in ended.out


@pytest.mark.usefixtures("quick")
def test_a_gate_that_is_blind_exits_1_and_quiet_keeps_one_line(typed: Typed, here: Path) -> None:
    (here / "repdiag.toml").write_text("[check.rules]\nmean_share = { max = 0.99999, warn = false }\n")
    np.save(here / "rows.npy", np.random.default_rng(0).standard_normal((200, 8)).astype(np.float32))
    ended = typed("selftest", "rows.npy", "--quiet")
    assert ended.code == 1
    assert ended.out.startswith("SELFTEST FAIL")
    assert len(ended.out.splitlines()) == 1
    assert ended.err == ""


def test_too_few_rows_are_inconclusive(typed: Typed, few: Path) -> None:
    assert typed("selftest", few).code == 3


def test_json_on_stdout_is_nothing_else(typed: Typed, few: Path) -> None:
    ended = typed("selftest", few, "--json", "-")
    assert json.loads(ended.out)["schema"] == "repdiag.selftest"
    assert ended.err == ""


def test_options_that_do_not_fit_are_refused(typed: Typed, few: Path) -> None:
    assert typed("selftest", few, "--features", "4").code == 2
    assert "--interval" in typed("selftest", "--interval", "none").sentence
    assert typed("selftest", "missing.npy").code == 2
    assert typed("selftest", few, "--layer", "nothing").code == 2


def test_without_a_store_rows_are_synthetic(typed: Typed) -> None:
    ended = typed("selftest", "--limit", "12", "--features", "4")
    assert ended.code == 3
    assert "synthetic" in ended.out
    assert "n 12, d 4" in ended.out
