"""Whole verdicts on hand-made results: each kind of collapse, and what must not be called one."""

from __future__ import annotations

from pathlib import Path

import pytest

from repdiag.check import CheckConfig, CheckFlags, build_policy, check, undecided
from repdiag.check.summary import summary_of
from repdiag.errors import ConfigError, UsageError
from repdiag.results import Results, SpectrumRecord
from repdiag.types import IntervalMethod, Status, Verdict
from tests.check.builders import (
    bare,
    figure,
    healthy,
    insufficient,
    only,
    policy,
    results,
    rogue,
    row,
    without_value,
)


def fails(found: Results) -> list[tuple[str, str]]:
    return [(finding.id, finding.kind) for finding in only(found, "fail")]


def test_healthy_power_law_passes() -> None:
    found = check(results(row()), policy())
    assert found.verdict is Verdict.PASS
    assert found.command == "check"
    assert {finding.severity for finding in found.findings} == {"not_applicable"}
    idle = {finding.rule for finding in only(found, "not_applicable")}
    assert idle == {"effective_rank.max_drop", "per_class_rank.min_of_median"}
    assert summary_of(found).counts == {"not_applicable": 2, "pass": 7}
    assert found.source["seed"] == 0


def test_results_round_trip() -> None:
    found = check(results(row(), row(healthy(mean_share=figure(0.99, 0.001)), layer="p")), policy())
    again = Results.model_validate_json(found.to_json())
    assert again == found
    assert summary_of(again) == summary_of(found)
    assert check(again, policy()) == found


def test_rank_limited_fails_by_its_cliff() -> None:
    found = check(
        results(row(healthy(effective_rank=figure(7.6), spectral_cliff=figure(16.0, k=8)), d=128)), policy()
    )
    assert found.verdict is Verdict.FAIL
    assert fails(found) == [("RD003", "dimensional")]
    finding = only(found, "fail")[0]
    assert finding.rule == "spectral_cliff.max"
    assert (finding.value, finding.threshold, finding.n) == (16.0, 5.0, 4096)
    assert "after direction 8 of 128 is 16" in finding.message
    assert "about 8 directions live, or there are that many clusters" in finding.message


def test_jitter_fails_as_constant_only() -> None:
    jitter = healthy(
        mean_share=figure(1.0, 0.0, spread=1e-12), effective_rank=figure(760.0), trace=figure(1e-9)
    )
    found = check(results(row(jitter)), policy())
    assert found.verdict is Verdict.FAIL
    assert fails(found) == [("RD001", "constant")]
    assert len(found.findings) == 1
    assert "; the other 8 rules were not evaluated here." in found.findings[0].message
    assert summary_of(found).counts == {"fail": 1, "skipped": 8}


@pytest.mark.parametrize("status", [Status.CONSTANT, Status.NONFINITE])
def test_statuses_of_a_whole_representation(status: Status) -> None:
    found = check(results(row({name: without_value(status) for name in healthy()})), policy())
    assert found.verdict is Verdict.FAIL
    assert [kind for _, kind in fails(found)] == [status.value]


def test_trace_of_zero_or_below_the_floor_is_constant() -> None:
    for trace in (bare(0.0), figure(1e-30, status=Status.UNRESOLVED)):
        found = check(results(row({"trace": trace})), policy())
        assert fails(found) == [("RD001", "constant")]


def test_spread_without_its_detail_comes_from_the_value() -> None:
    assert fails(check(results(row(healthy(mean_share=bare(1.0)))), policy())) == [("RD001", "constant")]


def test_one_sample_is_undecided_not_constant() -> None:
    nothing = {name: insufficient() for name in healthy()}
    found = check(results(row(nothing, n=1)), policy())
    assert found.verdict is Verdict.INCONCLUSIVE
    assert not only(found, "fail")


def test_cone_is_a_cone_and_no_rank() -> None:
    found = check(results(row(healthy(mean_share=figure(0.991, 0.001, spread=0.009)))), policy())
    assert fails(found) == [("RD002", "cone")]
    finding = only(found, "fail")[0]
    assert finding.message == (
        "The share of the mean vector in the squared length is 0.991 (95% interval 0.99 to 0.992), "
        "above the limit 0.98."
    )
    assert "rank is another question" in finding.cause
    warned = check(results(row(healthy(mean_share=figure(0.93, 0.01)))), policy())
    assert warned.verdict is Verdict.PASS
    assert [finding.kind for finding in only(warned, "warn")] == ["cone"]


