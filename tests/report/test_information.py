"""The section of pairs: every figure, what it means, one map, and nothing that a name can break."""

from __future__ import annotations

import pytest

from repdiag.report.information import MOST_TABLES
from repdiag.report.pair_maps import pair_choices, pair_traces
from repdiag.report.thinning import MAX_FIGURE_POINTS
from repdiag.results import Estimate, Pair, Place, Results
from repdiag.types import Status
from tests.report import samples
from tests.report.test_page import page


def place(layer: str, view: str = "base", checkpoint: str = "e1") -> Place:
    return Place(checkpoint=checkpoint, view=view, layer=layer)


def figure(value: float | None = 0.4, **changes: object) -> Estimate:
    details: dict[str, float | int | str | list[float]] = {
        "null": 0.01,
        "self_x": 0.8,
        "self_y": 0.9,
        "normalised": 0.5,
        "bandwidth_x": 11.2,
        "mean_kernel_x": 0.61,
        "bandwidth_y": 10.9,
        "mean_kernel_y": 0.62,
    }
    made = Estimate(
        value=value, low=0.3, high=0.5, plugin=0.45, unit="nats", definition="S(x) + S(y)", details=details
    )
    return made.model_copy(update=changes)


def results(*pairs: Pair, notes: tuple[str, ...] = (), meaning: str = "similarities") -> Results:
    measures = {"renyi_mi": {"says": f"how alike {meaning} are", "cannot": "it is no Shannon information"}}
    source = {"name": "a.h5", "measures": measures, "notes": list(notes)}
    return samples.results(command="information", pairs=list(pairs), source=source)


def layers(count: int) -> list[Pair]:
    names = [f"layer{i}" for i in range(count)]
    return [
        Pair(x=place(a), y=place(b), n=1000, estimates={"renyi_mi": figure(0.01 * i)})
        for i, (a, b) in enumerate((a, b) for at, a in enumerate(names) for b in names[at + 1 :])
    ]


def views(names: str) -> list[Pair]:
    return [
        Pair(x=place(name), y=place(name, "crop"), n=10, estimates={"cka": figure(0.7)}) for name in names
    ]


def test_figures_stand_with_their_null_and_meaning() -> None:
    pair = Pair(x=place("l"), y=place("l", "crop"), n=1000, estimates={"renyi_mi": figure()})
    text = page(results(pair, notes=("pairs of checkpoints in a row",))).text
    assert "renyi_mi 0.4 nats plug-in 0.45 [0.3, 0.5] 0.01 0.8 0.5 ok" in text
    assert "e1 / base / l and e1 / crop / l n = 1,000" in text
    assert "bandwidth x 11.2 (mean kernel 0.61), y 10.9 (mean kernel 0.62)" in text
    assert "It says how alike similarities are." in text
    assert "it is no Shannon information" in text
    assert "S(x) + S(y)" in text
    assert "pairs of checkpoints in a row" in text
    assert "nothing was measured" not in text
    assert "1 pair n = 1,000" in text
    assert "0 layers" not in text
    assert "not drawn on this page" not in text


def test_a_figure_that_does_not_exist_says_why() -> None:
    missing = figure(
        None, low=None, high=None, plugin=None, status=Status.CONSTANT, details={"reason": "y does not vary"}
    )
    pair = Pair(x=place("l"), y=place("m"), n=10, estimates={"renyi_mi": missing})
    text = page(results(pair)).text
    assert "renyi_mi – nats – – – constant y does not vary" in text


def test_layers_make_a_map_of_half_a_square() -> None:
    (trace,) = pair_traces([results(*layers(4))])
    assert trace["type"] == "heatmap"
    assert trace["meta"]["labels"] == ["layer0", "layer1", "layer2", "layer3"]
    assert list(zip(trace["x"], trace["y"], strict=True)) == [
        (a, b) for a in range(4) for b in range(a + 1, 4)
    ]
    assert trace["z"] == [0.5] * 6
    assert "normalised" in trace["meta"]["title"]
    assert trace["customdata"][0].startswith("0 [0.3, 0.5] nats")


def test_the_map_shows_values_where_one_has_no_normalised_form() -> None:
    first, *others = layers(3)
    unresolved = figure(0.2, status=Status.UNRESOLVED, details={"null": 0.1})
    pairs = [first.model_copy(update={"estimates": {"renyi_mi": unresolved}}), *others]
    (trace,) = pair_traces([results(*pairs)])
    assert trace["z"][0] == 0.2
    assert (trace["meta"]["title"], trace["meta"]["unit"]) == ("renyi_mi", "nats")


