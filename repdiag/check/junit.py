"""JUnit XML: one test case a rule and representation."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from repdiag.check.summary import summary_of
from repdiag.check.text_format import EVERYWHERE, evidence_text
from repdiag.results import Finding, Results
from repdiag.text import printable

_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render_junit(results: Results) -> str:
    """A JUnit report. Inconclusive is a failure while it fails; warnings pass with a note."""
    summary = summary_of(results)
    by_case: dict[tuple[str, str], list[Finding]] = {}
    for finding in results.findings:
        place = EVERYWHERE if finding.place is None else str(finding.place.address)
        by_case.setdefault((place, finding.rule), []).append(finding)
    cases = [(place, rule) for place in summary.places for rule in summary.rules]
    cases += [case for case in by_case if case not in set(cases)]
    suite = ElementTree.Element("testsuite", name="repdiag check")
    skipped = {place for place, rule in by_case if rule == "constant" and _fails(by_case[place, rule])}
    for place, rule in cases:
        found = by_case.get((place, rule), [])
        idle = not found and (place in skipped or (EVERYWHERE, rule) in by_case)
        _add_case(
            suite,
            place,
            rule,
            found,
            "not evaluated here" if idle else None,
            summary.on_inconclusive == "fail",
        )
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
    suite: ElementTree.Element, place: str, rule: str, found: list[Finding], idle: str | None, strict: bool
) -> None:
    case = ElementTree.SubElement(suite, "testcase", classname=_clean(place), name=_clean(rule))
    if idle is not None:
        ElementTree.SubElement(case, "skipped", message=idle)
    for finding in found:
        text = "\n".join(
            _clean(line) for line in (evidence_text(finding), finding.cause, finding.next_step) if line
        )
        tag = _tag(finding, strict)
        child = ElementTree.SubElement(case, tag)
        if tag != "system-out":
            child.set("message", _clean(finding.message))
        if tag == "failure":
            child.set("type", _clean(f"{finding.id} {finding.kind}"))
        child.text = text if tag != "system-out" else f"{finding.severity}: {_clean(finding.message)}\n{text}"


def _tag(finding: Finding, strict: bool) -> str:
    if finding.severity == "fail" or (finding.severity == "inconclusive" and strict):
        return "failure"
    return "skipped" if finding.severity in ("inconclusive", "not_applicable") else "system-out"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\ufffd", printable(text, 1000))
