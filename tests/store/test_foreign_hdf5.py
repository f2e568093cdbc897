from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np
import pytest

from repdiag.errors import InputError, UsageError
from repdiag.store import open_store
from repdiag.types import Address
from tests.store.helpers import N, edited, foreign_file, matrix, names, refusal


def test_one_dataset_with_columns(tmp_path: Path) -> None:
    path = foreign_file(
        tmp_path / "features.h5",
        {
            "features": matrix(),
            "meta/label": np.arange(N),
            "split": ["train"] * N,
            "ids": names(),
            "extra": 3.5,
        },
    )
    with open_store(path) as store:
        (info,) = store.representations
        assert info.address == Address("features")
        np.testing.assert_array_equal(store.read(info.address, 0, N), matrix())
        assert list(store.ids) == names()
        assert set(store.columns) == {"label", "split"}
        split = store.column("split")
        assert split is not None
        assert split.tolist() == ["train"] * N
        assert "extra" in str(store.provenance["notes"])


def test_dataset_deep_inside(tmp_path: Path) -> None:
    path = foreign_file(tmp_path / "f.h5", {"a/b/c/d": matrix(dtype="float64")})
    with open_store(path) as store:
        assert store.representations[0].attrs["source"] == "a/b/c/d"
        assert store.representations[0].dtype == "float64"


def test_several_are_ambiguous_even_with_equal_rows(tmp_path: Path) -> None:
    path = foreign_file(tmp_path / "f.h5", {"a": matrix(0), "g/b": matrix(1, d=3)})
    sentence = refusal(path, UsageError)
    assert "a (40, 6) float32" in sentence
    assert "g/b (40, 3) float32" in sentence
    for name in ("g/b", "/g/b"):
        with open_store(path, dataset=name) as store:
            assert store.representations[0].d == 3
    assert 'Did you mean "g/b"?' in refusal(path, UsageError, dataset="g/c")
    refusal(path, UsageError, dataset="g")
    refusal(path, UsageError, dataset="../g/b")


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (np.zeros(N), "one number a sample"),
        (np.zeros((N, 2, 2)), "pool or flatten"),
        (np.zeros((N, 2), "i4"), "holds int32"),
        (np.zeros((N, 2), "c8"), "complex"),
        (np.zeros((0, 2)), "at least one row"),
        (np.zeros((N, 2), [("a", "f4")]), "holds [('a'"),
    ],
)
def test_what_is_no_matrix(tmp_path: Path, values: object, word: str) -> None:
    assert word in refusal(foreign_file(tmp_path / "f.h5", {"x": values}), InputError)


def test_nothing_inside(tmp_path: Path) -> None:
    assert "holds no arrays" in refusal(foreign_file(tmp_path / "f.h5", {}), InputError)


def test_hostile_storage_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"s" * 4096)
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("x", (N, 6), "f4", external=[(str(secret), 0, N * 24)])
    assert "external file" in refusal(tmp_path / "f.h5", InputError)
    assert "external file" in refusal(tmp_path / "f.h5", InputError, dataset="x")


def test_virtual_dataset_beside_a_real_one_is_left_out_by_name(tmp_path: Path) -> None:
    source = foreign_file(tmp_path / "source.h5", {"x": matrix(3)})
    layout = h5py.VirtualLayout((N, 6), "f4")
    layout[:] = h5py.VirtualSource(str(source), "x", (N, 6))
    path = foreign_file(tmp_path / "f.h5", {"real": matrix()})
    with edited(path) as file:
        file.create_virtual_dataset("virtual", layout)
        file["link"] = h5py.SoftLink("/real")
        file["away"] = h5py.ExternalLink(str(source), "/x")
    with open_store(path) as store:
        np.testing.assert_array_equal(store.read(Address("f"), 0, N), matrix())
        notes = str(store.provenance["notes"])
        assert "virtual dataset" in notes
        assert "links not followed: away, link" in notes
    for name, word in (
        ("virtual", "virtual"),
        ("link", "soft or external"),
        ("away/deeper", "soft or external"),
    ):
        assert word in refusal(path, InputError, dataset=name)


def test_hard_links_count_once_and_loops_end(tmp_path: Path) -> None:
    path = foreign_file(tmp_path / "f.h5", {"g/x": matrix()})
    with edited(path) as file:
        file["g/again"] = file["g/x"]
        for name in range(50):
            file[f"g/loop{name}"] = file["/"]
            file[f"loop{name}"] = file["g"]
    with open_store(path) as store:
        assert len(store.representations) == 1
    with open_store(path, dataset="g/x") as store:
        np.testing.assert_array_equal(store.read(Address("f"), 0, N), matrix())


def test_too_many_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("repdiag.store.foreign_hdf5.MAX_OBJECTS", 10)
    path = foreign_file(tmp_path / "f.h5", {f"x{name}": matrix(n=2) for name in range(20)})
    assert "over 10 objects" in refusal(path, InputError)


def test_compressed_dataset_reads_in_any_order(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "f.h5", "w") as file:
        file.create_dataset("x", data=matrix(), compression="gzip", chunks=(7, 3))
    with open_store(tmp_path / "f.h5") as store:
        for start in (30, 0, 13):
            np.testing.assert_array_equal(
                store.read(Address("f"), start, start + 9), matrix()[start : start + 9]
            )
