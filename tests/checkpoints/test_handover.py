"""Tensors out of the child: the same numbers, and nothing taken on trust."""

from __future__ import annotations

import ctypes
import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from repdiag import child
from repdiag.checkpoints import load_checkpoint
from repdiag.checkpoints.contents import Contents
from repdiag.checkpoints.handover import read_contents, write_contents
from repdiag.commands import run
from repdiag.errors import EXIT_USAGE, InputError
from tests.checkpoints.bad_inputs import saved, state

DTYPES = (
    *(torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.complex64, torch.complex128),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool, torch.uint16, torch.uint32),
)


def carried(tensors: dict[str, Tensor], values: dict[str, Any] | None = None) -> Contents:
    with tempfile.TemporaryFile() as file:
        write_contents({"sha256": "0"}, Contents(tensors, values or {}, ("a note",)), file)
        file.flush()
        facts, contents = read_contents(file, "a.pt")
    assert facts == {"sha256": "0"}
    assert contents.notes == ("a note",)
    return contents


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_every_dtype_comes_back(dtype: torch.dtype) -> None:
    made = (torch.arange(12).reshape(3, 4) % 2).to(dtype)
    found = carried({"a": made, "scalar": made[1, 1], "none": made[:0], "column": made[:, 1]}).tensors
    assert [(name, one.dtype) for name, one in found.items()] == [
        (name, dtype) for name in ("a", "scalar", "none", "column")
    ]
    assert torch.equal(found["a"], made)
    assert torch.equal(found["scalar"], made[1, 1])
    assert found["none"].shape == (0, 4)
    assert torch.equal(found["column"], made[:, 1])


def test_views_come_back_as_they_look() -> None:
    made = torch.randn(4, 4, dtype=torch.complex64)
    views = {"t": made.T, "conj": made.conj(), "imag": made.conj().imag, "step": made[::2, ::3]}
    found = carried(views).tensors
    assert all(torch.equal(found[name], view) for name, view in views.items())


def test_tied_weights_take_their_memory_once() -> None:
    tied = torch.randn(1000)
    found = carried({"a": tied, "b": tied, "c": tied.clone()}).tensors
    assert found["a"].data_ptr() == found["b"].data_ptr() != found["c"].data_ptr()


def test_values_keep_their_kind() -> None:
    values = {"n": 3, "x": 0.5, "nan": float("inf"), "flag": True, "text": "a\ud800\x1b"}
    found = carried({"a": torch.ones(1)}, values).values
    assert found == values
    assert [type(one) for one in found.values()] == [type(one) for one in values.values()]


def record(**changes: Any) -> dict[str, Any]:
    whole = {"facts": {}, "tensors": [["a", "float32", [2], 0]], "values": {}, "notes": []}
    return {**whole, **changes}


LIES: dict[str, bytes | dict[str, Any]] = {
    "outside": record(tensors=[["a", "float32", [1 << 40], 0]]),
    "just outside": record(tensors=[["a", "float32", [17], 0]]),
    "behind": record(tensors=[["a", "float32", [2], 1 << 20]]),
    "before": record(tensors=[["a", "float32", [2], -8]]),
    "negative": record(tensors=[["a", "float32", [-1, -2], 0]]),
    "unknown dtype": record(tensors=[["a", "object", [2], 0]]),
    "text": record(tensors=[["a", "float32", "22", 0]]),
    "no table": {"facts": {}},
    "not JSON": b"nonsense",
    "a list": b"[]",
}


@pytest.mark.parametrize("lie", LIES)
def test_lies_of_the_child_are_refused(lie: str) -> None:
    told = LIES[lie]
    raw = told if isinstance(told, bytes) else json.dumps(told).encode()
    with tempfile.TemporaryFile() as file:
        file.write(bytes(64) + raw + len(raw).to_bytes(8, "little"))
        file.flush()
        with pytest.raises(InputError, match="answered nonsense"):
            read_contents(file, "a.pt")


@pytest.mark.parametrize("tail", [b"", b"\xff" * 8, b"\xff" * 100])
def test_a_table_of_no_length_is_refused(tail: bytes) -> None:
    with tempfile.TemporaryFile() as file:
        file.write(tail)
        file.flush()
        with pytest.raises(InputError, match="answered nonsense"):
            read_contents(file, "a.pt")


def crashing(*_: object, **__: object) -> None:
    ctypes.string_at(0)


@pytest.mark.skipif(not child.FORKS, reason="needs fork")
@pytest.mark.parametrize(
    ("end", "sentence"),
    [
        (crashing, "the file crashed the loader (signal 11)"),
        (lambda *_, **__: os._exit(9), "cannot be read (exit code 9)"),
        (lambda *_, **__: bytearray(1 << 40), "of memory"),
    ],
)
def test_a_reader_that_crashes_is_one_sentence_and_exit_2(
    end: Callable[..., None],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    path = saved(tmp_path, state())
    monkeypatch.setattr(torch, "load", end)
    with pytest.raises(InputError) as caught:
        load_checkpoint(path)
    assert sentence in str(caught.value)
    assert run(["inspect", str(path)]) == EXIT_USAGE
    out, err = capfd.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1


def test_no_torch_in_the_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the child unpickles stays there: here nothing is called."""
    called: list[object] = []
    real = torch.load

    def noted(*words: Any, **options: Any) -> Any:
        called.append(words)
        return real(*words, **options)

    monkeypatch.setattr(torch, "load", noted)
    assert set(load_checkpoint(saved(tmp_path, state())).tensors) == set(state())
    assert called == [] or not child.FORKS


def test_without_fork_files_open_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path, {"state_dict": state(), "epoch": 3})
    usual = load_checkpoint(path)
    monkeypatch.setattr(child, "FORKS", False)
    here = load_checkpoint(path)
    assert (here.sha256, here.epoch, here.notes) == (usual.sha256, usual.epoch, usual.notes)
    assert all(torch.equal(here.tensors[name], one) for name, one in usual.tensors.items())
    with pytest.raises(InputError, match="damaged"):
        load_checkpoint(_half(path))


def _half(path: Path) -> Path:
    raw = io.BytesIO(path.read_bytes()).read(600)
    path.write_bytes(raw)
    return path
