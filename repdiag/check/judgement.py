"""What became of one rule at one representation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from repdiag.check.decide import Trial
from repdiag.check.policy import Rule
from repdiag.results import Finding, Representation


class State(StrEnum):
    """What became of one rule at one representation."""

    PASS = "pass"
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"
    NOT_APPLICABLE = "not_applicable"
    SKIPPED = "skipped"

    @property
    def is_evaluated(self) -> bool:
        return self not in (State.NOT_APPLICABLE, State.SKIPPED)


@dataclass(frozen=True, slots=True)
class Judgement:
    """One rule at one representation; `reason` says why it was not evaluated.

    `trial` is what the family of all decisions needs of it; None where no sampling error is at stake.
    """

    rule: Rule
    row: Representation
    state: State
    finding: Finding | None = None
    reason: str = ""
    trial: Trial | None = None
