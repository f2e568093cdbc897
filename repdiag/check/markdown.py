"""Markdown for a pull request or a step summary; names from files are inert in it."""

from __future__ import annotations

from repdiag.check.figure_table import figure_lines
from repdiag.check.markup import bullets, code, plain, table
from repdiag.check.summary import summary_of
from repdiag.check.text_format import EVERYWHERE, counts_text, evidence_text, idle_rules
from repdiag.results import Finding, Place, Results

_SYMBOLS = {"pass": "✅", "fail": "❌", "inconclusive": "❔"}
MOST_ROWS = 50
_FEWER_ROWS = (MOST_ROWS, 20, 8, 2)
MOST_BYTES = 60_000
"""A comment on a pull request may have 65,536 characters, and other text stands beside ours."""


def render_markdown(results: Results) -> str:
    """Verdict, onsets, figures with what changed, findings, what to do, and what was not applicable."""
    for most in _FEWER_ROWS[:-1]:
        text = _rendered(results, most)
        if len(text.encode("utf-8")) <= MOST_BYTES:
            return text
    return _rendered(results, _FEWER_ROWS[-1])


def _rendered(results: Results, most: int) -> str:
    summary = summary_of(results)
    verdict = results.verdict.value if results.verdict else "no verdict"
    lines = [f"## {_SYMBOLS.get(verdict, '')} repdiag check: {verdict}".replace("  ", " "), ""]
    lines += [f"{counts_text(summary)}; profile {code(summary.profile or 'unknown')}.", ""]
    shown = [finding for finding in results.findings if finding.severity != "not_applicable"]
    lines += bullets("When it began:", (plain(onset.message) for onset in results.onsets), most)
    lines += figure_lines(results, summary, most) + _findings(shown, most) + _advice(shown, most)
    idle = (f"{code(rule)}, {code(place)}: {plain(text)}" for rule, place, text in idle_rules(results))
    lines += bullets("Not applicable:", idle, most)
    return "\n".join(lines).rstrip() + "\n"


def _findings(findings: list[Finding], most: int) -> list[str]:
    rows = [
        [one.severity, f"{plain(one.id)} {plain(one.kind)}", _place(one.place), plain(one.message)]
        for one in findings
    ]
    return table(["severity", "kind", "representation", "finding"], rows, most)


def _place(place: Place | None) -> str:
    return EVERYWHERE if place is None else code(str(place.address))


def _advice(findings: list[Finding], most: int) -> list[str]:
    lines: list[str] = []
    for one in findings[:most]:
        if one.severity == "info":
            continue
        evidence = evidence_text(one)
        lines.append(f"- **{plain(one.id)} {plain(one.kind)}** at {_place(one.place)}")
        lines += [f"  - evidence: {code(evidence)}"] if evidence else []
        lines += [f"  - likely cause: {plain(one.cause)}"] if one.cause else []
        lines += [f"  - next step: {plain(one.next_step)}"] if one.next_step else []
    return [*lines, ""] if lines else []
