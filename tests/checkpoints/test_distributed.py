"""Folders of torch.distributed.checkpoint: read as data, put together, refused where pieces are missing."""

from __future__ import annotations

import pickle
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.distributed.checkpoint.metadata import ChunkStorageMetadata, Metadata, MetadataIndex
from torch.distributed.checkpoint.state_dict_saver import save as write

from repdiag.checkpoints import Format, inspect_checkpoint, load_checkpoint, sniff
from repdiag.errors import InputError
from repdiag.extract.paths import checkpoint_paths
from tests.checkpoints.bad_inputs import CANARY, Calls


def network() -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2).to(torch.bfloat16))


def written(folder: Path, content: dict[str, Any] | None = None) -> Path:
    model = network()
    moments = {name: {"exp_avg": torch.ones_like(tensor)} for name, tensor in model.named_parameters()}
    whole = {
        "model": model.state_dict(),
        "optim": {"state": moments},
        "epoch": 3,
        "global_step": 70,
        "lr": 0.1,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write(content or whole, checkpoint_id=folder / "step-70")
    return folder / "step-70"


def edited(folder: Path, change: Callable[[Metadata], None]) -> Path:
    """The same folder with another table."""
    table = folder / ".metadata"
    found = pickle.loads(table.read_bytes())
    change(found)
    table.write_bytes(pickle.dumps(found))
    return folder


def in_two_ranks(folder: Path, tensor: Tensor) -> Path:
    """`tensor` as two ranks of FSDP write it: each half of its rows in a shard of its own."""
    parts = tensor.chunk(2)
    first, second = (written(folder / str(rank), {"weight": part.clone()}) for rank, part in enumerate(parts))
    (second / "__0_0.distcp").rename(first / "__1_0.distcp")
    other = pickle.loads((second / ".metadata").read_bytes())

    def join(table: Metadata) -> None:
        entry: Any = table.state_dict_metadata["weight"]
        entry.size = tensor.shape
        start = torch.Size([len(parts[0]), 0])
        entry.chunks.append(ChunkStorageMetadata(start, parts[1].shape))
        (info,) = other.storage_data.values()
        info.relative_path = "__1_0.distcp"
        table.storage_data[MetadataIndex("weight", start, 1)] = info

    return edited(first, join)


def test_a_folder_opens_as_one_file_would(tmp_path: Path) -> None:
    folder = written(tmp_path)
    found = load_checkpoint(folder)
    assert sniff(folder) is Format.DISTRIBUTED
    assert (found.format, found.step, found.epoch, found.metadata["lr"]) == (
        "torch-distributed",
        70,
        3,
        "0.1",
    )
    expected = {f"model.{name}": tensor for name, tensor in network().state_dict().items()}
    assert set(found.tensors) == set(expected)
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in expected.items())
    assert found.notes == ("6 tensors under optim are training state, not weights",)
    assert inspect_checkpoint(folder)["weights"] == ["model"]


def test_a_folder_is_a_checkpoint_of_extract(tmp_path: Path) -> None:
    folder = written(tmp_path)
    assert [one.path for one in checkpoint_paths([str(folder)])] == [folder]
    assert [one.path for one in checkpoint_paths([str(tmp_path)])] == [folder]


def test_pieces_of_several_ranks_are_joined(tmp_path: Path) -> None:
    tensor = torch.arange(21.0).reshape(7, 3)
    folder = in_two_ranks(tmp_path, tensor)
    assert torch.equal(load_checkpoint(folder).tensors["weight"], tensor)
    digest = load_checkpoint(folder).sha256
    shard = folder / "__1_0.distcp"
    raw = bytearray(shard.read_bytes())
    raw[raw.index(torch.tensor(12.0).numpy().tobytes())] ^= 1
    shard.write_bytes(raw)
    assert load_checkpoint(folder).sha256 != digest


def test_the_size_budget_is_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="over the limit of 100"):
        load_checkpoint(written(tmp_path), max_bytes=100)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_any_protocol_of_the_table(protocol: int, tmp_path: Path) -> None:
    folder = written(tmp_path)
    table = folder / ".metadata"
    table.write_bytes(pickle.dumps(pickle.loads(table.read_bytes()), protocol))
    assert len(load_checkpoint(folder).tensors) == 9


def _hostile(folder: Path) -> None:
    call = Calls(eval, f"open({str(folder / CANARY)!r}, 'w')")
    (folder / ".metadata").write_bytes(pickle.dumps({"a": call}))


def _hostile_inside(folder: Path) -> None:
    def change(table: Metadata) -> None:
        table.planner_data = Calls(eval, f"open({str(folder / CANARY)!r}, 'w')")

    edited(folder, change)


