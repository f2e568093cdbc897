"""A folder of images: class subfolders are labels, ids are relative paths, decoding is per item."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import numpy as np

from repdiag.data._optional import optional
from repdiag.data.source import SampleSource
from repdiag.errors import InputError
from repdiag.text import printable

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".gif", ".tif", ".tiff", ".ppm", ".pgm")


def image_folder(path: Path, spec: str) -> SampleSource:
    """Every image below `path`, in the order of its relative path.

    Raises:
        MissingExtraError: Pillow is not installed.
        InputError: there is no image.
    """
    optional("PIL.Image", "pillow", "vision", "Reading images")
    files, ignored = _listed(path)
    if not files:
        raise InputError(
            f"{printable(path)}: holds no images ({ignored} other files); "
            f"give a folder with {', '.join(SUFFIXES[:3])} ..."
        )
    notes = (f"{ignored} files that are not images were left out",) if ignored else ()
    return SampleSource(
        spec=spec,
        kind="image",
        ids=tuple(_text(name) for name in files),
        fetch=lambda row: load_image(path / files[row]),
        columns=_labels(files),
        content=_digest(path, files),
        provenance={"data": path.name or spec, "kind": "images"},
        notes=notes,
    )


def load_image(path: Path) -> Any:
    """The image, decoded, as PIL made it (no colour conversion).

    Raises:
        InputError: missing, damaged, or so large that Pillow takes it for a bomb.
    """
    image = optional("PIL.Image", "pillow", "vision", "Reading images")
    try:
        with image.open(path) as opened:
            opened.load()
            return opened.copy()
    except Exception as error:
        # Decoders raise many kinds (OSError, SyntaxError, struct.error, DecompressionBombError).
        raise InputError(
            f"{printable(path)}: is not an image that can be decoded ({printable(error, 60)}); "
            "replace or remove it"
        ) from error


def _listed(path: Path) -> tuple[list[str], int]:
    files, ignored = [], 0
    for folder, subfolders, names in os.walk(path):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in names:
            if name.startswith("."):
                continue
            if name.lower().endswith(SUFFIXES):
                files.append(Path(folder, name).relative_to(path).as_posix())
            else:
                ignored += 1
    return sorted(files), ignored


def _labels(files: list[str]) -> dict[str, np.ndarray]:
    if not all("/" in name for name in files):
        return {}
    return {"label": np.array([_text(name.split("/", 1)[0]) for name in files], dtype=object)}


def _text(name: str) -> str:
    # A file name need not be UTF-8, an id must be.
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _digest(path: Path, files: list[str]) -> str:
    digest = hashlib.sha256()
    for name in files:
        status = (path / name).stat()
        digest.update(os.fsencode(name) + f"\0{status.st_size}\0{status.st_mtime_ns}\0".encode())
    return digest.hexdigest()
