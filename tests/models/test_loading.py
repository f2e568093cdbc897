from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from repdiag.checkpoints import Checkpoint, load_checkpoint
from repdiag.errors import EXIT_USAGE, InputError, UsageError
from repdiag.models import BuiltModel, load_into


def net(width: int = 4) -> nn.Module:
    return nn.Sequential(nn.Linear(3, width), nn.BatchNorm1d(width), nn.Linear(width, 2))


def built(module: nn.Module | None = None) -> BuiltModel:
    return BuiltModel(module or net(), "nets.py:build", "array")


def checkpoint(tensors: Mapping[str, Tensor]) -> Checkpoint:
    return Checkpoint(Path("a.pt"), "0" * 64, "torch-zip", tensors, None, None, {}, (), 0)


def state(seed: int = 0, width: int = 4) -> dict[str, Tensor]:
    torch.manual_seed(seed)
    return {name: torch.randn(t.shape).to(t.dtype) for name, t in net(width).state_dict().items()}


def test_weights_arrive_and_the_model_is_in_eval_mode() -> None:
    model = built()
    model.module.train()
    report = load_into(model, checkpoint({f"module.{n}": t for n, t in state().items()}))
    assert str(report) == "9/9 tensors, 0 missing, 0 unexpected, 0 ignored."
    assert all(torch.equal(t, state()[n]) for n, t in model.module.state_dict().items())
    assert not any(part.training for part in model.module.modules())


def test_the_line_of_the_contract_from_a_real_file(tmp_path: Path) -> None:
    content = {f"backbone.{n}": t for n, t in state().items()}
    content |= {f"projector.{i}.weight": torch.ones(2) for i in range(3)}
    torch.save({"state_dict": content}, tmp_path / "a.ckpt")
    report = load_into(built(), load_checkpoint(tmp_path / "a.ckpt"))
    assert str(report) == "9/9 tensors, 0 missing, 0 unexpected, 3 ignored under projector."
    assert report.key == "state_dict.backbone"
    assert report.wrappers == ("state_dict", "backbone")


def test_a_mismatch_names_the_first_of_each_kind_and_loads_nothing() -> None:
    tensors = state()
    tensors["3.\x1b[31mextra"] = torch.ones(2)
    del tensors["0.bias"]
    tensors["2.weight"] = torch.ones(7, 4)
    model = built()
    before = {name: tensor.clone() for name, tensor in model.module.state_dict().items()}
    with pytest.raises(InputError) as caught:
        load_into(model, checkpoint(tensors))
    text = str(caught.value)
    assert "7/9 tensors fit nets.py:build" in text
    assert "1 missing (0.bias)" in text
    assert r"1 unexpected (3.\x1b[31mextra)" in text
    assert "1 of another shape (2.weight (7, 4) for (2, 4))" in text
    assert "--allow-partial" in text
    assert caught.value.exit_code == EXIT_USAGE
    assert all(torch.equal(before[name], tensor) for name, tensor in model.module.state_dict().items())


def test_partial_loads_only_when_asked_and_reports_it() -> None:
    tensors = {name: tensor for name, tensor in state().items() if not name.startswith("2.")}
    with pytest.raises(InputError, match=r"2 missing"):
        load_into(built(), checkpoint(tensors))
    report = load_into(built(), checkpoint(tensors), allow_partial=True)
    assert str(report) == "7/9 tensors, 2 missing, 0 unexpected, 0 ignored."
    assert not report.complete


def test_many_differences_are_counted_and_five_are_named() -> None:
    with pytest.raises(InputError, match=r"and 5 more\)") as caught:
        load_into(built(), checkpoint({f"x{i}.y": torch.ones(1) for i in range(10)}))
    assert len(str(caught.value)) < 600
    assert "--allow-partial" not in str(caught.value)


def test_nothing_that_fits_is_refused_even_if_partial() -> None:
    with pytest.raises(InputError, match="0/8 tensors fit"):
        load_into(built(), checkpoint({"x.y": torch.ones(1)}), allow_partial=True)


def test_integer_buffers_that_no_module_has_are_not_errors() -> None:
    tensors = {**state(), "embeddings.position_ids": torch.arange(5)}
    report = load_into(built(), checkpoint(tensors))
    assert str(report) == "9/9 tensors, 0 missing, 0 unexpected, 1 ignored under embeddings."
    assert report.notes == ("not weights, and not in the model: embeddings.position_ids",)


def test_files_without_batch_counters_load() -> None:
    tensors = {name: tensor for name, tensor in state().items() if "num_batches" not in name}
    report = load_into(built(), checkpoint(tensors))
    assert str(report) == "8/8 tensors, 0 missing, 0 unexpected, 0 ignored."
    assert report.notes == ("1 num_batches_tracked counters are not in the file",)


def test_half_precision_is_cast_and_said() -> None:
    tensors = {n: t.half() if t.is_floating_point() else t for n, t in state().items()}
    model = built()
    report = load_into(model, checkpoint(tensors))
    assert report.notes[0] == "8 tensors cast: float16 to float32"
    assert model.module.state_dict()["0.weight"].dtype == torch.float32


def test_integers_do_not_become_weights() -> None:
    tensors = {**state(), "0.bias": torch.ones(4, dtype=torch.int64)}
    with pytest.raises(InputError, match="int64 for float32"):
        load_into(built(), checkpoint(tensors))


def test_tied_weights_count_as_loaded() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding, self.head = nn.Embedding(5, 3), nn.Linear(3, 5, bias=False)
            self.head.weight = self.embedding.weight

    report = load_into(built(Tied()), checkpoint({"embedding.weight": torch.ones(5, 3)}))
    assert str(report) == "2/2 tensors, 0 missing, 0 unexpected, 0 ignored."


def test_twins_need_a_choice() -> None:
    twins = checkpoint({f"{who}.{n}": t for who in ("student", "teacher") for n, t in state().items()})
    with pytest.raises(UsageError, match="--weights teacher"):
        load_into(built(), twins)
    assert load_into(built(), twins, weights="teacher").key == "teacher"


def test_nan_weights_are_named() -> None:
    tensors = {**state(), "2.bias": torch.tensor([1.0, float("nan")])}
    assert any("NaN" in note and "2.bias" in note for note in load_into(built(), checkpoint(tensors)).notes)


def test_lazy_and_empty_modules_are_refused() -> None:
    with pytest.raises(UsageError, match="parameters without a shape"):
        load_into(built(nn.LazyLinear(3)), checkpoint(state()))
    with pytest.raises(UsageError, match="no weights to load"):
        load_into(built(nn.ReLU()), checkpoint(state()))


def test_inner_module_takes_the_weights() -> None:
    outer = nn.Sequential(nn.Identity(), net())
    report = load_into(BuiltModel(outer, "x", "array", inner="1"), checkpoint(state()))
    assert report.complete
    assert torch.equal(outer.state_dict()["1.0.weight"], state()["0.weight"])


def test_a_mutable_checkpoint_is_copied_not_shared() -> None:
    tensors, model = state(), built()
    load_into(model, checkpoint(tensors))
    tensors["0.weight"].zero_()
    assert bool(model.module.state_dict()["0.weight"].any())
