"""Each format: what it says, and that a hostile name can do nothing in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from repdiag.check import FORMATS, Target, check, parse_targets, render_verdict, write_targets
from repdiag.check.sentences import number
from repdiag.errors import UsageError
from repdiag.results import Finding, Onset, Place, Results
from tests.check.builders import HOSTILE, figure, healthy, insufficient, policy, results, rogue, row

CONE = healthy(mean_share=figure(0.991, 0.001))
MIXED = check(
    results(
        row(CONE, checkpoint="bad"),
        row(healthy(effective_rank=insufficient()), checkpoint="open"),
        row(healthy(mean_share=figure(0.93, 0.01)), checkpoint="warned"),
        row(healthy(mean_share=figure(1.0, spread=0.0)), checkpoint="constant"),
        row(checkpoint="good", rogue_features=rogue(3)),
    ),
    policy(),
)


def hostile() -> Results:
    """Names and texts in every field that a foreign file could fill."""
    rows = [row(CONE, checkpoint=HOSTILE, view=HOSTILE, layer=HOSTILE * 20), row(layer=HOSTILE)]
    found = check(results(*rows), policy())
    evil = Finding(
        id=HOSTILE,
        kind=HOSTILE,
        severity="fail",
        rule=HOSTILE,
        place=Place(checkpoint=HOSTILE, view=HOSTILE, layer=HOSTILE),
        measure=HOSTILE,
        value=1.0,
        definition=HOSTILE,
        message=HOSTILE,
        cause=HOSTILE,
        next_step=HOSTILE,
    )
    idle = evil.model_copy(update={"severity": "not_applicable", "place": None})
    broken = {"check": {**dict(found.source["check"]), "profile": HOSTILE}}  # type: ignore[arg-type]
    names: dict[str, Any] = dict.fromkeys(("id", "kind", "view", "layer", "checkpoint", "before"), HOSTILE)
    onset = Onset(**names, measure=HOSTILE, message=HOSTILE)
    changes = {"findings": [*found.findings, evil, idle], "source": broken, "onsets": [onset]}
    return found.model_copy(update=changes)


@pytest.mark.parametrize("name", [name for name in FORMATS if name != "json"])
def test_hostile_names_do_nothing(name: str) -> None:
    text = render_verdict(hostile(), name)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", text)
    assert "##[error]" not in text
    own = r"::(error|warning|notice) title=repdiag[^:,\n]*::" if name == "github" else r"(?!)"
    for line in text.splitlines():
        assert not line.lstrip().startswith("::") or re.match(own, line)
    if name == "markdown":
        assert "<script>" not in re.sub(r"`[^`\n]*`", "", text)


def test_text_is_eighty_columns_and_the_verdict_comes_first() -> None:
    for found in (MIXED, hostile()):
        lines = render_verdict(found, "text").splitlines()
        assert lines[0].startswith("FAIL: ")
        # An escaped control character is four columns for one.
        assert max(len(line) for line in lines) <= 80
    text = render_verdict(MIXED, "text")
    assert "FAIL  RD002 cone  bad/base/backbone" in text
    assert "INCONCLUSIVE  RD003 dimensional  open/base/backbone" in text
    assert "likely cause:" in text
    assert "Not applicable:\n  effective_rank.max_drop" in text
    assert "(profile ssl)" in text.replace("\n  ", " ")


def test_text_counts_what_passed() -> None:
    text = render_verdict(check(results(row()), policy()), "text")
    assert text.startswith("PASS: 7 rules evaluated: 7 passed, 2 not applicable on 1 representation")


def test_json_is_the_results() -> None:
    assert Results.model_validate(json.loads(render_verdict(MIXED, "json"))) == MIXED


def test_junit_has_a_case_for_every_rule_and_place() -> None:
    root = ElementTree.fromstring(render_verdict(MIXED, "junit"))
    suite = root.find("testsuite")
    assert suite is not None
    cases = {(case.get("classname"), case.get("name")): case for case in suite.iter("testcase")}
    assert len(cases) == int(suite.get("tests", "")) >= 5 * 9
    assert cases["bad/base/backbone", "mean_share.max"].find("failure") is not None
    assert cases["open/base/backbone", "effective_rank.min"].find("failure") is not None
    assert cases["constant/base/backbone", "mean_share.max"].find("skipped") is not None
    assert cases["good/base/backbone", "effective_rank.max_drop"].find("skipped") is not None
    assert list(cases["good/base/backbone", "mean_share.max"]) == []
    assert cases["warned/base/backbone", "mean_share.max"].find("system-out") is not None
    assert int(suite.get("failures", "")) == len(list(suite.iter("failure"))) == 3


def test_junit_is_xml_whatever_the_names_are() -> None:
    root = ElementTree.fromstring(render_verdict(hostile(), "junit"))
    assert len(list(root.iter("testcase"))) > 10


def test_junit_follows_on_inconclusive() -> None:
    found = check(results(row(healthy(effective_rank=insufficient()))), policy(on_inconclusive="warn"))
    root = ElementTree.fromstring(render_verdict(found, "junit"))
    assert not list(root.iter("failure"))


def test_junit_is_red_where_a_warning_stops_the_gate() -> None:
    warned = healthy(mean_share=figure(0.93, 0.01))
    for fail_on, failures in (("fail", 0), ("warn", 1)):
        found = check(results(row(warned)), policy(fail_on=fail_on))
        root = ElementTree.fromstring(render_verdict(found, "junit"))
        assert len(list(root.iter("failure"))) == failures


def test_targets(tmp_path: Path) -> None:
    assert parse_targets([]) == (Target("text"),)
    file = tmp_path / "a=b.xml"
    targets = parse_targets(["markdown", f"junit={file}", "json=-"][:2])
    shown = write_targets(MIXED, targets)
    assert shown.startswith("## ")
    assert ElementTree.parse(file).getroot().tag == "testsuites"
    assert parse_targets(["json=-"]) == (Target("json"),)


@pytest.mark.parametrize(
    ("specs", "message"),
    [
        (["junti"], 'none of .* Did you mean "junit"'),
        (["junit="], "file name is missing"),
        (["text", "json"], "cannot share standard output"),
        (["junit=a", "json=a"], "the same file"),
    ],
)
def test_targets_that_do_not_fit(specs: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_targets(specs)


@pytest.mark.parametrize(
    ("value", "beside", "shown"),
    [
        (0.98004, 0.98, "0.98004"),
        (0.9801, 0.98, "0.9801"),
        (0.5, 0.98, "0.5"),
        (4096.0, None, "4,096"),
        (123456.7, None, "123,457"),
        (1e-12, None, "1e-12"),
        (0.0, 0.0, "0"),
        (1e300, None, "1e+300"),
    ],
)
def test_numbers_show_the_difference(value: float, beside: float | None, shown: str) -> None:
    assert number(value, beside) == shown


def test_what_a_kind_means_is_told_once() -> None:
    rows = [row(CONE, checkpoint=f"epoch={number}") for number in range(4)]
    text = render_verdict(check(results(*rows), policy()), "text")
    assert text.count("FAIL  RD002 cone") == 4
    assert text.count("evidence: mean_share") == 4
    assert text.count("likely cause:") == 1


def test_onsets_come_before_the_findings() -> None:
    names: dict[str, Any] = dict.fromkeys(("kind", "view", "layer", "checkpoint", "before", "measure"), "x")
    onset = Onset(**names, id="RD002", message="cone began")
    text = render_verdict(MIXED.model_copy(update={"onsets": [onset]}), "text")
    assert text.index("RD002 cone began") < text.index("likely cause:")
