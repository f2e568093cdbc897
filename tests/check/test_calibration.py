"""A few cells of the calibration: healthy ones do not fail, planted ones do, a margin of 1 is the limit."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest

from examples.benchmarks.calibration_parts import cases, tables
from examples.benchmarks.calibration_parts.judged import Judged, margin, run_case
from repdiag.check import build_policy
from repdiag.check.policy import Bound, Rule
from tests.source import ROOT

D = 64
RULES = {(rule.measure, rule.bound): rule for rule in build_policy().rules}


def healthy() -> list[cases.Case]:
    """The steepest and the flattest spectrum at both ends of n/d, and one case of every other kind."""
    ends = [case for case in cases.spectra([D], [0.5, 8], 8 * D) if case.name in ("i^-0.5", "i^-2")]
    wanted = ("i^-1, t5", "10 clusters, between 1 x within", "1 coordinate x 100", "mean share 0.9, spread")
    others = (case for case in (*cases.shapes(D), *cases.coordinates(D)) if case.n == 4 * D)
    first = {case.name: case for case in others if case.name in wanted}
    assert len(first) == len(wanted)
    return [*ends, *first.values()]


def collapsed() -> list[cases.Case]:
    """One of every kind."""
    return list({case.aims: case for case in cases.planted(D) if case.n > D}.values())


def judged(case: cases.Case) -> Judged:
    return run_case(case, [0])


@pytest.mark.parametrize("case", healthy(), ids=lambda case: f"{case.name} {case.n} {case.profile}")
def test_a_healthy_case_does_not_fail(case: cases.Case) -> None:
    found = judged(case)
    assert not found.failed, found.findings
    assert {"spectral_cliff", "mean_share", "constant"} <= set(found.readings)
    assert all(one.margin > 1 for one in found.readings.values()), found.readings


@pytest.mark.parametrize("case", collapsed(), ids=lambda case: case.name)
def test_a_planted_collapse_fails_by_the_rules_that_it_is_aimed_at(case: cases.Case) -> None:
    found = judged(case)
    assert found.failed
    assert case.aims
    assert all(found.readings[rule].margin < 1 for rule in case.aims), found.readings


@pytest.mark.parametrize(
    ("name", "bound", "at_limit", "safe"),
    [
        ("spectral_cliff", Bound.MAX, 5.0, 1.0),
        ("effective_rank", Bound.MIN, 1.25, 12.5),
        ("mean_share", Bound.MAX, 0.98, 0.0),
        ("top1_share", Bound.MAX, 0.97, 0.5),
        ("dead_features", Bound.MAX, 0.60, 0.0),
    ],
)
def test_a_margin_is_one_at_the_default_limit(name: str, bound: Bound, at_limit: float, safe: float) -> None:
    rule: Rule = RULES[name, bound]
    assert margin(rule, at_limit) == pytest.approx(1)
    assert margin(rule, safe) > 1.5
    beyond = at_limit + (at_limit - safe) * 0.01
    assert margin(rule, beyond) < 1


def test_the_margin_of_a_cliff_that_is_not_there_is_infinite() -> None:
    assert margin(RULES["spectral_cliff", Bound.MAX], 0.0) == math.inf


def test_rows_that_are_kept_are_read_back(tmp_path: Path) -> None:
    rows = [run_case(next(cases.spectra([32], [2], 64)), [0, 1])]
    tables.save(rows, tmp_path / "rows.json")
    assert tables.load(tmp_path / "rows.json") == rows
    assert tables.load(tmp_path / "none.json") == []
    assert tables.table(rows, "case").splitlines()[2].startswith("| i^-0.5 | 64 | 32 | ssl | pass | none |")


def test_the_page_has_a_filled_place_for_every_table() -> None:
    text = (ROOT / "docs" / "calibration.md").read_text(encoding="utf-8")
    found = dict(re.findall(r"<!-- table: (\w+) -->\n(.*?)<!-- end -->", text, re.DOTALL))
    summaries = {"counts", "failures", "undecided", "separation"}
    assert set(found) == {*summaries, "spectra", "wide", "shapes", "coordinates", "units", "planted", "real"}
    assert all(table.strip() for table in found.values())