def test_one_direction_by_share_and_by_rank() -> None:
    found = check(results(row(healthy(top1_share=figure(0.99, 0.001), effective_rank=figure(1.1)))), policy())
    assert fails(found) == [("RD004", "one direction")] * 2


def test_low_rank_against_an_own_minimum_is_dimensional() -> None:
    found = check(results(row()), policy(rules={"effective_rank": {"min": 400}}))
    assert fails(found) == [("RD003", "dimensional")]


def test_dead_features_and_class_collapse() -> None:
    found = check(
        results(row(healthy(dead_features=figure(0.8), per_class_rank=figure(0.02, classes=10.0)))), policy()
    )
    assert set(fails(found)) == {("RD006", "dead features"), ("RD007", "class collapse")}


def test_few_samples_pass_by_a_one_sided_rank() -> None:
    found = check(results(row(healthy(effective_rank=insufficient(low=430.0)), n=500, d=4096)), policy())
    assert found.verdict is Verdict.PASS
    undecided_one = check(results(row(healthy(effective_rank=insufficient()))), policy())
    assert undecided_one.verdict is Verdict.INCONCLUSIVE
    assert "too few samples to decide" in only(undecided_one, "inconclusive")[0].message
    reason = insufficient().model_copy(update={"details": {"reason": "n/d = 0.12\x1b"}})
    said = only(check(results(row(healthy(effective_rank=reason))), policy()), "inconclusive")[0].message
    assert said.startswith("The effective rank is unknown (n/d = 0.12\\x1b): too few samples")


def test_rows_that_were_dropped_fail_unless_allowed() -> None:
    found = check(results(row(dropped=4)), policy())
    assert fails(found) == [("RD009", "nonfinite")]
    assert "is 0.000976" in only(found, "fail")[0].message
    allowed = policy(rules={"nonfinite_rows": {"max": "1%"}})
    assert check(results(row(dropped=4)), allowed).verdict is Verdict.PASS


@pytest.mark.parametrize("k", [8, 9])
def test_cliff_of_the_classes_is_neural_collapse(k: int) -> None:
    eigenvalues = [100.0] * 9 + [0.1] * 759
    labelled = healthy(spectral_cliff=figure(30.0, k=k), per_class_rank=figure(0.8, classes=10))
    spectrum = SpectrumRecord(eigenvalues=eigenvalues, resolution_floor=1e-9)
    found = check(results(row(labelled, spectrum=spectrum)), policy())
    assert found.verdict is Verdict.PASS
    assert [(one.id, one.kind) for one in only(found, "warn")] == [("RD008", "neural collapse")]


def test_a_cliff_elsewhere_stays_a_collapse_whatever_the_labels_say() -> None:
    rank_eight = SpectrumRecord(eigenvalues=[100.0] * 8 + [0.1] * 760, resolution_floor=1e-9)
    for k, spectrum in ((4, None), (7, rank_eight), (8, rank_eight), (8, None), (20, None)):
        labelled = healthy(spectral_cliff=figure(30.0, k=k), neural_collapse_nc1=figure(0.1, classes=10))
        found = check(results(row(labelled, spectrum=spectrum)), policy())
        assert fails(found) == [("RD003", "dimensional")], k


def test_profiles() -> None:
    cliff, cone = healthy(spectral_cliff=figure(4.0, k=9)), healthy(mean_share=figure(0.95, 0.01))
    dead = healthy(dead_features=figure(0.7))
    table = {"ssl": "wwf", "supervised": "-wf", "sentence": "w-f", "llm": "w-f", "relu-cnn": "ww-"}
    for profile, expected in table.items():
        seen = ""
        for estimates in (cliff, cone, dead):
            found = check(results(row(estimates)), policy(profile=profile))
            seen += "f" if only(found, "fail") else "w" if only(found, "warn") else "-"
        assert seen == expected, profile
        assert summary_of(found).profile == profile


