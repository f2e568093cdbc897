"""What GitHub reads: annotations, the step summary, the outputs of a step."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from repdiag.check import check, github_outputs, render_verdict
from repdiag.check.github import MAX_SUMMARY_BYTES, step_outputs, write_outputs
from repdiag.errors import OutputError
from repdiag.results import Finding
from tests.check.builders import HOSTILE, figure, healthy, insufficient, policy, results, row
from tests.check.test_formats import CONE, MIXED
from tests.workflow import read_outputs

GOOD = check(results(row()), policy())


def on_github(**files: Path) -> dict[str, str]:
    return {"GITHUB_ACTIONS": "true", **{f"GITHUB_{name.upper()}": str(path) for name, path in files.items()}}


def test_annotations_are_at_most_ten_a_level() -> None:
    many = check(results(*(row(CONE, layer=f"layer{index}") for index in range(25))), policy())
    lines = render_verdict(many, "github").splitlines()
    assert len(lines) == 10
    assert all(line.startswith("::error title=repdiag") for line in lines)
    assert "and 16 more" in lines[-1]
    levels = [line.split(" ")[0] for line in render_verdict(MIXED, "github").splitlines()]
    assert levels == ["::error", "::error", "::error", "::warning", "::notice"]


def test_what_stops_the_gate_is_an_error() -> None:
    warned, unsure = healthy(mean_share=figure(0.93, 0.01)), healthy(effective_rank=insufficient())
    for estimates, config, level in (
        (warned, {}, "::warning"),
        (warned, {"fail_on": "warn"}, "::error"),
        (unsure, {}, "::error"),
        (unsure, {"on_inconclusive": "warn"}, "::warning"),
        (unsure, {"on_inconclusive": "warn", "fail_on": "warn"}, "::error"),
        (unsure, {"on_inconclusive": "pass"}, "::notice"),
    ):
        text = render_verdict(check(results(row(estimates)), policy(**config)), "github")
        assert text.startswith(f"{level} "), config


def test_percent_and_newlines_are_escaped() -> None:
    finding = Finding(id="RD001", kind="a:b,c", severity="fail", rule="r", message="100% a\nb")
    line = render_verdict(MIXED.model_copy(update={"findings": [finding]}), "github")
    assert line == "::error title=repdiag RD001 a%3Ab%2Cc::every representation: 100%25 a\\x0ab\n"


def test_the_environment_decides(tmp_path: Path) -> None:
    file = tmp_path / "output"
    for env in ({}, {"GITHUB_ACTIONS": "false"}):
        outside = {**env, "GITHUB_OUTPUT": str(file), "GITHUB_STEP_SUMMARY": str(file)}
        assert github_outputs(MIXED, outside) is None
        write_outputs({"verdict": "pass"}, outside)
        assert not file.exists()
    write_outputs({"verdict": "pass"}, {"GITHUB_ACTIONS": "true", "GITHUB_OUTPUT": ""})
    alone = github_outputs(MIXED, {"GITHUB_ACTIONS": "true"})
    assert alone is not None
    assert alone.summary is None


def test_the_summary_keeps_what_was_there(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before")
    for _ in range(2):
        written = github_outputs(MIXED, on_github(step_summary=summary))
        assert written is not None
        assert written.annotations.startswith("::error ")
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before\n## ❌ repdiag check: fail")
    assert text.count("## ❌ repdiag check: fail") == 2


def test_a_full_summary_still_gets_the_verdict(tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_bytes(b"x" * (MAX_SUMMARY_BYTES - 400))
    github_outputs(MIXED, on_github(step_summary=summary))
    content = summary.read_bytes()
    assert len(content) <= MAX_SUMMARY_BYTES
    assert b"\n## FAIL: " in content
    summary.write_bytes(b"x" * MAX_SUMMARY_BYTES)
    github_outputs(MIXED, on_github(step_summary=summary))
    assert summary.read_bytes() == b"x" * MAX_SUMMARY_BYTES


def test_outputs_say_verdict_code_counts_and_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "output"
    file.write_text("earlier=kept")
    outputs = step_outputs(MIXED, None, {"report": Path("a b.html"), "json": tmp_path / "r.json"})
    write_outputs(outputs, on_github(output=file))
    assert read_outputs(file) == {
        "earlier": "kept",
        "verdict": "fail",
        "exit-code": "1",
        "findings": "5",
        "failed": "2",
        "report": str(tmp_path / "a b.html"),
        "json": str(tmp_path / "r.json"),
    }
    assert step_outputs(GOOD, None, {})["exit-code"] == "0"
    assert step_outputs(MIXED, 0, {})["exit-code"] == "0"


def test_a_hostile_name_sets_no_output_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "output"
    names = ["x\nverdict=pass", "x\nEOF\nverdict=pass", "verdict<<EOF", HOSTILE, os.fsdecode(b"\xff.html")]
    for name in names:
        file.unlink(missing_ok=True)
        report = tmp_path / name
        write_outputs(step_outputs(MIXED, None, {"report": report}), on_github(output=file))
        found = read_outputs(file)
        assert list(found) == ["verdict", "exit-code", "findings", "failed", "report"]
        assert found["verdict"] == "fail"
        assert found["report"] == str(report)


def test_delimiters_cannot_be_guessed(tmp_path: Path) -> None:
    ends = set()
    for name in "ab":
        write_outputs({"report": "/x y"}, on_github(output=tmp_path / name))
        ends |= set(re.findall(r"report<<(\w+)", (tmp_path / name).read_text()))
    assert len(ends) == 2
    assert all(len(end) > 30 for end in ends)


@pytest.mark.parametrize("what", ["missing/file", "folder", "pipe"])
def test_a_file_that_cannot_be_extended_is_an_error(tmp_path: Path, what: str) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    file = tmp_path / what
    with pytest.raises(OutputError, match=what):
        github_outputs(MIXED, on_github(step_summary=file))
    with pytest.raises(OutputError, match=what):
        write_outputs({"verdict": "pass"}, on_github(output=file))
