"""Rules, profiles and kinds: every default has a text, and flags win."""

from __future__ import annotations

from typing import Any

import pytest

from repdiag.analysis.concerns import CAUSES
from repdiag.check import DEFAULT_RULES, KINDS, PROFILES, CheckConfig, CheckFlags, Kind, build_policy
from repdiag.check.figures import exact
from repdiag.check.findings import kind_of
from repdiag.check.known import MEASURES, RULE_NAMES, bound_names, facts
from repdiag.check.policy import Bound, required_measures
from repdiag.check.schema import parse_limit
from repdiag.errors import ConfigError, UsageError
from tests.check.builders import policy


def test_every_kind_has_a_stable_id_and_texts() -> None:
    assert list(KINDS) == list(Kind)
    named = sorted([*(text.id for text in KINDS.values()), *CAUSES])
    assert named == [f"RD{number:03}" for number in range(1, len(named) + 1)]
    for text in KINDS.values():
        assert text.cause.endswith(".")
        assert text.next_step.endswith(".")


@pytest.mark.parametrize("profile", PROFILES)
def test_every_default_rule_has_a_kind_of_its_own(profile: str) -> None:
    rules = policy(profile=profile).rules
    assert {rule.measure for rule in rules} == set(DEFAULT_RULES)
    assert all(kind_of(rule, exact(1.0)) not in (Kind.LIMIT, Kind.NO_EVIDENCE) for rule in rules)
    assert not any(rule.written for rule in rules)


def test_default_limits_are_the_contract() -> None:
    limits = {rule.name: (rule.threshold, rule.warn) for rule in policy().rules}
    assert limits == {
        "constant": (None, None),
        "nonfinite_rows.max": (0.0, None),
        "spectral_cliff.max": (5.0, 3.0),
        "effective_rank.min": (1.25, None),
        "effective_rank.max_drop": (0.10, None),
        "mean_share.max": (0.98, 0.90),
        "top1_share.max": (0.97, 0.90),
        "dead_features.max": (0.60, 0.30),
        "per_class_rank.min_of_median": (0.10, None),
    }


def test_written_limits_join_the_defaults_key_by_key() -> None:
    rules = {rule.name: rule for rule in policy(rules={"effective_rank": {"max_drop": "5%"}}).rules}
    assert rules["effective_rank.max_drop"].threshold == pytest.approx(0.05)
    assert rules["effective_rank.max_drop"].written
    assert rules["effective_rank.min"].threshold == 1.25
    assert not rules["effective_rank.min"].written


def test_a_limit_or_a_rule_can_be_switched_off() -> None:
    off = policy(
        rules={"mean_share": {"warn": False}, "effective_rank": {"max_drop": False}, "top1_share": False}
    )
    rules = {rule.name: rule for rule in off.rules}
    assert rules["mean_share.max"].warn is None
    assert "effective_rank.max_drop" not in rules
    assert "top1_share.max" not in rules
    warn_only = policy(rules={"mean_share": {"max": False, "warn": 0.8}}).rules
    assert [(rule.threshold, rule.warn) for rule in warn_only if rule.measure == "mean_share"] == [
        (None, 0.8)
    ]


def test_everything_switched_off_is_an_error() -> None:
    with pytest.raises(ConfigError, match="every rule is switched off"):
        policy(rules=dict.fromkeys(DEFAULT_RULES, False))


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"mean_shar": {"max": 1}}, 'is not a rule. Did you mean "mean_share"'),
        ({"alignment": {"max": 1}}, "is not a rule"),
        ({"mean_share": {"min_ratio": 1}}, "does not fit this rule; it takes max, min, warn"),
        ({"constant": {"max": 1}}, "it takes only true or false"),
        ({"per_class_rank": {"min": 0.1}}, "it takes min_of_median, warn"),
        ({"stable_rank": True}, "has no default limit"),
        ({"stable_rank": {}}, "has no default limit"),
        ({"mean_share": {"max": 0.8, "warn": 0.9}}, "can never warn"),
        ({"effective_rank": {"min": 3, "warn": 2}}, "can never warn"),
        ({"nope{center=true}": {"min": 3}}, "is not a rule"),
    ],
)
def test_rules_that_do_not_fit(rules: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        policy(rules=rules)


def test_zero_is_a_limit_like_any_other() -> None:
    rules = {rule.name: rule for rule in policy(rules={"dead_features": {"max": 0, "warn": False}}).rules}
    assert rules["dead_features.max"].threshold == 0.0


@pytest.mark.parametrize("name", RULE_NAMES)
def test_every_rule_name_can_be_written(name: str) -> None:
    for key in bound_names(name):
        limit = {key: 0.5} if key != "warn" else {"warn": 0.0 if facts(name).side == "max" else 9.0}
        found = [rule for rule in policy(rules={name: limit}).rules if rule.measure == name]
        assert any(rule.written for rule in found)
        assert facts(name).phrase
    assert policy(rules={name: False})


@pytest.mark.parametrize(
    ("raw", "expected"), [("10%", 0.1), (" 2.5 % ", 0.025), (3, 3.0), (0, 0.0), (False, False)]
)
def test_limits(raw: object, expected: float) -> None:
    assert parse_limit(raw) == expected
    assert type(parse_limit(raw)) is type(expected)


@pytest.mark.parametrize("raw", [True, "ten", "10", float("nan"), float("inf"), None, [1], "1e3%"])
def test_no_limits(raw: object) -> None:
    with pytest.raises(ValueError, match="must be a finite number"):
        parse_limit(raw)


@pytest.mark.parametrize(
    "flags",
    [
        CheckFlags(profile="sll"),
        CheckFlags(on_inconclusive="no"),
        CheckFlags(confidence=2.0),
        CheckFlags(fail_on="x"),
    ],
)
def test_flags_with_values_that_do_not_exist(flags: CheckFlags) -> None:
    with pytest.raises(UsageError, match=r"^--"):
        build_policy(CheckConfig(), flags)


def test_required_measures_are_bare_names() -> None:
    needed = required_measures(policy(rules={"rankme{center=true}": {"min": 2}}))
    assert {"trace", "mean_share", "spectral_cliff", "rankme"} <= set(needed)
    assert set(needed) <= set(MEASURES)


def test_upper_bounds() -> None:
    assert [bound for bound in Bound if bound.is_upper] == [Bound.MAX, Bound.MAX_DROP]
