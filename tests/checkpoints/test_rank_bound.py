from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from repdiag.checkpoints.rank_bound import dead_notes, dead_scales, rank_bound


def low_rank(outputs: int, inputs: int, rank: int) -> Tensor:
    generator = torch.Generator().manual_seed(outputs * inputs)
    left, right = (torch.randn(*size, generator=generator) for size in ((outputs, rank), (rank, inputs)))
    return left @ right


def bound(tensors: dict[str, Tensor], *, ordered: bool = True) -> dict[str, Any]:
    found = rank_bound(tensors, ordered=ordered)
    assert found is not None
    return found


def test_the_last_map_bounds_the_rank_of_its_output() -> None:
    weight = low_rank(24, 40, 5)
    found = bound({"first.weight": torch.randn(40, 8), "last.weight": weight, "last.bias": torch.ones(24)})
    assert (found["rank"], found["layer"]) == (5, "last")
    rows = torch.randn(200, 40) @ weight.T + 3.0
    assert torch.linalg.matrix_rank(rows - rows.mean(0), rtol=1e-5) <= found["rank"]
    assert [(one["layer"], one["rank"]) for one in found["maps"]] == [("first", 8), ("last", 5)]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_rounding_of_the_stored_dtype_is_no_rank(dtype: torch.dtype) -> None:
    assert bound({"a.weight": low_rank(32, 32, 4).to(dtype)})["rank"] == 4


def test_many_columns_in_half_precision_keep_their_rank() -> None:
    weight = torch.randn(64, 2000, generator=torch.Generator().manual_seed(0))
    assert bound({"a.weight": weight.half()})["rank"] == 64
    assert bound({"a.weight": low_rank(64, 2000, 9).bfloat16()})["rank"] == 9


def test_values_beyond_a_decomposition_are_no_low_rank() -> None:
    assert bound({"a.weight": torch.full((8, 8), 3e38)})["rank"] == 8


def test_neighbours_in_a_sequence_are_a_bound_under_a_condition() -> None:
    found = bound({"head.0.weight": low_rank(16, 20, 3), "head.1.weight": torch.randn(12, 16)})
    assert found["rank"] == 12
    assert found["chain"]["layers"] == ["head.0", "head.1"]
    assert found["chain"]["rank"] == 3
    assert "nothing between" in found["chain"]["if"]
    assert bound({"head.0.weight": torch.eye(4), "head.2.weight": torch.eye(4)})["chain"] is None


def test_tables_and_convolutions_are_no_linear_maps() -> None:
    tensors = {
        "embeddings.weight": torch.ones(9, 4),
        "conv.weight": torch.ones(4, 3, 3, 3),
        "n.weight": torch.ones(4),
    }
    assert rank_bound(tensors, ordered=True) is None


def test_without_an_order_names_tell_what_is_last() -> None:
    tensors = {f"{name}.weight": torch.eye(3) for name in ("fc", "layers.10", "layers.9")}
    assert bound(tensors, ordered=False)["layer"] == "fc"
    del tensors["fc.weight"]
    assert bound(tensors, ordered=False)["layer"] == "layers.10"


def test_zero_and_nonfinite_maps() -> None:
    assert bound({"a.weight": torch.zeros(3, 4)})["rank"] == 0
    found = bound({"a.weight": torch.full((3, 4), float("nan"))})
    assert (found["rank"], found["maps"][0]["rank"]) == (3, None)


def test_a_map_that_would_take_minutes_is_bounded_by_its_shape() -> None:
    found = bound({"a.weight": torch.zeros(1, 1).expand(5000, 3000)})
    assert (found["rank"], found["maps"][0]["rank"]) == (3000, None)


def test_dead_scales_are_counted_where_there_is_batch_normalisation() -> None:
    norm = nn.BatchNorm2d(6)
    with torch.no_grad():
        norm.weight[:2] = 0.0
    tensors = {f"layer.bn.{name}": value for name, value in norm.state_dict().items()}
    tensors["linear.weight"] = torch.zeros(3)
    assert dead_scales(tensors) == {"layer.bn": (2, 6)}
    assert list(dead_notes(tensors)) == [
        "2 batch-norm scales are zero, so their channels are constant: layer.bn (2 of 6)"
    ]
    assert dead_scales(dict(nn.BatchNorm2d(6).state_dict())) == {}
