"""Everything that the rows of a store depend on, as JSON: the same again resumes, another refuses."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from repdiag._version import __version__
from repdiag.data import SampleSource
from repdiag.data.source import file_digest, without_folders
from repdiag.extract.paths import NamedPath
from repdiag.extract.request import ExtractRequest

_DESCRIBING = (".json", ".txt", ".model", ".safetensors", ".bin")


def fingerprint(
    request: ExtractRequest, source: SampleSource, checkpoints: Sequence[NamedPath]
) -> dict[str, Any]:
    """Fields by their option names, files by their content.

    Raises:
        InputError: a file cannot be read.
    """
    return {
        "checkpoints": {named.name: content_digest(named.path) for named in checkpoints},
        "model": without_folders(request.model or ""),
        "model code": code_digest(request.model or ""),
        "model-arg": dict(request.model_args),
        "weights": request.weights,
        "allow-partial": request.allow_partial,
        "data": without_folders(request.data),
        "source content": source.fingerprint,
        "data code": code_digest(request.data),
        "limit": request.limit,
        "seed": request.seed,
        "view": [without_folders(view) for view in request.views],
        "view code": [code_digest(view.partition("=")[2] or view) for view in request.views],
        "layer": list(request.layers),
        "pool": request.pool,
        "keep-special": request.keep_special,
        "keep-inputs": request.keep_inputs,
        "twin": request.twin,
        "batch-size": request.batch_size,
        "precision": request.precision,
        "dtype": request.dtype,
        "versions": {"repdiag": __version__, "torch": torch.__version__},
    }


def content_digest(path: Path) -> str:
    """sha256 of a file, or over the names and content of the weights and descriptions in a folder."""
    if path.is_file():
        return file_digest(str(path))
    digest = hashlib.sha256()
    for inner in sorted(path.rglob("*")):
        if inner.is_file() and inner.suffix in _DESCRIBING:
            digest.update(f"{inner.relative_to(path).as_posix()}\0{file_digest(str(inner))}\0".encode())
    return digest.hexdigest()


def code_digest(spec: str) -> str:
    """Digest of what a spec names on this disk: `file.py:callable` or `hf:DIR`; empty for all else."""
    kind, _, rest = spec.partition(":")
    if kind in ("hf", "sentence-transformers") and Path(rest).is_dir():
        return content_digest(Path(rest))
    file = Path(spec.rpartition(":")[0])
    return file_digest(str(file)) if file.suffix == ".py" and file.is_file() else ""
