"""Rogue coordinates: named, judged with and without, and a failure only where both fail."""

from __future__ import annotations

import pytest

from repdiag.check import check
from repdiag.check.rogue import drop_key
from repdiag.results import Estimate, Results
from repdiag.types import Verdict
from tests.check.builders import figure, healthy, insufficient, only, policy, results, rogue, row

BAD, GOOD, NEAR = figure(1.05, 0.01), figure(90.0), figure(1.25, 0.2)


def gate(with_it: Estimate, without: Estimate | None, profile: str = "ssl") -> Results:
    estimates = healthy(effective_rank=with_it, effective_rank_rogue_drop=without)
    return check(results(row(estimates, rogue_features=rogue(17))), policy(profile=profile))


def effective_rank(found: Results) -> tuple[str, str] | None:
    named = [one for one in found.findings if one.rule == "effective_rank.min"]
    assert len(named) <= 1
    return (named[0].severity, named[0].kind) if named else None


@pytest.mark.parametrize(
    ("with_it", "without", "expected"),
    [
        (GOOD, GOOD, None),
        (BAD, BAD, ("fail", "one direction")),
        (BAD, GOOD, ("warn", "rogue feature")),
        (GOOD, BAD, ("warn", "rogue feature")),
        (BAD, NEAR, ("inconclusive", "one direction")),
        (NEAR, GOOD, ("warn", "rogue feature")),
        (NEAR, BAD, ("warn", "rogue feature")),
        (NEAR, NEAR, ("inconclusive", "one direction")),
        (GOOD, NEAR, None),
        (GOOD, None, None),
        (BAD, None, ("inconclusive", "rogue feature")),
        (BAD, insufficient(low=50.0), ("warn", "rogue feature")),
        (BAD, insufficient(), ("inconclusive", "dimensional")),
    ],
)
def test_with_and_without(
    with_it: Estimate, without: Estimate | None, expected: tuple[str, str] | None
) -> None:
    assert effective_rank(gate(with_it, without)) == expected


@pytest.mark.parametrize(("without", "verdict"), [(GOOD, Verdict.PASS), (BAD, Verdict.FAIL)])
def test_llm_decides_without_them(without: Estimate, verdict: Verdict) -> None:
    for with_it in (GOOD, BAD, NEAR):
        assert gate(with_it, without, "llm").verdict is verdict


def test_the_warning_names_the_coordinate_and_both_figures() -> None:
    found = gate(BAD, GOOD)
    assert found.verdict is Verdict.PASS
    message = only(found, "warn")[0].message
    assert message == (
        "Coordinate 17 (99% of the variance) is far larger than the others: the effective rank is 1.05 "
        "(95% interval 1.04 to 1.06) with it and 90 (95% interval 88.2 to 91.8) without, so the minimum "
        "1.25 is met only one way."
    )


def test_a_failure_both_ways_shows_the_figure_without() -> None:
    message = only(gate(BAD, figure(1.1, 0.01)), "fail")[0].message
    assert message.endswith("; without the rogue coordinate it is 1.1 (95% interval 1.09 to 1.11).")


def test_rogue_coordinates_are_named_even_where_nothing_depends_on_them() -> None:
    found = gate(GOOD, figure(95.0))
    note = only(found, "info")[0]
    assert (note.id, note.kind) == ("RD005", "rogue feature")
    assert "effective rank 90" in note.message
    assert "95 (95% interval" in note.message


def test_without_rogue_coordinates_the_option_is_not_looked_at() -> None:
    estimates = healthy(effective_rank=BAD, effective_rank_rogue_drop=GOOD)
    assert check(results(row(estimates)), policy()).verdict is Verdict.FAIL


def test_the_cliff_sets_them_aside_by_itself() -> None:
    estimates = healthy(spectral_cliff=figure(12.0, k=8))
    found = check(results(row(estimates, rogue_features=rogue(1, 2))), policy())
    assert [one.kind for one in only(found, "fail")] == ["dimensional"]


def test_keys_keep_their_options_sorted() -> None:
    assert drop_key("effective_rank") == "effective_rank{rogue=drop}"
    assert drop_key("rankme{center=true}") == "rankme{center=true,rogue=drop}"
    assert drop_key("top1_share{rogue=drop}") == "top1_share{rogue=drop}"
