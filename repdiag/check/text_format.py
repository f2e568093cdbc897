"""The verdict for a terminal: 80 columns, the verdict first."""

from __future__ import annotations

import textwrap

from repdiag.check.judgement import State
from repdiag.check.kinds import Kind
from repdiag.check.onset import onset_sentence
from repdiag.check.sentences import number
from repdiag.check.summary import CheckSummary, summary_of
from repdiag.results import Finding, Place, Results
from repdiag.text import printable

WIDTH = 80
MAX_PLACE = 400
EVERYWHERE = "every representation"


def shown_place(place: Place | None) -> str:
    """An address as printable text; every representation where there is none."""
    return EVERYWHERE if place is None else printable(place.address, MAX_PLACE)


def evidence_text(finding: Finding) -> str:
    """`mean_share 0.991 [0.989, 0.993], threshold 0.98, n 4,096`, or an empty string."""
    if finding.measure is None:
        return ""
    value = "no value" if finding.value is None else number(finding.value, finding.threshold)
    what = "drop of " if finding.kind == Kind.DROP else ""
    parts = [f"{what}{printable(finding.measure)} {value}{_interval(finding)}"]
    parts += [] if finding.threshold is None else [f"threshold {number(finding.threshold)}"]
    parts += [] if finding.n is None else [f"n {finding.n:,}"]
    return ", ".join(parts)


def _interval(finding: Finding) -> str:
    low, high = finding.low, finding.high
    if (low is None and high is None) or low == high == finding.value:
        return ""
    ends = ((low, high), (high, low))
    sides = ("-" if side is None else number(side, finding.threshold, other) for side, other in ends)
    return f" [{', '.join(sides)}]"


def headline(results: Results) -> str:
    """The verdict, what it rests on and the profile, on one line."""
    summary = summary_of(results)
    verdict = results.verdict.value.upper() if results.verdict else "NO VERDICT"
    places = len(summary.places)
    where = f"{places:,} representation{'s' * (places != 1)}"
    profile = printable(summary.profile) or "unknown"
    return f"{verdict}: {counts_text(summary)} on {where} (profile {profile})"


def counts_text(summary: CheckSummary) -> str:
    """`9 rules evaluated: 7 passed, 1 warned, 1 failed`; a rule counts once a representation."""
    words = (
        (State.PASS, "passed"),
        (State.WARN, "warned"),
        (State.FAIL, "failed"),
        (State.INCONCLUSIVE, "inconclusive"),
        (State.NOT_APPLICABLE, "not applicable"),
        (State.SKIPPED, "skipped"),
    )
    parts = [f"{summary.count(state)} {word}" for state, word in words if summary.count(state)]
    return f"{summary.evaluated} rule{'s' * (summary.evaluated != 1)} evaluated: {', '.join(parts) or 'none'}"


def render_text(results: Results) -> str:
    """The whole verdict; every line is safe for a terminal and a CI log."""
    summary = summary_of(results)
    lines = [*_wrapped(headline(results), "")]
    if summary.profile_note:
        lines += _wrapped(f"profile {printable(summary.profile)}: {printable(summary.profile_note)}", "  ")
    lines += ["", "Onset:"] if results.onsets else []
    for onset in results.onsets:
        lines += _wrapped(f"{printable(onset.id)} {onset_sentence(onset)}", "  ")
    told: set[tuple[str, str, str]] = set()
    for finding in results.findings:
        about = (finding.id, finding.rule, finding.severity)
        lines += _block(finding, again=about in told) if finding.severity != "not_applicable" else []
        told.add(about)
    idle = idle_rules(results)
    lines += ["", "Not applicable:"] if idle else []
    for rule, place, message in idle:
        lines += _wrapped(
            f"{printable(rule)}, {printable(place, MAX_PLACE)}: {printable(message, 400)}", "  "
        )
    return "\n".join(_safe(line) for line in lines) + "\n"


def idle_rules(results: Results) -> list[tuple[str, str, str]]:
    """Rule, where and why of what was not applicable, one line for a rule and a reason; not escaped."""
    where: dict[tuple[str, str], list[str]] = {}
    for one in results.findings:
        if one.severity == "not_applicable":
            name = EVERYWHERE if one.place is None else str(one.place.address)
            where.setdefault((one.rule, one.message), []).append(name)
    return [
        (rule, names[0] if len(names) == 1 else f"{len(names)} representations", message)
        for (rule, message), names in where.items()
    ]


def _block(finding: Finding, *, again: bool) -> list[str]:
    """A finding; what a kind means and what to do about it is told once."""
    title = f"{finding.severity.upper()}  {printable(finding.id)} {printable(finding.kind)}"
    lines = [
        "",
        *_wrapped(f"{title}  {shown_place(finding.place)}", ""),
        *_wrapped(printable(finding.message, 600), "  "),
    ]
    advice = (
        ("rule", printable(finding.rule)),
        ("definition", printable(finding.definition or "", 300)),
        ("likely cause", printable(finding.cause, 600)),
        ("next step", printable(finding.next_step, 600)),
    )
    for name, text in (("evidence", evidence_text(finding)), *(() if again else advice)):
        lines += _wrapped(f"{name}: {text}", "  ") if text else []
    return lines


def _wrapped(text: str, indent: str) -> list[str]:
    return textwrap.wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + "  ")


def _safe(line: str) -> str:
    """Wrapping may bring `::` to the start of a line, where a CI runner takes it for a command."""
    return printable(line, WIDTH + 40)
