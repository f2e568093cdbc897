"""The action and the worked example, run as GitHub would: exit code, annotations, summary, outputs."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest
import typer
import yaml  # type: ignore[import-untyped]

from repdiag.commands import app
from repdiag.results import read_results
from tests.source import ROOT
from tests.workflow import Ran, Runner

ACTION = ROOT / "action.yml"
EXAMPLE = ROOT / "examples" / "ci"


@pytest.fixture
def runner(here: Path, tmp_path_factory: pytest.TempPathFactory) -> Runner:
    return Runner(here, tmp_path_factory.mktemp("runner"))


def gate(runner: Runner, **inputs: str) -> Ran:
    """The action with the environment's own repdiag."""
    return runner.action(ACTION, {"install": "", **{name.replace("_", "-"): inputs[name] for name in inputs}})


def test_a_collapsed_store_fails_with_all_that_github_shows(
    runner: Runner, collapsed: Path, here: Path
) -> None:
    ran = gate(runner, stores=collapsed.name, upload_report="true", artifact="gate")
    assert ran.code == 1
    annotations = [line for line in runner.log.splitlines() if line.startswith("::")]
    assert 1 <= len(annotations) <= 10
    assert annotations[0].startswith("::error title=repdiag RD003 dimensional::collapsed/base/")
    assert runner.summary.startswith("## ❌ repdiag check: fail\n")
    assert runner.summary == (here / "repdiag.md").read_text(encoding="utf-8")
    assert ran.outputs == {
        "verdict": "fail",
        "exit-code": "1",
        "findings": "1",
        "failed": "1",
        "report": str(here / "repdiag.html"),
        "json": str(here / "repdiag.json"),
        "summary": str(here / "repdiag.md"),
    }
    assert read_results(here / "repdiag.json").verdict == "fail"
    assert (here / "repdiag.html").stat().st_size > 10_000
    ((action, given),) = runner.used
    assert (action, given["name"]) == ("actions/upload-artifact@v4", "gate")
    assert given["path"].split() == [ran.outputs[name] for name in ("report", "json", "summary")]


def test_a_healthy_store_passes_whatever_lies_beside_it(runner: Runner, healthy: Path, here: Path) -> None:
    for name in ("random.py", "types.py", "repdiag.py"):
        (here / name).write_text("raise SystemExit(0)\n", encoding="utf-8")
    ran = gate(runner, stores=healthy.name)
    assert (ran.code, ran.outputs["verdict"], ran.outputs["exit-code"]) == (0, "pass", "0")
    assert ran.outputs["findings"] == ran.outputs["failed"] == "0"
    assert "::error" not in runner.log
    assert runner.summary.startswith("## ✅ repdiag check: pass\n")


def test_too_few_rows_are_inconclusive(runner: Runner, few: Path) -> None:
    ran = gate(runner, stores=few.name)
    assert (ran.code, ran.outputs["verdict"], ran.outputs["exit-code"]) == (3, "inconclusive", "3")
    assert "::error" in runner.log


def test_a_store_that_looks_like_an_option_is_a_store(runner: Runner, collapsed: Path, here: Path) -> None:
    shutil.copy(collapsed, here / "--exit-zero")
    assert gate(runner, stores="--exit-zero", report="").code == 1


@pytest.mark.parametrize(
    "inputs",
    [
        {"stores": "missing.h5"},
        {"stores": ""},
        {"stores": "healthy.npy", "config": "missing.toml"},
        {"stores": "healthy.npy", "profile": "sll"},
        {"stores": "healthy.npy", "args": "--no-such-option"},
        {"stores": "healthy.npy", "python": "no-such-python"},
        {"stores": "healthy.npy", "python": "false"},
        {"stores": "healthy.npy", "report": "missing/report.html"},
    ],
    ids=str,
)
def test_without_a_result_it_ends_with_2_and_no_verdict(
    runner: Runner, healthy: Path, inputs: dict[str, str]
) -> None:
    ran = gate(runner, **inputs, upload_report="true")
    assert ran.code == 2
    assert ran.outputs["verdict"] == ""
    assert ran.outputs["report"] == ran.outputs["summary"] == ""
    assert ran.outputs["exit-code"] in ("2", "")
    assert runner.used == []
    assert "error: " in runner.log or "::error::" in runner.log
    assert "Traceback" not in runner.log


