"""Array files that other programs wrote."""

from __future__ import annotations

import io
import json
import struct
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file

from repdiag.errors import InputError, MissingExtraError, UsageError
from repdiag.store import open_store
from repdiag.types import Address
from tests.store.helpers import Array, D, N, matrix, names, refusal

LABELS = np.arange(N) % 4
TEXTS = np.array(names())


def check_one(path: Path, expected: Array, view: str = "base") -> None:
    with open_store(path) as store:
        (info,) = store.representations
        assert info.address == Address(path.stem, view, "output")
        assert (store.n, info.d, info.dtype) == (*expected.shape, str(expected.dtype))
        np.testing.assert_array_equal(store.read(info.address, 3, 30), expected[3:30])
        blocks = list(store.blocks(info.address, 13))
        assert all(rows.flags["C_CONTIGUOUS"] for _, rows in blocks)
        np.testing.assert_array_equal(np.concatenate([rows for _, rows in blocks]), expected)
        assert store.provenance["file"] == path.name
        assert str(path.parent) not in str(store.provenance)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", ">f4"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_npy(tmp_path: Path, dtype: str, order: Any) -> None:
    path = tmp_path / "vectors.npy"
    np.save(path, np.asarray(matrix().astype(dtype), order=order))
    check_one(path, matrix().astype(np.dtype(dtype).newbyteorder("=")))


