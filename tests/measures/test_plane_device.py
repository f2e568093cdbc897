"""Every estimator of the plane on a fake CUDA device, where a tensor made elsewhere or a read raises."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from repdiag.measures.plane_inputs import LayerScale, PlaneReading, PlaneRows
from repdiag.measures.plane_registry import parse_estimator
from tests.measures.test_plane import KEYS, WITH_INPUTS

M, D, SHUFFLES = 60, 5, 2
SCALE = LayerScale(-1.0, 1.0, 2.0, 0.5, (-1.0, 0.0, 1.0))


@pytest.fixture(autouse=True)
def fake() -> Iterator[None]:
    with FakeTensorMode():
        yield


def cuda(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.ones(shape, dtype=dtype, device="cuda")


def rows(classes: int = 3, inputs: bool = False) -> PlaneRows:
    codes = cuda(SHUFFLES + 1, M, dtype=torch.int64)
    features = cuda(M, 2) if inputs else None
    return PlaneRows(cuda(M, D), cuda(M, dtype=torch.int64), codes, classes, SCALE, features, 1.0)


def assert_on_cuda(found: PlaneReading) -> None:
    shapes = {
        "ixt": (),
        "ity": (SHUFFLES + 1,),
        "ixt_influence": (M,),
        "ity_influence": (M,),
        "ixt_ceiling": (),
        "ity_ceiling": (),
    }
    for name, shape in shapes.items():
        value = getattr(found, name)
        assert (value.device.type, value.dtype, tuple(value.shape)) == ("cuda", torch.float64, shape), name
    for value in found.details.values():
        assert isinstance(value, float | str) or (value.device.type, value.ndim) == ("cuda", 0)


@pytest.mark.parametrize("key", KEYS)
def test_estimator(key: str) -> None:
    assert_on_cuda(parse_estimator(key).read(rows()))


@pytest.mark.parametrize("key", WITH_INPUTS)
def test_with_features_of_the_inputs(key: str) -> None:
    assert_on_cuda(parse_estimator(key).read(rows(inputs=True)))


@pytest.mark.parametrize("key", ["kde", "renyi", "cs"])
def test_with_many_classes(key: str) -> None:
    assert_on_cuda(parse_estimator(key).read(rows(classes=50)))
