"""Running commands as a user types them."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from repdiag.commands import run
from tests.source import ROOT


@dataclass(frozen=True)
class Ended:
    """How a command line ended."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """The one line on stderr, without its `error: `."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        assert lines[0].startswith("error: ")
        return lines[0].removeprefix("error: ")


class Typed:
    """`typed("spectrum", path)` in this process; the working folder is a fresh one."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def __call__(self, *words: str | Path) -> Ended:
        self._capfd.readouterr()
        code = run([str(word) for word in words])
        out, err = self._capfd.readouterr()
        return Ended(code, out, err)


def in_a_process(
    *words: str | Path, cwd: Path, shell_tail: str = "", code: str | None = None
) -> subprocess.CompletedProcess[str]:
    """A command line in a process of its own; `shell_tail` is a redirection or a pipe."""
    program = [sys.executable, "-c", code] if code else [sys.executable, "-m", "repdiag"]
    line = [*program, *(str(word) for word in words)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    if shell_tail:
        script = f'"$@" {shell_tail}; exit "${{PIPESTATUS[0]}}"'
        line = ["bash", "-c", script, "bash", *line]
    return subprocess.run(
        line, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
