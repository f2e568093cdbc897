"""The verdict and its findings as records for the template."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from repdiag.report import wording
from repdiag.report.wording import SEVERITY_ORDER, VERDICT_WORDS
from repdiag.results import Finding, Results
from repdiag.text import printable

SEVERITY_WORDS = {
    "fail": "Fails",
    "inconclusive": "Inconclusive",
    "warn": "Warning",
    "info": "Note",
    "not_applicable": "Not applicable",
}
NO_VERDICT = ("Findings", "No verdict was asked for.")
OPEN_AT_FIRST = 1
SHOWN_AT_FIRST = 6
"""More findings than these stay one click away, so that the figures are not pushed off the page."""


@dataclass(frozen=True, slots=True)
class Card:
    """One finding: its sentence, and the evidence as (name, text) pairs."""

    id: str
    severity: str
    word: str
    message: str
    where: str
    evidence: tuple[tuple[str, str], ...]
    is_open: bool


@dataclass(frozen=True, slots=True)
class Banner:
    """The answer of one result, worst findings first; `onsets` say when each kind began."""

    verdict: str
    word: str
    sentence: str
    run: str
    onsets: tuple[str, ...]
    cards: tuple[Card, ...]
    more: tuple[Card, ...]
    silent: tuple[Card, ...]


def banner(result: Results, run: str) -> Banner | None:
    """What the page opens with; None when nothing was judged."""
    if result.verdict is None and not result.findings:
        return None
    ordered = sorted(result.findings, key=lambda finding: SEVERITY_ORDER.index(finding.severity))
    cards = tuple(_card(finding, position) for position, finding in enumerate(ordered))
    word, sentence = VERDICT_WORDS[result.verdict] if result.verdict else NO_VERDICT
    loud = tuple(card for card in cards if card.severity != "not_applicable")
    silent = tuple(card for card in cards if card.severity == "not_applicable")
    verdict = str(result.verdict.value) if result.verdict else "none"
    first = len(loud) if len(loud) <= SHOWN_AT_FIRST + 1 else SHOWN_AT_FIRST
    counted = _counted(result.findings) or sentence
    onsets = tuple(f"{one.message[:1].upper()}{one.message[1:]}" for one in result.onsets)
    return Banner(verdict, word, counted, run, onsets, loud[:first], loud[first:], silent)


def _counted(findings: Sequence[Finding]) -> str:
    """`2 failures, 1 warning.`; nothing when no finding says more than the verdict."""
    names = {"fail": "failure", "inconclusive": "open question", "warn": "warning"}
    counts = {key: sum(finding.severity == key for finding in findings) for key in names}
    said = [wording.count(counts[key], name) for key, name in names.items() if counts[key]]
    return ", ".join(said) + "." if said else ""


def _card(finding: Finding, position: int) -> Card:
    where = ""
    if finding.place:
        place = finding.place
        where = " / ".join(printable(name, 80) for name in (place.checkpoint, place.view, place.layer))
    is_open = position < OPEN_AT_FIRST and finding.severity in ("fail", "inconclusive")
    word = SEVERITY_WORDS[finding.severity]
    return Card(finding.id, finding.severity, word, finding.message, where, _evidence(finding), is_open)


def _evidence(finding: Finding) -> tuple[tuple[str, str], ...]:
    value = wording.number(finding.value) if finding.value is not None else ""
    rows = (
        ("Measure", finding.measure or ""),
        ("Value", f"{value} {wording.interval(finding.low, finding.high)}".strip()),
        ("Threshold", wording.number(finding.threshold) if finding.threshold is not None else ""),
        ("Samples", f"n = {finding.n:,}" if finding.n is not None else ""),
        ("Rule", finding.rule),
        ("Kind", finding.kind.replace("_", " ")),
        ("Definition", finding.definition or ""),
        ("Likely cause", finding.cause),
        ("Next step", finding.next_step),
    )
    return tuple((name, text) for name, text in rows if text)
