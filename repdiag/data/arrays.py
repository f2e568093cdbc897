"""Arrays out of .npy, .npz and .safetensors: rows are samples, passed on as float32."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from repdiag.data.columns import Wanted, kept_columns
from repdiag.data.source import COLUMN_NAMES, SampleSource, column, file_digest
from repdiag.errors import InputError
from repdiag.text import listing, printable

SUFFIXES = (".npy", ".npz", ".safetensors")
SAMPLE_KEYS = ("x", "X", "data", "images", "inputs")
MAX_NPZ_BYTES = 16 << 30


@dataclass(frozen=True)
class _Named:
    """One array of a file, not yet read."""

    shape: tuple[int, ...]
    whole: Callable[[], np.ndarray]
    row: Callable[[int], torch.Tensor]


def array_file(path: Path, spec: str, wanted: Wanted | None = None) -> SampleSource:
    """Samples from the array `x`, `data` or the only one; `label`/`y`, `group`, `split`, `id` beside it.

    `wanted` names other columns, and as `x` the samples.

    Raises:
        InputError: damaged, ambiguous, without rows, or not numeric.
    """
    named = _opened(path)
    wanted = dict(wanted or {})
    kept = kept_columns(named, wanted, str(path))
    key = kept.pop("x", None) if "x" in wanted else None
    key = key or _sample_key({name: one for name, one in named.items() if name not in wanted.values()}, path)
    samples = named[key]
    if len(samples.shape) < 2:
        raise InputError(
            f'{printable(path)}: array "{printable(key)}" has shape {samples.shape}; give (n, ...) samples'
        )
    columns = {
        name: column(named[source].whole(), source, str(path))
        for name, source in kept.items()
        if source != key and (name in wanted or len(named[source].shape) == 1)
    }
    ids = columns.pop("id", np.arange(samples.shape[0]))
    return SampleSource(
        spec=spec,
        kind="array",
        ids=tuple(str(value) for value in ids),
        fetch=samples.row,
        columns=columns,
        content=f"{file_digest(str(path))} {key}",
        provenance={"data": path.name, "kind": "arrays", "array": key, "shape": list(samples.shape)},
    )


def _opened(path: Path) -> Mapping[str, _Named]:
    reader = {".npy": _npy, ".npz": _npz, ".safetensors": _safetensors}[path.suffix.lower()]
    try:
        return reader(path)
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{printable(path)}: is not a readable {path.suffix.lower()} file ({printable(error, 80)}); "
            "write it again"
        ) from error


def _sample_key(named: Mapping[str, _Named], path: Path) -> str:
    for key in SAMPLE_KEYS:
        if key in named:
            return key
    left = [key for key in named if key not in COLUMN_NAMES]
    if len(left) == 1:
        return left[0]
    shapes = (f"{key} {named[key].shape}" for key in (left or named))
    raise InputError(
        f'{printable(path)}: which array are the samples? Name one of them "x": {listing(shapes)}'
    )


def _npy(path: Path) -> dict[str, _Named]:
    return {"x": _named(np.load(path, mmap_mode="r", allow_pickle=False))}


def _npz(path: Path) -> dict[str, _Named]:
    with zipfile.ZipFile(path) as archive:
        declared = sum(info.file_size for info in archive.infolist())
    if declared > MAX_NPZ_BYTES:
        raise ValueError(f"expands to {declared >> 30} GiB, over {MAX_NPZ_BYTES >> 30}; use .npy")
    with np.load(path, allow_pickle=False) as archive:
        return {key: _named(archive[key]) for key in archive.files}


def _named(array: np.ndarray) -> _Named:
    if array.dtype.kind not in "fiubU":
        raise ValueError(f"holds {array.dtype}, not numbers")
    return _Named(array.shape, lambda: np.asarray(array), lambda row: as_float32(array[row]))


def _safetensors(path: Path) -> dict[str, _Named]:
    from safetensors import SafetensorError, safe_open

    try:
        opened = safe_open(path, framework="pt")
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    names: list[str] = opened.keys()  # type: ignore[no-untyped-call]
    return {key: _sliced(opened, key) for key in names}


def _sliced(opened: Any, key: str) -> _Named:
    part = opened.get_slice(key)
    return _Named(
        tuple(part.get_shape()),
        lambda: np.asarray(
            opened.get_tensor(key).float() if part.get_dtype() == "BF16" else opened.get_tensor(key)
        ),
        lambda row: part[row : row + 1][0].to(torch.float32),
    )


def as_float32(row: np.ndarray) -> torch.Tensor:
    """One sample as a float32 tensor that shares nothing with the file."""
    return torch.from_numpy(np.array(row, dtype=np.float32))
