"""Each format: what it says, and that a hostile name can do nothing in it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from repdiag.check import FORMATS, Target, check, github_outputs, parse_targets, render_verdict, write_targets
from repdiag.check.markdown import plain
from repdiag.check.sentences import number
from repdiag.errors import OutputError, UsageError
from repdiag.results import Finding, Place, Results
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
    return found.model_copy(update={"findings": [*found.findings, evil, idle], "source": broken})


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


def test_github_annotations_are_at_most_ten_a_level() -> None:
    many = check(results(*(row(CONE, layer=f"layer{index}") for index in range(25))), policy())
    lines = render_verdict(many, "github").splitlines()
    assert len(lines) == 10
    assert all(line.startswith("::error title=repdiag") for line in lines)
    assert "and 16 more" in lines[-1]
    levels = [line.split(" ")[0] for line in render_verdict(MIXED, "github").splitlines()]
    assert levels == ["::error", "::error", "::error", "::warning", "::notice"]


def test_github_escapes_percent_and_newlines() -> None:
    finding = Finding(id="RD001", kind="a:b,c", severity="fail", rule="r", message="100% a\nb")
    line = render_verdict(MIXED.model_copy(update={"findings": [finding]}), "github")
    assert line == "::error title=repdiag RD001 a%3Ab%2Cc::every representation: 100%25 a\\x0ab\n"


def test_github_outputs_need_the_environment(tmp_path: Path) -> None:
    assert github_outputs(MIXED, {}) is None
    assert github_outputs(MIXED, {"GITHUB_ACTIONS": "false"}) is None
    alone = github_outputs(MIXED, {"GITHUB_ACTIONS": "true"})
    assert alone is not None
    assert alone.summary is None
    summary = tmp_path / "summary.md"
    summary.write_text("before")
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    for _ in range(2):
        written = github_outputs(MIXED, env)
        assert written is not None
        assert written.annotations.startswith("::error ")
    text = summary.read_text()
    assert text.startswith("before\n## ❌ repdiag check: fail")
    assert text.count("## ❌ repdiag check: fail") == 2


def test_a_summary_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(tmp_path / "missing" / "summary.md")}
    with pytest.raises(OutputError):
        github_outputs(MIXED, env)


def test_markdown_has_a_table_and_advice() -> None:
    text = render_verdict(MIXED, "markdown")
    assert "| severity | kind | representation | finding |" in text
    assert "| fail | RD002 cone | `bad/base/backbone` |" in text
    assert "likely cause" in text
    assert plain("@you [x](http://y) www.z") == "\\@you \\[x\\]\\(http:\u200b//y\\) www\u200b.z"
    for line in render_verdict(hostile(), "markdown").splitlines():
        if line.startswith("| "):
            assert len(re.findall(r"(?<!\\)\|", line)) == 5


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
