"""When a figure of a pair is resolved: against its ceiling, its shuffled null, and a view with itself."""

from __future__ import annotations

import math
from typing import Any

import pytest

from repdiag.analysis.pair_status import Standing
from repdiag.types import Status
from tests.analysis.test_information import gaussian_pair, measured, one


def status(value: float, measure: str = "logdet_mi", error: float | None = 0.1, **beside: Any) -> Status:
    return Standing(measure, value, value, error, math.inf).status(beside)[0]


def test_a_figure_that_is_half_null_is_unresolved() -> None:
    found, reason = Standing("logdet_mi", 441.0, 441.0, 2.0, math.inf).status({"null": 221.0})
    assert found is Status.UNRESOLVED
    assert reason == "most of it is no dependence: shuffled rows give 221, these 441"
    assert status(441, null=220) is Status.OK
    assert status(441, null=-300) is Status.OK


def test_a_figure_that_is_its_null_is_unresolved() -> None:
    assert status(0.3, null=0.0, null_error=0.1) is Status.UNRESOLVED
    assert status(0.5, null=0.0, null_error=0.1) is Status.OK
    assert status(-0.3, null=0.0, null_error=0.1) is Status.UNRESOLVED


def test_an_error_stands_in_for_one_that_is_missing() -> None:
    assert status(0.4, error=None, null=0.0, null_error=0.1) is Status.UNRESOLVED
    assert status(0.4, error=0.1, null=0.0) is Status.UNRESOLVED
    assert status(0.5, error=None, null=0.0, null_error=0.1) is Status.OK
    assert status(0.01, error=None, null=0.0) is Status.OK


def test_self_that_does_not_exist_disables_nothing() -> None:
    assert status(0.1, "gaussian_mi", null=0.0, null_error=0.1) is Status.UNRESOLVED
    assert status(5.0, null=0.0, null_error=0.1, self_x=0.1, self_y=9.0) is Status.UNRESOLVED


def test_a_scale_without_a_zero_has_no_share() -> None:
    assert status(0.95, "mmcr", 0.01, null=0.7, null_error=0.01) is Status.OK
    assert status(0.7, "mmcr", 0.01, null=0.7, null_error=0.01) is Status.UNRESOLVED
    assert status(0.1, "alignment", 0.01, null=2.0, null_error=0.01) is Status.OK


def test_a_joint_entropy_is_no_measure_of_dependence() -> None:
    assert status(1.9, "renyi_joint_entropy", null=1.9, null_error=0.1) is Status.OK


def test_the_ceiling_comes_first() -> None:
    top = Standing("ksg_mi", 4.99, 4.99, None, 5.0)
    assert top.status({"null": 4.9, "null_error": 1.0}) == (Status.SATURATED, "")


@pytest.mark.parametrize(
    "measure", ["renyi_mi", "logdet_mi", "gaussian_mi", "cka", "cs_qmi", "ksg_mi", "mmcr"]
)
def test_unrelated_views_are_unresolved_and_related_ones_are_not(measure: str) -> None:
    unrelated, related = (one(*gaussian_pair(250, 8, rho), measure, rows=250) for rho in (0.0, 0.9))
    assert unrelated.status is Status.UNRESOLVED
    assert "shuffled rows give" in str(unrelated.details["reason"])
    assert related.status is Status.OK
    assert "reason" not in related.details


@pytest.mark.parametrize("measure", ["logdet_mi", "matrix_mi", "renyi_mi{alpha=1}"])
def test_figures_that_are_mostly_null_are_unresolved(measure: str) -> None:
    found = one(*gaussian_pair(150, 60, 0.5), measure, rows=150, interval="none")
    assert found.status is Status.UNRESOLVED
    assert found.value is not None


def test_a_bandwidth_stands_beside_figures_that_have_one() -> None:
    names = ("renyi_mi", "cs_qmi", "cka{kernel=gaussian}", "diffusion_mi", "conditional_renyi_mi")
    others = (
        "ksg_mi",
        "matrix_mi",
        "cka",
        "logdet_mi",
        "renyi_mi{kernel=linear}",
        "diffusion_mi{preset=published}",
    )
    pair = measured(*gaussian_pair(60, 3, 0.5), *names, *others, interval="none", labels=[0, 1] * 30)
    for name, found in pair.estimates.items():
        assert ("bandwidth_x" in found.details) == (name in names), name


def test_a_definition_names_the_bandwidth_of_the_run() -> None:
    views = gaussian_pair(60, 3, 0.5)
    texts = {width: one(*views, "renyi_mi", bandwidth=width).definition for width in (None, "best", 2.5)}
    assert "s the median distance" in texts[None]
    assert "s = 2.5" in texts[2.5]
    assert "the most contrast of self and null" in texts["best"]
    assert "s the median distance" in one(*views, "cka", bandwidth=2.5).definition
