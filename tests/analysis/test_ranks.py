from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from repdiag.accumulators import FeatureMoments, GroupedMoments, JointSums, Leverages, Sample, grouped_rows
from repdiag.accumulators.batch import Batch
from repdiag.analysis import InformationRequest, SpectrumRequest, analyse_information, analyse_spectrum
from repdiag.analysis import distributed as distributed_module
from repdiag.analysis.distributed import Team, tensors_of
from repdiag.results import Results
from repdiag.store import Store, memory_store
from repdiag.types import Address
from tests.threads import exchanges, in_threads

N, D = 800, 12


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ranks share what would be read by each of them; blocks are smaller than a share."""
    monkeypatch.setattr(distributed_module, "ROWS_A_RANK", 10)
    monkeypatch.setattr("repdiag.analysis.source.BLOCK_BYTES", 8 * D * 100)


def store() -> Store:
    """Two views with classes, a far mean, a rogue coordinate, and rows that are not finite in both halves."""
    generator = np.random.default_rng(0)
    labels = generator.integers(0, 4, N)
    common = generator.standard_normal((N, D)) * np.arange(1, D + 1) ** -0.5
    common += generator.standard_normal((4, D))[labels]
    views = {}
    for name in ("left", "right"):
        rows = common + 0.5 * generator.standard_normal((N, D)) + 30.0
        rows[:, 5] *= 9
        rows[[11, 300, 799], 2] = np.nan, np.inf, np.nan
        views[Address("c", name, "l")] = rows.astype(np.float32)
    return memory_store(views, ids=[f"s{i}" for i in range(N)], labels=labels)


def by_ranks(size: int, work: Callable[[Team], Results]) -> list[Any]:
    peers = exchanges(size)
    return in_threads(lambda rank: work(Team(peers[rank])), size)


def numbers(value: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{where}.{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from numbers(inner, f"{where}[{index}]")
    else:
        yield where, value


def assert_alike(found: Results, expected: Results, tolerance: float) -> None:
    got, wanted = (dict(numbers(one.model_dump(mode="json"))) for one in (found, expected))
    assert got.keys() == wanted.keys()
    for where, value in wanted.items():
        if isinstance(value, float):
            assert math.isclose(got[where], value, rel_tol=tolerance, abs_tol=1e-12), where
        else:
            assert got[where] == value, where


@pytest.mark.parametrize(("size", "interval"), [(2, "full"), (3, "fast")])
def test_spectra_of_ranks_are_those_of_one_process(size: int, interval: Any) -> None:
    request = SpectrumRequest(interval=interval, device="cpu", closer=interval == "full")
    expected = analyse_spectrum([store()], request)
    found = by_ranks(size, lambda team: analyse_spectrum([store()], request, None, team))
    assert all(isinstance(one, Results) for one in found), found
    assert len({one.to_json() for one in found}) == 1
    assert found[0].representations[0].dropped == 3
    assert_alike(found[0], expected, 1e-10)


def test_moments_alone_agree_to_the_last_digits() -> None:
    request = SpectrumRequest(measures=("trace", "participation_ratio", "effective_rank"), device="cpu")
    expected = analyse_spectrum([store()], request)
    assert_alike(
        by_ranks(3, lambda team: analyse_spectrum([store()], request, None, team))[1], expected, 1e-12
    )


def test_wide_data_in_two_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repdiag.linalg.TWO_PASS_FEATURES", 4)
    request = SpectrumRequest(interval="fast", device="cpu", measures=("effective_rank", "rankme"))
    expected = analyse_spectrum([store()], request)
    found = by_ranks(2, lambda team: analyse_spectrum([store()], request, None, team))
    assert_alike(found[1], expected, 1e-10)


@pytest.mark.parametrize("size", [3])
def test_information_of_ranks_is_that_of_one_process(size: int) -> None:
    request = InformationRequest(device="cpu", rows=100)
    expected = analyse_information([store()], request)
    found = by_ranks(size, lambda team: analyse_information([store()], request, None, team))
    assert all(isinstance(one, Results) for one in found), found
    assert len({one.to_json() for one in found}) == 1
    assert list(found[0].pairs[0].estimates) == list(expected.pairs[0].estimates)
    assert_alike(found[0], expected, 1e-9)


def test_each_row_is_read_by_one_rank(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[tuple[int, int]] = []
    original = Store.read

    def counted(self: Store, address: Address, start: int, stop: int) -> Any:
        read.append((start, stop))
        return original(self, address, start, stop)

    monkeypatch.setattr(Store, "read", counted)
    request = SpectrumRequest(measures=("trace",), interval="none", device="cpu", views=("left",))
    by_ranks(2, lambda team: analyse_spectrum([store()], request, None, team))
    blocks = sorted(span for span in read if span[1] - span[0] > 1)
    rows = [row for start, stop in blocks for row in range(start, stop)]
    assert sorted(rows) == list(range(N))
    assert {start for start, _ in blocks} >= {0, N // 2}


def test_few_rows_are_read_by_every_rank() -> None:
    team = Team(exchanges(2)[1])
    assert team.share(19) == (0, 19)
    assert team.share(21) == (10, 21)


def batch(seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(50, 3, generator=generator, dtype=torch.float64)
    made = grouped_rows(rows, [i % 20 for i in range(50)], 20)
    return Batch(rows, made.members, None, torch.arange(seed + 1), torch.arange(50) + 50 * seed)


STATISTICS: dict[str, Callable[[], Any]] = {
    "moments": lambda: GroupedMoments.empty(20, 3),
    "features": lambda: FeatureMoments.empty(20, 3),
    "joint": lambda: JointSums.empty(20, 2, torch.ones(3, dtype=torch.float64)),
    "leverages": lambda: Leverages.empty(
        20,
        torch.eye(3, dtype=torch.float64),
        torch.zeros(3, dtype=torch.float64),
        torch.full((3, 2), 0.01 + 0.001j, dtype=torch.complex128),
    ),
    "sample": Sample,
}


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("size", [2, 3, 5])
def test_every_statistic_is_merged_to_the_same_bits_on_every_rank(name: str, size: int) -> None:
    peers, empty = exchanges(size), STATISTICS[name]
    found: list[Any] = in_threads(lambda rank: Team(peers[rank]).merged(empty().update(batch(rank))), size)
    whole = empty().update(batch(0))
    for rank in range(1, size):
        whole = whole.merge(empty().update(batch(rank)))
    if isinstance(whole, Sample):
        found, whole = [one.sorted() for one in found], whole.sorted()
    for one in found:
        assert all(map(torch.equal, tensors_of(one), tensors_of(found[0])))
        assert all(map(torch.allclose, tensors_of(one), tensors_of(whole)))


def test_parts_are_joined_in_rank_order() -> None:
    peers = exchanges(3)
    parts = [np.arange(rank * 4.0).reshape(-1, 2).astype(np.float16) for rank in range(3)]
    for one in in_threads(lambda rank: Team(peers[rank]).joined(parts[rank]), 3):
        assert isinstance(one, np.ndarray)
        assert one.dtype == np.float16
        assert np.array_equal(one, np.concatenate(parts))


def test_texts_of_all_ranks_are_told_apart() -> None:
    peers = exchanges(3)
    found = in_threads(lambda rank: Team(peers[rank]).texts([f"é\n\u2028{rank}"] * rank), 3)
    assert found == [[[], ["é\n\u20281"], ["é\n\u20282"] * 2]] * 3