def test_fail_on_warn_and_own_measures() -> None:
    warned = results(row(healthy(mean_share=figure(0.93, 0.01))))
    assert check(warned, policy(fail_on="warn")).verdict is Verdict.FAIL
    own = policy(rules={"stable_rank": {"min": 3, "warn": 5}, "rankme{center=true}": {"min_ratio": "10%"}})
    estimates = healthy() | {"stable_rank": figure(4.0), "rankme{center=true}": figure(50.0)}
    found = check(results(row(estimates)), own)
    assert [one.rule for one in only(found, "warn")] == ["stable_rank.min"]
    assert [one.rule for one in only(found, "fail")] == ["rankme{center=true}.min_ratio"]
    assert "as a share of the 768 features is 0.0651" in only(found, "fail")[0].message


def test_nothing_to_check_is_never_a_pass() -> None:
    with pytest.raises(UsageError, match="no representation"):
        check(results(), policy())
    for estimates in ({}, {"trace": figure(1.0)}, {"uniformity": figure(-2.0)}):
        found = check(results(row(estimates)), policy())
        assert found.verdict is Verdict.INCONCLUSIVE
        assert [one.kind for one in only(found, "inconclusive")] == ["no evidence"]
    switched_off = dict.fromkeys(("spectral_cliff", "effective_rank", "mean_share"), False)
    switched_off |= dict.fromkeys(("top1_share", "dead_features", "per_class_rank"), False)
    only_constant = policy(rules=switched_off)
    assert check(results(row({"trace": figure(1.0)})), only_constant).verdict is Verdict.PASS
    assert check(results(row({})), only_constant).verdict is Verdict.INCONCLUSIVE


def test_one_empty_representation_among_good_ones_is_seen() -> None:
    found = check(results(row(), row({}, layer="lost")), policy())
    assert found.verdict is Verdict.INCONCLUSIVE
    lost = [one for one in found.findings if one.place is not None and one.place.layer == "lost"]
    assert {"inconclusive", "not_applicable"} == {one.severity for one in lost}


def test_globs_choose_and_a_glob_without_a_match_is_an_error() -> None:
    both = results(row(), row(healthy(mean_share=figure(0.99, 0.001)), layer="projector"))
    assert check(both, policy(layers=["backbone"])).verdict is Verdict.PASS
    assert len(check(both, policy(layers=["backbone"])).representations) == 2
    assert check(both, policy(layers=["back*", "proj*"])).verdict is Verdict.FAIL
    with pytest.raises(UsageError, match=r'no layer matches "projektor"\. Did you mean "projector"'):
        check(both, policy(layers=["backbone", "projektor"]))
    mixed = results(row(view="a", layer="x"), row(view="b", layer="y"))
    with pytest.raises(UsageError, match="all match"):
        check(mixed, policy(views=["a"], layers=["y"]))


@pytest.mark.parametrize(
    "rules",
    [
        {"per_class_rank": {"min_of_median": 0.2}},
        {"per_class_rank": True},
        {"effective_rank": {"max_drop": "5%"}},
        {"lidar": {"min": 3}},
        {"stable_rank": {"warn": 3}},
    ],
)
def test_a_written_rule_that_cannot_be_evaluated_is_an_error(rules: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="cannot be evaluated on epoch=9/base/backbone, because"):
        check(results(row()), policy(rules=rules))


def test_true_keeps_the_default_limits_and_asks_for_no_baseline() -> None:
    assert (
        check(results(row()), policy(rules={"effective_rank": True, "constant": True})).verdict
        is Verdict.PASS
    )
    with pytest.raises(ConfigError, match=r"check\.rules\.constant: cannot be evaluated"):
        check(results(row({})), policy(rules={"constant": True}))


def test_a_baseline_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    config = CheckConfig.model_validate({"baseline": {"file": "base.json"}})
    with pytest.raises(ConfigError, match=r"check\.baseline\.file: .*no such file"):
        check(results(row()), build_policy(config, folder=tmp_path))
    (tmp_path / "base.json").write_text("{}")
    with pytest.raises(ConfigError, match="is not a baseline"):
        check(results(row()), build_policy(config, folder=tmp_path))
    (tmp_path / "base.json").unlink()
    (tmp_path / "base.json").mkdir()
    with pytest.raises(ConfigError, match=r"check\.baseline\.file"):
        check(results(row()), build_policy(config, folder=tmp_path))


