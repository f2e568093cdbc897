from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from repdiag.errors import InputError, OutputError, UsageError
from repdiag.store import open_store, write_store
from repdiag.store.guarded import open_hdf5
from repdiag.types import Address
from tests.store.helpers import BASE, CONFIG, D, N, edited, matrix, names, small_store


def test_what_is_written_is_read(tmp_path: Path) -> None:
    arrays = {
        Address("epoch=1", "base", "a"): matrix(0),
        Address("epoch=1", "crop", "a"): matrix(1, d=300, dtype="float16"),
        Address("epoch=2", "base", "a"): matrix(2, d=1),
    }
    samples: dict[str, list[Any]] = {
        "id": names(),
        "label": [3] * N,
        "group": [f"g{row % 5}" for row in range(N)],
    }
    write_store(tmp_path / "s.h5", samples, arrays)
    with open_store(tmp_path / "s.h5") as store:
        assert store.n == N
        assert list(store.ids) == names()
        assert set(store.columns) == {"label", "group"}
        label, group = store.column("label"), store.column("group")
        assert label is not None
        assert group is not None
        assert label.dtype == np.int64
        assert group.tolist() == samples["group"]
        assert store.column("split") is None
        for address, array in arrays.items():
            assert store.info(address).d == array.shape[1]
            assert store.info(address).dtype == str(array.dtype)
            read = store.read(address, 3, 17)
            assert read.flags["C_CONTIGUOUS"]
            assert read.dtype == array.dtype
            np.testing.assert_array_equal(read, array[3:17])
            blocks = list(store.blocks(address, 7))
            assert [start for start, _ in blocks] == list(range(0, N, 7))
            np.testing.assert_array_equal(np.concatenate([rows for _, rows in blocks]), array)
        store.verify()


def test_reads_are_cut_to_the_rows_there_are(tmp_path: Path) -> None:
    with open_store(small_store(tmp_path / "s.h5")) as store:
        assert store.read(BASE, N - 2, N + 5).shape == (2, D)
        assert store.read(BASE, 5, 5).shape == (0, D)
        assert store.read(BASE, 30, 10).shape == (0, D)


def test_layout_and_attributes(tmp_path: Path) -> None:
    rows = matrix(n=3000, d=256)
    rows[5, 0], rows[9, 3] = np.nan, np.inf
    small_store(
        tmp_path / "s.h5",
        samples={"id": names(3000)},
        embeddings={BASE: rows},
        representations={BASE: {"module": "layer4.1", "pool": "mean"}},
    )
    with h5py.File(tmp_path / "s.h5", "r") as file:
        root = dict(file.attrs)
        assert root["format"] == "repdiag"
        assert root["format_version"] == 1
        assert root["complete"] == np.True_
        assert root["seed"] == 7
        assert root["command"] == "repdiag extract"
        assert {"created", "repdiag", "torch", "h5py", "config", "config_sha256"} <= set(root)
        assert file["checkpoints/epoch=1"].attrs["step"] == 100
        dataset = file["embeddings/epoch=1/base/layer4.1"]
        assert dataset.chunks == (1024, 256)
        assert dataset.dtype == np.float32
        assert dataset.attrs["module"] == "layer4.1"
        assert dataset.attrs["pool"] == "mean"
        assert dataset.attrs["finite_rows"] == 2998
        assert dataset.attrs["sha256"] == hashlib.sha256(rows.tobytes()).hexdigest()


def test_provenance_has_no_folder_of_this_machine(tmp_path: Path) -> None:
    with open_store(small_store(tmp_path / "s.h5")) as store:
        assert store.provenance["file"] == "s.h5"
        assert store.provenance["config"] == CONFIG
        assert store.provenance["checkpoints"] == {"epoch=1": {"step": 100, "path": "epoch=1.ckpt"}}
        assert str(tmp_path) not in str(store.provenance)
        assert store.info(BASE).step == 100


def test_checkpoints_come_in_training_order(tmp_path: Path) -> None:
    steps = {"late": 200, "early": 9, "final": None, "epoch=10": 50, "epoch=9": 50}
    small_store(
        tmp_path / "s.h5",
        embeddings={Address(name): matrix() for name in steps},
        checkpoints={name: {"step": step} for name, step in steps.items()},
    )
    with open_store(tmp_path / "s.h5") as store:
        order = [info.address.checkpoint for info in store.representations]
    assert order == ["early", "epoch=9", "epoch=10", "late", "final"]


