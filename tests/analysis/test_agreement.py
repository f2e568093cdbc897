"""Two views of the same samples: what they share, and how far apart they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from repdiag.results import Pair, Results
from repdiag.types import Address
from tests.analysis.memory import Array, analyse_all

N, D = 1200, 40


def normal(seed: int, n: int = N) -> Array:
    return np.random.default_rng(seed).standard_normal((n, D))


def found(**views: Array) -> Results:
    return analyse_all(views, "top1_share", "trace", interval="fast")


def pair(**views: Array) -> Pair:
    return found(**views).pairs[0]


@pytest.mark.parametrize("noise", [0.1, 1.0, 3.0])
def test_noise_is_the_share_that_views_do_not_have_in_common(noise: float) -> None:
    common = normal(0)
    estimate = pair(a=common + noise * normal(1), b=common + noise * normal(2)).estimates["view_noise"]
    truth = noise**2 / (1 + noise**2)
    assert estimate.value == pytest.approx(truth, rel=0.05)
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= truth <= estimate.high


def test_distance_counts_what_is_common_to_all_rows_too() -> None:
    common, offset = normal(0), 7 * np.ones(D)
    near = pair(a=common + offset, b=common + offset + 0.5 * normal(1)).estimates["view_distance"]
    assert near.value == pytest.approx(0.25 / (2 * 50 + 0.25), rel=0.05)


def test_another_mean_in_one_view_is_no_noise() -> None:
    common = normal(0)
    estimates = pair(a=common, b=common + 5).estimates
    assert estimates["view_noise"].value == pytest.approx(0, abs=1e-20)
    assert (estimates["view_distance"].value or 0) > 0.5


def test_views_of_different_samples_have_nothing_in_common() -> None:
    common = normal(0)
    assert pair(a=common, b=np.roll(common, 1, axis=0)).estimates["view_noise"].value == pytest.approx(
        1, abs=0.1
    )


def test_the_same_view_twice_is_no_noise_and_has_no_interval() -> None:
    estimate = pair(a=normal(0), b=normal(0)).estimates["view_noise"]
    assert (estimate.value, estimate.low, estimate.high) == (0.0, None, None)


def test_each_further_view_is_compared_with_the_first() -> None:
    views = found(a=normal(0), b=normal(1), c=normal(2))
    assert [(each.x.view, each.y.view) for each in views.pairs] == [("a", "b"), ("a", "c")]


def test_layers_and_checkpoints_are_kept_apart() -> None:
    rows: Any = {
        Address(checkpoint, view, layer): normal(0)
        for checkpoint in ("first", "last")
        for view in ("a", "b")
        for layer in ("one", "two")
    }
    made = analyse_all(rows, "trace")
    assert len(made.pairs) == 4
    assert all((p.x.checkpoint, p.x.layer) == (p.y.checkpoint, p.y.layer) for p in made.pairs)


def test_rows_that_one_view_lacks_are_left_out() -> None:
    second = normal(1)
    second[:100] = np.nan
    assert pair(a=normal(0), b=second).n == found(a=normal(0), b=normal(1)).pairs[0].n - _sampled(100)


def _sampled(first: int) -> int:
    """How many of the first rows are in the sample: those with the lowest id hashes."""
    from repdiag.analysis.agreement import KEPT_BYTES
    from repdiag.analysis.row_sample import MOST_ROWS
    from repdiag.stats.groups import hash_order, text_hashes

    order = hash_order(text_hashes(str(row) for row in range(N)))
    assert KEPT_BYTES // (8 * D) > MOST_ROWS
    return int((order[:first] < MOST_ROWS).sum())


def test_views_of_other_width_or_of_few_rows_are_not_compared() -> None:
    assert found(a=normal(0), b=normal(1)[:, :20]).pairs == []
    assert found(a=normal(0, 40), b=normal(1, 40)).pairs == []


def test_one_view_has_no_pair() -> None:
    assert found(a=normal(0)).pairs == []
