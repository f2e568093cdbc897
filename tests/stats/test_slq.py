"""Stochastic matrix entropies against eigendecompositions, their intervals, and the rules they come from."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from repdiag.errors import UsageError
from repdiag.measures.pair_entropies import total
from repdiag.stats import slq, slq_kernel
from repdiag.stats.slq_kernel import Gram

KINDS = ("isotropic", "power_law", "clusters", "curve")


def rows(kind: str, n: int, seed: int = 0) -> Tensor:
    generator = np.random.default_rng(seed)
    if kind == "curve":
        angle = 9 * generator.random(n)
        return torch.as_tensor(np.stack([angle * np.cos(angle), angle * np.sin(angle)], 1))
    x = generator.standard_normal((n, 24))
    if kind == "power_law":
        x *= np.arange(1, 25) ** -0.7
    if kind == "clusters":
        x += 4 * generator.standard_normal((8, 24))[generator.integers(0, 8, n)]
    return torch.as_tensor(x)


def median_distance(x: Tensor) -> float:
    return float(torch.pdist(x).median())


def eigenvalues(x: Tensor, width: float) -> Tensor:
    distances = torch.cdist(x, x, compute_mode="donot_use_mm_for_euclid_dist") / width
    found: Tensor = torch.linalg.eigvalsh(torch.exp(-distances.square() / 2) / len(x))
    return found.clamp(min=0)


def exact(x: Tensor, width: float, alpha: float) -> float:
    found = eigenvalues(x, width)
    if alpha == 1:
        return float(-torch.xlogy(found, found).sum())
    return float((found**alpha).sum().log() / (1 - alpha))


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.01, 1.5, 3.0])
@pytest.mark.parametrize("kind", KINDS)
def test_the_entropy_is_that_of_the_eigenvalues_within_its_error(kind: str, alpha: float) -> None:
    x = rows(kind, 400)
    width = median_distance(x)
    truth = exact(x, width, alpha)
    found = slq.entropy(x, width, alpha=alpha)
    # 4.5 standard errors: with a 95% interval one of these twenty would fail by chance.
    assert abs(found.value - truth) < 4.5 * found.error
    assert found.low < found.value < found.high
    assert found.value == pytest.approx(truth, rel=3e-3)
    assert 0 < found.error < 3e-3 * truth


def test_intervals_cover_and_are_no_wider_than_needed() -> None:
    x = rows("isotropic", 200)
    width = median_distance(x)
    truth, gram = exact(x, width, 1), Gram(x, width)
    found = [slq.gram_entropy(gram, rank=16, seed=seed) for seed in range(40)]
    assert sum(one.low <= truth <= one.high for one in found) >= 36
    errors = torch.tensor([one.value - truth for one in found])
    said = torch.tensor([one.error for one in found])
    assert 0.6 < float(said.mean() / errors.square().mean().sqrt()) < 1.6


def test_order_two_is_the_closed_form() -> None:
    x = rows("power_law", 300)
    found = slq.entropy(x, 2.0, alpha=2)
    assert found.value == pytest.approx(exact(x, 2.0, 2), rel=1e-6)
    assert found.error <= 5e-6 * found.value


def test_information_of_a_noisy_view_and_of_a_view_with_itself() -> None:
    x = rows("clusters", 400)
    y = x + rows("isotropic", 400, seed=1)
    widths = (median_distance(x), median_distance(y))
    found = slq.information(x, y, widths)
    both = torch.cat([x / widths[0], y / widths[1]], 1)
    truth = exact(x, widths[0], 1) + exact(y, widths[1], 1) - exact(both, 1.0, 1)
    assert found.information.low <= truth <= found.information.high
    assert found.information.value == pytest.approx(truth, abs=0.01)
    parts = found.x.value + found.y.value - found.joint.value
    assert found.information.value == pytest.approx(parts, abs=1e-12)
    assert found.x == slq.entropy(x, widths[0])


def test_shared_probes_cancel() -> None:
    x = rows("isotropic", 300)
    width = median_distance(x)
    found = slq.information(x, x, (width, width))
    apart = math.hypot(found.x.error, found.y.error, found.joint.error)
    assert found.information.error < 2 * apart
    assert found.x == found.y


def test_the_same_seed_gives_the_same_figures_and_another_one_others() -> None:
    x = rows("isotropic", 200)
    assert slq.entropy(x, 5.0, seed=3) == slq.entropy(x, 5.0, seed=3)
    assert slq.entropy(x, 5.0, seed=3).value != slq.entropy(x, 5.0, seed=4).value


def test_blocks_computed_again_are_the_stored_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rows("power_law", 300)
    stored = slq.entropy(x, 2.0)
    monkeypatch.setattr(slq_kernel, "STORED_ROWS", 100)
    monkeypatch.setattr(slq_kernel, "BLOCK_ENTRIES", 7000)
    again = slq.entropy(x, 2.0)
    assert again.value == pytest.approx(stored.value, rel=1e-6)
    steps = stored.passes - (2 + slq.POWERS + slq.HEAD_STEPS - 1)
    assert again.passes == stored.passes
    assert slq_kernel.LEAST_STEPS <= steps <= slq.TAIL_STEPS


def test_steps_end_where_more_of_them_would_not_narrow_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    x = rows("isotropic", 300)
    few = slq.entropy(x, 6.0)
    monkeypatch.setattr(slq, "SETTLED", 0.0)
    most = slq.entropy(x, 6.0)
    assert few.passes < most.passes
    assert few.value == pytest.approx(most.value, abs=few.error)
    assert few.error == pytest.approx(most.error, rel=0.1)


@pytest.mark.parametrize("alpha", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("steps", [1, 2, 4, 7])
def test_both_rules_enclose_the_form(alpha: float, steps: int) -> None:
    x = rows("power_law", 120)
    gram = Gram(x, 2.0, precise=True)
    start = torch.randn(120, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    values, vectors = torch.linalg.eigh(torch.exp(-(torch.cdist(x, x) ** 2) / 8) / 120)
    f = slq._Order(alpha).f
    truth = (vectors.mT @ start).square().mT @ f(values.clamp(min=0))
    gauss, radau = slq_kernel.quadrature(gram, start, steps).forms(f)
    low, high = torch.minimum(gauss, radau), torch.maximum(gauss, radau)
    assert bool((low <= truth * (1 + 1e-9)).all())
    assert bool((truth <= high * (1 + 1e-9)).all())


def test_a_constant_view_and_two_rows_are_no_trouble() -> None:
    constant = slq.entropy(torch.ones(50, 3), 1.0)
    assert constant.value == pytest.approx(0, abs=1e-4)
    two = torch.tensor([[0.0], [1.0]])
    assert slq.entropy(two, 1.0).value == pytest.approx(exact(two.double(), 1.0, 1), rel=1e-3)


def test_half_precision_is_read_as_it_is() -> None:
    x = rows("isotropic", 100).to(torch.bfloat16)
    assert slq.entropy(x, 5.0) == slq.entropy(x.double(), 5.0)


@pytest.mark.parametrize(
    ("width", "alpha", "probes"), [(0.0, 1.0, 16), (1.0, 0.0, 16), (1.0, math.inf, 16), (1.0, 1.0, 2)]
)
def test_what_is_out_of_range_is_said(width: float, alpha: float, probes: int) -> None:
    with pytest.raises(UsageError):
        slq.entropy(torch.ones(5, 2), width, alpha=alpha, probes=probes)


@pytest.mark.parametrize("stored", [0, 100])
def test_nothing_but_two_choices_leaves_the_device(stored: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slq_kernel, "_rounds_little", lambda rows: True)
    monkeypatch.setattr(slq_kernel, "STORED_ROWS", stored)
    monkeypatch.setattr(slq, "_settled", lambda values, enclosure: False)
    monkeypatch.setattr(slq, "TAIL_STEPS", 2)
    with FakeTensorMode():
        found = slq.draws(torch.ones(60, 5, device="cuda"), 1.5, probes=8, rank=10)
        both = total([(1.0, found), (-1.0, found)])
    for each in (found.values, found.beyond, both.value, both.error):
        assert each.device.type == "cuda"
