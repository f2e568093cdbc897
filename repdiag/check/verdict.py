"""The gate: results and a policy in, the same results with findings and a verdict out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from repdiag.check.decide import Levels, holm
from repdiag.check.drops import Compared, compared, shrunk
from repdiag.check.figures import exact
from repdiag.check.findings import kind_of, make_note, place_of
from repdiag.check.further import explained, further_findings
from repdiag.check.judge import ALONE, estimate_for, judge, rogue_note
from repdiag.check.judgement import Judgement, State
from repdiag.check.kinds import Kind
from repdiag.check.known import CONSTANT, NONFINITE_ROWS
from repdiag.check.onset import onsets
from repdiag.check.policy import Policy
from repdiag.check.summary import SOURCE_KEY, summarise
from repdiag.check.untrained import twins_of
from repdiag.errors import ConfigError, UsageError
from repdiag.results import Finding, Representation, Results
from repdiag.text import listing, nearest, printable
from repdiag.types import Address, IntervalMethod, Verdict, matches_any

ABOUT_ROWS = "rows"
_ORDER = {"fail": 0, "inconclusive": 1, "warn": 2, "info": 3, "not_applicable": 4}


def check(results: Results, policy: Policy) -> Results:
    """The same results with findings and a verdict.

    Raises:
        UsageError: there is no representation, or a glob matches none.
        ConfigError: a rule written in the configuration, or a baseline, cannot be evaluated.
    """
    rows = _selected(results, policy)
    known = compared(rows, policy)
    levels, judged = judged_together(rows, policy, known)
    flat = [one for row in judged for one in row]
    _require_written(flat)
    scales = [found for row in rows if (found := shrunk(row, known)) is not None]
    seen = explained([*_evaluated(judged), *scales], rows)
    further = [*further_findings(results, rows), *_about_rows(results, rows)]
    findings = [*seen, *further, *_not_applicable(flat)]
    summary = summarise(policy, levels, flat)
    judged_results = results.model_copy(
        update={
            "command": "check",
            "source": {**results.source, SOURCE_KEY: summary.model_dump(mode="json")},
            "findings": sorted(findings, key=lambda finding: _ORDER[finding.severity]),
            "pairs": [*results.pairs, *known.pairs.values()],
            "verdict": _verdict(findings, policy),
        }
    )
    chosen = judged_results.model_copy(update={"representations": rows})
    return judged_results.model_copy(update={"onsets": onsets(chosen)})


def judged_together(
    rows: Sequence[Representation], policy: Policy, known: Compared = ALONE
) -> tuple[Levels, list[tuple[Judgement, ...]]]:
    """Every rule at every representation, failures at the level that they hold at together."""
    alone = Levels.alone(policy.confidence)
    judged = [judge(row, policy, alone, known) for row in rows]
    levels = holm((one.trial for row in judged for one in row if one.trial), policy.confidence)
    return levels, judged if levels == alone else [judge(row, policy, levels, known) for row in rows]


def _about_rows(results: Results, rows: Sequence[Representation]) -> list[Finding]:
    """What the analysis found wrong with the rows of the chosen representations: a verdict rests on them."""
    chosen = {row.address for row in rows}
    return [
        one
        for one in results.findings
        if one.rule == ABOUT_ROWS and one.place is not None and one.place.address in chosen
    ]


def undecided(results: Results, policy: Policy) -> tuple[Address, ...]:
    """Where a fast interval left a rule inconclusive: the representations that deserve the full one."""
    _, judged = judged_together(_selected(results, policy), policy)
    found = [
        one.row.address for row in judged for one in row if one.state is State.INCONCLUSIVE and _is_fast(one)
    ]
    return tuple(dict.fromkeys(found))


def _is_fast(one: Judgement) -> bool:
    estimate = estimate_for(one.rule, one.row)
    return estimate is not None and estimate.interval_method is IntervalMethod.FAST


def _selected(results: Results, policy: Policy) -> list[Representation]:
    rows = results.representations
    if not rows:
        raise UsageError(
            "the results hold no representation, so there is nothing to check; extract one first"
        )
    for axis, globs in (("layer", policy.layers), ("view", policy.views), ("checkpoint", policy.checkpoints)):
        names = list(dict.fromkeys(getattr(row, axis) for row in rows))
        for glob in globs:
            if not any(matches_any(name, (glob,)) for name in names):
                near = nearest(glob, names)
                raise UsageError(f'no {axis} matches "{printable(glob)}".{near} There are: {listing(names)}')
    twins = set() if policy.checkpoints else twins_of(results.source)
    chosen = [row for row in rows if _matches(row, policy) and row.checkpoint not in twins]
    if not chosen:
        raise UsageError(
            "no representation has a layer, a view and a checkpoint that all match; loosen one of them"
        )
    return chosen


def _matches(row: Representation, policy: Policy) -> bool:
    return (
        matches_any(row.layer, policy.layers)
        and matches_any(row.view, policy.views)
        and matches_any(row.checkpoint, policy.checkpoints)
    )


def _require_written(judged: Sequence[Judgement]) -> None:
    for one in judged:
        if one.rule.written and one.state is State.NOT_APPLICABLE:
            rule, place = printable(one.rule.name), printable(one.row.address)
            raise ConfigError(
                f"check.rules.{rule}: cannot be evaluated on {place}, because {one.reason}; "
                "supply it or remove the rule"
            )


def _evaluated(judged: Sequence[tuple[Judgement, ...]]) -> list[Finding]:
    found: list[Finding] = []
    for row in judged:
        note = rogue_note(row[0].row, row)
        found += [one.finding for one in row if one.finding is not None]
        found += [note] if note is not None else []
        found += [] if _has_evidence(row) else [_no_evidence(row[0].row)]
    return found


def _has_evidence(row: tuple[Judgement, ...]) -> bool:
    """Counting rows or seeing a variance is not enough where the policy asks for more than that."""
    weak = (CONSTANT, NONFINITE_ROWS)
    strong = [one for one in row if one.rule.measure not in weak] or [
        one for one in row if one.rule.measure == CONSTANT
    ]
    stopped = any(one.state is State.SKIPPED for one in row)
    return stopped or any(one.state.is_evaluated for one in strong)


def _no_evidence(row: Representation) -> Finding:
    message = "No rule about the shape of this representation could be evaluated, so it cannot pass."
    return make_note(Kind.NO_EVIDENCE, "inconclusive", "rules", message, place_of(row))


def _not_applicable(judged: Sequence[Judgement]) -> list[Finding]:
    """One note a rule where nothing could apply it (constant places aside), else one a place."""
    by_rule: dict[str, list[Judgement]] = defaultdict(list)
    for one in judged:
        if one.state is not State.SKIPPED:
            by_rule[one.rule.name].append(one)
    notes: list[Finding] = []
    for found in by_rule.values():
        idle = [one for one in found if one.state is State.NOT_APPLICABLE]
        everywhere = len(idle) == len(found) and len({one.reason for one in idle}) == 1
        notes += [_idle(one, everywhere) for one in (idle[:1] if everywhere else idle)]
    return notes


def _idle(one: Judgement, everywhere: bool) -> Finding:
    place = None if everywhere else place_of(one.row)
    message = f"The rule was not applied, because {one.reason}."
    return make_note(kind_of(one.rule, exact(0.0)), "not_applicable", one.rule.name, message, place)


def _verdict(findings: Sequence[Finding], policy: Policy) -> Verdict:
    severities = {finding.severity for finding in findings}
    if "fail" in severities or (policy.fail_on == "warn" and "warn" in severities):
        return Verdict.FAIL
    return Verdict.INCONCLUSIVE if "inconclusive" in severities else Verdict.PASS
