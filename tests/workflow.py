"""GitHub's part in a test: workflows and composite actions are read, and their steps run with bash."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from tests.source import ROOT

BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")
ELSEWHERE = ("actions/checkout@", "actions/setup-python@", "actions/upload-artifact@")
"""Actions of others: noted with what they are given, never run."""


@dataclass
class Runner:
    """A machine as GitHub lends one: a workspace, and a folder of commands that come first on PATH.

    `calls` collects what the stubs of pip and gh were asked, `used` every foreign action with its inputs.
    """

    workspace: Path
    scratch: Path
    log: str = ""
    summary: str = ""
    used: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    number: int = 0

    def __post_init__(self) -> None:
        tools = self.scratch / "bin"
        tools.mkdir(parents=True)
        note = f'printf "%s\\n" "${{0##*/}} $*" >>"{self.scratch}/calls"'
        real = f'exec "{sys.executable}"'
        stubs = {
            "python": f'if [ "$1 $2" = "-m pip" ]; then {note}; else {real} "$@"; fi',
            "pip": note,
            "gh": note,
            "repdiag": f'{real} -m repdiag "$@"',
        }
        for name, script in stubs.items():
            (tools / name).write_text(f"#!/bin/bash\n{script}\n", encoding="utf-8")
            (tools / name).chmod(0o755)

    @property
    def calls(self) -> list[str]:
        file = self.scratch / "calls"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def workflow(self, text: str, job: str, contexts: Mapping[str, str]) -> Ran:
        """Run the steps of a job; `contexts` are values such as `matrix.encoder`."""
        return self._steps(yaml.safe_load(text)["jobs"][job]["steps"], contexts)

    def action(self, file: Path, inputs: Mapping[str, str]) -> Ran:
        """Run a composite action as a step with `with: inputs`."""
        action = yaml.safe_load(file.read_text(encoding="utf-8"))
        unknown = set(inputs) - set(action["inputs"])
        assert not unknown, f"the action has no input {unknown}"
        given = {name: inputs.get(name, one.get("default", "")) for name, one in action["inputs"].items()}
        ran = self._steps(action["runs"]["steps"], {f"inputs.{name}": given[name] for name in given})
        outputs = {name: filled(one["value"], ran.contexts) for name, one in action["outputs"].items()}
        return Ran(ran.code, outputs, ran.contexts)

    def _steps(self, steps: Sequence[dict[str, Any]], contexts: Mapping[str, str]) -> Ran:
        """Later steps run after a failed one only where their condition says `always()`."""
        known, failed = dict(contexts), 0
        for step in steps:
            condition = str(step.get("if", "success()"))
            if (failed and "always()" not in condition) or not holds(condition, known):
                continue
            code, outputs = self._step(step, known)
            failed = failed or code
            if "id" in step:
                known |= {f"steps.{step['id']}.outputs.{name}": value for name, value in outputs.items()}
        return Ran(failed, {}, known)

    def _step(self, step: dict[str, Any], contexts: Mapping[str, str]) -> tuple[int, dict[str, str]]:
        if "run" in step:
            return self._run(step, contexts)
        given = {name: filled(str(value), contexts) for name, value in step.get("with", {}).items()}
        if step["uses"] == "./":
            ran = self.action(ROOT / "action.yml", given)
            return ran.code, ran.outputs
        assert step["uses"].startswith(ELSEWHERE), step["uses"]
        self.used.append((step["uses"], given))
        return 0, {}

    def _run(self, step: dict[str, Any], contexts: Mapping[str, str]) -> tuple[int, dict[str, str]]:
        self.number += 1
        files = {
            name: self.scratch / f"{name}_{self.number}" for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")
        }
        for file in files.values():
            file.touch()
        script = self.scratch / f"step_{self.number}.sh"
        script.write_text(filled(step["run"], contexts), encoding="utf-8")
        own = {name: filled(str(value), contexts) for name, value in step.get("env", {}).items()}
        env = {
            **os.environ,
            "PATH": f"{self.scratch / 'bin'}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(ROOT),
            "GITHUB_WORKSPACE": str(self.workspace),
            **{name: str(file) for name, file in files.items()},
            **own,
        }
        folder = self.workspace / filled(step.get("working-directory", "."), contexts)
        ended = subprocess.run(
            [*BASH, script], cwd=folder, env=env, capture_output=True, text=True, check=False, timeout=300
        )
        self.log += ended.stdout + ended.stderr
        self.summary += files["GITHUB_STEP_SUMMARY"].read_text(encoding="utf-8")
        return ended.returncode, read_outputs(files["GITHUB_OUTPUT"])


@dataclass(frozen=True)
class Ran:
    """How steps ended: the exit code of the first that failed, or 0."""

    code: int
    outputs: dict[str, str]
    contexts: Mapping[str, str]


def filled(text: str, contexts: Mapping[str, str]) -> str:
    """`text` with every `${{ name }}` replaced; a name without a value is empty, as GitHub has it."""
    return re.sub(r"\$\{\{\s*([\w.-]+)\s*\}\}", lambda match: contexts.get(match[1], ""), text)


def holds(condition: str, contexts: Mapping[str, str]) -> bool:
    """A conjunction of status functions and comparisons of a name with a string."""
    terms = [term.strip() for term in condition.removeprefix("${{").removesuffix("}}").split("&&")]
    return all(_holds(term, contexts) for term in terms)


def _holds(term: str, contexts: Mapping[str, str]) -> bool:
    if term in ("always()", "success()"):
        return True
    match = re.fullmatch(r"([\w.-]+) (==|!=) '([^']*)'", term)
    assert match, f"the test cannot read the condition {term}"
    return (contexts.get(match[1], "") == match[3]) == (match[2] == "==")


def read_outputs(file: Path) -> dict[str, str]:
    """Names and values of a GITHUB_OUTPUT file, by the runner's rules: the last one of a name counts.

    Raises:
        ValueError: a line that is neither `name=value` nor the start of a block, or a block without end.
    """
    found: dict[str, str] = {}
    lines = iter(os.fsdecode(file.read_bytes()).split("\n") if file.exists() else [])
    for line in lines:
        name, value = _assigned(line, lines) if line else ("", "")
        found |= {name: value} if name else {}
    return found


def _assigned(line: str, rest: Iterator[str]) -> tuple[str, str]:
    """One assignment that starts with `line`; a block takes what it needs of the rest."""
    if not (match := re.fullmatch(r"([^=]*?)<<(.+)", line)):
        name, separator, value = line.partition("=")
        if not separator:
            raise ValueError(line)
        return name, value
    block: list[str] = []
    for inner in rest:
        if inner == match[2]:
            return match[1], "\n".join(block)
        block.append(inner)
    raise ValueError(f"no end of {match[1]}")
