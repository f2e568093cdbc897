"""All rules of a policy against one representation."""

from __future__ import annotations

from dataclasses import replace

from repdiag.check.clusters import fall_position, is_neural_collapse
from repdiag.check.constant import judge_constant, witnesses
from repdiag.check.decide import Levels, Outcome, Trial, as_trial, settle
from repdiag.check.drops import Compared, judge_drop
from repdiag.check.far_rows import with_far_rows
from repdiag.check.figures import Figure
from repdiag.check.findings import Evidence, kind_of, make_finding, make_note, place_of, severity_of
from repdiag.check.judgement import Judgement, State
from repdiag.check.kinds import Kind
from repdiag.check.known import CONSTANT, NONFINITE_ROWS, base_name, facts
from repdiag.check.policy import Bound, Policy, Rule
from repdiag.check.rogue import Pair, combine, drop_key, rogue_figures, rogue_message
from repdiag.check.sentences import sentence
from repdiag.results import Estimate, Finding, Representation
from repdiag.types import Status

ALONE = Compared()
_NONFINITE = "rows dropped because they held NaN or Inf, over all rows"
_LABELLED = ("per_class_rank", "neural_collapse_nc1", "conditional_mutual_information")


def judge(
    row: Representation, policy: Policy, levels: Levels, known: Compared = ALONE
) -> tuple[Judgement, ...]:
    """Every rule of the policy on one representation; a constant one is judged by nothing else."""
    constant = [_constant(rule, row) for rule in policy.rules if rule.measure == CONSTANT]
    others = [rule for rule in policy.rules if rule.measure != CONSTANT]
    if any(one.state is State.FAIL for one in constant):
        skipped = [Judgement(rule, row, State.SKIPPED, reason="it is constant") for rule in others]
        return (*(_counting(one, len(others)) for one in constant), *skipped)
    judged = (_judge_rule(rule, row, policy, levels, known) for rule in others)
    return (*constant, *(with_far_rows(one, levels) for one in judged))


def rogue_note(row: Representation, judged: tuple[Judgement, ...]) -> Finding | None:
    """Rogue coordinates are named even where they change no verdict."""
    named = any(one.finding is not None and one.finding.kind == Kind.ROGUE_FEATURE for one in judged)
    stopped = any(one.state is State.SKIPPED for one in judged)
    if not row.rogue_features or named or stopped:
        return None
    figures = rogue_figures(row)
    message = f"{rogue_message(row)}{': ' if figures else ''}{figures}."
    return make_note(Kind.ROGUE_FEATURE, "info", "rogue_features", message, place_of(row))


def estimate_for(rule: Rule, row: Representation) -> Estimate | None:
    """The figure that a rule judges, or None where the results lack it."""
    return _nonfinite_rows(row) if rule.measure == NONFINITE_ROWS else row.estimates.get(rule.measure)


def _constant(rule: Rule, row: Representation) -> Judgement:
    if not witnesses(row):
        return Judgement(rule, row, State.NOT_APPLICABLE, reason="the results hold no figure of variance")
    outcome, kind, message, evidence = judge_constant(row)
    if outcome is Outcome.PASS:
        return Judgement(rule, row, State.PASS)
    finding = make_finding(kind, severity_of(outcome), rule.name, message, row, evidence)
    return Judgement(rule, row, State(outcome.value), finding)


def _counting(constant: Judgement, others: int) -> Judgement:
    if constant.finding is None or not others:
        return constant
    message = (
        f"{constant.finding.message.removesuffix('.')}; the other {others} rules were not evaluated here."
    )
    return replace(constant, finding=constant.finding.model_copy(update={"message": message}))


def _judge_rule(
    rule: Rule, row: Representation, policy: Policy, levels: Levels, known: Compared
) -> Judgement:
    estimate = estimate_for(rule, row)
    if rule.bound is Bound.MAX_DROP:
        return judge_drop(rule, row, known, levels)
    if estimate is None:
        return Judgement(rule, row, State.NOT_APPLICABLE, reason=_missing(rule))
    plain = _read(estimate, rule, row, levels)
    if not row.rogue_features or not facts(rule.measure).rogue:
        return _plain(rule, row, estimate, *plain)
    other = row.estimates.get(drop_key(rule.measure))
    without = _read(other, rule, row, levels) if other is not None else None
    return _with_rogue(Pair(rule, row, plain, without, estimate), policy, other)


