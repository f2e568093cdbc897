"""The bandwidth with the most contrast, chosen from one view alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from repdiag.accumulators.gram import gram_sums
from repdiag.accumulators.pairs import squared_distances
from repdiag.analysis.bandwidth import FACTORS, chosen_kernel, contrast, kernel_of, sharpest_kernel
from tests.analysis.test_information import gaussian_pair, one


def clustered(n: int = 300, d: int = 6) -> Tensor:
    r = np.random.default_rng(0)
    centres = 4 * r.standard_normal((5, d))
    return torch.from_numpy(centres[np.arange(n) % 5] + r.standard_normal((n, d)))


def information(x: Tensor, y: Tensor, width: float) -> float:
    n = len(x)
    means = (gram_sums(x, y, (width, width)).total - n) / (n * (n - 1))
    return float(means[2].log() - means[0].log() - means[1].log())


@pytest.mark.parametrize("factor", [0.25, 1.0])
def test_the_contrast_is_that_of_many_shuffles(factor: float) -> None:
    x = clustered(200)
    width = factor * kernel_of(x).width
    generator = torch.Generator().manual_seed(0)
    null = [information(x, x[torch.randperm(200, generator=generator)], width) for _ in range(300)]
    expected = (information(x, x, width) - np.mean(null)) / np.std(null, ddof=1)
    assert contrast(squared_distances(x, x), width) == pytest.approx(expected, rel=0.15)


def test_the_best_bandwidth_is_that_of_the_highest_contrast() -> None:
    x = clustered()
    found, median = sharpest_kernel(x), kernel_of(x)
    assert len(found.contrasts) == len(FACTORS) >= 7
    best = int(np.argmax(found.contrasts))
    assert found.width == pytest.approx(FACTORS[best] * median.width)
    assert found.contrasts[best] > 1.2 * found.contrasts[FACTORS.index(1.0)]
    assert median.contrasts == ()


def test_one_view_alone_decides() -> None:
    """The bandwidth of x is the same beside any y, so that no figure is tuned."""
    x, y = gaussian_pair(200, 4, 0.9)
    unrelated = np.random.default_rng(9).standard_normal((200, 4))
    found = [one(x, other, "renyi_mi", bandwidth="best").details for other in (y, unrelated)]
    assert found[0]["bandwidth_x"] == found[1]["bandwidth_x"]
    assert found[0]["contrast_x"] == found[1]["contrast_x"]


@pytest.mark.parametrize("rows", [torch.ones(50, 2), torch.zeros(1, 3), torch.zeros(0, 3), torch.eye(3)])
def test_rows_without_contrast_keep_the_median(rows: Tensor) -> None:
    assert sharpest_kernel(rows) == kernel_of(rows)


def test_tiny_bandwidths_and_units_do_not_overflow() -> None:
    wide = torch.from_numpy(np.random.default_rng(1).standard_normal((100, 400)))
    assert all(np.isfinite(sharpest_kernel(wide).contrasts))
    found = sharpest_kernel(wide * 1e50)
    assert found.contrasts == pytest.approx(sharpest_kernel(wide).contrasts, rel=1e-6)


def test_a_number_is_in_units_of_the_rows_as_stored() -> None:
    assert chosen_kernel(clustered(), 2.0, scale=0.5).width == 1.0
