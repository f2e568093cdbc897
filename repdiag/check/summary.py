"""What a verdict rests on, kept in the results beside the findings so that every format can say it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import Field, ValidationError

from repdiag.check.decide import Levels
from repdiag.check.judgement import Judgement, State
from repdiag.check.policy import Policy, Rule
from repdiag.check.profiles import PROFILE_NOTES
from repdiag.check.schema import FailOn, OnInconclusive
from repdiag.results import Record, Results

SOURCE_KEY = "check"


class CheckSummary(Record):
    """Counts of rules times representations, the rules with their limits, and where they were applied."""

    profile: str = ""
    profile_note: str = ""
    confidence: float = 0.95
    family_confidence: float = 0.95
    on_inconclusive: OnInconclusive = "fail"
    fail_on: FailOn = "fail"
    rules: dict[str, dict[str, float]] = Field(default_factory=dict)
    places: list[str] = Field(default_factory=list)
    counts: dict[str, int] = Field(default_factory=dict)

    def count(self, state: State) -> int:
        return self.counts.get(state.value, 0)

    @property
    def evaluated(self) -> int:
        return sum(self.count(state) for state in State if state.is_evaluated)


def summarise(policy: Policy, levels: Levels, judged: Sequence[Judgement]) -> CheckSummary:
    """The summary of a check; `places` are addresses as text."""
    counts = Counter(one.state.value for one in judged)
    places = [f"{one.row.address}" for one in judged]
    return CheckSummary(
        profile=policy.profile,
        profile_note=PROFILE_NOTES[policy.profile],
        confidence=levels.own,
        family_confidence=levels.family,
        on_inconclusive=policy.on_inconclusive,
        fail_on=policy.fail_on,
        rules={rule.name: _limits(rule) for rule in policy.rules},
        places=list(dict.fromkeys(places)),
        counts=dict(sorted(counts.items())),
    )


def summary_of(results: Results) -> CheckSummary:
    """The summary in results; an empty one where there is none or a foreign one."""
    try:
        return CheckSummary.model_validate(results.source.get(SOURCE_KEY, {}))
    except ValidationError:
        return CheckSummary()


def _limits(rule: Rule) -> dict[str, float]:
    limits = {"threshold": rule.threshold, "warn": rule.warn}
    return {name: value for name, value in limits.items() if value is not None}
