"""The one door through which torch and safetensors files are opened.

Data is read in a child process with limits, and only numbers come back. Code runs here, because
whoever gives --trust wants the module itself.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, BinaryIO

import numpy as np
import safetensors.torch
import torch
import torch.utils.serialization  # what torch.load imports late, once for all children
from torch import Tensor, nn

from repdiag.checkpoints.contents import Contents, flatten
from repdiag.checkpoints.handover import Facts, handed_over
from repdiag.checkpoints.header import check_header
from repdiag.checkpoints.pickles import refusal, scan_pickles
from repdiag.checkpoints.refusals import damaged, refuse_other
from repdiag.checkpoints.sniff import CODE_FORMATS, Format, open_regular, sniff_stream
from repdiag.checkpoints.soundness import check_tensors
from repdiag.checkpoints.zipcheck import check_zip
from repdiag.child import FORKS, limits_for
from repdiag.errors import InputError, RepdiagError
from repdiag.text import printable

MAX_BYTES = 64 << 30
MIN_BUDGET = 2 << 30
_ONE_AT_A_TIME = threading.Lock()
_SCALAR = np._core.multiarray.scalar  # type: ignore[attr-defined]
_PLAIN_DATA: list[Any] = [
    argparse.Namespace,
    np.dtype,
    *((_SCALAR, f"numpy.{core}.multiarray.scalar") for core in ("core", "_core")),
    *(type(np.dtype(code)) for code in "?bhilqBHILQefdFD"),
]
"""Hyper-parameters and NumPy numbers, which torch alone would refuse: restoring them runs no code."""


@dataclass(frozen=True)
class LoadedFile:
    """One file, read and checked."""

    format: Format
    sha256: str
    size: int
    contents: Contents


def load_file(
    path: Path, *, trust: bool = False, max_bytes: int | None = None, bare: bool = False
) -> LoadedFile:
    """Tensors of one file, without running anything in it unless `trust` is given and it is code.

    With `bare`, a file that is one tensor is taken too, under the empty name.

    Raises:
        InputError: not a checkpoint, damaged, hostile, over `max_bytes`, or code without `trust`; or
            reading it crashed or took more memory or time than its size explains.
    """
    shown = printable(path)
    with open_regular(path) as stream, _unchanged(stream, shown), _errors_as_ours(shown):
        size = _within(stream, max_bytes or MAX_BYTES, shown)
        found = sniff_stream(stream)
        refuse_other(stream, found, trust, shown)

        def read() -> tuple[Facts, Contents]:
            digest = hash_stream(stream)
            return {"sha256": digest}, _contents(stream, found, max(MIN_BUDGET, 4 * size), shown, bare)

        facts, contents = read() if found in CODE_FORMATS else handed_over(read, shown, limits_for(size))
    return LoadedFile(found, str(facts["sha256"]), size, contents)


def load_part(raw: bytes, shown: str) -> object:
    """What torch.save wrote into a stretch of a shard. Call it in a child process.

    Raises:
        InputError: as for a file of its own.
    """
    stream = io.BytesIO(raw)
    found = sniff_stream(stream)
    if found is Format.TORCH_ZIP:
        check_zip(stream, shown)
    elif found is not Format.TORCH_LEGACY:
        raise InputError(f"{shown}: holds a piece that torch.save did not write; fetch it again")
    return _unpickled(stream, found, shown)


def load_scripted(path: Path) -> nn.Module:
    """The module of a TorchScript or torch.export file. This RUNS the file: only after --trust.

    Raises:
        InputError: neither of the two, or damaged.
    """
    shown = printable(path)
    with open_regular(path) as stream:
        found = sniff_stream(stream)
        if found not in CODE_FORMATS:
            raise InputError(f"{shown}: is {found}, not TorchScript or torch.export; load it without --trust")
        refuse_other(stream, found, True, shown)
        with _guarded(shown):
            return _run(stream, found)


@contextmanager
def _unchanged(stream: BinaryIO, shown: str) -> Iterator[None]:
    """Refuse a file that was written to while it was read: its digest would not be that of its tensors."""
    before = os.fstat(stream.fileno())
    yield
    after = os.fstat(stream.fileno())
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise InputError(f"{shown}: changed while it was read; wait until the training run has written it")


def hash_stream(stream: BufferedReader) -> str:
    """sha256 of an open file; the position is left at its start."""
    stream.seek(0)
    digest = hashlib.file_digest(stream, "sha256").hexdigest()
    stream.seek(0)
    return digest


def _within(stream: BinaryIO, limit: int, shown: str) -> int:
    size = os.fstat(stream.fileno()).st_size
    if size > limit:
        raise InputError(
            f"{shown}: has {size:,} bytes, over the limit of {limit:,}; save the weights alone, or in shards"
        )
    return size


def _contents(stream: BinaryIO, found: Format, budget: int, shown: str, bare: bool) -> Contents:
    if found is Format.SAFETENSORS:
        return _safetensors(stream, budget, shown)
    if found in CODE_FORMATS:
        with _guarded(shown):
            tensors: dict[str, Tensor] = dict(_run(stream, found).state_dict())
        check_tensors(tensors, shown, budget)
        return Contents(tensors, {}, ("the file is code and was run (--trust)",))
    if found is Format.TORCH_ZIP:
        check_zip(stream, shown)
    content = _unpickled(stream, found, shown)
    return flatten({"": content} if bare and isinstance(content, Tensor) else content, shown, budget)


def _unpickled(stream: BinaryIO, found: Format, shown: str) -> object:
    if found is Format.PICKLE:
        raise InputError(refusal(scan_pickles(stream, found), shown))
    try:
        with _guarded(shown), torch.serialization.safe_globals(_PLAIN_DATA):
            # Not mapped: mmap=True would take a storage that is shorter than declared from its neighbours.
            return torch.load(stream, map_location="cpu", weights_only=True)
    except InputError as error:
        if isinstance(error.__cause__, UnpicklingError):
            raise InputError(refusal(scan_pickles(stream, found), shown)) from error.__cause__
        raise


def _mapped(stream: BinaryIO) -> str | BinaryIO:
    """A name for this very file, whatever stands at its path by now; the stream where there is none."""
    name = f"/proc/self/fd/{stream.fileno()}"
    return name if FORKS and os.path.exists(name) else stream


def _safetensors(stream: BinaryIO, budget: int, shown: str) -> Contents:
    metadata = check_header(stream, shown)
    source = _mapped(stream)
    with _guarded(shown):
        tensors: dict[str, Tensor] = (
            safetensors.torch.load_file(source)
            if isinstance(source, str)
            else safetensors.torch.load(stream.read())
        )
    check_tensors(tensors, shown, budget)
    return Contents(tensors, dict(metadata), ())


def _run(stream: BinaryIO, found: Format) -> nn.Module:
    if found is Format.TORCHSCRIPT:
        module: nn.Module = torch.jit.load(stream, map_location="cpu")  # type: ignore[no-untyped-call]
        return module
    program: Any = torch.export.load(stream)
    exported: nn.Module = program.module()
    return exported


@contextmanager
def _guarded(shown: str) -> Iterator[None]:
    """One load at a time (torch's sparse checks are per process), quiet, and every error ours."""
    with (
        _errors_as_ours(shown),
        _ONE_AT_A_TIME,
        warnings.catch_warnings(),
        torch.sparse.check_sparse_tensor_invariants(),  # type: ignore[no-untyped-call]
    ):
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _errors_as_ours(shown: str) -> Iterator[None]:
    """Readers raise a dozen kinds of exception on damaged bytes; each becomes one sentence.

    Want of memory passes: the child's limit explains it.
    """
    try:
        yield
    except (RepdiagError, MemoryError):
        raise
    except Exception as error:
        if "allocate memory" in str(error) or "bad_alloc" in str(error):
            raise MemoryError from error
        raise damaged(shown, error) from error
