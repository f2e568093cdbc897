"""Every declaration is true: invariances hold and end where they are said to, bounds hold, words exist."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch

from repdiag import synthetic
from repdiag.analysis.estimates import bound_value
from repdiag.errors import UsageError
from repdiag.measures.declaration import Change, Reading
from repdiag.measures.registry import Measure, Selection, all_measures, find, parse_selection
from tests import laws
from tests.analysis.memory import analyse, figure
from tests.laws import APPLY, CHANGES, COLLAPSES, INPUTS, Subject, evaluate

MEASURES = all_measures()
every_measure = pytest.mark.parametrize("measure", MEASURES.values(), ids=MEASURES)
DECLARED = [(m, c) for m in MEASURES.values() for c in m.invariant_to]
ABSENT = [(m, c) for m in MEASURES.values() for c in CHANGES if c not in m.invariant_to]
BREAKING = ("correlated", "steep", "affine plane", "rogue", "tiny", "rarely firing")


def name_of(value: object) -> str:
    return value.name if isinstance(value, Measure) else str(value)


@cache
def prepared(name: str) -> Subject:
    return INPUTS[name]()


@cache
def unchanged(measure: str, name: str) -> float | None:
    return evaluate(measure, prepared(name))


def changed(measure: str, name: str, change: Change) -> float | None:
    return evaluate(measure, APPLY[change](prepared(name), np.random.default_rng(99)))


# --- Invariances. ---


@pytest.mark.parametrize("name", ["correlated", "wide", "steep"])
@pytest.mark.parametrize(("measure", "change"), DECLARED, ids=name_of)
def test_declared_invariance_holds(measure: Measure, change: Change, name: str) -> None:
    before, after = unchanged(measure.name, name), changed(measure.name, name, change)
    assert after == (None if before is None else pytest.approx(before, rel=1e-8, abs=1e-10))


@pytest.mark.parametrize(("measure", "change"), ABSENT, ids=name_of)
def test_undeclared_invariance_is_really_broken(measure: Measure, change: Change) -> None:
    def broken(name: str) -> bool:
        before, after = unchanged(measure.name, name), changed(measure.name, name, change)
        return before is not None and after is not None and abs(after - before) > 1e-3 * abs(before)

    assert any(broken(name) for name in BREAKING)


@every_measure
def test_row_and_feature_order_never_matter(measure: Measure) -> None:
    assert {"row order", "feature order"} <= set(measure.invariant_to)


@pytest.mark.parametrize("factor", [1e-20, 1e20])
@pytest.mark.parametrize(
    "measure", [m for m in MEASURES.values() if "scale" in m.invariant_to], ids=lambda m: m.name
)
def test_extreme_scales_change_nothing(measure: Measure, factor: float) -> None:
    data = prepared("correlated")
    scaled = Subject(data.views * factor, data.labels)
    assert evaluate(measure.name, scaled) == pytest.approx(unchanged(measure.name, "correlated"), rel=1e-9)


# --- Bounds. ---


@pytest.mark.parametrize("seed", range(4))
@every_measure
def test_declared_bounds_hold(measure: Measure, seed: int) -> None:
    seen = 0
    for name, data in laws.bounded_inputs(seed).items():
        found = evaluate(measure.name, data)
        if found is None:
            continue
        seen += 1
        low, high = (bound_value(bound, *data.rows.shape) for bound in measure.bounds)
        assert low is None or found >= low - 1e-9 * (1 + abs(low)), name
        assert high is None or found <= high + 1e-9 * (1 + abs(high)), name
    assert seen >= 6


@pytest.mark.parametrize(
    ("bound", "value"),
    [
        (None, None),
        (0.5, 0.5),
        ("d", 7),
        ("rank", 4),
        ("log rank", np.log(4)),
        ("log d", np.log(7)),
        ("log n", np.log(5)),
    ],
)
def test_bounds_as_numbers(bound: object, value: float | None) -> None:
    assert bound_value(bound, 5, 7) == value  # type: ignore[arg-type]


# --- Collapse. ---


@every_measure
def test_planted_collapse_moves_the_figure_as_declared(measure: Measure) -> None:
    healthy, collapsed = (evaluate(measure.name, data) for data in COLLAPSES[measure.needs]())
    if measure.collapse == "none":
        return
    assert healthy is not None
    assert collapsed is not None
    fell = collapsed < healthy
    assert abs(collapsed - healthy) > 0.05 * abs(healthy)
    assert fell == (measure.collapse == "low")


# --- Words. ---


@every_measure
def test_measure_explains_itself(measure: Measure) -> None:
    assert measure.summary.endswith(".")
    assert all((measure.unit, measure.definition, measure.cite))
    assert measure.name == measure.function.__name__
    by_formula = measure.correction in ("unbiased", "leading")
    assert by_formula == (measure.corrected is not None)


@every_measure
def test_definition_spells_out_every_numeric_option(measure: Measure) -> None:
    text = Selection(measure).definition
    assert not any(f"<{name}>" in text for name in measure.defaults)
    for name, value in measure.defaults.items():
        if isinstance(value, float | int) and not isinstance(value, bool):
            assert f"{value:g}" in text, name


def test_definition_names_options_that_differ() -> None:
    assert "+ 1e-05" in parse_selection("rankme{eps=1e-5}").definition
    assert "uncentred" in parse_selection("rankme").definition
    centred = parse_selection("rankme{center=true}").definition
    assert "uncentred" not in centred
    assert "centred" in centred
    assert "rogue coordinates removed" in parse_selection("effective_rank{rogue=drop}").definition


# --- Keys. ---


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("rankme", "rankme"),
        ("rankme{center=true}", "rankme{center=true}"),
        (" rankme{ eps = 1e-3 , center=TRUE } ", "rankme{center=true,eps=0.001}"),
        ("rankme{center=false,eps=1e-7}", "rankme"),
        ("rankme{}", "rankme"),
        ("power_law_alpha{last=50,first=5}", "power_law_alpha{first=5,last=50}"),
        ("power_law_alpha{weights=ols}", "power_law_alpha{weights=ols}"),
        ("effective_rank{rogue=drop}", "effective_rank{rogue=drop}"),
    ],
)
def test_keys_parse_and_print_back(text: str, key: str) -> None:
    selection = parse_selection(text)
    assert selection.key == key
    assert parse_selection(key) == selection


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("effective_rnk", '"effective_rank"'),
        ("rankme{centre=true}", '"center"'),
        ("rankme{center=maybe}", "true or false"),
        ("rankme{eps=small}", "float"),
        ("power_law_alpha{first=1.5}", "int"),
        ("top1share", '"top1_share"'),
    ],
)
def test_near_misses_are_named(text: str, nearest: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_selection(text)
    assert nearest in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "rank me", "rankme{center=true", "RANKME!", "rankme{a{b}}", "\x1b[2J"])
def test_malformed_keys_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_selection(text)
    assert "\x1b" not in str(caught.value)


MEANINGLESS = [
    "rankme{eps=nan}",
    "rankme{eps=-1}",
    "power_law_alpha{first=0}",
    "power_law_alpha{first=30,last=20}",
    "power_law_alpha{weights=foo}",
    "live_directions{reference=0}",
    "live_directions{share=-1}",
    "spectral_cliff{stretch=0}",
    "spectral_cliff{stretch=nan}",
    "twonn{discard=-1}",
    "twonn{discard=1}",
    "lidar{delta=-1}",
    "coding_rate{eps_sq=0}",
    "diffusion_entropy{preset=paper}",
    "diffusion_entropy{t=0}",
    "diffusion_entropy{t=inf}",
    "conditional_mutual_information{outputs=softmax}",
    "conditional_mutual_information{weighting=rows}",
    "effective_rank{rogue=foo}",
]


@pytest.mark.parametrize("text", MEANINGLESS)
def test_option_values_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_selection(text)


@pytest.mark.parametrize(
    "text",
    [
        "power_law_alpha{first=30}",
        "power_law_alpha{last=5,first=1}",
        "live_directions{reference=100}",
        "spectral_cliff{stretch=3}",
        "twonn{discard=0}",
    ],
)
def test_options_that_do_not_fit_the_data_give_no_figure_and_no_crash(text: str) -> None:
    data = laws.correlated(100, 20)
    found = figure(data.rows, text)
    assert found.value is None or np.isfinite(found.value)


def test_find_lists_where_to_look() -> None:
    with pytest.raises(UsageError, match="repdiag measures"):
        find("no_such_thing")


def test_a_plain_figure_becomes_a_reading() -> None:
    selection = parse_selection("nesum")
    assert isinstance(selection(_spectrum()), Reading)


def _spectrum() -> object:
    from repdiag.measures.inputs import Spectrum

    return Spectrum(torch.tensor([3.0, 2.0, 1.0], dtype=torch.float64), 10, 3, 9)


def test_dead_units_are_no_cliff() -> None:
    made = synthetic.power_law(600, 64, seed=0).samples.numpy()
    made[:, :40] = 0.0
    assert (figure(made, "spectral_cliff").value or 9.0) < 2.0
    made[:, :60] = 0.0
    assert (figure(made, "spectral_cliff").value or 0.0) > 1e3


def test_every_coordinate_that_stands_out_is_set_aside() -> None:
    made = synthetic.isotropic(600, 64, seed=0).samples.numpy()
    made[:, [3, 9, 20]] *= np.array([1000.0, 900.0, 200.0])
    found = analyse(made, "effective_rank")
    assert sorted(one.index for one in found.rogue_features) == [3, 9, 20]
    assert (found.estimates["effective_rank{rogue=drop}"].value or 0.0) > 55


def test_live_units_beside_dead_ones_are_not_rogue() -> None:
    made = synthetic.power_law(600, 64, seed=0).samples.numpy()
    made[:, 10:] = 0.0
    assert analyse(made, "effective_rank").rogue_features == []
