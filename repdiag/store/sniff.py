"""What a file is, by its content: an extension is only ever a hint."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from enum import StrEnum
from pathlib import Path

from repdiag.errors import InputError
from repdiag.store import schema
from repdiag.store.complaints import bad_input
from repdiag.text import printable

_HEAD = 512
_HDF5 = b"\x89HDF\r\n\x1a\n"
_USER_BLOCKS = (512, 1024, 2048, 4096)


class Kind(StrEnum):
    """Kinds of file that a STORE argument may name."""

    HDF5 = "hdf5"
    FOLDER = "shards"
    NPY = "npy"
    NPZ = "npz"
    SAFETENSORS = "safetensors"
    TORCH = "torch"
    PARQUET = "parquet"


def sniff(path: Path) -> Kind:
    """The kind of `path`.

    Raises:
        InputError: missing, empty, not a regular file, or of no kind that we read.
    """
    shown = printable(path)
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            return _sniff_folder(path)
        if not stat.S_ISREG(status.st_mode):
            raise InputError(f"{shown}: is not a regular file")
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except (OSError, ValueError) as error:
        raise InputError(f"{shown}: {_reason(path, error)}") from error
    if not head:
        raise InputError(f"{shown}: is empty (0 bytes); write it again")
    kind = _by_magic(path, head)
    if kind is None:
        raise InputError(f"{shown}: {_unrecognised(head)}")
    return kind


def _reason(path: Path, error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        partial = path.with_name(path.name + schema.PARTIAL_SUFFIX)
        if partial.is_dir():
            return (
                f"does not exist yet, but {printable(partial.name)} does: extract was interrupted; "
                "run the same extract command again to resume"
            )
        return "no such file"
    text = error.strerror if isinstance(error, OSError) else str(error)
    return printable(text or "cannot be read").lower()


def _sniff_folder(path: Path) -> Kind:
    if not (path / schema.MANIFEST).is_file():
        raise bad_input(path, f"is a folder without {schema.MANIFEST}, so not a store; name a store file")
    return Kind.FOLDER


def _by_magic(path: Path, head: bytes) -> Kind | None:
    if head.startswith(_HDF5) or _has_user_block(path):
        return Kind.HDF5
    if head.startswith(b"\x93NUMPY"):
        return Kind.NPY
    if head.startswith(b"PAR1"):
        return Kind.PARQUET
    if head.startswith(b"PK"):
        return _zip_kind(path)
    if head[:1] == b"\x80" and head[1:2] in b"\x02\x03\x04\x05":
        return Kind.TORCH
    return Kind.SAFETENSORS if _is_safetensors(path, head) else None


def _has_user_block(path: Path) -> bool:
    """HDF5 allows a foreign header of 512 bytes or more before its own signature."""
    with path.open("rb") as stream:
        for offset in _USER_BLOCKS:
            stream.seek(offset)
            if stream.read(len(_HDF5)) == _HDF5:
                return True
    return False


def _zip_kind(path: Path) -> Kind:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise bad_input(path, "is a damaged or truncated zip file; write it again") from error
    if any(name.endswith(".npy") for name in names):
        return Kind.NPZ
    if any(name.endswith("data.pkl") for name in names):
        return Kind.TORCH
    raise bad_input(path, "is a zip file without arrays; give a .npz or a store")


def _is_safetensors(path: Path, head: bytes) -> bool:
    if len(head) < 9 or head[8:9] != b"{":
        return False
    return int(struct.unpack("<Q", head[:8])[0]) <= os.path.getsize(path)


def _unrecognised(head: bytes) -> str:
    text = head.lstrip().lower()
    if text.startswith(b"version https://git-lfs"):
        return "is a git-lfs pointer, not the file itself; run: git lfs pull"
    if text.startswith((b"<!doctype", b"<html", b"<?xml", b"<head", b"<body")):
        return "is an HTML page, not a store (a failed download?); download it again"
    if text.startswith(b"{") and b'"repdiag.results"' in text:
        return "is a result, not a store; show it with: repdiag report FILE"
    first = " ".join(f"{byte:02x}" for byte in head[:8])
    return (
        f"is not a store or an array file (first bytes {first}); "
        "give .h5, .npy, .npz, .safetensors, .pt or .parquet"
    )