def _named_outside(table: Metadata) -> None:
    for info in _infos(table):
        info.relative_path = "../outside.distcp"


def _climbs(folder: Path) -> None:
    shutil.copy(folder / "__0_0.distcp", folder.parent / "outside.distcp")
    edited(folder, _named_outside)


def _links_out(folder: Path) -> None:
    (folder / "__0_0.distcp").rename(folder.parent / "outside")
    (folder / "__0_0.distcp").symlink_to(folder.parent / "outside")


def _infos(table: Metadata) -> list[Any]:
    return list(table.storage_data.values())


def _beyond(table: Metadata) -> None:
    for info in _infos(table):
        info.offset += 1 << 40


def _before(table: Metadata) -> None:
    for info in _infos(table):
        info.offset = -8


def _shifted(table: Metadata) -> None:
    for info in _infos(table):
        info.offset += 7


def _larger(table: Metadata) -> None:
    weight: Any = table.state_dict_metadata["model.0.weight"]
    weight.size = torch.Size([1 << 20, 1 << 20])


def _of_other_shape(table: Metadata) -> None:
    weight: Any = table.state_dict_metadata["model.0.weight"]
    weight.size = torch.Size([3, 4])


def _of_other_dtype(table: Metadata) -> None:
    weight: Any = table.state_dict_metadata["model.0.weight"]
    weight.properties.dtype = torch.float16


def _with_a_hole(table: Metadata) -> None:
    weight: Any = table.state_dict_metadata["model.0.weight"]
    weight.size = torch.Size([8, 3])


def _without_pieces(table: Metadata) -> None:
    table.storage_data = {}


def _compressed(table: Metadata) -> None:
    for info in _infos(table):
        info.transform_descriptors = ["zstd"]


def _table(change: Callable[[Metadata], None]) -> Callable[[Path], Path]:
    return lambda folder: edited(folder, change)


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "code": (_hostile, r"contains builtins\.eval; refused"),
    "code inside": (_hostile_inside, r"contains builtins\.eval; refused"),
    "climbs": (_climbs, "leads out of its folder"),
    "links out": (_links_out, "leads out of its folder"),
    "no shard": (lambda folder: (folder / "__0_0.distcp").rename(folder / "a.distcp"), "is not there"),
    "no table": (lambda folder: (folder / ".metadata").unlink(), "its writing never ended"),
    "tables of ranks": (
        lambda folder: (folder / ".metadata").rename(folder / "__0.metadata"),
        "every rank wrote a table of its own",
    ),
    "short shard": (
        lambda folder: (folder / "__0_0.distcp").write_bytes(b"PK\3\4"),
        "shorter than its table",
    ),
    "cut table": (
        lambda folder: (folder / ".metadata").write_bytes((folder / ".metadata").read_bytes()[:400]),
        "damaged or not of torch.distributed.checkpoint",
    ),
    "other pickle": (
        lambda folder: (folder / ".metadata").write_bytes(pickle.dumps([1, 2])),
        "damaged or not",
    ),
    "no pickle": (lambda folder: (folder / ".metadata").write_bytes(b"abc"), "damaged or not"),
    "empty table": (lambda folder: (folder / ".metadata").write_bytes(b""), "damaged or not"),
    "beyond": (_table(_beyond), "shorter than its table"),
    "before": (_table(_before), "shorter than its table"),
    "shifted": (_table(_shifted), "a piece that torch.save did not write"),
    "larger": (_table(_larger), "more than its pieces hold"),
    "other shape": (_table(_of_other_shape), "does not fit into it"),
    "other dtype": (_table(_of_other_dtype), "does not fit into it"),
    "hole": (_table(_with_a_hole), "is not whole"),
    "no pieces": (_table(_without_pieces), "more than its pieces hold"),
    "compressed": (_table(_compressed), "dcp_to_torch_save"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_folder_is_one_sentence(case: str, tmp_path: Path) -> None:
    spoil, sentence = BAD[case]
    folder = written(tmp_path)
    spoil(folder)
    (folder / CANARY).unlink(missing_ok=True)
    with pytest.raises(InputError, match=sentence) as caught:
        load_checkpoint(folder)
    assert "\n" not in str(caught.value)
    assert not (folder / CANARY).exists()


def test_settings_that_are_code_are_left_out(tmp_path: Path) -> None:
    """Objects beside the weights are no weights: what only code could restore is passed over."""
    content = {"model": network().state_dict(), "seen": {1, 2}, "config": Calls(eval, "1 + 1"), "epoch": 4}
    found = load_checkpoint(written(tmp_path, content))
    assert (found.epoch, len(found.tensors)) == (4, 9)
    assert not any("config" in name for name in found.metadata)
