"""What every test runs under: one thread, no network, no colours, a terminal of 80 columns."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import settings

# Before anything imports numpy or torch: the test processes share the cores.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
os.environ.update(
    {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "COLUMNS": "80", "NO_COLOR": "1"}
)
# A suite that runs inside a CI job must not write into that job's own summary.
for variable in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
    os.environ.pop(variable, None)

# A deadline would measure how busy the machine is.
settings.register_profile("repdiag", deadline=None)
settings.load_profile("repdiag")

VISITED = ("hostile", "test_child.py", "test_guarded.py", "test_rehearsal.py")


@pytest.fixture(autouse=True)
def unvisited(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No child visits the HDF5 files that a test made itself, which took a fifth of the suite.

    Tests of that door keep it, and so does every test that runs a command as a process of its own.
    """
    door = sys.modules.get("repdiag.store.guarded")
    if door is not None and not set(VISITED) & set(request.path.parts):
        monkeypatch.setattr(door, "FORKS", False)
