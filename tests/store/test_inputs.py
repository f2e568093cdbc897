"""Inputs that are kept beside the representations: written once, read in blocks, verified."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from repdiag.errors import InputError, UsageError
from repdiag.store import ShardWriter, keeping, memory_store, open_store
from repdiag.store.rows import Array
from tests.store.helpers import BASE, CONFIG, N, edited, matrix, names, refusal, shard_rows, small_store

P = 5
ROWS = 10
STARTS = range(0, N, ROWS)
KEYS = [(name, view, at) for name in ("epoch=1", "epoch=2") for view in ("base", "a/b") for at in STARTS]


def features(view: str) -> Array:
    return matrix(len(view), N, P)


def write(writer: ShardWriter, keys: list[tuple[str, str, int]]) -> None:
    """Shards that are not done; those of the first checkpoint bring the inputs."""
    for name, view, start in keys:
        if (name, view, start) in writer.done:
            continue
        rows = {"late": shard_rows(name, view, "late", start)}
        inputs = features(view)[start : start + ROWS] if name == "epoch=1" else None
        writer.write(name, view, start, rows, {"id": names()[start : start + ROWS]}, inputs)


def finished(out: Path | str, keys: list[tuple[str, str, int]] = KEYS) -> Path:
    with ShardWriter.open(out, CONFIG) as writer:
        write(writer, keys)
        return writer.finalize()


@pytest.mark.parametrize("end", ["", "/"], ids=["file", "folder"])
def test_inputs_are_read_as_they_were_written(tmp_path: Path, end: str) -> None:
    with open_store(finished(f"{tmp_path}/e{end}")) as store:
        assert store.input_views == ("a/b", "base")
        for view in store.input_views:
            info = store.inputs(view)
            assert info is not None
            assert (info.view, info.shape, info.dtype) == (view, (N, P), "float32")
            assert info.attrs["finite_rows"] == N
            blocks = list(store.input_blocks(view, 7))
            assert [start for start, _ in blocks] == list(range(0, N, 7))
            np.testing.assert_array_equal(np.concatenate([rows for _, rows in blocks]), features(view))
        assert store.inputs("crop") is None
        with pytest.raises(UsageError, match=r"no inputs of view crop \(there are those of .*--keep-inputs"):
            store.input_blocks("crop", 7)
        store.verify()


def test_they_lie_where_the_format_says_with_their_checksum(tmp_path: Path) -> None:
    with h5py.File(finished(tmp_path / "e.h5"), "r") as file:
        assert sorted(file["inputs"]) == ["a%2Fb", "base"]
        assert dict(file["inputs/base"].attrs) == {
            "finite_rows": N,
            "sha256": hashlib.sha256(features("base").tobytes()).hexdigest(),
        }


@pytest.mark.parametrize("end", ["", "/"], ids=["file", "folder"])
@pytest.mark.parametrize("killed_after", [1, 4, 9])
def test_a_resumed_run_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str, killed_after: int
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    straight = finished(f"{tmp_path}/straight{end}")
    with ShardWriter.open(f"{tmp_path}/killed{end}", CONFIG) as writer:
        write(writer, KEYS[:killed_after])
    resumed = finished(f"{tmp_path}/killed{end}")
    assert _bytes(resumed) == _bytes(straight)


def _bytes(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else [found for found in path.rglob("*") if found.is_file()]
    return {str(found.relative_to(path)): found.read_bytes() for found in files}


def test_an_unfinished_run_has_the_inputs_of_the_rows_it_has(tmp_path: Path) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        write(writer, [*KEYS[:3], *KEYS[8:10]])
    with open_store(tmp_path / "e.h5.partial", allow_partial=True) as store:
        ((start, rows),) = store.input_blocks("base", N)
        assert (start, store.n) == (0, 20)
        np.testing.assert_array_equal(rows, features("base")[:20])


def test_damage_is_found(tmp_path: Path) -> None:
    path = finished(tmp_path / "e.h5")
    with edited(path) as file:
        file["inputs/base"][3, 2] += 1
    with open_store(path) as store, pytest.raises(InputError, match="inputs/base do not match their sha256"):
        store.verify()
    kept = finished(f"{tmp_path}/kept/")
    shard = kept / "shards" / "00000.h5"
    image = bytearray(shard.read_bytes())
    at = image.index(features("base")[:ROWS].tobytes())
    image[at] ^= 1
    shard.write_bytes(image)
    with open_store(kept) as store, pytest.raises(InputError, match=r"00000\.h5.*sha256"):
        store.verify()


@pytest.mark.parametrize("given", [matrix(n=ROWS - 1), matrix(n=ROWS).astype("f8"), matrix(n=ROWS)[0]])
def test_inputs_that_do_not_fit_are_not_written(tmp_path: Path, given: Array) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        with pytest.raises(UsageError):
            writer.write("c", "base", 0, {"l": matrix(n=ROWS)}, inputs=given)
        assert not writer.done


@pytest.mark.parametrize("second", [None, matrix(n=ROWS, d=P + 1)], ids=["missing", "wider"])
def test_shards_must_agree_on_the_inputs(tmp_path: Path, second: Array | None) -> None:
    with ShardWriter.open(tmp_path / "e.h5", CONFIG) as writer:
        writer.write("c", "base", 0, {"l": matrix(n=ROWS)}, inputs=matrix(n=ROWS, d=P))
        writer.write("c", "base", ROWS, {"l": matrix(n=ROWS)}, inputs=second)
        with pytest.raises(InputError, match="different inputs of view base"):
            writer.finalize()


def _fewer(file: h5py.File) -> None:
    file["inputs/base"] = matrix(n=N - 1)


def _flat(file: h5py.File) -> None:
    file["inputs/base"] = np.zeros(N, dtype="f4")


def _integers(file: h5py.File) -> None:
    file["inputs/base"] = np.zeros((N, P), dtype="i4")


def _group(file: h5py.File) -> None:
    file.create_group("inputs/base")


def _dataset(file: h5py.File) -> None:
    file["inputs"] = matrix()


def _twice(file: h5py.File) -> None:
    file["inputs/base"] = matrix()
    file["inputs/b%61se"] = matrix()


def _link(file: h5py.File) -> None:
    file["inputs/base"] = h5py.ExternalLink("other.h5", "/x")


BROKEN: dict[str, tuple[Callable[[h5py.File], None], str]] = {
    "fewer rows": (_fewer, "inputs/base has 39 rows, but the embeddings have 40"),
    "one axis": (_flat, "(n, d) with at least one row is needed"),
    "integers": (_integers, "float16, float32 or float64 is needed"),
    "a group": (_group, "inputs/base is not a dataset"),
    "no group": (_dataset, "inputs is a dataset where a group belongs"),
    "twice": (_twice, "holds inputs/base twice"),
    "a link": (_link, "soft or external link"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_inputs_that_do_not_fit_are_refused(tmp_path: Path, case: str) -> None:
    change, said = BROKEN[case]
    path = small_store(tmp_path / "s.h5")
    with edited(path) as file:
        change(file)
    assert said in refusal(path, InputError)


def test_a_store_without_inputs_says_so(tmp_path: Path) -> None:
    with open_store(small_store(tmp_path / "s.h5")) as store:
        assert store.input_views == ()
        assert store.inputs("base") is None
        with pytest.raises(UsageError, match=r"s\.h5: keeps no inputs of view base; extract again"):
            store.input_rows("base")


def test_some_rows_of_a_store_come_with_their_inputs(tmp_path: Path) -> None:
    index = np.array([1, 2, 17, 39])
    with open_store(finished(tmp_path / "e.h5")) as store:
        some = keeping(store, index)
        info = some.inputs("base")
        assert info is not None
        assert info.shape == (4, P)
        rows = np.concatenate([block for _, block in some.input_blocks("base", 3)])
        np.testing.assert_array_equal(rows, features("base")[index])


def test_a_store_in_memory_has_inputs_too() -> None:
    store = memory_store({BASE: matrix()}, inputs={"base": features("base")})
    ((_, rows),) = store.input_blocks("base", N)
    np.testing.assert_array_equal(rows, features("base"))
    with pytest.raises(UsageError, match="one entry a sample"):
        memory_store({BASE: matrix()}, inputs={"base": matrix(n=3)})
