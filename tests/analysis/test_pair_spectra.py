"""Kernel entropies of pairs: exact or stochastic, with intervals and nulls that make nothing twice."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from repdiag.analysis import InformationRequest, analyse_information, pair_spectra
from repdiag.measures import pair_entropies
from repdiag.measures.pair_entropies import Draws, KernelRows
from repdiag.results import Estimate
from repdiag.stats.slq import half_width
from repdiag.store import memory_store
from repdiag.types import IntervalMethod


def views(n: int, d: int = 4) -> dict[str, np.ndarray]:
    r = np.random.default_rng(3)
    x = r.standard_normal((n, d))
    return {"x": x, "y": 0.8 * x + 0.6 * r.standard_normal((n, d))}


def measured(n: int, *keys: str, interval: str = "auto", seed: int = 0) -> list[Estimate]:
    request = InformationRequest(measures=keys, interval=interval, device="cpu", seed=seed)  # type: ignore[arg-type]
    (pair,) = analyse_information([memory_store(views(n))], request).pairs
    return [pair.estimates[key] for key in keys]


def number(found: Estimate, name: str) -> float:
    return float(found.details[name])  # type: ignore[arg-type]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above 300 rows stochastic, and intervals of 200 rows."""
    monkeypatch.setattr(pair_spectra, "EXACT_ROWS", 300)
    monkeypatch.setattr(pair_spectra, "SPARE_ROWS", 300)
    monkeypatch.setattr(pair_spectra, "INTERVAL_ROWS", 200)


@pytest.mark.parametrize("key", ["renyi_mi{alpha=1}", "renyi_joint_entropy{alpha=1.5}"])
def test_the_estimator_changes_the_figure_by_its_error_and_the_interval_too(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pair_spectra, "INTERVAL_ROWS", 200)
    (exact,) = measured(500, key)
    monkeypatch.setattr(pair_spectra, "EXACT_ROWS", 300)
    (found,) = measured(500, key)
    assert (exact.details["estimator"], found.details["estimator"]) == ("exact", "stochastic")
    assert "estimator_error" not in exact.details
    error = number(found, "estimator_error")
    assert exact.value is not None
    assert found.value is not None
    assert 0 < abs(found.value - exact.value) < 4.5 * error
    halves = [(e.high - e.low) / 2 for e in (exact, found) if e.high is not None and e.low is not None]
    assert halves[1] == pytest.approx(math.hypot(halves[0], half_width(error)), rel=1e-6)
    assert exact.details["interval_rows"] == found.details["interval_rows"] == 200


@pytest.mark.usefixtures("few")
def test_the_seed_chooses_the_probes() -> None:
    (one,), (again,), (other,) = (measured(400, "renyi_mi{alpha=1}", seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one.value != other.value


@pytest.mark.usefixtures("few")
def test_without_intervals_the_error_of_the_estimator_is_still_told() -> None:
    (found,) = measured(400, "renyi_mi{alpha=1}", interval="none")
    assert (found.low, found.interval_method) == (None, IntervalMethod.NONE)
    assert number(found, "estimator_error") > 0
    assert "interval_rows" not in found.details


def test_the_interval_of_fewer_rows_is_narrowed(monkeypatch: pytest.MonkeyPatch) -> None:
    (small,) = measured(200, "renyi_mi{alpha=1}")
    monkeypatch.setattr(pair_spectra, "INTERVAL_ROWS", 200)
    (large,) = measured(800, "renyi_mi{alpha=1}")
    widths = [e.high - e.low for e in (small, large) if e.high is not None and e.low is not None]
    assert 1.1 < widths[0] / widths[1] < 2.3


def test_shuffles_make_the_joint_entropy_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three measures of one order: entropies of x, y, both, each beside itself, and eight of shuffles."""
    made: list[int] = []
    exact = pair_entropies.exact

    def counted(rows: Tensor, alpha: float) -> Draws:
        made.append(rows.shape[1])
        return exact(rows, alpha)

    monkeypatch.setattr(pair_spectra, "exact", counted)
    names = ("renyi_mi", "renyi_joint_entropy", "renyi_conditional_entropy")
    found = measured(120, *(f"{name}{{alpha=1}}" for name in names), interval="none")
    assert (made.count(4), made.count(8)) == (2, 3 + pair_spectra.SHUFFLES)
    mi, joint, conditional = found
    assert conditional.value == pytest.approx(joint.value - number(mi, "entropy_y"), rel=1e-12)  # type: ignore[operator]


def test_a_shuffled_record_is_that_of_shuffled_rows() -> None:
    made = views(80)
    x, y = torch.from_numpy(made["x"]), torch.from_numpy(made["y"])
    order = torch.randperm(80, generator=torch.Generator().manual_seed(1))
    record = KernelRows(x, y, 80, (2.0, 3.0))
    terms = ((1.0, "x"), (1.0, "y"), (-1.0, "xy"))
    record.entropy(terms, "gaussian", 1.0)
    for kernel in ("gaussian", "cosine", "linear"):
        mixed = record.reordered(order).entropy(terms, kernel, 1.0).value
        plain = KernelRows(x, y[order], 80, (2.0, 3.0)).entropy(terms, kernel, 1.0).value
        assert float(mixed) == pytest.approx(float(plain), rel=1e-9)


@pytest.mark.parametrize("kernel", ["cosine", "linear"])
def test_order_two_of_inner_products_takes_all_rows_with_an_interval(kernel: str) -> None:
    """Against the matrices, and delete-one jackknife errors that shrink as they should."""
    key = f"renyi_mi{{kernel={kernel}}}"
    made = views(1500)
    (found,) = measured(1500, key)
    x, y = (torch.from_numpy(made[name]) for name in "xy")
    if kernel == "cosine":
        x, y = (rows / rows.norm(dim=1, keepdim=True) for rows in (x, y))
    grams = [x @ x.T, y @ y.T]
    truth = [2 * math.log(g.trace()) - math.log(g.square().sum()) for g in (*grams, grams[0] * grams[1])]
    assert found.value == pytest.approx(truth[0] + truth[1] - truth[2], rel=1e-6)
    assert found.low is not None
    assert found.value is not None
    assert found.low < found.value
    assert "rows" not in found.details
    assert number(found, "null") < found.value < number(found, "self_x")
    (small,) = measured(400, key)
    assert small.low is not None
    assert small.value is not None
    assert 1.3 < (small.value - small.low) / (found.value - found.low) < 3
