"""Phases of paths with known falls: how often one is seen where there is none, and missed where there is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from repdiag.stats.phases import (
    PairedPath,
    fall_over_runs,
    falls_of_runs,
    paired_fall,
    roughness,
    sign_flip,
)

STEPS, SAMPLES, BLOCKS = 20, 400, 200


def noisy(
    random: np.random.Generator,
    alike: float,
    shape: NDArray[np.floating[Any]] | float = 0.0,
    steps: int = STEPS,
    blocks: int = BLOCKS,
) -> PairedPath:
    """Means of samples whose noise is `alike` at all steps to that correlation, about 5 + shape (steps,)."""
    own = random.standard_normal((steps, SAMPLES))
    raw = np.sqrt(alike) * random.standard_normal(SAMPLES) + np.sqrt(1 - alike) * own
    apart = raw - raw.mean(1, keepdims=True)
    parts = np.stack([apart[:, at::blocks].sum(1) for at in range(blocks)], axis=1) / SAMPLES
    return PairedPath(5 + raw.mean(1) + shape, parts, np.full(blocks, 1 / blocks))


def standard_error(alike: float) -> float:
    """That of the difference of two steps."""
    return float(np.sqrt(2 * (1 - alike) / SAMPLES))


@pytest.mark.parametrize("alike", [0.0, 0.9, 0.99])
@pytest.mark.parametrize("blocks", [20, 200])
def test_flat_series_seldom_show_a_fall(alike: float, blocks: int) -> None:
    """At 95% at most 5% of 200 series; the rate that was measured on 1,000 is 1 to 3%."""
    random = np.random.default_rng(0)
    seen = sum(paired_fall(noisy(random, alike, blocks=blocks), 0.95).seen for _ in range(200))
    assert seen <= 10


@pytest.mark.parametrize("alike", [0.0, 0.9])
def test_a_fall_of_five_standard_errors_is_found(alike: float) -> None:
    random = np.random.default_rng(1)
    half = STEPS // 2
    triangle = np.concatenate([np.linspace(0, 1, half), np.linspace(1, 0, half + 1)[1:]])
    shape = 5 * standard_error(alike) * triangle
    found = [paired_fall(noisy(random, alike, shape), 0.95) for _ in range(200)]
    assert sum(fall.seen for fall in found) > 180
    assert np.mean([fall.size for fall in found]) == pytest.approx(5 * standard_error(alike), rel=0.15)


def test_the_plain_difference_from_the_largest_would_be_fooled() -> None:
    """What choosing the maximum does to a flat series, and what choosing it on other samples undoes."""
    random = np.random.default_rng(2)
    paths = [noisy(random, 0.0) for _ in range(200)]
    plain = np.mean([path.values.max() - path.values[-1] for path in paths])
    fair = np.mean([paired_fall(path, 0.95).size for path in paths])
    error = standard_error(0.0)
    assert plain > 1.2 * error
    assert abs(fair) < 0.3 * error


def test_an_interval_covers_a_step_down() -> None:
    random = np.random.default_rng(3)
    shape = 8 * standard_error(0.9) * (np.arange(STEPS) < STEPS // 2)
    found = [paired_fall(noisy(random, 0.9, shape), 0.95) for _ in range(200)]
    low = np.array([fall.low for fall in found], dtype=float)
    high = np.array([fall.high for fall in found], dtype=float)
    inside = (low <= shape[0]) & (shape[0] <= high)
    assert inside.mean() >= 0.92


def test_jumps_that_all_samples_share_are_no_fall() -> None:
    """Jumps twenty times the sampling error: without their own term nearly every path would show a fall."""
    random = np.random.default_rng(4)
    seen = 0
    for _ in range(200):
        jumps = 20 * standard_error(0.99) * random.standard_normal(STEPS)
        seen += paired_fall(noisy(random, 0.99, jumps), 0.95).seen
    assert seen <= 20


def test_roughness_is_that_of_the_jumps_and_blind_to_a_smooth_course() -> None:
    random = np.random.default_rng(5)
    found = [roughness(noisy(random, 0.99, random.standard_normal(50), steps=50)) for _ in range(50)]
    assert np.median(found) == pytest.approx(1.0, rel=0.2)
    smooth = noisy(random, 0.99, 3 * np.linspace(-1, 1, STEPS) ** 2)
    assert roughness(smooth) < 0.02
    assert roughness(noisy(random, 0.99, random.standard_normal(5), steps=5)) == 0.0


def test_a_figure_that_only_rises_has_no_fall() -> None:
    fall = paired_fall(noisy(np.random.default_rng(6), 0.9, np.linspace(0, 1, STEPS)), 0.95)
    assert (fall.turn, fall.size, fall.low, fall.high) == (STEPS - 1, 0.0, None, None)
    assert not fall.seen


def test_a_rise_is_the_fall_of_the_path_from_its_end() -> None:
    path = noisy(np.random.default_rng(7), 0.9, np.linspace(0, 1, STEPS))
    fall = paired_fall(path.reversed(), 0.95)
    assert fall.turn == 0
    assert fall.seen
    assert fall.size == pytest.approx(path.values[-1] - path.values[0], abs=1e-9)


def test_one_block_gives_no_interval() -> None:
    path = PairedPath(np.array([1.0, 2.0, 1.5]), np.zeros((3, 1)), np.ones(1))
    fall = paired_fall(path, 0.95)
    assert (fall.turn, fall.size, fall.low) == (1, 0.5, None)


def test_runs_are_measured_where_others_turn() -> None:
    values = np.array([[0.0, 5, 1], [0, 4, 1], [0, 3, 1]])
    assert falls_of_runs(values).tolist() == [4.0, 3.0, 2.0]


@pytest.mark.parametrize("runs", [5, 8])
def test_p_values_of_flat_runs_are_not_too_small(runs: int) -> None:
    random = np.random.default_rng(8)
    found = [fall_over_runs(random.standard_normal((runs, STEPS)), 0.95)[1] for _ in range(400)]
    assert np.mean([p is not None and p <= 0.05 for p in found]) <= 0.07


def test_five_runs_that_all_fall_have_the_smallest_p_value() -> None:
    random = np.random.default_rng(9)
    shape = np.array([0.0, 3, 6, 5, 4])
    fall, p_value = fall_over_runs(shape + 0.1 * random.standard_normal((5, 5)), 0.95)
    assert p_value == 1 / 32
    assert fall.turn == 2
    assert fall.low is not None
    assert fall.high is not None
    assert fall.low < 2 < fall.high


def test_fewer_than_five_runs_have_an_interval_but_no_p_value() -> None:
    values = np.array([0.0, 6, 4]) + 0.1 * np.random.default_rng(10).standard_normal((4, 3))
    fall, p_value = fall_over_runs(values, 0.95)
    assert p_value is None
    assert fall.seen


def test_runs_that_never_fall_have_p_one() -> None:
    fall, p_value = fall_over_runs(np.tile(np.arange(4.0), (6, 1)), 0.95)
    assert (fall.size, fall.low, p_value) == (0.0, None, 1.0)


def test_many_runs_flip_signs_at_random_and_stay_above_zero() -> None:
    sizes = np.full(20, 1.0) + 0.1 * np.random.default_rng(11).standard_normal(20)
    assert sign_flip(sizes) == pytest.approx(1e-4, rel=0.5)
    assert sign_flip(np.array([1.0, -1, 1, -1, 0])) == pytest.approx(0.5, abs=0.3)
