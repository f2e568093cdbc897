"""Makers of hostile, damaged and foreign files: one function a row, each returns what to open."""

from __future__ import annotations

import argparse
import io
import json
import os
import pickle
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

Maker = Callable[[Path], Path]
CANARY = "canary"


class Calls:
    """Pickles as a call of `function(*arguments)`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


class WritesWhenLoaded(nn.Module):
    """TorchScript whose __setstate__ makes a file: code that runs at load time."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path

    @torch.jit.export
    def __getstate__(self) -> tuple[str, bool]:
        return (self.path, self.training)

    @torch.jit.export
    def __setstate__(self, state: tuple[str, bool]) -> None:
        self.path = state[0]
        self.training = state[1]
        torch.from_file(self.path, True, 16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x


def state() -> dict[str, torch.Tensor]:
    return {"weight": torch.arange(12.0).reshape(4, 3), "bias": torch.ones(4)}


def saved(folder: Path, content: object, name: str = "ckpt.pt", **options: Any) -> Path:
    path = folder / name
    torch.save(content, path, **options)
    return path


def written(folder: Path, content: bytes, name: str = "ckpt.pt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(folder: Path, content: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    path = folder / "ckpt.pt"
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def safetensors(folder: Path, header: bytes | dict[str, Any], data: bytes = b"") -> Path:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return written(folder, struct.pack("<Q", len(raw)) + raw + data, "ckpt.safetensors")


def entry(dtype: str = "F32", shape: list[int] | None = None, end: int = 8, start: int = 0) -> dict[str, Any]:
    return {"dtype": dtype, "shape": [2] if shape is None else shape, "data_offsets": [start, end]}


def directory(folder: Path) -> Path:
    (folder / "run").mkdir()
    return folder / "run"


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.pt")
    return folder / "pipe.pt"


def truncated_zip(folder: Path) -> Path:
    path = saved(folder, state())
    return written(folder, path.read_bytes()[:-200])


def storage_missing(folder: Path) -> Path:
    return zipped(
        folder, {n: d for n, d in members(saved(folder, state())).items() if not n.endswith("data/1")}
    )


def storage_short(folder: Path) -> Path:
    content = members(saved(folder, state()))
    return zipped(folder, {n: d[:8] if n.endswith("data/0") else d for n, d in content.items()})


def raw_pickle(folder: Path) -> Path:
    return written(folder, pickle.dumps({"weight": Calls(os.system, f"touch {folder / CANARY}")}))


def os_system(folder: Path) -> Path:
    return saved(folder, {"weight": Calls(os.system, f"touch {folder / CANARY}")})


def os_system_legacy(folder: Path) -> Path:
    content = {"weight": Calls(os.system, f"touch {folder / CANARY}")}
    return saved(folder, content, _use_new_zipfile_serialization=False)


def builtin_eval(folder: Path) -> Path:
    return saved(folder, [state(), Calls(eval, f"open({str(folder / CANARY)!r}, 'w')")])


def module(folder: Path) -> Path:
    return saved(folder, nn.Sequential(nn.Linear(3, 4), nn.ReLU()))


def module_legacy(folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return saved(folder, nn.Linear(3, 4), _use_new_zipfile_serialization=False)


def omegaconf(folder: Path) -> Path:
    """Lightning with a configuration object of a package that need not be installed."""
    content = {"state_dict": state(), "hyper_parameters": argparse.Namespace(lr=0.1)}
    old, new = b"argparse\nNamespace", b"omegaconf.dictconfig\nDictConfig"
    return zipped(folder, {n: d.replace(old, new) for n, d in members(saved(folder, content)).items()})


def torchscript(folder: Path) -> Path:
    return _scripted(folder, nn.Linear(3, 4))


def torchscript_writes(folder: Path) -> Path:
    return _scripted(folder, WritesWhenLoaded(str(folder / CANARY)))


def _scripted(folder: Path, made: nn.Module) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(made), str(folder / "ckpt.pt"))
    return folder / "ckpt.pt"


def exported(folder: Path) -> Path:
    inner = "models/model.json"
    return zipped(folder, {"m/archive_format": b"pt2", "m/archive_version": b"0", f"m/{inner}": b"{}"})


def package(folder: Path) -> Path:
    return zipped(
        folder, {"p/.data/extern_modules": b"", "p/.data/version": b"6", "p/model/model.pkl": b"\x80\x02."}
    )


def tar_climbs(folder: Path) -> Path:
    path = folder / "ckpt.pt"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo(f"../{CANARY}")
        info.size = 3
        archive.addfile(info, io.BytesIO(b"abc"))
    return path


def deflated(folder: Path) -> Path:
    content = members(saved(folder, {"weight": torch.zeros(1 << 20)}))
    return zipped(folder, content, zipfile.ZIP_DEFLATED)


def expanded(folder: Path) -> Path:
    return saved(folder, {"weight": torch.ones(1).expand(1 << 20, 1 << 20)})


def sparse_coo(folder: Path) -> Path:
    at, values = torch.tensor([[0, 10**9]]), torch.ones(2)
    bad = torch.sparse_coo_tensor(at, values, (4,), check_invariants=False)
    return saved(folder, {"weight": bad})


def sparse_csr(folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        crow, column = torch.tensor([0, 10**9]), torch.tensor([0, 1])
        bad = torch.sparse_csr_tensor(crow, column, torch.ones(2), (1, 4), check_invariants=False)
    return saved(folder, {"weight": bad})


def nested(folder: Path) -> Path:
    """Lists in lists, written as opcodes: `pickle` itself would recurse."""
    depth = 200_000
    deep = b"\x80\x02}X\x01\x00\x00\x00a" + b"]" * depth + b"a" * (depth - 1) + b"s."
    content = members(saved(folder, state()))
    return zipped(folder, {n: deep if n.endswith("data.pkl") else d for n, d in content.items()})


def self_reference(folder: Path) -> Path:
    loop: dict[str, Any] = {}
    loop["self"] = loop
    return saved(folder, loop)


def billion_laughs(folder: Path) -> Path:
    laughs: list[Any] = ["ha"]
    for _ in range(60):
        laughs = [laughs] * 10
    return saved(folder, {"a": laughs})


def duplicate_members(folder: Path) -> Path:
    path = saved(folder, state())
    with warnings.catch_warnings(), zipfile.ZipFile(path, "a") as archive:
        warnings.simplefilter("ignore")
        archive.writestr("ckpt/data.pkl", b"\x80\x02}.")
    return path


def headers_disagree(folder: Path) -> Path:
    raw = bytearray(saved(folder, state()).read_bytes())
    raw[raw.index(b"data/0") : raw.index(b"data/0") + 6] = b"data/9"
    return written(folder, bytes(raw))


def claims_more(folder: Path) -> Path:
    """A central directory whose sizes go beyond the file."""
    raw = bytearray(saved(folder, state()).read_bytes())
    at = raw.rindex(b"PK\x01\x02")
    raw[at + 20 : at + 28] = struct.pack("<LL", 1 << 30, 1 << 30)
    return written(folder, bytes(raw))


def quantised(folder: Path) -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return saved(folder, {"weight": torch.quantize_per_tensor(torch.ones(4), 0.1, 0, torch.qint8)})


def many_dims(folder: Path) -> Path:
    return saved(folder, {"weight": torch.ones([1] * 50)})


def long_name(folder: Path) -> Path:
    return saved(folder, {"k" * 70_000: torch.ones(2)})


def surrogate_name(folder: Path) -> Path:
    return saved(folder, {"k\ud800": torch.ones(2)})


def same_name(folder: Path) -> Path:
    return saved(folder, {"a.b": torch.ones(2), "a": {"b": torch.zeros(2)}})


def index(folder: Path, shard: str) -> Path:
    path = folder / "model.safetensors.index.json"
    path.write_text(json.dumps({"weight_map": {"a": shard}}))
    return path


def shard_climbs(folder: Path) -> Path:
    (folder / "model").mkdir()
    safetensors(folder, {"a": entry()}, bytes(8))
    return index(folder / "model", "../ckpt.safetensors")


def shard_links_out(folder: Path) -> Path:
    (folder / "model").mkdir()
    outside = safetensors(folder, {"a": entry()}, bytes(8))
    (folder / "model" / "one.safetensors").symlink_to(outside)
    return index(folder / "model", "one.safetensors")


def shard_missing(folder: Path) -> Path:
    return index(folder, "model-00001-of-00001.safetensors")


def tensor_in_no_shard(folder: Path) -> Path:
    safetensors(folder, {"b": entry()}, bytes(8))
    return index(folder, "ckpt.safetensors")


HTML = b"<!DOCTYPE html><html><body>Please log in</body></html>"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 9\n"
NUMPY = {"weight": np.float32(1.5), "array": np.array([object()], dtype=object)}

ROWS: dict[str, tuple[Maker, str]] = {
    "01 missing": (lambda f: f / "none.pt", "no such file"),
    "02 directory": (directory, "is a directory"),
    "03 empty": (lambda f: written(f, b""), "is empty"),
    "04 fifo": (fifo, "not a regular file"),
    "04 device": (lambda f: Path("/dev/null"), "not a regular file"),
    "06 random": (lambda f: written(f, bytes(range(1, 129)) * 32), "first bytes 01 02"),
    "07 html": (lambda f: written(f, HTML), "an HTML page"),
    "08 git-lfs": (lambda f: written(f, LFS), "git lfs pull"),
    "09 truncated zip": (truncated_zip, "truncated or damaged zip"),
    "10 zip without data.pkl": (lambda f: zipped(f, {"a.txt": b"a"}), "without data.pkl"),
    "11 storage missing": (storage_missing, "damaged"),
    "12 storage short": (storage_short, "damaged"),
    "14 os.system": (os_system, "os.system"),
    "14 os.system legacy": (os_system_legacy, "os.system"),
    "15 eval": (builtin_eval, "builtins.eval"),
    "16 raw pickle": (raw_pickle, "os.system"),
    "16 raw plain pickle": (
        lambda f: written(f, pickle.dumps({"a": 1})),
        "not a pickle that torch.save writes",
    ),
    "17 module": (module, "save a state_dict"),
    "17 module legacy": (module_legacy, "save a state_dict"),
    "18 omegaconf": (omegaconf, "contains omegaconf.dictconfig.DictConfig"),
    "19 torchscript": (torchscript, "--trust"),
    "20 torchscript that writes": (torchscript_writes, "--trust"),
    "21 tar": (tar_climbs, "tar archive"),
    "22 deflated": (deflated, "expands to 4,194,304 bytes"),
    "23 stride 0": (expanded, "spreads 4 stored bytes"),
    "24 sparse coo": (sparse_coo, "ckpt.pt"),
    "24 sparse, sound": (lambda f: saved(f, {"a": torch.eye(3).to_sparse()}), "layout torch.sparse_coo"),
    "25 sparse csr": (sparse_csr, "ckpt.pt"),
    "26 deep lists": (nested, "levels deep"),
    "27 loop": (self_reference, "holds no tensors"),
    "27 billion laughs": (billion_laughs, "holds no tensors"),
    "28 bare tensor": (lambda f: saved(f, torch.ones(3)), "bare tensor"),
    "28 list": (lambda f: saved(f, [torch.ones(3)]), "holds a list"),
    "29 integer names": (lambda f: saved(f, {0: torch.ones(3)}), "not text"),
    "30 no floats": (lambda f: saved(f, {"a": torch.arange(3)}), "no floating-point"),
    "33 duplicate members": (duplicate_members, "twice"),
    "34 headers disagree": (headers_disagree, "disagree"),
    "34 sizes beyond the file": (claims_more, "more bytes than the file has"),
    "35 numpy objects": (lambda f: saved(f, NUMPY), "numpy"),
    "36 torch.export": (exported, "--trust"),
    "36 torch.package": (package, "torch.package"),
    "38 two bytes": (lambda f: written(f, b"ab", "a.safetensors"), "not a recognised"),
    "39 length 2^63": (
        lambda f: written(f, struct.pack("<Q", 1 << 63) + b"{}", "a.safetensors"),
        "header claims",
    ),
    "40 length over the cap": (lambda f: written(f, struct.pack("<Q", 10**9) + b"{}"), "header claims"),
    "41 length over the file": (lambda f: written(f, struct.pack("<Q", 5000) + b"{}"), "truncated"),
    "42 not JSON": (lambda f: safetensors(f, b"{not json"), "not JSON"),
    "43 duplicate names": (
        lambda f: safetensors(f, b'{"a":%b,"a":%b}' % ((json.dumps(entry()).encode(),) * 2), bytes(8)),
        "twice",
    ),
    "44 overlap": (
        lambda f: safetensors(f, {"a": entry(), "b": entry(start=4, end=12)}, bytes(12)),
        "damaged",
    ),
    "45 hole": (lambda f: safetensors(f, {"a": entry(), "b": entry(start=16, end=24)}, bytes(24)), "damaged"),
    "46 trailing bytes": (lambda f: safetensors(f, {"a": entry()}, bytes(20)), "damaged"),
    "47 overflow": (
        lambda f: safetensors(f, {"a": entry(shape=[1 << 40, 1 << 40])}, bytes(8)),
        "claims the shape",
    ),
    "48 unknown dtype": (lambda f: safetensors(f, {"a": entry("Q7")}, bytes(8)), "unknown dtype Q7"),
    "49 fp8": (lambda f: safetensors(f, {"a": entry("F8_E4M3", end=2)}, bytes(2)), "not supported"),
    "49 fp8 torch": (lambda f: saved(f, {"a": torch.ones(2).to(torch.float8_e4m3fn)}), "not supported"),
    "50 empty but huge": (
        lambda f: safetensors(f, {"a": entry(shape=[0, 1 << 40], end=0)}),
        "claims the shape",
    ),
    "50 empty but huge torch": (
        lambda f: saved(f, {"a": torch.ones(0, 1 << 40)}),
        "without a single element",
    ),
    "51 200 dims": (lambda f: safetensors(f, {"a": entry(shape=[1] * 200, end=4)}, bytes(4)), "dimensions"),
    "51 50 dims torch": (many_dims, "50 dimensions"),
    "52 no tensors": (lambda f: safetensors(f, {"__metadata__": {"a": "b"}}), "no tensors"),
    "53 shard climbs": (shard_climbs, "leads out of its folder"),
    "53 shard links out": (shard_links_out, "leads out of its folder"),
    "53 shard missing": (shard_missing, "not there"),
    "53 tensor in no shard": (tensor_in_no_shard, "stand in no shard"),
    "53 other JSON": (lambda f: written(f, b'{"model_type": "bert"}'), "weight_map"),
    "57 long name": (long_name, "70,000 characters"),
    "59 lone surrogate": (surrogate_name, "not valid Unicode"),
    "hdf5": (lambda f: written(f, b"\x89HDF\r\n\x1a\n" + bytes(64)), "repdiag inspect"),
    "quantised": (quantised, "quantised"),
    "quantised, packed": (
        lambda f: saved(f, {"a.qweight": torch.ones(2, dtype=torch.int32), "a.scales": torch.ones(2)}),
        "a.qweight is packed by quantisation",
    ),
    "gguf": (lambda f: written(f, b"GGUF" + bytes(200)), "is GGUF"),
    "flattened by FSDP": (
        lambda f: saved(f, {"_fsdp_wrapped_module._flat_param": torch.ones(9)}),
        "flattened by FSDP; save it with StateDictType.FULL_STATE_DICT",
    ),
    "two tensors, one name": (same_name, "two tensors"),
    "path with a null": (lambda f: Path("a\0b"), "usable path"),
}
