"""Tables: what a figure looks like, and that nothing is wider than a terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from repdiag.commands._tables import interval, number, row, spectrum_text, wrapped
from repdiag.results import Estimate, Representation, Results
from repdiag.types import Status


def results(count: int, **estimates: Estimate) -> Results:
    representations = [
        Representation(
            checkpoint=f"epoch={i}", view="base", layer="backbone", step=i, n=1000, d=64, estimates=estimates
        )
        for i in range(count)
    ]
    return Results(repdiag="0", command="spectrum", representations=representations)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (0.0, "0"),
        (101.23456, "101.2"),
        (0.5, "0.5"),
        (1234.5, "1,234"),
        (99999.4, "99,999"),
        (1e5, "1.00e+05"),
        (0.00012345, "1.23e-04"),
        (-12.345, "-12.35"),
    ],
)
def test_numbers(value: float | None, shown: str) -> None:
    assert number(value) == shown


@given(st.floats(-1e300, 1e300))
def test_a_number_fits_its_column_and_keeps_three_digits(value: float) -> None:
    shown = number(value)
    assert len(shown) <= 10
    assert float(shown.replace(",", "")) == pytest.approx(value, rel=6e-3)


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [(None, None, ""), (1.0, None, ">= 1"), (None, 2.0, "<= 2"), (1.0, 2.0, "[1, 2]")],
)
def test_intervals(low: float | None, high: float | None, shown: str) -> None:
    assert interval(Estimate(value=1.5, low=low, high=high)) == shown


def test_a_figure_that_does_not_exist_shows_its_status() -> None:
    (line,) = row("effective_rank", Estimate(value=None, status=Status.INSUFFICIENT))
    assert line.split() == ["effective_rank", "-", "-", "insufficient"]


def test_details_follow_the_figure() -> None:
    lines = row("spectral_cliff", Estimate(value=7.5, plugin=7.5, details={"k": 8, "all": [1.0, 2.0]}))
    assert lines[1].strip() == "k 8"


def test_one_representation_shows_every_measure_and_both_columns() -> None:
    estimate = Estimate(value=101.2, low=98.7, high=103.4, plugin=95.1)
    text = spectrum_text(results(1, effective_rank=estimate), every_measure=False)
    assert text.startswith("epoch=0/base/backbone  (n 1,000, d 64, step 0)")
    assert text.splitlines()[-1].split() == ["effective_rank", "101.2", "[98.7,", "103.4]", "95.1", "ok"]


def test_many_representations_show_headlines_and_say_what_is_left() -> None:
    estimates = {"effective_rank": Estimate(value=3.0), "twonn": Estimate(value=2.0)}
    text = spectrum_text(results(9, **estimates), every_measure=False)
    assert "epoch=8" in text
    assert "backbone" not in text
    assert "twonn" not in text
    assert "1 more measures" in text
    assert "twonn" in spectrum_text(results(9, **estimates), every_measure=True)


def noted(*notes: list[str]) -> Results:
    items = [
        Representation(checkpoint=f"c{i}", view="v", layer="l", n=10, d=4, notes=note)
        for i, note in enumerate(notes)
    ]
    return Results(repdiag="0", command="spectrum", representations=items)


def test_a_note_is_shown_once_with_what_it_is_about() -> None:
    one = spectrum_text(noted(["3 rows hold NaN"]), every_measure=False)
    assert "  note: 3 rows hold NaN" in one
    rare = spectrum_text(noted(["3 rows hold NaN"], *[[]] * 8), every_measure=False)
    assert "  note: c0: 3 rows hold NaN" in rare
    common = spectrum_text(noted(*[["3 rows hold NaN"]] * 9), every_measure=False)
    assert common.count("note: 3 rows hold NaN") == 1


def test_hostile_names_cannot_reach_the_terminal() -> None:
    item = Representation(checkpoint="\x1b[2J", view="base", layer="::error::x", n=10, d=4)
    text = spectrum_text(Results(repdiag="0", command="spectrum", representations=[item]), every_measure=True)
    assert "\x1b" not in text
    assert not any(line.lstrip().startswith("::") for line in text.splitlines())


def test_eighty_columns() -> None:
    wide = Estimate(
        value=-1.2345e-5, low=-1.2345e5, high=12345.678, plugin=-1.2345e-5, status=Status.SATURATED
    )
    estimates = {"effective_rank": wide, "matrix_entropy{center=true,normalize=true}": wide}
    for count in (1, 9):
        text = spectrum_text(results(count, **estimates), every_measure=True)
        assert max(map(len, text.splitlines())) <= 80


def test_wrapped_breaks_no_word() -> None:
    assert wrapped("a " + "b" * 100, "  ") == ["  a", "  " + "b" * 100]
