"""JUnit XML: one test case a rule and representation."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from repdiag.check.blocking import blocks
from repdiag.check.summary import CheckSummary, summary_of
from repdiag.check.text_format import EVERYWHERE, evidence_text
from repdiag.results import Finding, Results
from repdiag.text import printable

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(results: Results) -> str:
    """A JUnit report. What stops the gate is a failure; a warning that does not passes with a note."""
    summary = summary_of(results)
    by_case: dict[tuple[str, str], list[Finding]] = {}
    for finding in results.findings:
        place = EVERYWHERE if finding.place is None else str(finding.place.address)
        by_case.setdefault((place, finding.rule), []).append(finding)
    cases = [(place, rule) for place in summary.places for rule in summary.rules]
    cases = list(dict.fromkeys([*cases, *by_case]))
    suite = ElementTree.Element("testsuite", name="repdiag check")
    skipped = {place for place, rule in by_case if rule == "constant" and _fails(by_case[place, rule])}
    for place, rule in cases:
        found = by_case.get((place, rule), [])
        idle = not found and (place in skipped or (EVERYWHERE, rule) in by_case)
        _add_case(suite, place, rule, found, summary, "not evaluated here" if idle else None)
    for name, tag in (("tests", "testcase"), ("failures", "failure"), ("skipped", "skipped")):
        suite.set(name, str(len(list(suite.iter(tag)))))
    suite.set("errors", "0")
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    body: str = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'


def _fails(findings: list[Finding]) -> bool:
    return any(finding.severity == "fail" for finding in findings)


def _add_case(
    suite: ElementTree.Element,
    place: str,
    rule: str,
    found: list[Finding],
    summary: CheckSummary,
    idle: str | None,
) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=_clean(place), name=_clean(rule))
    if idle is not None:
        ElementTree.SubElement(case, "skipped", message=idle)
    for finding in found:
        text = "\n".join(
            _clean(line) for line in (evidence_text(finding), finding.cause, finding.next_step) if line
        )
        tag = _tag(finding, summary)
        child = ElementTree.SubElement(case, tag)
        if tag != "system-out":
            child.set("message", _clean(finding.message))
        if tag == "failure":
            child.set("type", _clean(f"{finding.id} {finding.kind}"))
        child.text = text if tag != "system-out" else f"{finding.severity}: {_clean(finding.message)}\n{text}"


def _tag(finding: Finding, summary: CheckSummary) -> str:
    if blocks(finding, summary):
        return "failure"
    return "skipped" if finding.severity in ("inconclusive", "not_applicable") else "system-out"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", printable(text, 1000))
