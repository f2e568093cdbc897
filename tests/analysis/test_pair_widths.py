"""Bandwidths that follow the samples: what leaving some out does to the median, and to intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from repdiag.analysis.bandwidth import kernel_of, pulls
from tests.analysis.test_information import gaussian_pair, one


def width(measure: str, **options: Any) -> float:
    found = one(*gaussian_pair(200, 6, 0.7), measure, rows=200, **options)
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_pulls_are_what_leaving_out_a_row_does() -> None:
    rows = torch.from_numpy(np.random.default_rng(0).standard_normal((400, 3)))
    median = kernel_of(rows).width
    found = pulls(rows, median)
    kept = [torch.cat([rows[:i], rows[i + 1 :]]) for i in range(0, 400, 8)]
    expected = np.log([kernel_of(each).width / median for each in kept])
    assert np.corrcoef(found[::8], expected)[0, 1] > 0.98
    assert np.polyfit(found[::8], expected, 1)[0] == pytest.approx(1, abs=0.15)


def test_pulls_of_rows_that_are_all_alike_are_zero() -> None:
    assert not pulls(torch.ones(20, 2), 1.0).any()


@pytest.mark.parametrize("measure", ["renyi_joint_entropy", "cs_qmi"])
def test_intervals_are_narrower_where_the_bandwidth_follows(measure: str) -> None:
    """Given as a number, the bandwidth is the same whatever the samples."""
    rows = gaussian_pair(200, 6, 0.7)
    median = float(kernel_of(torch.from_numpy(rows[0])).width)
    assert width(measure) < 0.7 * width(measure, bandwidth=median)


def test_the_interval_of_a_joint_entropy_is_as_wide_as_fresh_samples_are_spread() -> None:
    found = [one(*_drawn(seed), "renyi_joint_entropy") for seed in range(30)]
    spread = np.std([each.value for each in found if each.value is not None], ddof=1)
    reach = np.mean(
        [each.high - each.low for each in found if each.high is not None and each.low is not None]
    )
    assert 0.8 < reach / (2 * 1.96 * spread) < 1.8


def test_groups_of_one_row_are_like_rows_one_by_one() -> None:
    alone = width("renyi_joint_entropy")
    assert width("renyi_joint_entropy", groups=np.arange(200)) == pytest.approx(alone, rel=0.5)


def _drawn(seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    x, noise = np.random.default_rng(seed).standard_normal((2, 200, 6))
    return x, 0.7 * x + np.sqrt(1 - 0.49) * noise
