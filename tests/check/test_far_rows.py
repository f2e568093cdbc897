"""A few rows that are far from all others, such as attention sinks, must not decide a verdict unnamed."""

from __future__ import annotations

import numpy as np
import pytest

from repdiag import synthetic
from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.check import build_policy, check
from repdiag.check.far_rows import typical
from repdiag.results import Results
from repdiag.store import memory_store
from repdiag.types import Verdict
from tests.check.builders import figure, healthy, insufficient, only, policy, results, row

MEASURES = ("trace", "effective_rank", "top1_share", "mean_share", "spectral_cliff")


def with_typical(plain: float, other: float | None, name: str = "effective_rank") -> Results:
    estimates = healthy(**{name: figure(plain)})
    key = f"{name}{{rows=typical}}"
    estimates[key] = insufficient() if other is None else figure(other, left_out=12.0)
    return check(results(row(estimates)), policy())


def test_a_rule_that_only_far_rows_break_warns_and_names_them() -> None:
    found = with_typical(1.01, 120.0)
    assert found.verdict is Verdict.PASS
    (warned,) = only(found, "warn")
    assert (warned.id, warned.kind, warned.rule) == ("RD023", "far rows", "effective_rank.min")
    assert "12 rows are far from all others" in warned.message
    assert "1.01" in warned.message
    assert "120" in warned.message


def test_a_rule_that_is_broken_both_ways_fails_and_says_so() -> None:
    found = with_typical(1.01, 1.02)
    assert found.verdict is Verdict.FAIL
    assert "without 12 rows it is 1.02" in only(found, "fail")[0].message


def test_a_rule_that_cannot_be_decided_without_them_is_undecided() -> None:
    assert with_typical(1.01, None).verdict is Verdict.INCONCLUSIVE


def test_a_rule_that_is_met_with_them_is_met() -> None:
    assert with_typical(50.0, 1.01).verdict is Verdict.PASS
    assert with_typical(0.999, 0.2, "mean_share").verdict is Verdict.PASS


def sinks(rows: np.ndarray, share: float, seed: int = 0) -> np.ndarray:
    """Some rows a hundred times as long, all in one direction."""
    rng = np.random.default_rng(seed)
    changed = rng.random(len(rows)) < share
    direction = rng.standard_normal(rows.shape[1])
    length = 100 * np.sqrt((rows**2).sum(1).mean())
    rows = rows.copy()
    rows[changed] += length * direction / np.linalg.norm(direction)
    return rows


@pytest.mark.parametrize("share", [0.01, 0.05])
def test_attention_sinks_in_a_healthy_space_pass_with_a_warning(share: float) -> None:
    made = synthetic.power_law(1500, 48, exponent=0.7, seed=1).samples.numpy()
    found = analysed(sinks(made, share))
    assert found.representations[0].estimates["top1_share"].value > 0.97  # type: ignore[operator]
    other = typical(found.representations[0], "effective_rank")
    clean = analysed(made).representations[0].estimates["effective_rank"].value
    assert other is not None
    assert other.value == pytest.approx(clean, rel=0.05)
    judged = check(found, build_policy())
    assert judged.verdict is Verdict.PASS
    assert "RD023" in {one.id for one in only(judged, "warn")}


def test_a_collapsed_space_with_sinks_still_fails() -> None:
    made = synthetic.low_rank(1500, 48, rank=3, noise=1e-3, seed=1).samples.numpy()
    assert check(analysed(sinks(made, 0.02)), build_policy()).verdict is Verdict.FAIL


def test_nothing_is_added_where_no_row_is_far() -> None:
    made = synthetic.heavy_tail(1500, 48, seed=1).samples.numpy()
    assert not [key for key in analysed(made).representations[0].estimates if "rows=" in key]


def analysed(rows: np.ndarray) -> Results:
    return analyse_spectrum([memory_store(rows)], SpectrumRequest(measures=MEASURES))
