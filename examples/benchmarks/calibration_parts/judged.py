"""A verdict, and how far each default rule is from its limit."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from repdiag import Results, SpectrumRequest, Store, analyse_spectrum, memory_store
from repdiag.check import Policy, Rule, build_policy, check, required_measures, undecided
from repdiag.check.constant import SMALLEST_SPREAD, spread
from repdiag.check.known import CONSTANT, facts
from repdiag.check.policy import Bound, CheckFlags
from repdiag.check.rogue import drop_key
from repdiag.results import Estimate, Representation

from .cases import Case, Expected

LABELLED = "per_class_rank"
RULES = (
    "spectral_cliff",
    "effective_rank",
    "mean_share",
    "top1_share",
    "dead_features",
    LABELLED,
    CONSTANT,
)
_BOUNDS = (Bound.MAX, Bound.MIN, Bound.MIN_OF_MEDIAN, Bound.FLAG)
_WORST = ("fail", "inconclusive")


@dataclass(frozen=True, slots=True)
class Reading:
    """A figure against its limit; `sign` is not empty where a bound stands for a figure that is withheld."""

    value: float
    margin: float
    sign: str = ""


@dataclass(frozen=True, slots=True)
class Judged:
    """One row of a table: verdicts and findings with their counts over draws, the worst reading a rule."""

    name: str
    n: int
    d: int
    profile: str
    expected: Expected
    verdicts: Counter[str]
    findings: Counter[str]
    readings: dict[str, Reading]
    where: str = ""
    aims: tuple[str, ...] = field(default=())

    @property
    def failed(self) -> bool:
        return self.verdicts["fail"] > 0


def run_case(case: Case, seeds: Sequence[int], device: str = "cpu") -> Judged:
    """The case drawn once for each seed, judged as `repdiag check` judges it."""
    policy = build_policy(flags=CheckFlags(profile=case.profile))
    found = []
    for seed in seeds:
        results = gate(_store(case, seed), policy, device)
        row = judged(case.name, results, results.representations[0], policy, case.expected)
        found.append(replace(row, aims=case.aims))
    return merged(found)


def gate(store: Store, policy: Policy, device: str = "cpu") -> Results:
    """The verdict on fast intervals, and on full ones where those leave a rule undecided."""
    labels = store.column("label") is not None
    measures = tuple(
        name for name in required_measures(policy) if labels or name not in (LABELLED, "neural_collapse_nc1")
    )
    request = SpectrumRequest(measures=measures, interval="fast", device=device)
    results = analyse_spectrum([store], request)
    if undecided(results, policy):
        results = analyse_spectrum([store], replace(request, interval="full"))
    return check(results, policy)


def judged(name: str, results: Results, row: Representation, policy: Policy, expected: Expected) -> Judged:
    """What the results of a check say of one representation."""
    own = [one for one in results.findings if one.place is not None and one.place.address == row.address]
    said = {one.severity for one in own}
    verdict = next((severity for severity in _WORST if severity in said), "pass")
    shown = Counter({f"{one.id} {one.severity}": 1 for one in own if one.severity != "not_applicable"})
    rules = [rule for rule in policy.rules if rule.measure in RULES and rule.bound in _BOUNDS]
    read = {rule.measure: reading(rule, row, policy) for rule in rules}
    return Judged(
        name, row.n, row.d, policy.profile, expected, Counter([verdict]), shown,
        {rule: one for rule, one in read.items() if one is not None}, row.layer,
    )  # fmt: skip


def merged(rows: Sequence[Judged]) -> Judged:
    """Several draws of one case as one row, each rule with its smallest margin."""
    readings = {
        rule: min((row.readings[rule] for row in rows if rule in row.readings), key=lambda one: one.margin)
        for rule in RULES
        if any(rule in row.readings for row in rows)
    }
    verdicts = sum((row.verdicts for row in rows), Counter[str]())
    findings = sum((row.findings for row in rows), Counter[str]())
    return replace(rows[0], verdicts=verdicts, findings=findings, readings=readings)


def reading(rule: Rule, row: Representation, policy: Policy) -> Reading | None:
    """The figure that decides a rule: without rogue coordinates where the gate reads it so."""
    if rule.measure == CONSTANT:
        share = spread(row)
        return None if share is None else Reading(share, share / SMALLEST_SPREAD)
    plain = _of(rule, row.estimates.get(rule.measure))
    if not row.rogue_features or not facts(rule.measure).rogue:
        return plain
    without = _of(rule, row.estimates.get(drop_key(rule.measure)))
    if policy.rogue == "expected":
        return without
    # Both readings must fail before the rule does.
    return max((one for one in (plain, without) if one), key=lambda one: one.margin, default=None)


def margin(rule: Rule, value: float) -> float:
    """How far a figure is from the limit: 1 at the limit, more where it is safe, less where it fails.

    limit / value for an upper limit, value / limit for a lower one, and (1 - value) / (1 - limit) for a
    share of something that must not be reached.
    """
    assert rule.threshold is not None
    if not rule.bound.is_upper:
        return value / rule.threshold
    if facts(rule.measure).share:
        return (1 - value) / (1 - rule.threshold)
    return rule.threshold / value if value > 0 else math.inf


def _of(rule: Rule, estimate: Estimate | None) -> Reading | None:
    """The corrected figure, or the bound on its side of the limit where the figure is withheld."""
    if estimate is None or rule.threshold is None:
        return None
    if estimate.value is not None and estimate.status.has_value:
        return Reading(estimate.value, margin(rule, estimate.value))
    bound = estimate.high if rule.bound.is_upper else estimate.low
    sign = "≤ " if rule.bound.is_upper else "≥ "
    return None if bound is None else Reading(bound, margin(rule, bound), sign)


def _store(case: Case, seed: int) -> Store:
    drawn = case.draw(case.n, case.d, seed)
    if case.column is None:
        return memory_store(drawn)
    rows, column = drawn
    return memory_store(rows, labels=column) if case.column == "labels" else memory_store(rows, groups=column)
