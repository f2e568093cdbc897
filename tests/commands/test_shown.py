"""Samples, distributions and ranks by class arrive in the JSON and on the page of `repdiag spectrum`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repdiag.results import Results, read_results
from repdiag.store import write_store
from repdiag.types import Address
from tests.commands.helpers import Typed


@pytest.fixture
def store(tmp_path: Path) -> Path:
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((400, 12)).astype(np.float32)
    rows[17, 0] += 40
    rows[9] = rows[8]
    columns: dict[str, Any] = {"id": [f"img/{i}.jpg" for i in range(400)], "label": np.arange(400) % 2}
    write_store(tmp_path / "s.h5", columns, {Address("epoch=1"): rows})
    return tmp_path / "s.h5"


def test_spectrum_shows_single_samples(typed: Typed, store: Path, here: Path) -> None:
    assert typed("spectrum", store, "--json", "r.json", "--quiet").code == 0
    one = read_results(here / "r.json").representations[0]
    assert one.shown_samples is not None
    assert one.shown_samples.directions[0].high[0].id == "img/17.jpg"
    assert one.shown_samples.repeated[0].ids == ["img/8.jpg", "img/9.jpg"]
    assert one.distributions is not None
    assert one.class_ranks is not None
    assert {each.name for each in one.class_ranks.ranks} == {"0", "1"}
    page = (here / "s.spectrum.html").read_text(encoding="utf-8")
    for part in ("img/17.jpg", "Samples behind a direction", "Lengths and cosines", "Ranks by class"):
        assert part in page


def test_a_report_from_saved_results_shows_them_too(typed: Typed, store: Path, here: Path) -> None:
    assert typed("spectrum", store, "--json", "r.json", "--no-report", "--quiet").code == 0
    assert typed("report", "r.json", "-o", "again.html", "--quiet").code == 0
    assert "img/17.jpg" in (here / "again.html").read_text(encoding="utf-8")


def test_the_gate_stays_without_them(typed: Typed, store: Path, here: Path) -> None:
    ended = typed("check", store, "--format", "json", "--exit-zero", "--quiet")
    one = Results.model_validate_json(ended.out).representations[0]
    assert one.shown_samples is None
    assert one.distributions is None
    assert one.class_ranks is None
