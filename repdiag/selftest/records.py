"""What a self-test found, typed, and its JSON (schema version 1)."""

from __future__ import annotations

import json
from typing import Annotated, Literal

from pydantic import Field, FiniteFloat, JsonValue

from repdiag.errors import EXIT_FAIL, EXIT_INCONCLUSIVE, EXIT_PASS
from repdiag.results import Place, Record
from repdiag.types import Verdict

Outcome = Literal["pass", "fail", "inconclusive", "not_applicable"]


class Severity(Record):
    """A severity and how it reads: `12%` with the unit `of the rank`."""

    value: FiniteFloat
    text: str
    unit: str


class LimitRecord(Record):
    """What the gate can see of one kind of collapse at one representation.

    From `sees_from` on at least 90% of draws of as many samples are found; up to `misses_up_to` this very
    sample passes; `rule_limit` is what endless samples would show. `next_lower` takes `needed` samples.
    """

    planted: str
    kind: str
    must: Literal["fail", "name"]
    outcome: Outcome
    message: str
    sees_from: Severity | None = None
    misses_up_to: Severity | None = None
    rule_limit: Severity | None = None
    next_lower: Severity | None = None
    needed: int | None = None


class CopyRecord(Record):
    """What the gate says of rows that are as good as the original."""

    copied: str
    outcome: Outcome
    message: str


class PlaceRecord(Place):
    """One representation under test: `n` of its `rows`, d features, and what the gate says of it as it is."""

    n: int
    d: int
    rows: int
    clean: Outcome
    copies: list[CopyRecord] = Field(default_factory=list)
    limits: list[LimitRecord] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    @property
    def outcomes(self) -> list[Outcome]:
        """Of the rows as they are, of copies and of plantings."""
        of_copies = [one.outcome for one in self.copies]
        return [self.clean, *of_copies, *(one.outcome for one in self.limits)]


class SelftestRecord(Record):
    """The whole self-test; `representations` counts what the gate judges together."""

    schema_name: Literal["repdiag.selftest"] = Field(default="repdiag.selftest", alias="schema")
    schema_version: Literal[1] = 1
    repdiag: str
    source: dict[str, JsonValue] = Field(default_factory=dict)
    profile: str
    confidence: Annotated[float, Field(gt=0, lt=1)]
    seed: int
    representations: int
    places: list[PlaceRecord] = Field(default_factory=list)
    verdict: Verdict

    def to_json(self) -> str:
        """Strict JSON: no NaN, no infinity."""
        content = self.model_dump(mode="json", by_alias=True)
        return json.dumps(content, allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def overall(places: list[PlaceRecord]) -> Verdict:
    """Fail where anything failed, else inconclusive where anything was, else pass."""
    outcomes = {outcome for place in places for outcome in place.outcomes}
    if "fail" in outcomes:
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE if "inconclusive" in outcomes or "pass" not in outcomes else Verdict.PASS


def exit_code_of(verdict: Verdict, on_inconclusive: str = "fail") -> int:
    """0 the gate sees what it should, 1 it does not, 3 undecided while that fails."""
    if verdict is Verdict.FAIL:
        return EXIT_FAIL
    undecided = verdict is Verdict.INCONCLUSIVE and on_inconclusive == "fail"
    return EXIT_INCONCLUSIVE if undecided else EXIT_PASS
