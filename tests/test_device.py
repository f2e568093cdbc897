"""Every kernel on a fake CUDA device: a tensor made elsewhere, or a value read by the host, raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from repdiag import linalg
from repdiag.accumulators import (
    Batch,
    ClassSums,
    FeatureActivity,
    FeatureMoments,
    GroupedMoments,
    JointSums,
    Leverages,
    RowEnergies,
    Sample,
)
from repdiag.accumulators.energies import GroupEnergies
from repdiag.accumulators.pairs import neighbour_ratios, pair_potential
from repdiag.measures import inputs
from repdiag.measures.inputs import Need
from repdiag.measures.registry import Measure, Selection, all_measures
from tests.accumulators.kinds import KINDS

N, D, CLASSES, GROUPS = 60, 20, 3, 4


@pytest.fixture(autouse=True)
def fake() -> Iterator[None]:
    with FakeTensorMode():
        yield


def cuda(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.ones(shape, dtype=dtype, device="cuda")


def spectrum() -> inputs.Spectrum:
    return inputs.Spectrum(cuda(D), N, D, N - 1, fourth=cuda())


def class_means() -> inputs.ClassMeans:
    return inputs.ClassMeans(cuda(CLASSES), cuda(CLASSES, D), cuda(D), cuda(D, D))


def population() -> inputs.Population:
    return inputs.Population(cuda(D), cuda(D), D)


RECORDS: dict[Need, Callable[[], inputs.Record]] = {
    Need.SPECTRUM: spectrum,
    Need.CLEAN_SPECTRUM: spectrum,
    Need.POPULATION: population,
    Need.CLEAN_POPULATION: population,
    Need.SECOND_MOMENT: spectrum,
    Need.DIRECTION_SPECTRUM: spectrum,
    Need.LOCATION: lambda: inputs.Location(cuda(), cuda()),
    Need.CLEAN_LOCATION: lambda: inputs.Location(cuda(), cuda()),
    Need.DIRECTIONS: lambda: inputs.Directions(cuda(D), cuda(D), N, cuda()),
    Need.ACTIVITY: lambda: inputs.Activity(cuda(D), cuda(D), cuda(D), 5000),
    Need.POTENTIAL: lambda: inputs.Potential(cuda(), cuda()),
    Need.NEIGHBOURS: lambda: inputs.Neighbours(cuda(N)),
    Need.CLASS_MEANS: class_means,
    Need.CLASS_SPECTRA: lambda: inputs.ClassSpectra((cuda(D), cuda(D)), (N, N)),
    Need.OBJECTS: lambda: inputs.Objects(cuda(D, D), cuda(D, D), N, 2),
    Need.CLOUD: lambda: inputs.Cloud(cuda(N, D), 2.0),
    Need.OUTPUTS: lambda: inputs.Outputs(cuda(CLASSES), cuda(CLASSES, 2), cuda(CLASSES, 2), N, D, True),
}


def batch(dtype: torch.dtype = torch.float32) -> Batch:
    members = [torch.arange(g, N, GROUPS, device="cuda") for g in range(GROUPS)]
    index = torch.arange(N, device="cuda")
    return Batch(cuda(N, D, dtype=dtype), members, index % CLASSES, index[:10], index)


def energies() -> GroupEnergies:
    return GroupEnergies.empty(GROUPS, cuda(D, D), cuda(D))


ACCUMULATORS: dict[str, Callable[[], Any]] = {
    "moments": lambda: GroupedMoments.empty(GROUPS, D, device="cuda"),
    "unit moments": lambda: GroupedMoments.empty(GROUPS, D, unit=True, device="cuda"),
    "features": lambda: FeatureMoments.empty(GROUPS, D, device="cuda"),
    "activity": lambda: FeatureActivity.empty(GROUPS, D, device="cuda"),
    "classes": lambda: ClassSums.empty(GROUPS, CLASSES, D, device="cuda"),
    "sample": Sample,
    "energies": energies,
    "row energies": lambda: RowEnergies.empty(GROUPS, cuda(D)),
    "joint": lambda: JointSums.empty(GROUPS, 8, cuda(D)),
    "unit joint": lambda: JointSums.empty(GROUPS, 8, cuda(D), unit=True),
    "leverages": lambda: Leverages.empty(GROUPS, cuda(D, D), cuda(D), cuda(D, 7, dtype=torch.complex128)),
}


def on_cuda(value: object) -> bool:
    """Whether every tensor in a record is on the device."""
    if isinstance(value, Tensor):
        return value.device.type == "cuda"
    if isinstance(value, tuple | list):
        return all(map(on_cuda, value))
    fields = getattr(value, "__dataclass_fields__", {})
    return all(on_cuda(getattr(value, name)) for name in fields)


def test_every_need_has_a_record() -> None:
    assert set(RECORDS) == set(Need)


@pytest.mark.parametrize("measure", all_measures().values(), ids=all_measures())
def test_measure(measure: Measure) -> None:
    reading = Selection(measure)(RECORDS[measure.needs]())
    assert reading.value.device.type == "cuda"
    assert reading.value.dtype is torch.float64
    assert reading.value.ndim == 0
    assert all(on_cuda(value) for value in reading.details.values())


CORRECTED = {name: m for name, m in all_measures().items() if m.correction != "none"}


@pytest.mark.parametrize("measure", CORRECTED.values(), ids=CORRECTED)
def test_correction(measure: Measure) -> None:
    if measure.corrected is None:
        found = measure.function(
            inputs.Population(cuda(D, dtype=torch.complex128), cuda(D, dtype=torch.complex128), D)
        )
    else:
        found = measure.corrected(spectrum())
    value = getattr(found, "value", found)
    assert (value.device.type, value.dtype, value.ndim) == ("cuda", torch.float64, 0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("start", ACCUMULATORS.values(), ids=ACCUMULATORS)
def test_accumulator(start: Callable[[], Any], dtype: torch.dtype) -> None:
    state = start().update(batch(dtype)).update(batch(dtype))
    assert on_cuda(state)
    assert on_cuda(state.merge(start().update(batch(dtype))))


def test_what_moments_become() -> None:
    moments = GroupedMoments.empty(GROUPS, D, device="cuda").update(batch())
    total = moments.total()
    assert on_cuda(
        [total, moments.without(1, total), moments.group(2), total.covariance, total.second_moment]
    )
    assert on_cuda(Sample().update(batch()).sorted())


def test_pairs_and_neighbours() -> None:
    sample = Sample().update(batch()).sorted()
    assert on_cuda(pair_potential(sample.rows, sample.groups, GROUPS))
    assert on_cuda(neighbour_ratios(sample.rows))


def test_numerical_policy() -> None:
    found = (
        linalg.eigenvalues(cuda(D, D), D - 1),
        linalg.eigenbasis(cuda(D, D)),
        linalg.small_side(cuda(8, D)),
    )
    assert on_cuda([*found, linalg.symmetrise(cuda(D, D)), linalg.unit_rows(cuda(N, D))])


def test_a_hidden_read_by_the_host_raises() -> None:
    """The net has no hole: what it is there for is caught."""
    with pytest.raises(Exception, match="_local_scalar_dense"):
        float(cuda(D).sum())
    with pytest.raises(Exception, match="device"):
        cuda(D) + torch.ones(D)


def test_every_accumulator_is_here() -> None:
    tested = {type(kind.start()).__name__ for kind in KINDS.values()}
    assert {type(start()).__name__ for start in ACCUMULATORS.values()} == tested
