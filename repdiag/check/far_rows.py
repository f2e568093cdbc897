"""One rule with and without a few rows that are far from all others, such as attention sinks."""

from __future__ import annotations

from dataclasses import replace

from repdiag.check.decide import Levels, Outcome, Trial, as_trial, settle
from repdiag.check.figures import Figure, figure_of
from repdiag.check.findings import Evidence, make_finding, severity_of
from repdiag.check.judgement import Judgement, State
from repdiag.check.kinds import Kind
from repdiag.check.known import facts
from repdiag.check.sentences import figure_text, number
from repdiag.results import TYPICAL_ROWS, Estimate, Representation


def typical(row: Representation, measure: str) -> Estimate | None:
    """The figure of the other rows; None where no few rows are far from them."""
    return row.estimates.get(f"{measure}{TYPICAL_ROWS}")


def with_far_rows(one: Judgement, levels: Levels) -> Judgement:
    """The judgement where its rule is met without the far rows: a warning that names them.

    Where it is met neither way it stays, and its sentence says so.
    """
    estimate = typical(one.row, one.rule.measure)
    if estimate is None or one.state not in (State.FAIL, State.INCONCLUSIVE) or one.finding is None:
        return one
    figure, outcome = settle(estimate, one.rule, levels)
    trial = _both(one.trial, as_trial(figure, outcome, one.rule))
    if outcome is Outcome.FAIL:
        shown = figure_text(figure, one.rule.threshold)
        message = f"{one.finding.message.removesuffix('.')}; without {_rows(estimate)} it is {shown}."
        return replace(one, finding=one.finding.model_copy(update={"message": message}), trial=trial)
    softer = Outcome.INCONCLUSIVE if outcome is Outcome.INCONCLUSIVE else Outcome.WARN
    return _renamed(one, estimate, figure, softer, trial)


def _renamed(
    one: Judgement, estimate: Estimate, figure: Figure, outcome: Outcome, trial: Trial | None
) -> Judgement:
    rule, row = one.rule, one.row
    plain = row.estimates[rule.measure]
    with_them = figure_of(plain, plain.confidence, of=facts(rule.measure))
    side = "limit" if rule.bound.is_upper else "minimum"
    limit = "" if rule.threshold is None else f" {number(rule.threshold)}"
    end = f"so the {side}{limit} is met only without them"
    if outcome is Outcome.INCONCLUSIVE:
        end = f"so the {side}{limit} is broken with them and cannot be decided without"
    message = (
        f"{_rows(estimate).capitalize()} are far from all others: the {facts(rule.measure).phrase} is "
        f"{figure_text(with_them, rule.threshold)} with them and {figure_text(figure, rule.threshold)} "
        f"without, {end}."
    )
    evidence = Evidence(rule.measure, with_them, rule.threshold, plain.definition)
    finding = make_finding(Kind.FAR_ROWS, severity_of(outcome), rule.name, message, row, evidence)
    return replace(one, state=State(outcome.value), finding=finding, trial=trial)


def _rows(estimate: Estimate) -> str:
    count = estimate.details.get("left_out")
    return f"{int(count):,} rows" if isinstance(count, int | float) else "a few rows"


def _both(first: Trial | None, second: Trial) -> Trial:
    """With and without the far rows it is one decision, which fails by the weaker of both."""
    if first is None:
        return second
    return Trial(
        first.sampled or second.sampled, first.failed and second.failed, min(first.reach, second.reach)
    )
