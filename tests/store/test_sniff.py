from __future__ import annotations

import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from repdiag.errors import InputError
from repdiag.store import open_store
from repdiag.store.sniff import Kind, sniff
from tests.store.helpers import foreign_file, matrix, refusal, small_store

NOT_STORES = {
    "empty": (b"", "is empty"),
    "html": (b"\n<!DOCTYPE html><html><body>404</body></html>", "HTML page"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "git lfs pull"),
    "result": (b'{"schema": "repdiag.results", "schema_version": 1}', "repdiag report"),
    "random": (bytes(range(1, 200)), "first bytes 01 02 03"),
    "csv": (b"a,b\n1,2\n", ".npy"),
    "zip": (b"PK\x03\x04 and nothing", "damaged or truncated zip"),
    "short": (b"\x00", "first bytes 00"),
}


@pytest.mark.parametrize("case", NOT_STORES)
@pytest.mark.parametrize("suffix", [".h5", ".npy", ".pt"])
def test_what_is_no_store_is_one_sentence(tmp_path: Path, case: str, suffix: str) -> None:
    content, word = NOT_STORES[case]
    path = tmp_path / f"file{suffix}"
    path.write_bytes(content)
    assert word in refusal(path, InputError)


def test_missing_file_and_unfinished_run(tmp_path: Path) -> None:
    path = tmp_path / "e.h5"
    assert "no such file" in refusal(path, InputError)
    (tmp_path / "e.h5.partial").mkdir()
    assert "run the same extract command again" in refusal(path, InputError)


def test_folder_without_a_manifest(tmp_path: Path) -> None:
    assert "folder without manifest.json" in refusal(tmp_path, InputError)


def test_pipe_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "not a regular file" in refusal(tmp_path / "pipe", InputError)


def test_path_with_a_nul(tmp_path: Path) -> None:
    refusal(tmp_path / "a\0b", InputError)


@pytest.mark.parametrize("length", [8, 60, 500, 3000])
def test_truncated_store(tmp_path: Path, length: int) -> None:
    path = small_store(tmp_path / "s.h5")
    path.write_bytes(path.read_bytes()[:length])
    assert "truncated" in refusal(path, InputError)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    path = small_store(tmp_path / "s.h5")
    image = path.read_bytes()
    for length in range(0, len(image), 97):
        path.write_bytes(image[:length])
        refusal(path, InputError)


def test_kind_is_found_by_content(tmp_path: Path) -> None:
    wrong = tmp_path / "store.npy"
    small_store(wrong)
    assert sniff(wrong) is Kind.HDF5
    np.savez(tmp_path / "a.npz", x=matrix())
    (tmp_path / "a.npz").rename(tmp_path / "a.pt")
    assert sniff(tmp_path / "a.pt") is Kind.NPZ
    open_store(wrong).close()


def test_user_block_before_hdf5(tmp_path: Path) -> None:
    path = foreign_file(tmp_path / "f.h5", {"x": matrix()})
    path.write_bytes(bytes(512) + path.read_bytes())
    assert sniff(path) is Kind.HDF5


def test_zip_without_arrays(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("readme.txt", "x")
    assert "without arrays" in refusal(tmp_path / "a.zip", InputError)
