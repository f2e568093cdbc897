"""The benchmark against other packages: one call a process, and a table that says what failed."""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree

import pytest

from tests.source import ROOT

FOLDER = ROOT / "examples" / "benchmarks"


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    monkeypatch.syspath_prepend(str(FOLDER))
    return {name: importlib.import_module(f"peers_parts.{name}") for name in ("cases", "running", "tables")}


def test_every_case_names_functions_and_a_pinned_package(parts: dict[str, ModuleType]) -> None:
    texts = {side: (FOLDER / "peers_parts" / f"{side}.py").read_text() for side in ("ours", "theirs")}
    pins = (FOLDER / "peers_parts" / "requirements.txt").read_text()
    for case in parts["cases"].CASES:
        assert f"\ndef {case.ours}() -> Call:" in texts["ours"]
        assert f"\ndef {case.theirs}() -> Call:" in texts["theirs"]
        assert not case.package or f"{case.package}==" in pins


def test_both_sides_are_run_on_the_same_rows_and_agree(parts: dict[str, ModuleType], tmp_path: Path) -> None:
    case = next(case for case in parts["cases"].CASES if case.ours == "renyi_two")
    (found,) = parts["running"].Bench(tmp_path, tmp_path / "none", 2).measured([case], [(90, 3)])
    assert found.difference < 1e-6
    assert found.ours.runs == found.theirs.runs == 2
    assert found.ours.cpu > 0
    assert found.theirs.mb >= 0


def test_an_error_of_a_peer_is_a_row(parts: dict[str, ModuleType], tmp_path: Path) -> None:
    cases, tables = parts["cases"], parts["tables"]
    peer = tmp_path / "bin"
    peer.mkdir()
    (peer / "python").symlink_to(sys.executable)
    case = cases.Case("`rankme`", "rankme", "no_such_peer", "no-such-peer", "RankMe")
    bench = parts["running"].Bench(tmp_path, tmp_path, 1)
    found = parts["running"].Measured(
        case, 50, 2, "", bench.costs(case, "theirs", [(50, 2)])[50, 2], parts["running"].Cost(1.0, 1.0, 1.0)
    )
    assert "has no attribute 'no_such_peer'" in tables.table([found])
    assert "<circle" in tables.plot([])


def test_the_plot_is_svg_with_a_line_for_each_case(parts: dict[str, ModuleType]) -> None:
    cost = parts["running"].Cost
    made = [
        parts["running"].Measured(case, 1000, 64, "1", cost(1.0, 0.01, 1.0), cost(1.0, 2.0, 1.0))
        for case in parts["cases"].CASES
    ]
    picture = parts["tables"].plot(made)
    assert len([*ElementTree.fromstring(picture)]) > 4 * len(made)
    assert picture.count("200x") == len(made)
    assert math.isclose(parts["running"].information(2), -math.log(1 - 0.81))
