"""Checkpoints that nobody should have to open: over two hundred crafted ones, then damaged ones."""

from __future__ import annotations

import json
import pickle
import struct
import warnings
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from tests.checkpoints.bad_inputs import (
    CANARY,
    ROWS,
    entry,
    index,
    members,
    safetensors,
    saved,
    state,
    written,
    zipped,
)
from tests.hostile.mutants import mutant

Maker = Callable[[Path], Path]
MUTANTS = 120

# What would leave a canary behind, as (module, name, source of its argument).
CALLS = {
    "os.system": ("os", "system", "touch {canary}"),
    "posix.system": ("posix", "system", "touch {canary}"),
    "os.mkdir": ("os", "mkdir", "{canary}"),
    "subprocess.getoutput": ("subprocess", "getoutput", "touch {canary}"),
    "subprocess.Popen": ("subprocess", "Popen", "{canary}"),
    "builtins.eval": ("builtins", "eval", "open({canary!r}, 'w')"),
    "builtins.exec": ("builtins", "exec", "open({canary!r}, 'w')"),
    "timeit.timeit": ("timeit", "timeit", "open({canary!r}, 'w')"),
    "cProfile.run": ("cProfile", "run", "open({canary!r}, 'w')"),
    "pty.spawn": ("pty", "spawn", "{canary}"),
    "runpy.run_path": ("runpy", "run_path", "{canary}"),
    "logging.FileHandler": ("logging", "FileHandler", "{canary}"),
    "sqlite3.connect": ("sqlite3", "connect", "{canary}"),
    "torch.load": ("torch", "load", "{canary}"),
    "torch.hub.load": ("torch.hub", "load", "{canary}"),
    "torch.storage._load_from_bytes": ("torch.storage", "_load_from_bytes", "{canary}"),
    "torch._C._jit_pass": ("torch._C", "_import_ir_module_from_buffer", "{canary}"),
    "nested name": ("torch", "serialization.os.system", "touch {canary}"),
    "dunder": ("torch", "__class__", "{canary}"),
}


def call_pickle(call: str, canary: Path) -> bytes:
    """A pickle that calls, written as opcodes: nothing is imported to make it."""
    module, name, argument = CALLS[call]
    text = argument.format(canary=str(canary)).encode()
    body = b"X" + struct.pack("<I", len(text)) + text
    return b"\x80\x02}X\x01\x00\x00\x00a" + f"c{module}\n{name}\n".encode() + body + b"\x85Rs."


def in_zip(data_pkl: bytes, folder: Path) -> Path:
    content = members(saved(folder, state()))
    return zipped(folder, {n: data_pkl if n.endswith("data.pkl") else d for n, d in content.items()})


def call_in_zip(call: str, folder: Path) -> Path:
    return in_zip(call_pickle(call, folder / CANARY), folder)


def call_in_legacy(call: str, folder: Path) -> Path:
    """The chain of pickles of an old file, with ours in the place of the content."""
    parts = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True})]
    return written(folder, b"".join([*parts, call_pickle(call, folder / CANARY), pickle.dumps([], 2)]))


def call_in_first_pickle(call: str, folder: Path) -> Path:
    return written(folder, call_pickle(call, folder / CANARY))


def call_in_shard(call: str, folder: Path) -> Path:
    (folder / "model").mkdir()
    call_in_zip(call, folder).rename(folder / "model" / "one.bin")
    path = folder / "model" / "pytorch_model.bin.index.json"
    path.write_text(json.dumps({"weight_map": {"a": "one.bin"}}))
    return folder / "model"


def calling() -> Iterator[tuple[str, Maker]]:
    for call in CALLS:
        yield f"{call} in a zip", partial(call_in_zip, call)
        yield f"{call} in a legacy file", partial(call_in_legacy, call)
    for call in list(CALLS)[:8]:
        yield f"{call} in a raw pickle", partial(call_in_first_pickle, call)
        yield f"{call} in a shard", partial(call_in_shard, call)


def opcodes(folder: Path, body: bytes) -> Path:
    return in_zip(b"\x80\x02" + body + b".", folder)


OPCODES = {
    "five million lists": b"]" * 5_000_000,
    "five million marks": b"(" * 5_000_000,
    "a million memos": b"}" + b"".join(b"r" + struct.pack("<I", n) for n in range(1_000_000)),
    "text of 4 GB": b"X\xff\xff\xff\xffabc",
    "bytes of 2^63": b"\x8e" + b"\xff" * 7 + b"\x7fabc",
    "integer of 2 GB": b"\x8b\xff\xff\xff\x7fabc",
    "memo of nothing": b"h\x07",
    "memo far away": b"}r\xff\xff\xff\xff",
    "pop of nothing": b"00000",
    "build on a list": b"]}b",
    "set item of a list": b"]K\x00K\x01s",
    "append to text": b"X\x01\x00\x00\x00a]a",
    "persistent number": b"K\x07Q",
    "persistent tuple": b"(X\x07\x00\x00\x00storageK\x01K\x02K\x03K\x04tQ",
    "reduce of text": b"X\x01\x00\x00\x00a)R",
    "dictionary in itself": b"}q\x00X\x01\x00\x00\x00ah\x00s",
    "dictionary as key": b"}}K\x01s",
    "no stop": b"}" * 3,
    "protocol 200": b"\x80\xc8}",
    "frames": b"\x95" + b"\xff" * 8 + b"}",
    "global without end": b"cos\nsystem",
    "extension": b"\x82\x01",
    "instance": b"(ios\nsystem\n",
    "object": b"(cos\nsystem\no",
    "new object": b"cos\nsystem\n)\x81",
    "new object with names": b"cos\nsystem\n)}\x92",
    "stack global": b"\x8c\x02os\x8c\x06system\x93",
}


