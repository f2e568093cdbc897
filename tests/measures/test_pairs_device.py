"""Every measure of a pair on a fake CUDA device: a tensor made elsewhere, or a read by the host, raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from repdiag.accumulators import gram
from repdiag.accumulators.gram import Kernel
from repdiag.measures.pair_entropies import KernelRows
from repdiag.measures.pair_grams import diffusion_spectral_entropy, median_distance
from repdiag.measures.pair_inputs import GramTotals, JointMoments, PairNeed, PairRecord, RowPairs
from repdiag.measures.pair_kernels import conditional_renyi_mi
from repdiag.measures.pair_neighbours import conditional_ksg_mi
from repdiag.measures.pair_registry import all_pair_measures, parse_pair_selection
from repdiag.stats import slq, slq_kernel
from tests.measures.test_pairs import OPTIONS

N, D = 60, 5


@pytest.fixture(autouse=True)
def fake() -> Iterator[None]:
    with FakeTensorMode():
        yield


def cuda(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.ones(shape, dtype=dtype, device="cuda")


def moments() -> JointMoments:
    return JointMoments(N, D, D, cuda(2 * D), cuda(2 * D), cuda(2 * D, 2 * D), cuda(2 * D, 2), cuda(3))


def grams() -> GramTotals:
    return GramTotals(cuda(5), N, (1.0, 2.0), (0.1, 0.2), cuda(5))


def kernel_rows() -> KernelRows:
    return KernelRows(cuda(N, D), cuda(N, D), N, (1.0, 2.0))


def rows(z: Tensor | None = None) -> RowPairs:
    return RowPairs(cuda(N, D), cuda(N, D), N, (1.0, 2.0), cuda(N, dtype=torch.int64), z)


RECORDS: dict[PairNeed, Callable[[], PairRecord]] = {
    PairNeed.GRAM: lambda: GramTotals(cuda(5), N, (1.0, 2.0), (0.1, 0.2)),
    PairNeed.COSINE_GRAM: grams,
    PairNeed.LINEAR_GRAM: grams,
    PairNeed.KERNELS: kernel_rows,
    PairNeed.KERNEL_SAMPLE: kernel_rows,
    PairNeed.MOMENTS: moments,
    PairNeed.UNIT_MOMENTS: moments,
    PairNeed.ROWS: rows,
    PairNeed.GIVEN: rows,
}


def is_scalar_on_cuda(value: object) -> bool:
    return isinstance(value, Tensor) and (value.device.type, value.ndim) == ("cuda", 0)


def test_every_need_has_a_record() -> None:
    assert set(RECORDS) == set(PairNeed)


@pytest.mark.parametrize("key", [*all_pair_measures(), *OPTIONS])
def test_measure(key: str) -> None:
    selection = parse_pair_selection(key)
    reading = selection(RECORDS[selection.needs]())
    assert is_scalar_on_cuda(reading.value)
    assert reading.value.dtype is torch.float64
    assert all(is_scalar_on_cuda(v) or isinstance(v, int | str) for v in reading.details.values())


@pytest.mark.parametrize("name", [name for name, each in all_pair_measures().items() if each.corrected])
def test_correction(name: str) -> None:
    selection = parse_pair_selection(name)
    assert is_scalar_on_cuda(selection.corrected(RECORDS[selection.needs]()))


@pytest.mark.parametrize("name", ["renyi_mi", "renyi_joint_entropy", "renyi_conditional_entropy"])
def test_stochastic_entropies(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their two reads by the host, the type of products and the last step, are answered here."""
    monkeypatch.setattr(slq_kernel, "_rounds_little", lambda rows: True)
    monkeypatch.setattr(slq, "_settled", lambda values, enclosure: False)
    monkeypatch.setattr(slq, "TAIL_STEPS", 2)
    record = replace(kernel_rows(), estimator=slq.draws, spare=slq.draws)
    for each in (record, record.reordered(torch.arange(N, device="cuda"))):
        found = parse_pair_selection(f"{name}{{alpha=1}}")(each)
        assert is_scalar_on_cuda(found.value)
        assert is_scalar_on_cuda(found.details["estimator_error"])


@pytest.mark.parametrize("kernel", ["gaussian", "cosine", "linear"])
def test_sums_over_all_pairs(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gram, "_rounds_little", lambda energies: True)
    found = gram.gram_sums(cuda(N, D), cuda(N, 3), (1.0, 2.0), cuda(N, 4), kernel)
    assert found.between is not None
    for each in (found.rows, found.diagonal, found.between, found.without_row(), found.without_group()):
        assert each.device.type == "cuda"


def test_a_third_view_and_a_single_one() -> None:
    assert is_scalar_on_cuda(conditional_renyi_mi(rows(z=cuda(N, 3))).value)
    assert is_scalar_on_cuda(conditional_ksg_mi(rows(z=cuda(N, 3))).value)
    assert is_scalar_on_cuda(diffusion_spectral_entropy(cuda(N, D), 2.0))
    assert is_scalar_on_cuda(median_distance(cuda(N, D)))
