"""What a file is, by its content: a suffix says nothing of the container."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
from enum import StrEnum
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from repdiag.errors import InputError
from repdiag.text import printable

HEAD_BYTES = 512
_LEGACY_MAGIC = b"l\xfc\x9cF\xf9 j\xa8P\x19"
_INDEX_NAMES = ("model.safetensors.index.json", "pytorch_model.bin.index.json")
_SINGLE_NAMES = ("model.safetensors", "pytorch_model.bin")
DISTRIBUTED_TABLE = ".metadata"


class Format(StrEnum):
    """Kinds of file that people hand to a checkpoint reader."""

    TORCH_ZIP = "torch-zip"
    TORCH_LEGACY = "torch-legacy"
    SAFETENSORS = "safetensors"
    JSON = "json"
    HF_FOLDER = "hf-folder"
    DISTRIBUTED = "torch-distributed"
    TORCHSCRIPT = "torchscript"
    EXPORT = "torch-export"
    PACKAGE = "torch-package"
    PICKLE = "pickle"
    ZIP = "zip"
    BAD_ZIP = "bad-zip"
    HDF5 = "hdf5"
    GGUF = "gguf"
    TAR = "tar"
    HTML = "html"
    GIT_LFS = "git-lfs"
    EMPTY = "empty"
    FOLDER = "folder"
    UNKNOWN = "unknown"


CODE_FORMATS = (Format.TORCHSCRIPT, Format.EXPORT, Format.PACKAGE)
"""Programs, whatever their suffix: opening one runs it."""


def sniff(path: Path) -> Format:
    """The format of a file or folder, from its bytes.

    Raises:
        InputError: missing, unreadable, or neither a regular file nor a folder.
    """
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):
            return sniff_folder(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{printable(path)}: {_why(error)}") from error
    with open_regular(path) as stream:
        return sniff_stream(stream)


def open_regular(path: Path) -> BufferedReader:
    """The file, open for reading; never blocks on a pipe.

    Raises:
        InputError: missing, a directory, a pipe or device, or unreadable.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        raise InputError(f"{printable(path)}: {_why(error)}") from error
    mode = os.fstat(descriptor).st_mode
    if not stat.S_ISREG(mode):
        os.close(descriptor)
        what = "a directory without a checkpoint in it" if stat.S_ISDIR(mode) else "not a regular file"
        raise InputError(f"{printable(path)}: is {what}; name a checkpoint file")
    return os.fdopen(descriptor, "rb")


def sniff_stream(stream: BinaryIO) -> Format:
    """The format of an open file; the position is left at its start."""
    stream.seek(0)
    head = stream.read(HEAD_BYTES)
    size = stream.seek(0, os.SEEK_END)
    found = _sniff_zip(stream) if head.startswith(b"PK\x03\x04") else _sniff_head(head, size)
    stream.seek(0)
    return found


def sniff_folder(path: Path) -> Format:
    """What kind of checkpoint `folder_file` finds in it, else FOLDER."""
    found = folder_file(path)
    if found is None:
        return Format.FOLDER
    return Format.DISTRIBUTED if found.name == DISTRIBUTED_TABLE else Format.HF_FOLDER


def folder_file(path: Path) -> Path | None:
    """What stands for all weights in a folder: an index or a single file, safetensors first, or the
    table of torch.distributed.checkpoint."""
    names = (_INDEX_NAMES[0], _SINGLE_NAMES[0], _INDEX_NAMES[1], _SINGLE_NAMES[1])
    found = next((path / name for name in names if (path / name).is_file()), None)
    table = path / DISTRIBUTED_TABLE
    return table if found is None and table.is_file() and next(path.glob("*.distcp"), None) else found


def _sniff_head(head: bytes, size: int) -> Format:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if not head:
        return Format.EMPTY
    if head.startswith(b"\x80"):
        return Format.TORCH_LEGACY if _LEGACY_MAGIC in head[:40] else Format.PICKLE
    if head.startswith(b"version https://git-lfs"):
        return Format.GIT_LFS
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return Format.HDF5
    if head.startswith(b"GGUF"):
        return Format.GGUF
    # The length before a safetensors header has zero or huge bytes, never eight of plain text.
    if text.startswith(b"{") and all(byte >= 32 or byte in b"\t\r\n" for byte in head[:8]):
        return Format.JSON
    if head[8:9] == b"{":
        return Format.SAFETENSORS
    if text.startswith(b"<"):
        return Format.HTML
    return Format.TAR if head[257:262] == b"ustar" else Format.UNKNOWN


def _sniff_zip(stream: BinaryIO) -> Format:
    try:
        with zipfile.ZipFile(stream) as archive:
            names = {name.partition("/")[2] or name for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, struct.error, NotImplementedError):
        return Format.BAD_ZIP
    if "constants.pkl" in names or any(name.startswith("code/") for name in names):
        return Format.TORCHSCRIPT
    if names & {"archive_format", "serialized_exported_program.json"}:
        return Format.EXPORT
    if names & {".data/extern_modules", ".data/python_version"}:
        return Format.PACKAGE
    return Format.TORCH_ZIP if "data.pkl" in names else Format.ZIP


def _why(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "no such file"
    if isinstance(error, OSError):
        return f"cannot be read ({(error.strerror or type(error).__name__).lower()})"
    return "is not a usable path"
