"""Files that lie: external storage, links out, virtual datasets, filters, bombs, loops."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO

import h5py
import numpy as np
import pytest

from repdiag.child import FORKS, Limits, in_child
from repdiag.errors import InputError
from repdiag.store import guarded, open_store
from tests.store.helpers import BASE, D, N, edited, foreign_file, matrix, refusal, small_store

PLACE = "embeddings/epoch=1/base/layer4.1"
Vandal = Callable[[h5py.File, Path], None]


def _external_storage(file: h5py.File, outside: Path) -> None:
    del file[PLACE]
    file.create_dataset(PLACE, (N, D), "f4", external=[(str(outside), 0, N * D * 4)])


def _virtual(file: h5py.File, outside: Path) -> None:
    layout = h5py.VirtualLayout((N, D), "f4")
    layout[:] = h5py.VirtualSource(str(outside), "x", (N, D))
    del file[PLACE]
    file.create_virtual_dataset(PLACE, layout)


def _external_link(component: str) -> Vandal:
    def change(file: h5py.File, outside: Path) -> None:
        del file[component]
        file[component] = h5py.ExternalLink(str(outside), "/x")

    return change


def _soft_link(component: str) -> Vandal:
    def change(file: h5py.File, outside: Path) -> None:
        file.move(component, "elsewhere")
        file[component] = h5py.SoftLink("/elsewhere")

    return change


def _external_column(file: h5py.File, outside: Path) -> None:
    del file["samples/label"]
    file.create_dataset("samples/label", (N,), "i8", external=[(str(outside), 0, N * 8)])


def _soft_loop(file: h5py.File, outside: Path) -> None:
    del file[PLACE]
    file[PLACE] = h5py.SoftLink(f"/{PLACE}")


def _hard_loop(file: h5py.File, outside: Path) -> None:
    for name in range(200):
        file[f"embeddings/loop{name}"] = file["embeddings"]


def _dataset_as_group(file: h5py.File, outside: Path) -> None:
    del file["embeddings/epoch=1"]
    file["embeddings/epoch=1"] = matrix()


def _group_as_dataset(file: h5py.File, outside: Path) -> None:
    del file[PLACE]
    file.create_group(PLACE)


def _named_type(file: h5py.File, outside: Path) -> None:
    del file[PLACE]
    file[PLACE] = np.dtype("f4")


def _shape_bomb(file: h5py.File, outside: Path) -> None:
    del file[PLACE]
    file.create_dataset(PLACE, (10**12, 1024), "f4", chunks=(1024, 1024), compression="gzip")


def _written_bomb(file: h5py.File, outside: Path) -> None:
    del file[PLACE]
    bomb = file.create_dataset(PLACE, (5 * 1024, 1 << 18), "f4", chunks=(64, 1 << 18), compression="gzip")
    image = np.zeros((64, 1 << 18), "f4").tobytes()
    packed = __import__("zlib").compress(image, 9)
    for start in range(0, 5 * 1024, 64):
        bomb.id.write_direct_chunk((start, 0), packed)


def _chunk_larger_than_its_rows(file: h5py.File, outside: Path) -> None:
    del file[PLACE]
    rows = file.create_dataset(PLACE, (N, D), "f4", chunks=(N, D), compression="gzip")
    rows.id.write_direct_chunk((0, 0), __import__("zlib").compress(bytes(64 << 20), 9))


def _chunk_that_expands(file: h5py.File, outside: Path) -> None:
    """A chunk of the right size on disk that unpacks to 700 MB."""
    del file[PLACE]
    rows = file.create_dataset(PLACE, (1 << 14, 16), "f4", chunks=(1 << 14, 16), compression="gzip")
    rows.id.write_direct_chunk((0, 0), __import__("zlib").compress(bytes(700 << 20), 9))


def _never_written(file: h5py.File, outside: Path) -> None:
    del file[PLACE]
    rows = file.create_dataset(PLACE, (N, D), "f4", chunks=(10, D))
    rows[:10] = 1


def _never_written_contiguous(file: h5py.File, outside: Path) -> None:
    del file[PLACE]
    file.create_dataset(PLACE, (N, D), "f4")


def _gap_in_compressed(file: h5py.File, outside: Path) -> None:
    del file[PLACE]
    rows = file.create_dataset(PLACE, (N, D), "f4", chunks=(10, D), compression="gzip")
    rows[:10], rows[30:] = 1, 1


def _huge_chunk(file: h5py.File, outside: Path) -> None:
    del file[PLACE]
    file.create_dataset(PLACE, (1 << 20, 512), "f4", chunks=(1 << 20, 512), compression="gzip")


def _other_filter(file: h5py.File, outside: Path) -> None:
    del file[PLACE]
    file.create_dataset(PLACE, data=matrix(), chunks=(10, D), scaleoffset=3)


def _plugin_filter(file: h5py.File, outside: Path) -> None:
    del file[PLACE]
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_chunk((10, D))
    created.set_filter(32015, h5py.h5z.FLAG_OPTIONAL, (1,))
    space = h5py.h5s.create_simple((N, D))
    h5py.h5d.create(file.id, PLACE.encode(), h5py.h5t.IEEE_F32LE, space, created)


def _replaced(values: object) -> Vandal:
    def change(file: h5py.File, outside: Path) -> None:
        del file[PLACE]
        file[PLACE] = values

    return change


def _references(file: h5py.File, outside: Path) -> None:
    del file["samples/label"]
    file.create_dataset("samples/label", (N,), h5py.ref_dtype)


def _variable_integers(file: h5py.File, outside: Path) -> None:
    del file["samples/label"]
    file.create_dataset("samples/label", (N,), h5py.vlen_dtype(np.int32))


HOSTILE: dict[str, tuple[Vandal, str]] = {
    "external storage": (_external_storage, "external file"),
    "external storage of a column": (_external_column, "external file"),
    "virtual dataset": (_virtual, "virtual dataset"),
    "external link": (_external_link(PLACE), "soft or external link"),
    "external link to a group": (_external_link("embeddings"), "soft or external link"),
    "external link in the middle": (_external_link("embeddings/epoch=1/base"), "soft or external link"),
    "external link to samples": (_external_link("samples"), "soft or external link"),
    "soft link": (_soft_link(PLACE), "soft or external link"),
    "soft link in the middle": (_soft_link("embeddings/epoch=1"), "soft or external link"),
    "soft link to ids": (_soft_link("samples/id"), "soft or external link"),
    "soft link to checkpoints": (_soft_link("checkpoints"), "soft or external link"),
    "soft loop": (_soft_loop, "soft or external link"),
    "hard loop": (_hard_loop, "linked twice"),
    "dataset as group": (_dataset_as_group, "a dataset where a group belongs"),
    "group as dataset": (_group_as_dataset, "is not a dataset"),
    "named type": (_named_type, "neither a group nor a dataset"),
    "shape bomb": (_shape_bomb, "never written"),
    "written bomb": (_written_bomb, "bomb"),
    "chunk larger than its rows": (_chunk_larger_than_its_rows, "larger than what it holds"),
    "chunk that expands": (_chunk_that_expands, "damaged or truncated"),
    "rows never written": (_never_written, "never written"),
    "nothing written": (_never_written_contiguous, "never written"),
    "gap": (_gap_in_compressed, "lacks some of its chunks"),
    "huge chunk": (_huge_chunk, "chunks of 2147483648 bytes"),
    "other filter": (_other_filter, "HDF5 filter 6"),
    "plugin filter": (_plugin_filter, "HDF5 filter 32015"),
    "one dimension": (_replaced(np.zeros(N, "f4")), "shape (40,)"),
    "three dimensions": (_replaced(np.zeros((N, 2, 3), "f4")), "shape (40, 2, 3)"),
    "integers": (_replaced(np.zeros((N, D), "i4")), "is int32"),
    "complex": (_replaced(np.zeros((N, D), "c8")), "is complex64"),
    "no rows": (_replaced(np.zeros((0, D), "f4")), "at least one row"),
    "no columns": (_replaced(np.zeros((N, 0), "f4")), "at least one row"),
    "scalar": (_replaced(np.float32(1)), "shape ()"),
    "compound": (_replaced(np.zeros((N, D), [("a", "f4")])), "float16, float32 or float64"),
    "references": (_references, "integers or text"),
    "variable integers": (_variable_integers, "integers or text"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_part_is_refused(tmp_path: Path, case: str) -> None:
    change, word = HOSTILE[case]
    outside = foreign_file(tmp_path / "outside.h5", {"x": matrix(9)})
    path = small_store(tmp_path / "s.h5")
    with edited(path) as file:
        change(file, outside)
    began = time.process_time()
    assert word in refusal(path, InputError)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "options", [{"compression": "gzip", "shuffle": True}, {"fletcher32": True}, {"compression": "lzf"}]
)
def test_allowed_filters_read_the_same_rows(tmp_path: Path, options: dict[str, object]) -> None:
    path = small_store(tmp_path / "s.h5")
    with edited(path) as file:
        del file[PLACE]
        file.create_dataset(PLACE, data=matrix(), chunks=(7, 4), **options)
    with open_store(path) as store:
        np.testing.assert_array_equal(store.read(BASE, 0, N), matrix())


@pytest.mark.parametrize("dtype", [">f4", "<f8", ">f2", "f2"])
def test_other_floats_come_in_native_order(tmp_path: Path, dtype: str) -> None:
    path = small_store(tmp_path / "s.h5")
    with edited(path) as file:
        del file[PLACE]
        file[PLACE] = matrix().astype(dtype)
    with open_store(path) as store:
        rows = store.read(BASE, 0, N)
    assert rows.dtype == np.dtype(dtype).newbyteorder("=")
    np.testing.assert_array_equal(rows, matrix().astype(dtype))


def test_damaged_chunk_with_a_checksum_is_one_sentence(tmp_path: Path) -> None:
    path = small_store(tmp_path / "s.h5")
    with edited(path) as file:
        del file[PLACE]
        dataset = file.create_dataset(PLACE, data=matrix(), chunks=(N, D), fletcher32=True)
        offset = dataset.id.get_chunk_info(0).byte_offset
    flip(path, offset + 8)
    with open_store(path) as store, pytest.raises(InputError, match="damaged"):
        store.read(BASE, 0, N)


def test_damaged_rows_are_found_by_verify(tmp_path: Path) -> None:
    path = small_store(tmp_path / "s.h5")
    with h5py.File(path, "r") as file:
        offset = file[PLACE].id.get_chunk_info(0).byte_offset
    flip(path, offset + 8)
    with open_store(path) as store, pytest.raises(InputError, match="do not match their sha256"):
        store.verify()


def test_damaged_column_is_found_when_it_is_read(tmp_path: Path) -> None:
    path = small_store(tmp_path / "s.h5")
    with edited(path) as file:
        file["samples/label"][3] = 77
    with open_store(path) as store, pytest.raises(InputError, match="does not match its sha256"):
        store.column("label")


def test_attributes_that_are_hostile_are_left_out(tmp_path: Path) -> None:
    path = small_store(tmp_path / "s.h5")
    with edited(path) as file:
        file.attrs["seed"] = np.nan
        file.attrs["huge"] = np.zeros(8000)
        file.attrs["compound"] = np.zeros((), [("a", "f4")])
        file.attrs["empty"] = h5py.Empty("f4")
        file.attrs["bytes"] = b"\xff\xfe"
        file.attrs["nested"] = "[" * 100_000
        file["checkpoints/epoch=1"].attrs["step"] = "soon"
    with open_store(path) as store:
        assert store.provenance["seed"] is None
        assert "huge" not in store.provenance
        assert "compound" not in store.provenance
        assert store.provenance["bytes"] == "\\udcff\\udcfe"  # h5py decodes to surrogates
        assert store.info(BASE).step is None


@pytest.mark.skipif(not FORKS, reason="needs fork")
def test_a_file_that_crashes_hdf5_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_store(tmp_path / "s.h5")

    def crash(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    monkeypatch.setattr(guarded, "rehearse", crash)
    assert "crashed the loader (signal 11)" in refusal(path, InputError)
    monkeypatch.undo()
    open_store(path).close()


@pytest.mark.skipif(not FORKS, reason="needs fork")
def test_a_file_is_visited_once_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = small_store(tmp_path / "s.h5")
    visits: list[str] = []

    def counted(work: Callable[[IO[bytes]], None], shown: str, limits: Limits) -> IO[bytes]:
        visits.append(shown)
        return in_child(work, shown, limits)

    monkeypatch.setattr(guarded, "in_child", counted)
    for _ in range(3):
        open_store(path).close()
    assert len(visits) == 1
    with edited(path) as file:
        file.attrs["seed"] = 8
    open_store(path).close()
    assert len(visits) == 2


def flip(path: Path, offset: int) -> None:
    image = bytearray(path.read_bytes())
    image[offset] ^= 0x10
    path.write_bytes(image)
