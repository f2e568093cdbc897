from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from repdiag.checkpoints import Format, load_checkpoint, load_tensors, sniff
from repdiag.checkpoints.steps import find_epoch, find_step
from repdiag.errors import InputError
from tests.checkpoints.bad_inputs import saved, state


def sharded(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"weight": state()["weight"]}, folder / "model-00001-of-00002.safetensors")
    save_file({"bias": state()["bias"]}, folder / "model-00002-of-00002.safetensors")
    shards = {"weight": "model-00001-of-00002.safetensors", "bias": "model-00002-of-00002.safetensors"}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": shards}))
    return folder


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}])
def test_torch_files_load_whatever_their_container(options: dict[str, int], tmp_path: Path) -> None:
    found = load_checkpoint(saved(tmp_path, state(), "ckpt.th", **options))
    assert found.format == ("torch-legacy" if "_use_new_zipfile_serialization" in options else "torch-zip")
    assert torch.equal(found.tensors["weight"], state()["weight"])
    assert found.notes == ()


def test_a_newer_pickle_protocol_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="pickle protocol 4"):
        load_checkpoint(saved(tmp_path, state(), pickle_protocol=4))


def test_data_files_may_hold_one_bare_tensor(tmp_path: Path) -> None:
    assert torch.equal(load_tensors(saved(tmp_path, torch.eye(3)))[""], torch.eye(3))
    assert set(load_tensors(saved(tmp_path, state()))) == {"weight", "bias"}
    with pytest.raises(InputError, match="spreads 4 stored bytes"):
        load_tensors(saved(tmp_path, torch.ones(1).expand(1 << 20, 1 << 20)))


def test_safetensors_carries_metadata_and_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    save_file(state(), path, metadata={"step": "70", "author": "x\x1b[31m"})
    found = load_checkpoint(path)
    assert (found.format, found.step) == ("safetensors", 70)
    assert found.metadata["author"] == r"x\x1b[31m"
    assert len(found.sha256) == 64


@pytest.mark.parametrize("by_index", [True, False])
def test_shards_are_put_together(by_index: bool, tmp_path: Path) -> None:
    folder = sharded(tmp_path / "checkpoint-500")
    found = load_checkpoint(folder / "model.safetensors.index.json" if by_index else folder)
    assert found.format == "safetensors-sharded"
    assert set(found.tensors) == {"weight", "bias"}
    assert found.step == 500
    assert found.size > 100


def test_a_changed_shard_changes_the_digest(tmp_path: Path) -> None:
    folder = sharded(tmp_path / "m")
    before = load_checkpoint(folder).sha256
    save_file({"bias": torch.zeros(4)}, folder / "model-00002-of-00002.safetensors")
    assert load_checkpoint(folder).sha256 != before


def test_torch_shards_too(tmp_path: Path) -> None:
    saved(tmp_path, state(), "pytorch_model-00001-of-00001.bin")
    index = {"weight_map": dict.fromkeys(state(), "pytorch_model-00001-of-00001.bin")}
    (tmp_path / "pytorch_model.bin.index.json").write_text(json.dumps(index))
    assert load_checkpoint(tmp_path).format == "torch-sharded"


def test_folder_with_one_file(tmp_path: Path) -> None:
    save_file(state(), tmp_path / "model.safetensors")
    (tmp_path / "config.json").write_text("{}")
    assert sniff(tmp_path) is Format.HF_FOLDER
    assert load_checkpoint(tmp_path).format == "safetensors"


def test_links_into_the_hub_cache_are_followed(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "models--x" / "blobs", tmp_path / "models--x" / "snapshots" / "abc"
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    save_file(state(), blobs / "0123")
    (snapshot / "model.safetensors").symlink_to("../../blobs/0123")
    assert set(load_checkpoint(snapshot).tensors) == {"weight", "bias"}


def test_a_link_out_of_a_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    save_file(state(), tmp_path / "other")
    (tmp_path / "m" / "model.safetensors").symlink_to("../other")
    with pytest.raises(InputError, match="leads out of its folder"):
        load_checkpoint(tmp_path / "m")


@pytest.mark.parametrize(
    ("name", "step", "epoch"),
    [
        ("epoch=9-step=9000.ckpt", 9000, 9),
        ("epoch=9-step=9000-v1.ckpt", 9000, 9),
        ("step_9000.pt", 9000, None),
        ("ckpt-9000", 9000, None),
        ("checkpoint-500", 500, None),
        ("epoch_3.pt", None, 3),
        ("run1_epoch3.pth", None, 3),
        ("misstep5.pt", None, None),
        ("resnet50.pt", None, None),
        ("last.ckpt", None, None),
    ],
)
def test_step_and_epoch_from_the_name(name: str, step: int | None, epoch: int | None) -> None:
    assert (find_step({}, Path(name)), find_epoch({}, Path(name))) == (step, epoch)


def test_the_folder_names_the_step_of_a_generic_file() -> None:
    assert find_step({}, Path("run/checkpoint-500/model.safetensors")) == 500
    assert find_step({}, Path("run/step_7/resnet.pt")) is None


def test_contents_win_over_the_name(tmp_path: Path) -> None:
    content = {"state_dict": state(), "global_step": 12, "epoch": torch.tensor(2), "lr": 0.1}
    found = load_checkpoint(saved(tmp_path, content, "step_99.pt"))
    assert (found.step, found.epoch) == (12, 2)
    assert found.metadata["lr"] == "0.1"
    assert set(found.tensors) == {"state_dict.weight", "state_dict.bias"}


@pytest.mark.parametrize("value", [True, -1, 1.5, "x", float("nan"), float("inf"), 1e300])
def test_what_is_no_count_is_no_step(value: object) -> None:
    assert find_step({"step": value}, Path("a.pt")) is None
