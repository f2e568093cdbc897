from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repdiag.store import write_store
from repdiag.types import Address
from tests.commands.helpers import Typed

N, D = 600, 8


@pytest.fixture
def parts(here: Path) -> list[Path]:
    """whole.h5, and the same samples in three parts of unequal size."""
    generator = np.random.default_rng(0)
    common = generator.standard_normal((N, D)) * np.arange(1, D + 1) ** -0.5
    views = {
        Address("c", name, "l"): (common + 0.4 * generator.standard_normal((N, D)) + 5).astype(np.float32)
        for name in ("left", "right")
    }
    spans = {"whole": (0, N), "a": (0, 250), "b": (250, 300), "c": (300, N)}
    for name, (start, stop) in spans.items():
        ids = [f"s{i}" for i in range(start, stop)]
        write_store(here / f"{name}.h5", {"id": ids}, {at: rows[start:stop] for at, rows in views.items()})
    return [Path(f"{name}.h5") for name in "abc"]


def figures(path: str) -> list[dict[str, Any]]:
    results = json.loads(Path(path).read_text())
    held = results["representations"] if results["command"] != "information" else results["pairs"]
    return [one["estimates"] for one in held]


@pytest.mark.parametrize("command", ["information", "check"])
def test_parts_that_are_merged_give_the_figures_of_the_whole(
    parts: list[Path], typed: Typed, command: str
) -> None:
    quiet = ["--exit-zero"] if command == "check" else ["--no-report"]
    whole = typed(command, "whole.h5", "--json", "whole.json", *quiet)
    merged = typed(command, *parts, "--merge", "--json", "merged.json", *quiet)
    assert (whole.code, merged.code) == (0, 0), merged.err
    assert figures("merged.json") == figures("whole.json")


def test_without_it_they_stand_side_by_side(parts: list[Path], typed: Typed) -> None:
    ended = typed("spectrum", *parts, "--measure", "trace", "--no-report", "--json", "all.json")
    assert ended.code == 0
    assert len(figures("all.json")) == 6


def test_what_is_no_part_is_one_sentence(parts: list[Path], typed: Typed) -> None:
    ended = typed("check", *parts, "whole.h5", "--merge")
    assert ended.code == 2
    assert 'id "s0" comes twice' in ended.sentence
