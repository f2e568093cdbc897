"""One kind of collapse at one representation: readings at rising severity, limits, and what they say."""

from __future__ import annotations

from repdiag.check import Policy
from repdiag.check.known import base_name
from repdiag.selftest.gate import Reading
from repdiag.selftest.ladder import Ladder, Trial, is_found
from repdiag.selftest.limits import Limits, needed_samples, next_lower
from repdiag.selftest.plantings import Must, Planting
from repdiag.selftest.records import LimitRecord, Outcome, Severity

_NO_VIEWS = "there are not two views of each sample"
_NO_BASELINE = "no rule of this policy bounds a drop, or these rows make no baseline"


def examine(planting: Planting, trial: Trial) -> LimitRecord:
    """The limits of one planting and what they are worth."""
    reason = _not_applicable(planting, trial)
    if reason:
        return _record(planting, "not_applicable", reason)
    ladder = Ladder(planting, trial, _must(planting, trial.policy))
    limits = ladder.limits()
    outcome, message = _judged(ladder, limits)
    record = _record(planting, outcome, message, ladder.must)
    return _with_limits(record, planting, limits, trial.specimen.rows.shape[0])


def _not_applicable(planting: Planting, trial: Trial) -> str:
    specimen = trial.specimen
    if "labels" in planting.needs and (specimen.labels is None or int(specimen.labels.max()) < 1):
        return "there are no labels of two classes"
    if trial.bench_for(planting) is None:
        return _NO_VIEWS if "views" in planting.needs else _NO_BASELINE
    measures = {base_name(rule.measure) for rule in trial.bench.policy.rules}
    if planting.rules and not measures & set(planting.rules):
        return "no rule of this policy judges it"
    if planting.must == "name" and trial.clean.named & set(planting.kinds):
        return "the rows as they are already have it"
    return ""


def _must(planting: Planting, policy: Policy) -> Must:
    """Only a name is owed where every rule that could fail is set to warn at most."""
    can_fail = any(
        rule.threshold is not None or rule.measure == "constant"
        for rule in policy.rules
        if base_name(rule.measure) in planting.rules
    )
    return planting.must if can_fail else "name"


def _judged(ladder: Ladder, limits: Limits) -> tuple[Outcome, str]:
    planting = ladder.planting
    first, worst = ladder.at(planting.levels[0]).plain, ladder.at(planting.levels[-1]).plain
    if is_found(planting, ladder.must, first):
        return "inconclusive", "found before anything was planted"
    if planting.harmless and any(_fails_anew(ladder, each.plain) for each in ladder.taken.values()):
        return "fail", "fails the gate, although it should only be named"
    if limits.strict.seen is not None:
        return "pass", _hole(ladder, limits)
    if limits.plain.seen is not None:
        return "inconclusive", "even the worst is seen only in some draws"
    if worst.undecided or ladder.trial.clean.undecided:
        return "inconclusive", "too few samples to decide even on the worst"
    said = ", ".join(sorted(worst.named)) or "nothing"
    return "fail", f"the worst is not seen; the gate names {said}"


def _hole(ladder: Ladder, limits: Limits) -> str:
    """A word where the gate sees a lower severity than one that it misses."""
    missed, planting = limits.plain.missed, ladder.planting
    lower = [level for level in planting.levels if missed is not None and level < missed]
    if not lower or not is_found(planting, ladder.must, ladder.at(lower[-1]).plain):
        return ""
    named = ", ".join(sorted(ladder.at(missed or 0.0).plain.named)) or "nothing"
    return f"sees {planting.says(lower[-1])} too, but misses what is worse, which it names {named}"


def _fails_anew(ladder: Ladder, reading: Reading) -> bool:
    return bool(reading.failed - ladder.trial.clean.failed)


def _record(planting: Planting, outcome: Outcome, message: str, must: Must | None = None) -> LimitRecord:
    return LimitRecord(
        planted=planting.name,
        kind=str(planting.kinds[0]),
        must=must or planting.must,
        outcome=outcome,
        message=message,
    )


def _with_limits(record: LimitRecord, planting: Planting, limits: Limits, n: int) -> LimitRecord:
    lower = next_lower(planting.levels, limits)
    found = {
        "sees_from": limits.strict.seen,
        "misses_up_to": limits.plain.missed,
        "rule_limit": limits.sharp.seen,
        "next_lower": lower,
    }
    said = {
        name: None if value is None else Severity(value=value, text=planting.says(value), unit=planting.unit)
        for name, value in found.items()
    }
    needed = None if lower is None else needed_samples(n, limits, lower)
    return record.model_copy(update={**said, "needed": needed})