def test_constant_rule_switched_off_still_never_passes_a_constant() -> None:
    found = check(
        results(row({name: without_value(Status.CONSTANT) for name in healthy()})),
        policy(rules={"constant": False}),
    )
    assert found.verdict is Verdict.FAIL


def test_undecided_names_what_deserves_the_full_interval() -> None:
    near = figure(5.2, 0.05, k=9).model_copy(update={"interval_method": IntervalMethod.FAST})
    both = results(row(), row(healthy(spectral_cliff=near), layer="near"))
    assert [address.layer for address in undecided(both, policy())] == ["near"]
    full = near.model_copy(update={"interval_method": IntervalMethod.FULL})
    assert undecided(results(row(healthy(spectral_cliff=full))), policy()) == ()


def test_not_applicable_is_listed_once_where_it_holds_everywhere() -> None:
    many = results(*(row(layer=f"l{index}") for index in range(5)))
    found = check(many, policy())
    assert [one.place for one in only(found, "not_applicable")] == [None, None]
    constant = row(healthy(mean_share=figure(1.0, spread=0.0)), layer="constant")
    found = check(results(row(), constant), policy())
    assert [one.place for one in only(found, "not_applicable")] == [None, None]
    labelled = row(healthy(per_class_rank=figure(0.8)), layer="labelled")
    places = [one.place for one in only(check(results(row(), labelled), policy()), "not_applicable")]
    assert [place and place.layer for place in places] == [None, "backbone"]


def test_findings_come_worst_first() -> None:
    estimates = healthy(
        mean_share=figure(0.93, 0.01), top1_share=figure(0.99, 0.001), dead_features=figure(0.6, 0.2)
    )
    order = [one.severity for one in check(results(row(estimates)), policy()).findings]
    assert order == ["fail", "inconclusive", "warn", "not_applicable", "not_applicable"]


def test_flags_win_over_the_configuration() -> None:
    config = CheckConfig(profile="ssl", on_inconclusive="warn", layers=["a"])
    merged = build_policy(config, CheckFlags(profile="llm", layers=("b",)))
    assert (merged.profile, merged.layers, merged.on_inconclusive) == ("llm", ("b",), "warn")


def test_the_spectrum_says_how_many_directions_live() -> None:
    rank_eight = SpectrumRecord(eigenvalues=[4.0] * 8 + [0.0] * 120, resolution_floor=1e-12)
    estimates = healthy(spectral_cliff=figure(1e6, k=7))
    found = check(results(row(estimates, spectrum=rank_eight, d=128)), policy())
    assert "about 8 directions live" in only(found, "fail")[0].message
    hidden = row(estimates, spectrum=rank_eight, d=128, rogue_features=rogue(3))
    assert "about 7 directions live" in only(check(results(hidden), policy()), "fail")[0].message


def labelled(ratio: float, *ranks: float) -> Results:
    details = {"classes": float(len(ranks)), "class": "3", "ranks": list(ranks)}
    estimate = figure(ratio).model_copy(update={"details": details})
    return check(results(row(healthy(per_class_rank=estimate))), policy())


def test_a_class_on_a_line_among_low_ranks_is_a_warning() -> None:
    found = labelled(0.3, 1.05, 3.4, 3.6, 3.5)
    assert found.verdict is Verdict.PASS
    (warned,) = only(found, "warn")
    assert (warned.kind, warned.value, warned.threshold) == ("class collapse", 1.05, 1.25)
    assert 'Class "3"' in warned.message


@pytest.mark.parametrize("ranks", [(1.05, 1.1, 1.2, 1.3), (2.0, 3.4, 3.6, 3.5), (1.05, 3.0)])
def test_classes_that_are_alike_are_no_warning(ranks: tuple[float, ...]) -> None:
    assert only(labelled(0.5, *ranks), "warn") == []


def test_a_cliff_at_the_number_of_classes_needs_classes_that_lie_apart() -> None:
    classes = figure(1.0).model_copy(update={"details": {"classes": 10.0}})
    for within, verdict in ((0.05, Verdict.PASS), (600.0, Verdict.FAIL)):
        estimates = healthy(
            spectral_cliff=figure(40.0, k=9), per_class_rank=classes, neural_collapse_nc1=figure(within)
        )
        assert check(results(row(estimates)), policy()).verdict is verdict