@pytest.mark.parametrize("compressed", [False, True])
def test_npz_with_columns(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "run.npz"
    save = np.savez_compressed if compressed else np.savez
    save(path, features=matrix(), y=LABELS, ids=TEXTS, groups=LABELS // 2, note=np.array("x"))
    check_one(path, matrix())
    with open_store(path) as store:
        assert list(store.ids) == names()
        assert set(store.columns) == {"label", "group"}
        label = store.column("label")
        assert label is not None
        assert label.tolist() == LABELS.tolist()
        assert "note" in str(store.provenance["notes"])


def test_several_arrays_of_equal_rows_are_views(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", image=matrix(0), text=matrix(1, d=9), labels=LABELS)
    save_file({"image": matrix(0), "text": matrix(1, d=9), "labels": LABELS}, tmp_path / "a.safetensors")
    torch.save(
        {
            "image": torch.tensor(matrix(0)),
            "text": torch.tensor(matrix(1, d=9)),
            "labels": torch.tensor(LABELS),
        },
        tmp_path / "a.pt",
    )
    for name in ("a.npz", "a.safetensors", "a.pt"):
        with open_store(tmp_path / name) as store:
            views = {info.address.view: info.d for info in store.representations}
            assert views == {"image": D, "text": 9}, name
            np.testing.assert_array_equal(store.read(Address("a", "text", "output"), 0, N), matrix(1, d=9))
            label = store.column("label")
            assert label is not None
            assert label.tolist() == LABELS.tolist()
        with open_store(tmp_path / name, dataset="text") as store:
            assert [str(info.address) for info in store.representations] == ["a/base/output"]


def test_unequal_rows_are_ambiguous(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", train=matrix(0), test=matrix(1, n=9))
    sentence = refusal(tmp_path / "a.npz", UsageError)
    assert "different numbers of rows (train 40, test 9)" in sentence
    assert "--dataset" in sentence
    with open_store(tmp_path / "a.npz", dataset="test") as store:
        assert store.n == 9
    assert 'Did you mean "train"?' in refusal(tmp_path / "a.npz", UsageError, dataset="trian")


def test_safetensors_with_bfloat16(tmp_path: Path) -> None:
    half = torch.tensor(matrix()).to(torch.bfloat16)
    save_torch_file(
        {"x": half, "label": torch.tensor(LABELS)}, tmp_path / "a.safetensors", {"secret": "/home/me"}
    )
    check_one(tmp_path / "a.safetensors", half.float().numpy())


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_bare_tensor(tmp_path: Path, dtype: torch.dtype) -> None:
    tensor = torch.tensor(matrix()).to(dtype).requires_grad_()
    torch.save(tensor, tmp_path / "a.pt")
    detached = tensor.detach()
    check_one(tmp_path / "a.pt", (detached.float() if dtype is torch.bfloat16 else detached).numpy())


def test_weights_of_a_model_are_not_embeddings(tmp_path: Path) -> None:
    model = torch.nn.Sequential(torch.nn.Linear(6, 6), torch.nn.Linear(6, 6))
    torch.save(model.state_dict(), tmp_path / "model.pt")
    save_torch_file(model.state_dict(), tmp_path / "model.safetensors")
    for name in ("model.pt", "model.safetensors"):
        assert "repdiag extract" in refusal(tmp_path / name, UsageError)


class _Canary:
    def __reduce__(self) -> tuple[Any, ...]:
        return (open, (str(CANARY[0]), "w"))


CANARY: list[Path] = []


def test_pickles_are_never_run(tmp_path: Path) -> None:
    CANARY[:] = [tmp_path / "canary"]
    torch.save({"x": torch.tensor(matrix()), "evil": _Canary()}, tmp_path / "a.pt")
    objects = np.empty((N, D), dtype=object)
    objects[:] = _Canary()
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", x=objects)
    (tmp_path / "canary").unlink(missing_ok=True)
    refusal(tmp_path / "a.pt", InputError)
    assert "Python objects" in refusal(tmp_path / "a.npy", InputError)
    assert "Python objects" in refusal(tmp_path / "a.npz", InputError)
    assert not (tmp_path / "canary").exists()


WRONG: dict[str, tuple[Array, str]] = {
    "one dimension": (np.zeros(N, "f4"), "one number a sample"),
    "three dimensions": (np.zeros((N, 2, 3), "f4"), "pool or flatten"),
    "scalar": (np.float32(3) * np.ones(()), "(n, d)"),
    "integers": (np.zeros((N, D), "i8"), "holds int64"),
    "complex": (np.zeros((N, D), "c8"), "complex numbers"),
    "text": (np.array([["a"]]), "holds <U1"),
    "booleans": (np.zeros((N, D), bool), "holds bool"),
    "no rows": (np.zeros((0, D), "f4"), "at least one row"),
    "no columns": (np.zeros((N, 0), "f4"), "at least one row"),
    "structured": (np.zeros(N, [("a", "f4")]), "holds [('a'"),
}


@pytest.mark.parametrize("case", WRONG)
def test_arrays_that_are_no_vectors(tmp_path: Path, case: str) -> None:
    array, word = WRONG[case]
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", x=array)
    assert word in refusal(tmp_path / "a.npy", InputError)
    assert word in refusal(tmp_path / "a.npz", InputError)
    assert word in refusal(tmp_path / "a.npz", InputError, dataset="x")


def test_long_double_is_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", matrix().astype(np.longdouble))
    refusal(tmp_path / "a.npy", InputError)


def test_empty_npz(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz")
    refusal(tmp_path / "a.npz", InputError)


@pytest.mark.parametrize("cut", [7, 20, 200, 900])
def test_truncated_npy(tmp_path: Path, cut: int) -> None:
    np.save(tmp_path / "a.npy", matrix())
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:cut])
    refusal(tmp_path / "a.npy", InputError)


def test_npy_that_shrinks_while_it_is_read(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", matrix())
    with open_store(tmp_path / "a.npy") as store:
        (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:300])
        with pytest.raises(InputError, match="became shorter"):
            store.read(Address("a"), 0, N)


def npy_claiming(shape: tuple[int, ...]) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array_header_1_0(buffer, {"descr": "<f4", "fortran_order": False, "shape": shape})
    return buffer.getvalue()


def test_shape_bombs(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(npy_claiming((10**12, 1024)))
    assert "truncated" in refusal(tmp_path / "a.npy", InputError)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", npy_claiming((10**12, 1024)))
    assert "more than it holds" in refusal(tmp_path / "a.npz", InputError)
    (tmp_path / "b.npy").write_bytes(npy_claiming((-1, 4)))
    refusal(tmp_path / "b.npy", InputError)


def test_npz_that_lies_about_its_size(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", x=matrix())
    image = bytearray((tmp_path / "a.npz").read_bytes())
    central = image.rindex(b"PK\x01\x02")
    image[central + 24 : central + 28] = struct.pack("<I", 2**31)
    (tmp_path / "a.npz").write_bytes(image)
    assert "claims to expand" in refusal(tmp_path / "a.npz", InputError)


def test_npz_with_a_name_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("x.npy", npy_claiming((1, 1)) + bytes(4))
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("x.npy", npy_claiming((1, 1)) + bytes(4))
    assert "twice" in refusal(tmp_path / "a.npz", InputError)


def test_bit_flip_in_npz_is_found_by_its_crc(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=matrix())
    image = bytearray((tmp_path / "a.npz").read_bytes())
    image[400] ^= 1
    (tmp_path / "a.npz").write_bytes(image)
    with pytest.raises(InputError, match="CRC"):
        open_store(tmp_path / "a.npz").read(Address("a"), 0, N)


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F32", "shape": [N, D]},
        {"dtype": "F32", "shape": [N, D], "data_offsets": [0, 8]},
        {"dtype": "F32", "shape": [N, D], "data_offsets": [-960, 0]},
        {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4 * 10**18]},
        {"dtype": "F32", "shape": [N, D], "data_offsets": [10**6, 10**6 + 4 * N * D]},
        {"dtype": "F32", "shape": [N, D], "data_offsets": [True, 4 * N * D]},
        {"dtype": "F8_E4M3", "shape": [N, D], "data_offsets": [0, N * D]},
        {"dtype": "C64", "shape": [N, D], "data_offsets": [0, 8 * N * D]},
    ],
)
def test_safetensors_that_lie(tmp_path: Path, entry: dict[str, Any]) -> None:
    header = json.dumps({"x": entry}).encode()
    (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(8 * N * D))
    refusal(tmp_path / "a.safetensors", InputError)


def test_duplicate_ids_of_a_foreign_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=matrix(), id=np.zeros(N, dtype=int))
    assert 'id "0" comes twice' in refusal(tmp_path / "a.npz", InputError)


def test_float_targets_are_no_labels(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=matrix(), y=np.linspace(0, 1, N), label=LABELS[:5])
    with open_store(tmp_path / "a.npz") as store:
        assert store.columns == ()
        assert "y (40,) float64" in str(store.provenance["notes"])


def test_hostile_array_name(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {"\x1b[2J../x": matrix(0), "b": matrix(1)}
    np.savez(tmp_path / "a.npz", **arrays)
    with open_store(tmp_path / "a.npz") as store:
        assert {info.address.view for info in store.representations} == {"\x1b[2J../x", "b"}
    assert "\x1b" not in refusal(tmp_path / "a.npz", UsageError, dataset="zzz")


class TestParquet:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")

    def save(self, path: Path, columns: dict[str, Any], **options: Any) -> Path:
        self.pq.write_table(self.pa.table(columns), path, **options)
        return path

    @pytest.mark.parametrize("kind", ["fixed", "list", "large"])
    @pytest.mark.parametrize("group", [7, 1000])
    def test_vector_column(self, tmp_path: Path, kind: str, group: int) -> None:
        item = self.pa.float32()
        types = {
            "fixed": self.pa.list_(item, D),
            "list": self.pa.list_(item),
            "large": self.pa.large_list(item),
        }
        vectors = self.pa.array(matrix().tolist(), types[kind])
        path = self.save(
            tmp_path / "a.parquet", {"vec": vectors, "label": LABELS, "id": names()}, row_group_size=group
        )
        check_one(path, matrix())
        with open_store(path) as store:
            at = store.representations[0].address
            np.testing.assert_array_equal(store.read(at, 30, 35), matrix()[30:35])
            np.testing.assert_array_equal(store.read(at, 2, 9), matrix()[2:9])
            assert list(store.ids) == names()
            label = store.column("label")
            assert label is not None
            assert label.tolist() == LABELS.tolist()

    def test_two_vector_columns_are_views(self, tmp_path: Path) -> None:
        path = self.save(tmp_path / "a.parquet", {"a": matrix(0).tolist(), "b": matrix(1).tolist()})
        with open_store(path) as store:
            assert [info.address.view for info in store.representations] == ["a", "b"]
            assert store.representations[0].dtype == "float64"

    @pytest.mark.parametrize("bad", [[1.0, 2.0], None, [1.0, None, 3.0]])
    def test_ragged_and_missing_vectors(self, tmp_path: Path, bad: Any) -> None:
        vectors = [[1.0, 2.0, 3.0]] * (N - 1) + [bad]
        path = self.save(tmp_path / "a.parquet", {"vec": vectors})
        with open_store(path) as store, pytest.raises(InputError, match="drop those rows"):
            store.read(Address("a"), 0, N)

    def test_two_wrong_lengths_that_add_up(self, tmp_path: Path) -> None:
        path = self.save(tmp_path / "a.parquet", {"vec": [[1.0, 2.0], [1.0], [1.0, 2.0, 3.0]]})
        with open_store(path) as store, pytest.raises(InputError, match="different lengths"):
            store.read(Address("a"), 0, 3)

    def test_no_vector_column(self, tmp_path: Path) -> None:
        path = self.save(tmp_path / "a.parquet", {"x": [1.0, 2.0]})
        assert "(n, d)" in refusal(path, InputError)

    def test_damaged(self, tmp_path: Path) -> None:
        path = self.save(tmp_path / "a.parquet", {"vec": matrix().tolist()})
        path.write_bytes(path.read_bytes()[:300])
        assert "damaged Parquet" in refusal(path, InputError)

    def test_without_pyarrow(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        path = self.save(tmp_path / "a.parquet", {"vec": matrix().tolist()})
        monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
        assert 'pip install "repdiag[table]"' in refusal(path, MissingExtraError)
