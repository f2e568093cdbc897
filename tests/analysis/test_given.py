"""Pairs given a third view or labels: which third one, the null among alike rows, rows with NaN."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from repdiag.analysis import InformationRequest, PairChoice, analyse_information
from repdiag.analysis.conditional_null import near, neighbours, shuffles_among_alike, within_classes
from repdiag.analysis.pair_choice import choose_conditioned
from repdiag.analysis.pair_sources import PairRows
from repdiag.errors import UsageError
from repdiag.results import Estimate, Results
from repdiag.store import memory_store
from repdiag.types import Address, Status

Array = np.ndarray[Any, np.dtype[Any]]
KSG, RENYI = "conditional_ksg_mi", "conditional_renyi_mi"


def fork(n: int, d: int = 1, seed: int = 0) -> dict[str, Array]:
    """x <- z -> y: dependent, but not given z."""
    r = np.random.default_rng(seed)
    z, one, other = r.standard_normal((3, n, d))
    return {"x": z + 0.5 * one, "y": z + 0.5 * other, "z": z}


def apart(n: int, d: int = 1, seed: int = 0) -> dict[str, Array]:
    """y is x with noise, and z has to do with neither."""
    r = np.random.default_rng(seed)
    z, x, noise = r.standard_normal((3, n, d))
    return {"x": x, "y": x + noise, "z": z}


def analysed(rows: Any, *measures: str, given: str = "z", **options: Any) -> Results:
    store = {k: options.pop(k) for k in ("labels", "ids", "groups") if k in options}
    request = InformationRequest(
        pairs=PairChoice(given=given), measures=measures, device="cpu", **{"interval": "none", **options}
    )
    return analyse_information([memory_store(rows, **store)], request)


def one(rows: Any, measure: str, **options: Any) -> Estimate:
    return analysed(rows, measure, **options).pairs[0].estimates[measure]


def number(found: Estimate, name: str) -> float:
    return float(found.details[name])  # type: ignore[arg-type]


# --- Known cases, and the null. ---


@pytest.mark.parametrize("measure", [KSG, RENYI])
def test_nothing_is_left_of_a_common_cause(measure: str) -> None:
    """The null among alike rows covers the figure; all rows shuffled would not, which is why."""
    found = one(fork(1000), measure, interval="auto")
    low, high = number(found, "null_low"), number(found, "null_high")
    assert found.low is not None
    assert found.high is not None
    assert found.low < high
    assert found.high > low


def test_the_link_with_z_stays_in_the_null() -> None:
    """y's of near rows keep what y has of z; y's of any rows keep nothing."""
    made = {name: torch.from_numpy(rows) for name, rows in fork(800).items()}
    rows = PairRows(made["x"], made["y"], np.zeros(800, np.uint8), None, made["z"])
    (alike,) = shuffles_among_alike(rows, 1, seed=0)
    any_row = rows.shuffled(torch.Generator().manual_seed(0))
    z = made["z"]
    kept, lost = (float(torch.corrcoef(torch.cat([of.y, z], 1).mT)[0, 1]) for of in (alike, any_row))
    assert kept > 0.85
    assert abs(lost) < 0.15
    assert not torch.equal(alike.y, rows.y)


def test_labels_are_shuffled_within() -> None:
    labels = np.repeat([4, 2, 9, 0], [50, 30, 1, 7])
    order = within_classes(labels, np.random.default_rng(0))
    assert sorted(order) == list(range(len(labels)))
    assert (labels[order] == labels).all()
    assert (order != np.arange(len(labels))).sum() > 60


def test_near_rows_trade_places() -> None:
    z = torch.from_numpy(np.random.default_rng(0).standard_normal((300, 2)))
    places = neighbours(z)
    order = near(places, np.random.default_rng(1))
    assert places.shape == (300, 5)
    assert (places != np.arange(300)[:, None]).all()
    assert all(order[i] in places[i] for i in range(300))
    assert len(set(order.tolist())) > 240
    assert neighbours(z[:3]).shape == (3, 2)


def test_the_seed_alone_decides_the_conditional_null() -> None:
    nulls = [one(fork(200), KSG, seed=seed).details["null"] for seed in (0, 0, 1)]
    assert nulls[0] == nulls[1] != nulls[2]


@pytest.mark.parametrize("measure", [KSG, RENYI])
def test_what_z_does_not_explain_stands_above_the_null(measure: str) -> None:
    found = one(apart(1000), measure)
    assert found.value is not None
    spread = number(found, "null_high") - number(found, "null_low")
    assert found.value > number(found, "null_high") + 3 * spread
    if measure == KSG:
        assert found.value == pytest.approx(math.log(2) / 2, abs=0.08)


def test_labels_are_conditioned_on_when_asked_by_name() -> None:
    """What two views share is their label: given it the null covers what is left."""
    r = np.random.default_rng(0)
    labels = np.arange(400) % 4
    centres = 6 * r.standard_normal((4, 2))
    x, y = (centres[labels] + r.standard_normal((400, 2)) for _ in "xy")
    for measure in (KSG, RENYI):
        found = one({"x": x, "y": y}, measure, given="", labels=labels, interval="auto")
        assert found.details["given"] == "labels"
        assert found.definition.endswith("; given labels")
        assert found.low is not None
        assert found.high is not None
        assert found.low < number(found, "null_high")
        assert found.high > number(found, "null_low")
    usual = analysed({"x": x, "y": y}, given="", labels=labels).pairs[0]
    assert not {KSG, RENYI} & set(usual.estimates)


def test_a_third_view_is_usual_once_given_and_named() -> None:
    made = analysed(fork(60))
    (pair,) = made.pairs
    assert (pair.x.view, pair.y.view) == ("x", "y")
    assert {KSG, RENYI} <= set(pair.estimates)
    assert pair.estimates[KSG].details["given"] == "memory/z/output"
    assert pair.estimates[KSG].definition.endswith("; given z")
    assert made.source["given"] == "z"
    assert "2 pairs hold what is given and were left out" in made.source["notes"]  # type: ignore[operator]
    assert "given" not in pair.estimates["cka"].details


# --- Input that gives no answer. ---


def test_rows_that_are_not_finite_in_z_are_left_out_of_all() -> None:
    clean = fork(200)
    broken = {name: rows.copy() for name, rows in clean.items()}
    broken["z"][7, 0], broken["x"][9, 0] = np.nan, np.inf
    kept = np.setdiff1d(np.arange(200), [7, 9])
    ids = [str(i) for i in range(200)]
    found = analysed(broken, KSG, RENYI, ids=ids)
    fewer = analysed({k: v[kept] for k, v in clean.items()}, KSG, RENYI, ids=[ids[i] for i in kept])
    assert found.pairs[0].n == 198
    for measure in (KSG, RENYI):
        values = [made.pairs[0].estimates[measure].value for made in (found, fewer)]
        assert values[0] == pytest.approx(values[1], rel=1e-9)
    assert "2 of 200 rows hold NaN or infinity" in str(found.source["notes"])


def test_a_constant_third_view_is_no_condition() -> None:
    rows = fork(100) | {"z": np.ones((100, 3))}
    for measure in (KSG, RENYI):
        found = one(rows, measure)
        assert (found.value, found.status) == (None, Status.CONSTANT)
        assert "what is given (memory/z/output)" in str(found.details["reason"])


@pytest.mark.parametrize("labels", [np.zeros(60, int), np.arange(60)])
def test_one_class_and_classes_of_one_row(labels: Array) -> None:
    views = {name: rows for name, rows in apart(60).items() if name != "z"}
    found = one(views, KSG, given="", labels=labels)
    if labels.any():
        assert (found.value, found.status) == (None, Status.INSUFFICIENT)
    else:
        assert found.value == pytest.approx(one(views, "ksg_mi", given="").value)
    assert one(views, RENYI, given="", labels=labels).status in Status


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_units_of_z_do_not_matter(scale: float) -> None:
    rows = fork(100, 2)
    scaled = rows | {"z": rows["z"] * scale}
    for measure in (KSG, RENYI):
        assert one(scaled, measure).value == pytest.approx(one(rows, measure).value, rel=1e-6)


def test_given_without_a_measure_that_reads_it() -> None:
    with pytest.raises(UsageError, match="--given is read by conditional_renyi_mi and conditional_ksg_mi"):
        analysed(fork(20), "cka")


# --- Which third one. ---


def conditioned(addresses: list[tuple[str, str, str]], **choice: Any) -> list[str]:
    rows = {Address(*each): np.zeros((2, 2)) for each in addresses}
    pairs, _ = choose_conditioned(memory_store(rows), PairChoice(**choice))
    return [f"{x.address} {y.address} | {z.address if z else None}" for x, y, z in pairs]


def test_the_view_of_the_same_checkpoint_and_layer_is_meant() -> None:
    every = [(c, view, layer) for c in ("e1", "e2") for view in "abt" for layer in "12"]
    assert conditioned(every, given="t") == [
        f"{c}/a/{layer} {c}/b/{layer} | {c}/t/{layer}" for c in ("e1", "e2") for layer in "12"
    ]
    one_text = [("e1", "a", "1"), ("e1", "b", "1"), ("clip", "text", "output")]
    assert conditioned(one_text, given="text") == ["e1/a/1 e1/b/1 | clip/text/output"]
    assert conditioned(one_text, given="clip/*/*") == ["e1/a/1 e1/b/1 | clip/text/output"]


def test_layers_can_be_given_too() -> None:
    layers = [("e1", view, layer) for view in "ab" for layer in "123"]
    assert conditioned(layers, given="*/*/3", views=("a",)) == ["e1/a/1 e1/a/2 | e1/a/3"]
    assert conditioned(layers, views=("a",), layers=("[12]",)) == ["e1/a/1 e1/a/2 | None"]


@pytest.mark.parametrize(
    ("choice", "said"),
    [
        ({"given": "tezt"}, 'no view and no address of memory.* Did you mean "text"'),
        ({"given": "e1/*/9"}, "no view and no address"),
        ({"given": "text", "views": ("a", "text")}, "every pair holds what --given"),
        (
            {"given": "*/text/*", "x": ("*/a/1",), "y": ("*/b/2",)},
            "names 2 representations.*; give one address",
        ),
    ],
)
def test_none_or_several_is_an_error_that_says_what_to_give(choice: dict[str, Any], said: str) -> None:
    every = [("e1", view, layer) for view in ("a", "b", "text") for layer in "12"]
    with pytest.raises(UsageError, match=said):
        conditioned(every, **choice)
