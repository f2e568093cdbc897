"""Every measure of a pair on a fake CUDA device: a tensor made elsewhere, or a read by the host, raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from repdiag.measures.pair_grams import diffusion_spectral_entropy, median_distance
from repdiag.measures.pair_inputs import GramTotals, JointMoments, PairNeed, PairRecord, RowPairs
from repdiag.measures.pair_kernels import conditional_renyi_mi
from repdiag.measures.pair_registry import all_pair_measures, parse_pair_selection
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


def rows(z: Tensor | None = None) -> RowPairs:
    return RowPairs(cuda(N, D), cuda(N, D), N, (1.0, 2.0), cuda(N, dtype=torch.int64), z)


RECORDS: dict[PairNeed, Callable[[], PairRecord]] = {
    PairNeed.GRAM: lambda: GramTotals(cuda(5), N, (1.0, 2.0), (0.1, 0.2)),
    PairNeed.MOMENTS: moments,
    PairNeed.UNIT_MOMENTS: moments,
    PairNeed.ROWS: rows,
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


def test_a_third_view_and_a_single_one() -> None:
    assert is_scalar_on_cuda(conditional_renyi_mi(rows(z=cuda(N, 3))).value)
    assert is_scalar_on_cuda(diffusion_spectral_entropy(cuda(N, D), 2.0))
    assert is_scalar_on_cuda(median_distance(cuda(N, D)))