def test_every_measure_has_its_map_and_the_headline_comes_first() -> None:
    both = [pair.model_copy(update={"estimates": {"cka": figure(), **pair.estimates}}) for pair in layers(3)]
    traces = pair_traces([results(*both)])
    assert pair_choices({"information": traces}) == ["renyi_mi", "cka"]


def test_measures_that_there_is_no_room_for_are_left_to_the_json() -> None:
    estimates = {f"measure{i}": figure() for i in range(9)}
    pairs = [pair.model_copy(update={"estimates": estimates}) for pair in layers(60)]
    traces = pair_traces([results(*pairs)])
    assert len(traces) == 3
    assert sum(len(trace["z"]) for trace in traces) <= MAX_FIGURE_POINTS


def test_views_make_bars() -> None:
    (trace,) = pair_traces([results(*views("ab"))])
    assert (trace["type"], trace["x"]) == ("bar", [0.5, 0.5])
    assert trace["meta"]["labels"] == ["base · a × crop · a", "base · b × crop · b"]


def test_many_pairs_have_a_map_and_a_word_on_the_tables() -> None:
    made = page(results(*layers(10)))
    tables = sum(tag == "caption" for tag, _ in made.elements)
    assert tables == MOST_TABLES
    assert "5 more pairs of the results without a table here" in made.text


@pytest.mark.parametrize("made", [results(*layers(4)), results(*views("ab"))])
def test_traces_are_valid_plotly(made: Results) -> None:
    go = pytest.importorskip("plotly.graph_objects")
    assert len(go.Figure(data=pair_traces([made])).data) == 1


def test_without_pairs_there_is_no_section() -> None:
    assert "Information between" not in page(samples.results(samples.healthy())).text
    assert pair_traces([samples.results(samples.healthy())]) == []
    assert pair_traces([results(*views("a"))]) == []


def hostile_pairs(text: str) -> Results:
    """The same text wherever a name can stand."""
    estimates = {text: figure(unit=text, definition=text, details={"reason": text, "null": 0.1})}
    ends = ((place(text), place("b", text)), (place("c"), place("d")))
    pairs = [Pair(x=x, y=y, n=10, estimates=estimates) for x, y in ends]
    return results(*pairs, notes=(text,), meaning=text)


@pytest.mark.parametrize("name", samples.HOSTILE)
def test_hostile_names_make_no_element(name: str) -> None:
    hostile, harmless = page(hostile_pairs(name)), page(hostile_pairs("harmless"))
    assert hostile.tags == harmless.tags
    known = {attribute for _, attrs in harmless.elements for attribute in attrs}
    assert {attribute for _, attrs in hostile.elements for attribute in attrs} <= known
    assert not set(hostile.text) & set("\x1b\u202e\u2028\u2029")
    (trace,) = pair_traces([hostile_pairs(name)])
    texts = [
        *trace["meta"]["labels"],
        trace["meta"]["title"],
        *(c.replace("<br>", "") for c in trace["customdata"]),
    ]
    assert not any(char in text for text in texts for char in "<>\"'%$")


def chosen(**changes: object) -> Estimate:
    curve = {"bandwidth_factors": [0.0625, 0.5, 1.0, 4.0], "contrast_x": [1.0, 9.0, 5.0, 2.0]}
    made = figure()
    return made.model_copy(update={"details": made.details | curve | {"contrast_y": [0, 3, 4, 4]} | changes})


def test_the_choice_of_a_bandwidth_is_drawn() -> None:
    pair = Pair(x=place("l"), y=place("m"), n=10, estimates={"cka": figure(), "renyi_mi": chosen()})
    made = page(results(pair))
    assert "x: contrast 9 at 1/2 of the median distance" in made.text
    assert "y: contrast 4 at 1 of the median distance" in made.text
    assert sum(tag == "polyline" for tag, _ in made.elements) == 2
    without = page(results(Pair(x=place("l"), y=place("m"), n=10, estimates={"renyi_mi": figure()})))
    assert "of the median distance" not in without.text


@pytest.mark.parametrize("heights", [[], [1.0], [0.0] * 4, "high"])
def test_curves_that_cannot_be_drawn_are_left_out(heights: object) -> None:
    pair = Pair(x=place("l"), y=place("m"), n=10, estimates={"renyi_mi": chosen(contrast_x=heights)})
    text = page(results(pair)).text
    assert "x: contrast" not in text
    assert "y: contrast 4" in text


def test_what_figures_mean_stands_there_once() -> None:
    pair = Pair(x=place("l"), y=place("m"), n=10, estimates={"renyi_mi": figure()})
    text = page(results(pair, notes=("rows left out",))).text
    for told in ("how alike similarities are", "it is no Shannon information", "rows left out"):
        assert text.count(told) == 1