def rebuilt(storage: int, offset: int, size: tuple[int, ...], stride: tuple[int, ...], folder: Path) -> Path:
    """A tensor whose geometry is a lie."""

    class Lies:
        def __reduce__(self) -> tuple[Any, ...]:
            kept = torch.zeros(storage).untyped_storage()
            make: Any = torch.storage.TypedStorage
            typed = make(wrap_storage=kept, dtype=torch.float32, _internal=True)
            hooks: dict[str, Any] = {}
            return torch._utils._rebuild_tensor_v2, (typed, offset, size, stride, False, hooks)

    return saved(folder, {"weight": Lies()})


GEOMETRY = {
    "offset beyond": (4, 1 << 40, (2,), (1,)),
    "offset below": (4, -8, (2,), (1,)),
    "size beyond": (4, 0, (1 << 40,), (1,)),
    "size below": (4, 0, (-3,), (1,)),
    "stride beyond": (4, 0, (2,), (1 << 40,)),
    "stride below": (4, 0, (2,), (-1,)),
    "stride of none": (4, 0, (1 << 31, 1 << 31), (0, 0)),
    "overflow": (4, 0, (1 << 33, 1 << 33), (1 << 33, 1)),
    "ranks differ": (4, 0, (2, 2), (1,)),
    "empty and huge": (4, 0, (0, 1 << 62), (1, 1)),
    "overlapping": (1000, 0, (900, 900), (1, 1)),
    "just beyond": (4, 1, (4,), (1,)),
}


