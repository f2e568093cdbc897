"""How the rows arrive changes nothing: chunks, shards, order, and a mean far from zero."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from repdiag.analysis import source
from repdiag.results import Representation
from tests.analysis.memory import analyse
from tests.reference import covariance_eigenvalues, entropy_rank

Rows = NDArray[np.float32]
IDS = [f"s{i}" for i in range(900)]


def rows(n: int = 900, d: int = 24, seed: int = 0) -> Rows:
    r = np.random.default_rng(seed)
    return (r.standard_normal((n, d)) * np.arange(1, d + 1) ** -0.7 + 0.5).astype(np.float32)


def found(data: Rows, ids: list[str], **options: object) -> Representation:
    labels = np.array([int(name[1:]) % 3 for name in ids])
    return analyse(data, ids=ids, labels=labels, interval="full", **options)


def assert_same(left: Representation, right: Representation, tolerance: float = 1e-10) -> None:
    assert left.estimates.keys() == right.estimates.keys()
    for name, estimate in left.estimates.items():
        for part in ("value", "plugin", "low", "high"):
            expected = getattr(right.estimates[name], part)
            close = None if expected is None else pytest.approx(expected, rel=tolerance, abs=1e-12)
            assert getattr(estimate, part) == close, (name, part)


@pytest.fixture(scope="module")
def whole() -> Representation:
    return found(rows(), IDS)


@pytest.mark.parametrize("size", [64 * 8 * 24, 100 * 8 * 24, 1])
def test_chunk_size(size: int, whole: Representation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "BLOCK_BYTES", size)
    assert source.block_rows(24) < 900
    assert_same(found(rows(), IDS), whole)


@pytest.mark.parametrize("shards", [3, 16])
def test_number_of_shards(shards: int, whole: Representation) -> None:
    assert_same(found(rows(), IDS, shards=shards), whole)


@pytest.mark.parametrize("seed", [1, 2])
def test_order_of_ids_with_their_rows(seed: int, whole: Representation) -> None:
    order = np.random.default_rng(seed).permutation(900)
    assert_same(found(rows()[order], [IDS[i] for i in order]), whole)


@pytest.mark.parametrize("interval", ["none", "fast", "full"])
def test_the_value_does_not_depend_on_the_interval(interval: str, whole: Representation) -> None:
    other = analyse(rows(), ids=IDS, labels=np.arange(900) % 3, interval=interval)
    for name, estimate in other.estimates.items():
        expected = whole.estimates[name]
        assert estimate.status is expected.status
        assert estimate.value == pytest.approx(expected.value, rel=1e-11)


@pytest.mark.parametrize("factor", [1e3, 1e6])
def test_a_mean_far_from_zero(factor: float) -> None:
    """Against two passes in float64 over the same stored bytes."""
    r = np.random.default_rng(3)
    deviation = r.standard_normal((2000, 16)) * np.arange(1, 17) ** -0.5
    stored = (deviation + factor * r.standard_normal(16)).astype(np.float32)
    estimate = analyse(stored, "effective_rank").estimates["effective_rank"]
    expected = entropy_rank(covariance_eigenvalues(stored.astype(np.float64)))
    assert estimate.plugin == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("d", [1000, 1600])
def test_one_scatter_or_twenty(d: int) -> None:
    """From 1,500 features on, intervals come from a second pass instead of 20 scatters."""
    r = np.random.default_rng(4)
    data = (r.standard_normal((1700, d)) * np.arange(1, d + 1) ** -1.0).astype(np.float32)
    estimate = analyse(data, "participation_ratio", interval="fast").estimates["participation_ratio"]
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.value is not None
    assert estimate.low < estimate.value < estimate.high
    assert estimate.high / estimate.low < 1.5