HOSTILE = [
    "a/b/../c",
    "..",
    ".",
    "%2F",
    "<img src=x onerror=alert(1)>",
    "\x1b[2J::error::x",
    "tab\tnew\nline",
    "été 中文 \u202e",
    "x" * 3000,
    "nul\0nul",
    "lone\udc80surrogate",
    " ",
]


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_survive(tmp_path: Path, name: str) -> None:
    address = Address(name, name, name)
    path = write_store(
        tmp_path / "s.h5",
        {"id": [name + str(row) for row in range(N)]},
        {address: matrix()},
        {name: {"step": 3}},
    )
    with open_store(path) as store:
        (info,) = store.representations
        assert info.step == 3
        assert "\0" not in info.address.layer
        info.address.layer.encode("utf-8")
        if name.isprintable():
            assert info.address == address
        np.testing.assert_array_equal(store.read(info.address, 0, N), matrix())
        assert len(set(store.ids)) == N


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.store.helpers import small_store;"
        "small_store(Path(sys.argv[1]), checkpoints={'epoch=1': {'missing': ['k' * 9] * 9000}})"
    )
    digests = set()
    for name in ("one.h5", "two.h5"):
        env = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "PYTHONHASHSEED": "random"}
        root = Path(__file__).parents[2]
        subprocess.run([sys.executable, "-c", code, str(tmp_path / name)], check=True, env=env, cwd=root)
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_long_texts_and_unicode_in_columns(tmp_path: Path) -> None:
    texts = ["", "é" * 200, "z" * 5000, *names(N - 3)]
    small_store(tmp_path / "s.h5", samples={"id": names(), "group": texts})
    with open_store(tmp_path / "s.h5") as store:
        group = store.column("group")
    assert group is not None
    assert group.tolist() == texts


def test_int64_labels_beyond_double_precision(tmp_path: Path) -> None:
    labels = [2**53 + 1, -(2**63), 2**63 - 1, *range(N - 3)]
    small_store(tmp_path / "s.h5", samples={"label": labels})
    with open_store(tmp_path / "s.h5") as store:
        column = store.column("label")
        assert list(store.ids) == [str(row) for row in range(N)]
    assert column is not None
    assert column.tolist() == labels


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"embeddings": {BASE: matrix().astype("float64")}}, "float32"),
        ({"embeddings": {BASE: matrix()[0]}}, "(n, d)"),
        ({"embeddings": {BASE: matrix(n=0)}}, "(n, d)"),
        ({"embeddings": {}}, "at least one"),
        ({"samples": {"id": names(3)}}, "3 entries"),
        ({"samples": {"label": [1.5] * N}}, "integers or text"),
        ({"samples": {"label": [object()] * N}}, "integers or text"),
        ({"samples": {"label": np.full(N, 2**64 - 1, dtype=np.uint64)}}, "64-bit"),
        ({"samples": {"a/b": [1] * N}}, "name of a column"),
    ],
)
def test_what_does_not_fit_is_not_written(tmp_path: Path, changes: dict[str, object], word: str) -> None:
    with pytest.raises(UsageError, match=word.replace("(", r"\(").replace(")", r"\)")):
        small_store(tmp_path / "s.h5", **changes)
    assert list(tmp_path.iterdir()) == []


def test_duplicate_ids_are_not_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='"sample-0" comes twice'):
        small_store(tmp_path / "s.h5", samples={"id": [*names(N - 1), "sample-0"]})


def test_missing_folder_is_an_output_error(tmp_path: Path) -> None:
    with pytest.raises(OutputError):
        small_store(tmp_path / "no" / "s.h5")


def test_selection(tmp_path: Path) -> None:
    layers = ["layer1.0", "layer1.1", "head[0]"]
    small_store(
        tmp_path / "s.h5",
        embeddings={Address("c", view, layer): matrix() for view in ("base", "crop") for layer in layers},
    )
    with open_store(tmp_path / "s.h5") as store:
        assert len(store.select()) == 6
        chosen = store.select(views=["crop"], layers=["layer1.*", "head[0]"])
        assert [info.address.layer for info in chosen] == ["head[0]", "layer1.0", "layer1.1"]
        with pytest.raises(
            UsageError, match=r'layer "layer1.2" is not in s.h5. Did you mean "layer1.[01]"\?'
        ):
            store.select(layers=["layer1.0", "layer1.2"])
        with pytest.raises(UsageError, match=r"repdiag inspect s\.h5"):
            store.read(Address("c", "base", "nope"), 0, 1)


def test_pairs_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    both = {Address("c", "base", "a"): matrix(), Address("c", "crop", "b"): matrix()}
    with open_store(small_store(tmp_path / "s.h5", embeddings=both)) as store:
        with pytest.raises(UsageError, match="together"):
            store.select(views=["base"], layers=["b"])
        with pytest.raises(UsageError):
            store.read(Address("c", "base", "b"), 0, 1)


def test_moments_are_listed(tmp_path: Path) -> None:
    path = small_store(tmp_path / "s.h5")
    with edited(path) as file:
        file["moments/epoch=1/base/layer4.1/count"] = np.zeros(20)
    with open_store(path) as store:
        assert store.has_moments == {BASE}


def test_reading_leaves_the_file_alone(tmp_path: Path) -> None:
    path = small_store(tmp_path / "s.h5")
    before = path.read_bytes()
    path.chmod(0o444)
    with open_store(path) as store:
        store.verify()
        with open_hdf5(path) as file:
            assert file.mode == "r"
    assert path.read_bytes() == before