def sparse(layout: str, compressed: list[int], plain: list[int], folder: Path) -> Path:
    make: Any = getattr(torch, f"sparse_{layout}_tensor")
    blocks = torch.ones(2, 1, 1) if layout.startswith("bs") else torch.ones(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        indices = torch.tensor(compressed), torch.tensor(plain)
        bad = make(*indices, blocks, (1, 4) if layout[-1] == "r" else (4, 1), check_invariants=False)
        return saved(folder, {"weight": bad})


def sparse_files() -> Iterator[tuple[str, Maker]]:
    for layout in ("csr", "csc", "bsr", "bsc"):
        for compressed, plain in (([0, 10**9], [0, 1]), ([0, 2], [0, 10**9]), ([5, -1], [-3, 1])):
            yield f"{layout} {compressed} {plain}", partial(sparse, layout, compressed, plain)


def many_members(folder: Path) -> Path:
    return zipped(folder, {"a/data.pkl": b"\x80\x02}.", **{f"a/data/{n}": b"" for n in range(60_000)}})


def bomb(megabytes: int, folder: Path) -> Path:
    content = {"a/data.pkl": b"\x80\x02}.", "a/version": b"3\n", "a/data/0": bytes(megabytes << 20)}
    return zipped(folder, content, zipfile.ZIP_DEFLATED)


def bomb_of_opcodes(folder: Path) -> Path:
    content = {"a/data.pkl": b"\x80\x02" + b"]" * (200 << 20), "a/version": b"3\n"}
    return zipped(folder, content, zipfile.ZIP_DEFLATED)


HEADERS: dict[str, tuple[dict[str, Any] | bytes, int]] = {
    "offsets backwards": ({"a": {**entry(), "data_offsets": [8, 0]}}, 8),
    "offsets beyond": ({"a": {**entry(), "data_offsets": [0, 1 << 62]}}, 8),
    "offsets negative": ({"a": {**entry(), "data_offsets": [-8, 0]}}, 8),
    "one offset": ({"a": {**entry(), "data_offsets": [0]}}, 8),
    "no offsets": ({"a": {"dtype": "F32", "shape": [2]}}, 8),
    "text offsets": ({"a": {**entry(), "data_offsets": "08"}}, 8),
    "shape of text": ({"a": {**entry(), "shape": ["2"]}}, 8),
    "shape of halves": ({"a": {**entry(), "shape": [0.5, 4]}}, 8),
    "shape of truth": ({"a": {**entry(), "shape": [True, 2]}}, 8),
    "shape below": ({"a": {**entry(), "shape": [-1, -2]}}, 8),
    "shape is huge": ({"a": {**entry(), "shape": [10**30]}}, 8),
    "dtype is null": ({"a": {**entry(), "dtype": None}}, 8),
    "entry is a list": ({"a": [1, 2]}, 8),
    "metadata is a list": ({"__metadata__": [1], "a": entry()}, 8),
    "metadata is deep": ({"__metadata__": {"a": {"b": "c"}}, "a": entry()}, 8),
    "a list": (b"[1, 2, 3]", 8),
    "deep": (b'{"a":' * 3000 + b"1" + b"}" * 3000, 8),
    "very deep": (b'{"a":' + b"[" * 200_000, 8),
    "not UTF-8": (b'{"\xff\xfe": 1}', 8),
    "null bytes": (b'{"a\x00b": 1}' + bytes(100), 8),
    "NaN": (b'{"a": NaN}', 8),
    "hostile name": ({"\x1b[2J\r::error::x": entry()}, 8),
    "bool of 7": ({"a": entry("BOOL", [8])}, 8),
    "many names": ({f"n{n}": entry(shape=[0], end=0) for n in range(50_000)}, 0),
}


def header(name: str, folder: Path) -> Path:
    content, size = HEADERS[name]
    return safetensors(folder, content, b"\x07" * size)


SHARDS = {
    "absolute": "{outside}",
    "climbs": "../outside.safetensors",
    "climbs far": "../../../../../../../../../../{outside}",
    "empty name": "",
    "dot": ".",
    "itself": "model.safetensors.index.json",
    "null": "a\0b",
    "newline": "a\nb",
    "backslash": "..\\a",
    "long": "a" * 5000,
}


def outside(folder: Path) -> Path:
    """What no hostile file may lead to: sound weights, beside the folder of the file."""
    path = folder.parent / "outside.safetensors"
    path.write_bytes(save({"a": torch.ones(2)}))
    return path


def shard_of(shard: str, folder: Path) -> Path:
    return index(folder, shard.replace("{outside}", str(outside(folder))))


def linked_shard(folder: Path) -> Path:
    (folder / "one.safetensors").symlink_to(outside(folder))
    return index(folder, "one.safetensors")


def linked_folder(folder: Path) -> Path:
    (folder / "model").mkdir()
    (folder / "model" / "model.safetensors").symlink_to(outside(folder))
    return folder / "model"


def weight_map(content: Any, folder: Path) -> Path:
    return written(folder, json.dumps(content).encode(), "model.safetensors.index.json")


WEIGHT_MAPS: dict[str, Any] = {
    "list": {"weight_map": ["a"]},
    "number": {"weight_map": {"a": 7}},
    "empty": {"weight_map": {}},
    "null": {"weight_map": None},
    "many": {"weight_map": {f"n{n}": f"s{n}" for n in range(5000)}},
    "a list": [1],
}


def bases(folder: Path) -> dict[str, bytes]:
    """Sound files of every format, to be damaged."""
    content = {
        "state_dict": {f"student.{name}": tensor for name, tensor in state().items()},
        "optimizer": {"state": {0: {"exp_avg": torch.ones(4)}}, "param_groups": [{"lr": 0.1}]},
        "hyper_parameters": {"arch": "resnet18", "lr": 0.1},
        "epoch": 3,
    }
    old = saved(folder, content, _use_new_zipfile_serialization=False).read_bytes()
    return {
        "zip": saved(folder, content).read_bytes(),
        "legacy": old,
        "safetensors": save({f"layer.{n}.weight": torch.randn(4, 3) for n in range(8)}, {"step": "7"}),
    }


def damaged(seed: int, folder: Path) -> Path:
    found = bases(folder)
    return written(folder, mutant(list(found.values())[seed % 3], seed // 3), f"mutant{seed}.pt")


def crafted() -> Iterator[tuple[str, Maker]]:
    yield from ((name, make) for name, (make, _) in ROWS.items())
    yield from calling()
    yield from ((f"pickle: {name}", partial(opcodes, body=body)) for name, body in OPCODES.items())
    yield from ((f"tensor: {name}", partial(rebuilt, *lie)) for name, lie in GEOMETRY.items())
    yield from sparse_files()
    yield from ((f"safetensors: {name}", partial(header, name)) for name in HEADERS)
    yield from ((f"shard: {name}", partial(shard_of, shard)) for name, shard in SHARDS.items())
    yield from (
        (f"weight_map: {name}", partial(weight_map, content)) for name, content in WEIGHT_MAPS.items()
    )
    yield "shard: a link", linked_shard
    yield "folder: a link", linked_folder
    yield "60,000 members", many_members
    yield "bomb of 100 MB", partial(bomb, 100)
    yield "bomb of opcodes", bomb_of_opcodes


def cases(mutants: int = MUTANTS) -> dict[str, Maker]:
    """Files by name: the crafted ones, and damaged ones, each by a seed that its name tells."""
    return {**dict(crafted()), **{f"mutant {seed}": partial(damaged, seed) for seed in range(mutants)}}
