"""A fresh working folder, small arrays in it, and a typed command line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.commands.helpers import Typed


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of the test."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def typed(capfd: pytest.CaptureFixture[str]) -> Typed:
    return Typed(capfd)


@pytest.fixture
def healthy(here: Path) -> Path:
    """2,000 rows whose 16 features have a power-law spectrum."""
    rows = np.random.default_rng(0).standard_normal((2000, 16)) * np.arange(1, 17) ** -0.5
    return _saved(here / "healthy.npy", rows)


@pytest.fixture
def collapsed(here: Path) -> Path:
    """2,000 rows of 64 features that span 4 directions."""
    generator = np.random.default_rng(1)
    rows = generator.standard_normal((2000, 4)) @ generator.standard_normal((4, 64))
    return _saved(here / "collapsed.npy", rows)


@pytest.fixture
def few(here: Path) -> Path:
    """Five rows: too few for any interval."""
    return _saved(here / "few.npy", np.random.default_rng(2).standard_normal((5, 16)))


def _saved(path: Path, rows: np.ndarray) -> Path:
    np.save(path, rows.astype(np.float32))
    return path
