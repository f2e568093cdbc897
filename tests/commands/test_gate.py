"""The gate on rows whose truth is known: what must pass passes, what must fail fails under its own name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from repdiag import synthetic
from repdiag.synthetic import Cloud
from tests.commands.helpers import Typed

HEALTHY: dict[str, Callable[[], Cloud]] = {
    "power law, d = 768": lambda: synthetic.power_law(4096, 768, exponent=1.0, seed=0),
    "isotropic, n = 1.3 d": lambda: synthetic.isotropic(1024, 768, seed=0),
    "steep, d = 2,048": lambda: synthetic.power_law(2048, 2048, exponent=1.5, seed=0),
    "isotropic, n = d / 8": lambda: synthetic.isotropic(500, 4096, seed=0),
}
LIMITED: dict[str, Callable[[], Cloud]] = {
    "rank 8": lambda: synthetic.low_rank(2048, 128, rank=8, seed=0),
    "rank 8 and noise": lambda: synthetic.low_rank(2048, 128, rank=8, noise=0.03, seed=0),
    "rank 8, few rows": lambda: synthetic.low_rank(200, 128, rank=8, noise=0.03, seed=1),
}


def judged(typed: Typed, folder: Path, rows: np.ndarray, *more: str) -> tuple[int, dict[str, Any]]:
    """Exit code and results of `check` on rows stored as float32."""
    np.save(folder / "rows.npy", rows.astype(np.float32))
    ended = typed("check", "rows.npy", "--json", "-", *more)
    return ended.code, json.loads(ended.out)


def kinds(results: dict[str, Any], severity: str) -> set[str]:
    return {finding["kind"] for finding in results["findings"] if finding["severity"] == severity}


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_rows_pass(name: str, typed: Typed, here: Path) -> None:
    code, results = judged(typed, here, HEALTHY[name]().samples.numpy())
    assert (code, results["verdict"]) == (0, "pass")
    assert not kinds(results, "fail") | kinds(results, "inconclusive")


@pytest.mark.parametrize("name", LIMITED)
def test_limited_rank_fails_by_its_cliff(name: str, typed: Typed, here: Path) -> None:
    code, results = judged(typed, here, LIMITED[name]().samples.numpy())
    assert code == 1
    assert kinds(results, "fail") == {"dimensional"}
    (cliff,) = (f for f in results["findings"] if f["severity"] == "fail")
    assert cliff["measure"] == "spectral_cliff"
    assert results["representations"][0]["estimates"]["spectral_cliff"]["details"]["k"] in (7, 8)


def test_a_constant_with_jitter_fails_as_constant(typed: Typed, here: Path) -> None:
    r = np.random.default_rng(0)
    code, results = judged(typed, here, r.standard_normal(64) + 1e-6 * r.standard_normal((2000, 64)))
    assert code == 1
    assert kinds(results, "fail") == {"constant"}


def test_a_shared_mean_is_a_cone_and_no_rank(typed: Typed, here: Path) -> None:
    code, results = judged(typed, here, synthetic.cone(2000, 64, offset=10.0, seed=0).samples.numpy())
    assert code == 1
    assert kinds(results, "fail") == {"cone"}
    assert results["representations"][0]["estimates"]["effective_rank"]["value"] > 55


def test_one_large_feature_is_rogue_and_judged_without(typed: Typed, here: Path) -> None:
    cloud = synthetic.rogue(2000, 64, feature=7, factor=100.0, seed=0)
    code, results = judged(typed, here, cloud.samples.numpy())
    assert code == 0
    assert "rogue feature" in kinds(results, "warn")
    (row,) = results["representations"]
    assert [feature["index"] for feature in row["rogue_features"]] == [7]
    assert row["estimates"]["effective_rank"]["value"] < 1.25
    assert row["estimates"]["effective_rank{rogue=drop}"]["value"] > 55
    message = next(f["message"] for f in results["findings"] if f["kind"] == "rogue feature")
    assert "with it" in message
    assert "without" in message


def test_a_line_is_one_direction(typed: Typed, here: Path) -> None:
    r = np.random.default_rng(0)
    rows = r.standard_normal((2000, 1)) @ r.standard_normal((1, 32)) + 0.01 * r.standard_normal((2000, 32))
    code, results = judged(typed, here, rows)
    assert code == 1
    assert "one direction" in kinds(results, "fail")


def test_the_verdict_is_the_same_every_time(typed: Typed, here: Path) -> None:
    rows = synthetic.low_rank(300, 64, rank=20, noise=0.2, seed=3).samples.numpy()
    first = judged(typed, here, rows)
    assert all(judged(typed, here, rows) == first for _ in range(3))