def test_inputs_are_words_and_never_code(runner: Runner, healthy: Path, here: Path) -> None:
    folder = here / "a folder; touch x"
    folder.mkdir()
    hostile = "$(touch pwned) `touch pwned` \"; touch pwned; echo '.npy"
    shutil.copy(healthy, folder / "two words.npy")
    shutil.copy(healthy, folder / hostile)
    (folder / "own rules.toml").write_text('[check]\nprofile = "llm"\n', encoding="utf-8")
    ran = gate(
        runner,
        stores=f"two words.npy\n\n{hostile}\n",
        config="own rules.toml",
        report="",
        json="a result.json",
        junit="junit of it.xml",
        args="--threads\n1",
        working_directory=folder.name,
    )
    assert ran.code == 0, runner.log
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [hostile, "two words.npy", "own rules.toml", "a result.json", "junit of it.xml", "repdiag.md"]
    )
    assert ran.outputs["json"] == str(folder / "a result.json")
    assert ran.outputs["report"] == ""
    document = json.loads((folder / "a result.json").read_text(encoding="utf-8"))
    assert document["source"]["check"]["profile"] == "llm"
    assert len(document["representations"]) == 2
    assert ElementTree.parse(folder / "junit of it.xml").getroot().tag == "testsuites"


def test_it_installs_what_it_is_told_and_nothing_else(runner: Runner) -> None:
    assert gate(runner, stores="missing", install="").code == 2
    assert runner.calls == []
    assert gate(runner, stores="missing", install="repdiag[vision]\n--index-url\nhttps://x y").code == 2
    assert runner.calls == [
        "python -m pip install --disable-pip-version-check repdiag[vision] --index-url https://x y"
    ]
    assert yaml.safe_load(ACTION.read_text(encoding="utf-8"))["inputs"]["install"]["default"] == "repdiag"


def test_no_input_is_part_of_a_script_and_every_option_exists() -> None:
    text = ACTION.read_text(encoding="utf-8")
    action = yaml.safe_load(text)
    scripts = [step["run"] for step in action["runs"]["steps"] if "run" in step]
    assert not any("${{" in script for script in scripts)
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(action["inputs"])
    command = typer.main.get_command(app).commands["check"]  # type: ignore[attr-defined]
    known = {text for parameter in command.params for text in parameter.opts}
    assert set(re.findall(r"option (--[\w-]+)", "\n".join(scripts))) <= known


@pytest.mark.parametrize(("encoder", "code", "verdict"), [("healthy", 0, "pass"), ("collapsed", 1, "fail")])
def test_the_worked_example(runner: Runner, here: Path, encoder: str, code: int, verdict: str) -> None:
    folder = here / "examples" / "ci"
    shutil.copytree(EXAMPLE, folder)
    text = (EXAMPLE / "github-workflow.yml").read_text(encoding="utf-8")
    contexts = {"matrix.encoder": encoder, "github.event.number": "7", "github.token": "none"}
    ran = runner.workflow(text, "gate", contexts)
    assert ran.code == code, runner.log
    assert ran.contexts["steps.gate.outputs.verdict"] == verdict
    assert ran.contexts["steps.gate.outputs.exit-code"] == str(code)
    assert runner.calls == ["pip install repdiag", f"gh pr comment 7 --body-file {folder / 'repdiag.md'}"]
    assert [action.partition("@")[0] for action, _ in runner.used] == [
        "actions/checkout",
        "actions/setup-python",
        "actions/upload-artifact",
    ]
    assert runner.used[-1][1]["name"] == f"collapse-{encoder}"
    assert f"repdiag check: {verdict}" in runner.summary
    assert ("::error" in runner.log) == (code == 1)
    assert (folder / "collapse.xml").is_file()


def test_the_examples_matrix_is_what_the_test_runs() -> None:
    job = yaml.safe_load((EXAMPLE / "github-workflow.yml").read_text(encoding="utf-8"))["jobs"]["gate"]
    assert job["strategy"]["matrix"] == {"encoder": ["healthy", "collapsed"]}