def _read(estimate: Estimate, rule: Rule, row: Representation, levels: Levels) -> tuple[Figure, Outcome]:
    scale = 1.0 / row.d if rule.bound is Bound.MIN_RATIO and row.d else 1.0
    return settle(estimate, rule, levels, scale)


def _with_rogue(pair: Pair, policy: Policy, without: Estimate | None) -> Judgement:
    choice, rule, row = combine(pair, policy.rogue), pair.rule, pair.row
    if choice.message is not None:
        limit = rule.threshold if rule.threshold is not None else rule.warn
        evidence = Evidence(rule.measure, pair.plain[0], limit, pair.estimate.definition)
        severity = severity_of(choice.outcome)
        finding = make_finding(Kind.ROGUE_FEATURE, severity, rule.name, choice.message, row, evidence)
        return Judgement(rule, row, State(choice.outcome.value), finding, trial=_trial(pair))
    if choice.use_without and without is not None and pair.without is not None:
        judged = _plain(replace(rule, measure=drop_key(rule.measure)), row, without, *pair.without)
        named = judged.finding and judged.finding.model_copy(update={"rule": rule.name})
        return replace(judged, rule=rule, finding=named)
    judged = _plain(rule, row, pair.estimate, pair.plain[0], choice.outcome, choice.addition)
    return replace(judged, trial=_trial(pair))


def _trial(pair: Pair) -> Trial:
    """With and without rogue coordinates it is one decision, which fails by the weaker of both."""
    read = [pair.plain] if pair.without is None else [pair.plain, pair.without]
    both = [as_trial(figure, outcome, pair.rule) for figure, outcome in read]
    failed = len(both) == 2 and all(one.failed for one in both)
    return Trial(any(one.sampled for one in both), failed, min(one.reach for one in both))


def _plain(
    rule: Rule, row: Representation, estimate: Estimate, figure: Figure, outcome: Outcome, addition: str = ""
) -> Judgement:
    trial = as_trial(figure, outcome, rule)
    if outcome is Outcome.PASS:
        return Judgement(rule, row, State.PASS, trial=trial)
    message = sentence(rule, row, estimate, figure, outcome).removesuffix(".") + addition
    kind = Kind.NONFINITE if figure.status is Status.NONFINITE else kind_of(rule, figure)
    if base_name(rule.measure) == "spectral_cliff":
        kind, outcome, message = _named_cliff(row, estimate, kind, outcome, message)
    limit = rule.warn if outcome is Outcome.WARN and rule.warn is not None else rule.threshold
    evidence = Evidence(rule.measure, figure, limit if limit is not None else rule.warn, estimate.definition)
    finding = make_finding(kind, severity_of(outcome), rule.name, f"{message}.", row, evidence)
    return Judgement(rule, row, State(outcome.value), finding, trial=trial)


def _named_cliff(
    row: Representation, estimate: Estimate, kind: Kind, outcome: Outcome, message: str
) -> tuple[Kind, Outcome, str]:
    """A cliff as a kind: neural collapse where the classes explain it, else dimensional."""
    if kind is Kind.DIMENSIONAL and estimate.status.has_value and is_neural_collapse(row, estimate):
        return Kind.NEURAL_COLLAPSE, Outcome.WARN, f"{message}, as many directions as the classes leave"
    k = estimate.details.get("k")
    if outcome is Outcome.FAIL and isinstance(k, int | float):
        live = fall_position(row, int(k)) or int(k)
        message = f"{message}: about {live} directions live, or there are that many clusters"
    return kind, outcome, message


def _nonfinite_rows(row: Representation) -> Estimate:
    rows = row.n + row.dropped
    if rows <= 0:
        return Estimate(value=None, status=Status.INSUFFICIENT, definition=_NONFINITE)
    share = row.dropped / rows
    return Estimate(value=share, low=share, high=share, definition=_NONFINITE)


def _missing(rule: Rule) -> str:
    name = base_name(rule.measure)
    if name in _LABELLED:
        return "there are no labels, or the figure was not computed"
    if name == "lidar":
        return "there are not two views of each object, or the figure was not computed"
    return "the results hold no such figure"
