"""The self-test as a whole, and the gate that it reads at three degrees of luck."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from repdiag import memory_store
from repdiag.analysis import SpectrumRequest
from repdiag.check import Policy, build_policy, required_measures
from repdiag.check.policy import Bound
from repdiag.check.schema import CheckConfig
from repdiag.errors import ConfigError
from repdiag.selftest import SelftestRecord, SelftestRequest, exit_code_of, run, selftest, synthetic_store
from repdiag.selftest.gate import RELIABLE, stricter
from repdiag.selftest.ladder import Trial
from repdiag.selftest.plantings import PLANTINGS, Planting, planting_named
from repdiag.selftest.records import LimitRecord
from repdiag.store import Store
from repdiag.types import Verdict


def asked(*names: str, policy: Policy | None = None) -> SelftestRequest:
    gate = policy or build_policy()
    chosen = [one for one in PLANTINGS if one.name in names] if names else PLANTINGS
    return SelftestRequest(gate, SpectrumRequest(measures=required_measures(gate)), plantings=chosen)


def rules(**tables: object) -> Policy:
    return build_policy(CheckConfig.model_validate({"rules": tables}))


def only(found: SelftestRecord) -> LimitRecord:
    assert len(found.places) == 1
    assert len(found.places[0].limits) == 1
    return found.places[0].limits[0]


@pytest.fixture(scope="module")
def store() -> Store:
    return synthetic_store(300, 8)


@pytest.fixture(scope="module")
def found(store: Store) -> SelftestRecord:
    """A cone in the store."""
    return selftest(store, asked("cone"))


def test_a_limit_lies_just_above_the_rules_own_and_more_samples_lower_it(found: SelftestRecord) -> None:
    few, many = only(found), only(selftest(synthetic_store(2400, 8), asked("cone")))
    for limit in (few, many):
        assert limit.outcome == "pass"
        assert limit.sees_from is not None
        assert limit.misses_up_to is not None
        assert 0.98 < limit.misses_up_to.value < limit.sees_from.value < 0.99
    assert many.sees_from
    assert few.sees_from
    assert many.sees_from.value < few.sees_from.value
    assert few.needed is not None
    assert few.needed > 300


def test_a_drop_is_seen_against_a_baseline_of_the_clean_rows(store: Store) -> None:
    limit = only(selftest(store, asked("rank loss, baseline")))
    assert limit.sees_from is not None
    assert limit.misses_up_to is not None
    assert 0.08 < limit.misses_up_to.value < limit.sees_from.value < 0.2


@pytest.mark.slow
def test_a_wider_dead_band_is_seen_later(store: Store) -> None:
    wide = rules(effective_rank={"min": 1.25, "max_drop": "30%"})
    loose = only(selftest(store, asked("rank loss, baseline", policy=wide)))
    assert loose.misses_up_to is not None
    assert loose.misses_up_to.value > 0.25


@pytest.mark.slow
def test_sparing_a_measure_changes_no_reading(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    different: list[tuple[str, float]] = []

    def compared(entry: Planting, trial: Trial) -> LimitRecord:
        for severity in entry.levels if trial.bench_for(entry) else ():
            whole, spared = trial.whole(entry, severity), trial.read(entry, severity).plain
            pairs = ((whole.failed, spared.failed), (whole.named, spared.named))
            if any((one & set(entry.kinds)) != (other & set(entry.kinds)) for one, other in pairs):
                different.append((entry.name, severity))
        return LimitRecord(planted=entry.name, kind="", must="name", outcome="pass", message="")

    monkeypatch.setattr(run, "examine", compared)
    assert len(selftest(store, asked()).places[0].limits) == len(PLANTINGS)
    assert different == []


def test_a_rule_that_is_off_owes_nothing(store: Store) -> None:
    gate = rules(dead_features=False)
    limit = only(selftest(store, asked("dead features", policy=gate)))
    assert (limit.outcome, limit.message) == ("not_applicable", "no rule of this policy judges it")


def test_a_gate_that_cannot_see_the_worst_is_wrong(store: Store) -> None:
    blind = rules(mean_share={"max": 0.9999, "warn": False})
    found = selftest(store, asked("cone", policy=blind))
    assert only(found).outcome == "fail"
    assert "the worst is not seen" in only(found).message
    assert (found.verdict, exit_code_of(found.verdict)) == (Verdict.FAIL, 1)


def test_a_rule_that_only_warns_owes_a_name(store: Store) -> None:
    gate = rules(dead_features={"max": False, "warn": 0.3})
    limit = only(selftest(store, asked("dead features", policy=gate)))
    assert (limit.must, limit.outcome) == ("name", "pass")
    assert limit.sees_from is not None
    assert limit.sees_from.value == pytest.approx(0.31, abs=0.05)


def test_a_rogue_feature_is_named_and_fails_nothing(store: Store) -> None:
    assert only(selftest(store, asked("rogue feature"))).outcome == "pass"


def test_too_few_rows_are_undecided() -> None:
    found = selftest(synthetic_store(12, 16), asked("rank loss", "cone"))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert exit_code_of(found.verdict) == 3
    assert exit_code_of(found.verdict, "warn") == 0


def test_without_labels_and_views_those_kinds_are_not_applicable() -> None:
    rows = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    found = selftest(memory_store(rows), asked("one class", "view collapse", "cone"))
    outcomes = {limit.planted: limit.outcome for limit in found.places[0].limits}
    assert outcomes == {"one class": "not_applicable", "view collapse": "not_applicable", "cone": "pass"}


def test_rows_that_fail_already_are_undecided_and_said_so() -> None:
    rows = 20.0 + np.random.default_rng(0).standard_normal((300, 8))
    found = selftest(memory_store(rows), asked("cone"))
    assert found.verdict is Verdict.INCONCLUSIVE
    assert only(found).message == "found before anything was planted"
    assert any("fails these rows as they are (cone)" in note for note in found.places[0].notes)


def test_constant_rows_take_no_planting() -> None:
    found = selftest(memory_store(np.ones((300, 8), dtype=np.float32)), asked("cone"))
    assert (found.verdict, found.places[0].limits) == (Verdict.INCONCLUSIVE, [])


def test_clean_copies_are_judged_as_the_original(found: SelftestRecord) -> None:
    copies = found.places[0].copies
    assert {copy.outcome for copy in copies} == {"pass"}
    assert {copy.copied for copy in copies} >= {"the same bits", "another basis", "all times 0.001"}


def test_rows_can_be_fewer_and_say_so(store: Store) -> None:
    place = selftest(store, replace(asked("cone"), limit=150, plantings=())).places[0]
    assert (place.n, place.rows) == (150, 300)
    assert any("150 of 300 rows" in note for note in place.notes)


def test_every_representation_is_planted_in_when_they_are_named(store: Store) -> None:
    found = selftest(store, replace(asked("cone"), every=True, plantings=()))
    assert [place.view for place in found.places] == ["base", "noise"]


def test_a_written_rule_without_its_labels_is_refused() -> None:
    rows = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32)
    with pytest.raises(ConfigError, match="per_class_rank"):
        selftest(memory_store(rows), asked("cone", policy=rules(per_class_rank={"min_of_median": 0.2})))


def test_the_stricter_policy_asks_for_that_many_more_errors() -> None:
    from repdiag.check.figures import t_quantile

    policy = build_policy()
    more = t_quantile(stricter(policy).confidence) - t_quantile(policy.confidence)
    assert more == pytest.approx(RELIABLE, abs=1e-3)


def test_json_is_strict_and_read_back(found: SelftestRecord) -> None:
    document = json.loads(found.to_json())
    assert (document["schema"], document["schema_version"]) == ("repdiag.selftest", 1)
    assert SelftestRecord.model_validate(document) == found


def test_every_kind_has_its_entry() -> None:
    assert planting_named("cone").says(0.98) == "0.98"
    assert len({one.name for one in PLANTINGS}) == len(PLANTINGS) >= 15
    judged = {rule.measure for rule in build_policy().rules if rule.bound is not Bound.FLAG}
    assert judged <= {measure for one in PLANTINGS for measure in one.rules}
