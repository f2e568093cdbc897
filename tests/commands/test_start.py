"""Starting is quick: help loads nothing heavy, and light commands load no torch."""

from __future__ import annotations

import json
import statistics
from pathlib import Path

import pytest

from repdiag import __version__
from tests.commands.helpers import Typed, in_a_process

HEAVY = ("torch", "numpy", "h5py", "pydantic", "plotly", "scipy", "sklearn", "rich", "tqdm")
BUDGET = 0.2
SLACK = 0.1
CPU = "import resource; u = resource.getrusage(resource.RUSAGE_SELF); print(u.ru_utime + u.ru_stime)"


def loaded_after(code: str, cwd: Path) -> set[str]:
    ended = in_a_process(
        cwd=cwd, code=f"{code}\nimport sys, json; print('\\n' + json.dumps(sorted(sys.modules)))"
    )
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import repdiag",
        "import repdiag.commands",
        "from repdiag.commands import run; run(['--help'])",
        "from repdiag.commands import run; run(['spectrum', '--help'])",
        "from repdiag.commands import run; run(['--version'])",
    ],
)
def test_nothing_heavy_is_loaded(code: str, here: Path) -> None:
    # Typer itself loads pydantic to describe the options of one command.
    expected = {"pydantic"} if "'spectrum'" in code else set()
    assert not loaded_after(code, here) & set(HEAVY) - expected


def test_help_stays_within_its_cpu_budget(here: Path) -> None:
    def seconds(code: str) -> float:
        runs = [in_a_process(cwd=here, code=f"{code}\n{CPU}") for _ in range(3)]
        return statistics.median(float(ended.stdout.splitlines()[-1]) for ended in runs)

    beyond = seconds("from repdiag.commands import run; run(['--help'])") - seconds("pass")
    assert beyond <= BUDGET + SLACK, f"--help takes {beyond:.3f} CPU seconds beyond bare Python"


def test_version(typed: Typed) -> None:
    ended = typed("--version")
    assert (ended.code, ended.out) == (0, f"repdiag {__version__}\n")


def test_help_fits_eighty_columns_and_cuts_no_sentence(typed: Typed) -> None:
    shown = ("extract", "spectrum", "information", "check", "inspect", "measures", "report", "demo")
    for words in ([], *([name] for name in shown)):
        ended = typed(*words, "--help")
        assert ended.code == 0
        assert max(map(len, ended.out.splitlines())) <= 80
    commands = typed("--help").out.split("Commands:")[1]
    assert "..." not in commands
