"""Markdown for a pull request or a step summary; names from files are inert in it."""

from __future__ import annotations

import html
import re

from repdiag.check.summary import summary_of
from repdiag.check.text_format import EVERYWHERE, counts_text, evidence_text, idle_rules
from repdiag.results import Finding, Place, Results
from repdiag.text import printable

_SYMBOLS = {"pass": "✅", "fail": "❌", "inconclusive": "❔"}
_ACTIVE = re.compile(r"([\\`*_{}\[\]()#+!|~@-])")
MOST_ROWS = 50


def render_markdown(results: Results) -> str:
    """Verdict, a table of findings, what to do about each, and what was not applicable."""
    summary = summary_of(results)
    verdict = results.verdict.value if results.verdict else "no verdict"
    lines = [f"## {_SYMBOLS.get(verdict, '')} repdiag check: {verdict}".replace("  ", " "), ""]
    lines += [f"{counts_text(summary)}; profile {code(summary.profile or 'unknown')}.", ""]
    shown = [finding for finding in results.findings if finding.severity != "not_applicable"]
    lines += _table(shown) + _advice(shown)
    idle = idle_rules(results)
    lines += ["Not applicable:", ""] if idle else []
    lines += [f"- {code(rule)}, {code(place)}: {plain(message)}" for rule, place, message in idle[:MOST_ROWS]]
    return "\n".join(lines).rstrip() + "\n"


def code(text: str) -> str:
    """A name as a code span: no HTML, no link, no mention, and no end of a table cell."""
    clean = printable(text, 200).replace("`", "'").replace("|", "\\|")
    return f"`{clean or ' '}`"


def plain(text: str) -> str:
    """A sentence with every character that Markdown or HTML acts on made inert."""
    # The zero-width space keeps `www.` and `https:` from becoming links by themselves.
    inert = _ACTIVE.sub(r"\\\1", html.escape(printable(text, 600), quote=False))
    return inert.replace("://", ":\u200b//").replace("www.", "www\u200b.")


def _table(findings: list[Finding]) -> list[str]:
    if not findings:
        return []
    rows = [
        f"| {one.severity} | {plain(one.id)} {plain(one.kind)} | {_place(one.place)} | {plain(one.message)} |"
        for one in findings[:MOST_ROWS]
    ]
    more = len(findings) - MOST_ROWS
    tail = [f"| | | | and {more} more, see the JSON |"] if more > 0 else []
    return ["| severity | kind | representation | finding |", "| --- | --- | --- | --- |", *rows, *tail, ""]


def _place(place: Place | None) -> str:
    return EVERYWHERE if place is None else code(str(place.address))


def _advice(findings: list[Finding]) -> list[str]:
    lines: list[str] = []
    for one in findings[:MOST_ROWS]:
        if one.severity == "info":
            continue
        evidence = evidence_text(one)
        lines.append(f"- **{plain(one.id)} {plain(one.kind)}** at {_place(one.place)}")
        lines += [f"  - evidence: {code(evidence)}"] if evidence else []
        lines += [f"  - likely cause: {plain(one.cause)}"] if one.cause else []
        lines += [f"  - next step: {plain(one.next_step)}"] if one.next_step else []
    return [*lines, ""] if lines else []
