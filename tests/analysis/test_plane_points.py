"""A reading of a known estimator as a point: interval, null, ceiling, and every status."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from repdiag.analysis.plane_points import Evidence, Measured, measured
from repdiag.analysis.plane_samples import shuffled_labels
from repdiag.measures.plane_inputs import LayerScale, PlaneReading, PlaneRows
from repdiag.types import IntervalMethod, Status
from tests.analysis import planes

M = 400


def rows(mean: float = 0.25, m: int = M, classes: int = 2) -> PlaneRows:
    random = np.random.default_rng(0)
    labels = random.permutation(np.arange(m) % classes)
    first = mean + random.standard_normal(m) + 3 * labels
    return PlaneRows(
        t=torch.from_numpy(first[:, None]),
        x=torch.arange(m),
        labels=shuffled_labels(labels, m, seed=0),
        classes=2,
        scale=LayerScale(0.0, 1.0, 0.25, 1.0),
    )


def evidence(m: int = M, blocks: int = 200, **known: object) -> Evidence:
    usual = Evidence(blocks=np.arange(m) % blocks, constant=False, target="label", tied=False)
    return replace(usual, **known)  # type: ignore[arg-type]


def changed(change: Callable[[PlaneReading], PlaneReading]) -> Measured:
    return measured(planes.choice(lambda rows: change(planes.reading(rows))), rows(), evidence())


def test_a_point_has_its_interval_null_ceiling_and_remark() -> None:
    given = rows()
    point = measured(planes.choice(), given, evidence())
    ixt, ity = point.ixt.estimate, point.ity.estimate
    first = given.t[:, 0].numpy()
    assert ixt.value == ixt.plugin == pytest.approx(first.mean())
    assert (ixt.status, ixt.unit, ixt.definition) == (Status.OK, "nats", "mean of the first feature")
    assert ixt.interval_method is IntervalMethod.FAST
    assert ixt.low is not None
    assert ixt.high is not None
    assert ixt.high - ixt.low == pytest.approx(2 * 1.97 * first.std() / math.sqrt(M), rel=0.2)
    assert ixt.details["ceiling"] == pytest.approx(math.log(M))
    assert (ixt.details["bandwidth"], ixt.details["kind"], ixt.details["rows"]) == (0.25, "fake", M)
    assert str(ixt.details["remark"]).startswith("deterministic: ")
    assert str(ixt.details["remark"]).endswith("this is a mean")
    assert ("ixt_lower" in ixt.details, "ity_lower" in ixt.details) == (True, False)
    assert {"null", "null_low", "null_high", "ity_lower"} <= set(ity.details)
    assert "remark" not in ity.details
    assert ity.status is Status.OK


def test_an_estimator_that_adds_noise_has_no_remark() -> None:
    point = measured(planes.choice(name="compressed_knn"), rows(), evidence())
    assert "remark" not in point.ixt.estimate.details


def test_parts_sum_to_zero_and_give_the_interval() -> None:
    point = measured(planes.choice(), rows(), evidence())
    assert point.ixt.parts.sum() == pytest.approx(0, abs=1e-12)
    assert point.shares.sum() == pytest.approx(1)
    error = math.sqrt(200 / 199 * float((point.ixt.parts**2).sum()))
    ixt = point.ixt.estimate
    assert ixt.high is not None
    assert ixt.value is not None
    assert ixt.high - ixt.value == pytest.approx(1.97 * error, rel=0.01)


def test_the_interval_covers_the_mean_of_all_samples() -> None:
    random = np.random.default_rng(1)
    inside = 0
    for _ in range(200):
        t = torch.from_numpy(1.5 + random.standard_normal((M, 1)))
        ixt = measured(planes.choice(), replace(rows(), t=t), evidence()).ixt.estimate
        assert ixt.low is not None
        assert ixt.high is not None
        inside += ixt.low <= 1.5 <= ixt.high
    assert inside >= 180


def test_at_the_ceiling_it_is_saturated() -> None:
    point = changed(lambda r: replace(r, ixt=r.ixt_ceiling * 0.995, ity=r.ity * 0 + r.ity_ceiling))
    assert (point.ixt.estimate.status, point.ity.estimate.status) == (Status.SATURATED, Status.SATURATED)
    assert point.ixt.value is not None
    assert "1% of the ceiling" in str(point.ixt.estimate.details["reason"])
    assert "H(Y)" in str(point.ity.estimate.details["reason"])


def test_what_shuffled_labels_give_too_is_unresolved() -> None:
    point = changed(lambda r: replace(r, ixt=r.ixt * 1e-3, ity=torch.full_like(r.ity, 0.1)))
    assert (point.ixt.estimate.status, point.ity.estimate.status) == (Status.UNRESOLVED, Status.UNRESOLVED)
    assert point.ity.value == pytest.approx(0.1)


def test_a_figure_that_is_not_finite_has_no_value() -> None:
    point = changed(lambda r: replace(r, ixt=r.ixt * torch.inf))
    assert (point.ixt.value, point.ixt.estimate.status) == (None, Status.NONFINITE)
    assert point.ity.estimate.status is Status.OK


def test_an_influence_that_is_not_finite_leaves_the_value_without_interval() -> None:
    ixt = changed(lambda r: replace(r, ixt_influence=r.ixt_influence * torch.nan)).ixt
    assert ixt.value is not None
    assert (ixt.estimate.low, ixt.estimate.high) == (None, None)
    assert np.isfinite(ixt.parts).all()


def test_a_constant_layer_is_not_measured() -> None:
    def never(rows: PlaneRows) -> PlaneReading:
        raise AssertionError("a constant layer was measured")

    point = measured(planes.choice(never), rows(), evidence(constant=True))
    assert (point.ixt.estimate.status, point.ixt.value) == (Status.CONSTANT, None)
    assert (point.ity.estimate.status, point.ity.value) == (Status.CONSTANT, None)


def test_few_rows_and_few_classes_are_insufficient() -> None:
    few = measured(planes.choice(), rows(m=49), evidence(49))
    assert few.ixt.estimate.status is Status.INSUFFICIENT
    assert few.ixt.estimate.details["reason"] == "49 usable rows, 50 are needed"
    one = measured(planes.choice(), rows(classes=1), evidence())
    assert (one.ixt.estimate.status, one.ity.estimate.status) == (Status.OK, Status.INSUFFICIENT)
    assert one.ity.estimate.details["reason"] == "1 class, 2 are needed"
    none = measured(planes.choice(), rows(), evidence(target=""))
    assert none.ity.estimate.status is Status.INSUFFICIENT
    assert "--target" in str(none.ity.estimate.details["reason"])


def test_fewer_than_ten_groups_give_no_interval() -> None:
    ixt = measured(planes.choice(), rows(), evidence(blocks=9, tied=True)).ixt.estimate
    assert ixt.value is not None
    assert ixt.low is None
    assert ixt.details["no_interval"] == "9 groups of samples, 10 are needed"
    assert measured(planes.choice(), rows(), evidence(blocks=10, tied=True)).ixt.estimate.low is not None
