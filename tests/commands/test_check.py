"""`repdiag check`: the gate's exit codes, outputs and configuration."""

from __future__ import annotations

import json
import os
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest

from repdiag.results import read_results
from tests.commands.helpers import Typed, in_a_process


def test_healthy_passes(typed: Typed, healthy: Path, here: Path) -> None:
    ended = typed("check", healthy)
    assert ended.code == 0
    assert "pass" in ended.out.lower()
    assert os.listdir(here) == ["healthy.npy"]


def test_collapsed_fails_by_its_cliff(typed: Typed, collapsed: Path) -> None:
    ended = typed("check", collapsed)
    assert ended.code == 1
    assert "spectral_cliff" in ended.out
    assert "fail" in ended.out.lower()


def test_too_few_rows_are_inconclusive(typed: Typed, few: Path) -> None:
    assert typed("check", few).code == 3


def test_rows_that_are_not_finite_never_pass(typed: Typed, here: Path) -> None:
    np.save(here / "nan.npy", np.full((500, 8), np.nan, dtype=np.float32))
    assert typed("check", "nan.npy").code not in (0, 70)


def test_a_constant_fails(typed: Typed, here: Path) -> None:
    np.save(here / "constant.npy", np.ones((500, 8), dtype=np.float32))
    assert typed("check", "constant.npy").code == 1


def test_exit_zero_silences_a_verdict_but_not_bad_input(typed: Typed, collapsed: Path) -> None:
    assert typed("check", collapsed, "--exit-zero").code == 0
    assert typed("check", "missing.npy", "--exit-zero").code == 2


def test_json_on_stdout_is_pure_and_keeps_the_code(typed: Typed, collapsed: Path) -> None:
    ended = typed("check", collapsed, "--json", "-")
    document = json.loads(ended.out)
    assert (ended.code, ended.err) == (1, "")
    assert document["verdict"] == "fail"
    failed = [finding for finding in document["findings"] if finding["severity"] == "fail"]
    assert failed
    assert all(finding["id"].startswith("RD") and finding["message"] for finding in failed)


def test_formats_go_to_files_and_stdout(typed: Typed, collapsed: Path, here: Path) -> None:
    ended = typed(
        "check", collapsed, "--format", "junit=j.xml", "--format", "json=r.json", "--format", "markdown"
    )
    assert ended.code == 1
    assert ElementTree.parse(here / "j.xml").getroot().tag in ("testsuites", "testsuite")
    assert read_results(here / "r.json").verdict == "fail"
    assert "|" in ended.out


def test_an_unknown_format_offers_the_nearest(typed: Typed, healthy: Path) -> None:
    ended = typed("check", healthy, "--format", "jnuit")
    assert ended.code == 2
    assert "junit" in ended.sentence


def test_stdout_takes_one_document(typed: Typed, healthy: Path) -> None:
    ended = typed("check", healthy, "--format", "junit", "--json", "-")
    assert ended.code == 2


def test_saved_results_are_judged_without_torch(typed: Typed, collapsed: Path, here: Path) -> None:
    assert typed("spectrum", collapsed, "--json", "r.json", "--no-report").code == 0
    assert typed("check", "r.json").code == 1
    code = (
        "import sys\nfrom repdiag.commands import run\n"
        "assert run(['check', 'r.json']) == 1\n"
        "print(sorted({'torch', 'h5py', 'sklearn'} & set(sys.modules)))"
    )
    ended = in_a_process(cwd=here, code=code)
    assert ended.stdout.endswith("[]\n"), ended.stderr


def test_saved_results_and_stores_judge_alike(typed: Typed, healthy: Path) -> None:
    typed("spectrum", healthy, "--json", "r.json", "--no-report")
    assert typed("check", healthy).code == typed("check", "r.json").code == 0


@pytest.mark.parametrize("name", ["repdiag.toml", "named.toml"])
def test_rules_come_from_the_configuration(typed: Typed, healthy: Path, here: Path, name: str) -> None:
    (here / name).write_text("[check.rules]\neffective_rank = { min = 15.9 }\n", encoding="utf-8")
    words = () if name == "repdiag.toml" else ("--config", name)
    ended = typed("check", healthy, *words)
    assert ended.code == 1
    assert "effective_rank" in ended.out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[check]\nprofle = 'ssl'\n", "profile"),
        ("[check.rules]\nefective_rank = { min = 2 }\n", "effective_rank"),
        ("[check.rules]\neffective_rank = { mn = 2 }\n", "min"),
        ("[check\n", "repdiag.toml"),
    ],
)
def test_a_wrong_configuration_is_one_sentence(
    typed: Typed, healthy: Path, here: Path, text: str, said: str
) -> None:
    (here / "repdiag.toml").write_text(text, encoding="utf-8")
    ended = typed("check", healthy)
    assert ended.code == 2
    assert said in ended.sentence


def test_flags_win_over_the_configuration(typed: Typed, few: Path, here: Path) -> None:
    (here / "repdiag.toml").write_text('[check]\nprofile = "sentence"\n', encoding="utf-8")
    ended = typed("check", few, "--profile", "llm", "--json", "-")
    assert json.loads(ended.out)["source"]["check"]["profile"] == "llm"
    assert typed("check", few, "--profile", "sll").code == 2


def test_a_closed_pipe_never_turns_a_verdict_into_a_pass(healthy: Path, collapsed: Path, here: Path) -> None:
    assert in_a_process("check", healthy, cwd=here, shell_tail="> /dev/full").returncode == 2
    assert in_a_process("check", collapsed, cwd=here, shell_tail="> /dev/full").returncode != 0


def test_github_annotations_and_summary_come_by_themselves(
    typed: Typed, collapsed: Path, here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(here / "summary.md"))
    (here / "summary.md").write_text("before\n", encoding="utf-8")
    ended = typed("check", collapsed)
    assert ended.code == 1
    assert 1 <= sum(line.startswith("::error") for line in ended.out.splitlines()) <= 10
    assert (here / "summary.md").read_text(encoding="utf-8").startswith("before\n")
    assert "fail" in (here / "summary.md").read_text(encoding="utf-8").lower()


def test_quiet_keeps_the_verdict(typed: Typed, collapsed: Path) -> None:
    ended = typed("check", collapsed, "--quiet")
    assert ended.code == 1
    assert len(ended.out.splitlines()) == 1


def test_a_report_only_where_asked(typed: Typed, collapsed: Path, here: Path) -> None:
    assert typed("check", collapsed, "--report", "gate.html").code == 1
    assert (here / "gate.html").is_file()
