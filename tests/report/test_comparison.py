"""The section of a comparison: every figure, its word, and nothing that a name can break."""

from __future__ import annotations

import pytest

from repdiag.results import DIFFERENCE, RATIO, Estimate, Pair, Place, Results
from repdiag.types import Status
from tests.report import samples
from tests.report.test_page import page

PAIRING = "paired on 9,000 common samples"


def difference(value: float | None, low: float | None, high: float | None, **changes: object) -> Estimate:
    details: dict[str, float | int | str | list[float]] = {"a": 100.0, "b": 90.0, "pairing": PAIRING}
    made = Estimate(value=value, low=low, high=high, unit=RATIO, details=details)
    return made.model_copy(update=changes)


def compared(name: str = "layer", **estimates: Estimate) -> Results:
    x, y = (Place(checkpoint=f"{name} {side}", view="base", layer=name) for side in "AB")
    pair = Pair(x=x, y=y, n=9000, estimates=estimates)
    source = {"notes": [f"only in A: {name}"]}
    return samples.results(samples.healthy(), command="compare", pairs=[pair], source=source)


def test_figures_stand_with_their_words() -> None:
    made = compared(
        effective_rank=difference(0.9, 0.88, 0.92),
        trace=difference(1.2, 1.1, 1.3),
        twonn=difference(1.0, 0.9, 1.1),
        mean_share=difference(0.0, -0.1, 0.1, unit=DIFFERENCE),
        stable_rank=difference(
            None, None, None, status=Status.CONSTANT, details={"a": 4.0, "reason": "B: nothing varies"}
        ),
    )
    text = page(made).text
    assert "effective_rank 100 90 0.9 B/A [0.88, 0.92] lower" in text
    assert "trace 100 90 1.2 B/A [1.1, 1.3] higher" in text
    assert "twonn 100 90 1 B/A [0.9, 1.1] no difference seen" in text
    assert "mean_share 100 90 0 B − A [−0.1, 0.1] no difference seen" in text
    assert "stable_rank 4 – – B/A constant B: nothing varies" in text
    assert "paired on 9,000 common samples, n = 9,000" in text
    assert "only in A: layer" in text
    assert "not drawn on this page" not in text


def test_without_a_comparison_there_is_no_section() -> None:
    assert "no difference seen" not in page(samples.results(samples.healthy())).text


@pytest.mark.parametrize("name", samples.HOSTILE)
def test_hostile_names_make_no_element(name: str) -> None:
    hostile, harmless = (
        page(compared(each, **{each: difference(1.0, 0.9, 1.1, details={"pairing": each, "reason": each})}))
        for each in (name, "harmless")
    )
    assert hostile.tags == harmless.tags
    known = {attribute for _, attrs in harmless.elements for attribute in attrs}
    assert {attribute for _, attrs in hostile.elements for attribute in attrs} <= known
    assert not set(hostile.text) & set("\x1b\u202e\u2028\u2029")
