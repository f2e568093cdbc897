"""One set of weights as read from disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor


@dataclass(frozen=True)
class Checkpoint:
    """Tensors under the names that the file gives them, and what else the file says.

    Attributes:
        path: as the user named it.
        sha256: of the bytes that were loaded; of the index and every shard's digest where it is sharded.
        format: `torch-zip`, `torch-legacy`, `safetensors`, `safetensors-sharded`, `torch-sharded`,
            `torch-distributed`, `torchscript` or `torch-export`.
        tensors: flat, dotted names; training state is left out and named in `notes`.
        step, epoch: from the contents, else from the file name, else None.
        metadata: hyper-parameters and other plain values as text, at most 200.
        notes: what was left aside or is worth a remark.
        size: bytes on disk.
    """

    path: Path
    sha256: str
    format: str
    tensors: Mapping[str, Tensor]
    step: int | None
    epoch: int | None
    metadata: Mapping[str, str]
    notes: tuple[str, ...]
    size: int
