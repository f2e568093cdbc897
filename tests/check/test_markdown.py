"""The Markdown of a pull request: figures, what changed against the baseline, findings, onsets."""

from __future__ import annotations

import re
from typing import Any

from pydantic import JsonValue

from repdiag.check import check, render_verdict
from repdiag.check.findings import place_of
from repdiag.check.markdown import MOST_BYTES, MOST_ROWS
from repdiag.check.markup import plain
from repdiag.results import RATIO, Estimate, Onset, Pair, Place, Results
from repdiag.types import Status
from tests.check.builders import figure, healthy, insufficient, policy, results, row
from tests.check.test_formats import CONE, MIXED, hostile


def change(value: float | None, unit: str = RATIO, **details: float | str) -> Estimate:
    low, high = (None, None) if value is None else (value - 0.02, value + 0.01)
    status = Status.INSUFFICIENT if value is None else Status.OK
    return Estimate(value=value, low=low, high=high, unit=unit, status=status, details=dict(details))


def markdown(found: Results) -> str:
    return render_verdict(found, "markdown")


def tables(text: str) -> list[list[str]]:
    """Every table as its lines."""
    return [block.splitlines() for block in text.split("\n\n") if block.startswith("| ")]


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def figures(found: Results) -> list[dict[str, str]]:
    """The rows of the table of figures by their header."""
    head, _, *rows = tables(markdown(found))[0]
    return [dict(zip(cells(head), cells(line), strict=True)) for line in rows]


def test_the_verdict_comes_first_then_figures_then_findings() -> None:
    text = markdown(MIXED)
    assert text.startswith("## ❌ repdiag check: fail\n\n")
    first, second = tables(text)
    assert first[0].startswith("| representation | n | `spectral_cliff` | `effective_rank` |")
    assert second[0] == "| severity | kind | representation | finding |"
    assert "| fail | RD002 cone | `bad/base/backbone` |" in text
    assert "likely cause" in text


def test_a_row_of_figures_has_intervals_and_says_why_one_is_missing() -> None:
    estimates = healthy(effective_rank=figure(320.0, 0.01), mean_share=insufficient(), dead_features=None)
    (found,) = figures(check(results(row(estimates)), policy()))
    assert found["representation"] == "`epoch=9/base/backbone`"
    assert found["n"] == "4,096"
    assert found["`effective_rank`"] == "320 (317 to 323)"
    assert found["`mean_share`"] == "insufficient"
    assert "`dead_features`" not in found


def test_those_with_findings_come_first_and_others_are_left_out() -> None:
    rows = [row(layer="good"), row(CONE, layer="bad"), row(layer="unasked")]
    found = figures(check(results(*rows), policy(layers=["good", "bad"])))
    assert [one["representation"] for one in found] == ["`epoch=9/base/bad`", "`epoch=9/base/good`"]


def test_without_a_baseline_there_is_no_drop() -> None:
    assert "drop of" not in markdown(MIXED)
    assert "against the baseline" not in markdown(MIXED)


def test_a_drop_is_shown_in_percent_with_both_sides() -> None:
    here = row()
    figures_of_pair = {
        "effective_rank": change(0.91, a=101.0, b=92.0, pairing="same samples"),
        "participation_ratio": change(1.25),
        "stable_rank": change(None),
    }
    then = Place(checkpoint="baseline (epoch=5)", view="base", layer="backbone")
    pair = Pair(x=then, y=place_of(here), n=9, estimates=figures_of_pair)
    judged = check(results(here, row(layer="new")), policy())
    rules: JsonValue = {f"{name}.max_drop": {"threshold": 0.1} for name in figures_of_pair}
    held = judged.source["check"]
    assert isinstance(held, dict)
    summary: JsonValue = {**held, "rules": rules}
    found = judged.model_copy(update={"pairs": [pair], "source": {**judged.source, "check": summary}})
    first, second = figures(found)
    assert first["drop of `effective_rank`"] == "9% (8% to 11%), 101 to 92"
    assert first["drop of `participation_ratio`"] == "-25% (-26% to -23%)"
    assert first["drop of `stable_rank`"] == "insufficient"
    assert second["drop of `effective_rank`"] == ""
    assert "Drops are against baseline (epoch=5): same samples." in markdown(found).replace("\\", "")


def test_the_pair_with_a_baseline_is_a_drop() -> None:
    here = row()
    estimates = {
        "effective_rank": change(0.91, a=352.0, b=320.0, pairing="same samples"),
        "mean_share": change(1.2),
        "alignment": change(0.3, "nats"),
    }
    then = Place(checkpoint="baseline (epoch=5)", view="base", layer="backbone")
    pair = Pair(x=then, y=place_of(here), n=9, estimates=estimates)
    found = check(results(here), policy()).model_copy(update={"pairs": [pair]})
    (shown,) = figures(found)
    assert shown["drop of `effective_rank`"] == "9% (8% to 11%), 352 to 320"
    assert sum(name.startswith("drop of") for name in shown) == 1
    assert "Drops are against baseline (epoch=5): same samples." in markdown(found).replace("\\", "")


def test_onsets_are_lines() -> None:
    def onset(message: str) -> Onset:
        place: dict[str, Any] = dict.fromkeys(("view", "layer", "checkpoint", "before"), "x")
        return Onset(id="RD003", kind="dimensional", measure="spectral_cliff", message=message, **place)

    messages = ["dimensional began at step 300.", *(f"more {index}." for index in range(MOST_ROWS))]
    found = MIXED.model_copy(update={"onsets": [onset(text) for text in messages]})
    lines = markdown(found).splitlines()
    start = lines.index("When it began:")
    assert lines[start + 2] == "- dimensional began at step 300."
    assert lines[start + 2 + MOST_ROWS] == "- and 1 more, see the JSON"
    assert "When it began:" not in markdown(MIXED)


def test_every_line_of_a_table_has_the_cells_of_its_header() -> None:
    for found in (MIXED, hostile()):
        for head, *rest in tables(markdown(found)):
            assert all(len(cells(line)) == len(cells(head)) for line in rest)


def test_names_are_inert() -> None:
    assert plain("@you [x](http://y) www.z") == "\\@you \\[x\\]\\(http:\u200b//y\\) www\u200b.z"
    assert "When it began:" in markdown(hostile())
    outside_code = re.sub(r"`[^`\n]*`", "", markdown(hostile()))
    assert "<script>" not in outside_code


def test_many_representations_stay_bounded() -> None:
    many = [row(CONE, layer=f"layer{index}.{'x' * 150}") for index in range(400)]
    text = markdown(check(results(*many), policy()))
    assert len(text.encode()) <= MOST_BYTES
    assert re.search(r"and 3\d\d more, see the JSON", text)
    few = markdown(check(results(*(row(layer=f"layer{index}") for index in range(60))), policy()))
    assert "and 10 more, see the JSON" in few
