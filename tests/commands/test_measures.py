"""`repdiag measures`: the registry, for people and for scripts."""

from __future__ import annotations

import json

from repdiag.measures.pair_registry import all_pair_measures
from repdiag.measures.plane_registry import all_estimators
from repdiag.measures.registry import all_measures
from tests.commands.helpers import Typed


def test_the_list_names_every_measure_within_eighty_columns(typed: Typed) -> None:
    ended = typed("measures")
    assert ended.code == 0
    names = [line.split()[0] for line in ended.out.splitlines() if not line.startswith(" ")]
    assert names == [*all_measures(), *all_pair_measures(), *all_estimators()]
    assert max(map(len, ended.out.splitlines())) <= 80


def test_one_measure_in_full(typed: Typed) -> None:
    ended = typed("measures", "effective_rank")
    assert ended.code == 0
    for word in ("definition: exp(H", "unit: dimensions", "invariant to:", "Vetterli"):
        assert word in ended.out


def test_a_measure_of_pairs_says_what_it_cannot_mean(typed: Typed) -> None:
    ended = typed("measures", "renyi_mi")
    assert ended.code == 0
    assert "of: pair" in ended.out
    assert "cannot: it is no Shannon information" in ended.out


def test_an_estimator_of_the_plane_in_full(typed: Typed) -> None:
    ended = typed("measures", "renyi")
    assert ended.code == 0
    for word in ("of: information plane", "scale free: false", "rows: ", "cannot: it is no Shannon"):
        assert word in ended.out


def test_json_is_pure_and_complete(typed: Typed) -> None:
    ended = typed("measures", "--json", "-")
    document = json.loads(ended.out)
    assert ended.err == ""
    assert (document["schema"], document["schema_version"]) == ("repdiag.measures", 1)
    names = [*all_measures(), *all_pair_measures(), *all_estimators()]
    assert [item["name"] for item in document["measures"]] == names
    assert {item["of"] for item in document["measures"]} == {"representation", "pair", "information plane"}
    assert all(item["definition"] and item["cite"] and item["summary"] for item in document["measures"])


def test_an_unknown_measure_offers_the_nearest(typed: Typed) -> None:
    ended = typed("measures", "efective_rank")
    assert ended.code == 2
    assert 'Did you mean "effective_rank"?' in ended.sentence
