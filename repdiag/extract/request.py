"""What is asked of an extraction, and what came of it: frozen records."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from repdiag.data import ON_ERROR
from repdiag.errors import UsageError
from repdiag.extract.pooling import METHODS
from repdiag.text import listing, nearest, printable
from repdiag.types import Address

Precision = Literal["fp32", "bf16", "fp16"]
Storage = Literal["float32", "float16"]
PRECISIONS = ("fp32", "bf16", "fp16")
STORAGES = ("float32", "float16")

Progress = Callable[[str, int, int], None]
"""Called after every batch with what is being read, samples done and samples in all."""


@dataclass(frozen=True)
class ExtractRequest:
    """One extraction.

    Attributes:
        checkpoints: files, folders or globs; may be empty where the model brings its own weights.
        data: see `repdiag.data.open_data`.
        model: spec of the architecture, or None for a file that is a whole model (needs `trust`).
        model_args: passed to the model's builder.
        views: specs, see `repdiag.data.parse_views`; none is `base`.
        layers: globs of module paths, or `output`; none is the penultimate representation and the output.
        pool: auto, mean, cls, last, max, flatten or none.
        weights: which set of weights in a checkpoint.
        batch_size: samples a forward pass; part of the batch plan, so of the result's last digits.
        workers: threads that read images; None chooses.
        precision: of the forward pass.
        dtype: of what is stored.
        keep_inputs: store the features of each sample too, float32, once for each view.
        twin: add each checkpoint's architecture with fresh weights, drawn with `seed`.
        columns: NAME=COLUMN, see `repdiag.data.parse_columns`.
        on_error: fail at a sample that cannot be read, or skip it in every view.
        limit: samples drawn at random with `seed`; None takes all.
        device: auto, cpu, cuda, cuda:N or mps.
        output: file, or text ending in / for a folder of shards.
        command: the command line, for the record.
    """

    checkpoints: tuple[str, ...]
    data: str
    model: str | None = None
    model_args: Mapping[str, str] = field(default_factory=dict)
    views: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    pool: str = "auto"
    weights: str = "auto"
    batch_size: int = 64
    workers: int | None = None
    precision: str = "fp32"
    dtype: str = "float32"
    limit: int | None = None
    seed: int = 0
    device: str = "auto"
    output: str = "embeddings.h5"
    allow_partial: bool = False
    keep_special: bool = False
    keep_inputs: bool = False
    twin: bool = False
    columns: tuple[str, ...] = ()
    on_error: str = "fail"
    overwrite: bool = False
    trust: bool = False
    command: str = ""


@dataclass(frozen=True)
class ExtractSummary:
    """What an extraction left behind; every text is one printable line."""

    path: Path
    rows: int
    representations: tuple[Address, ...]
    reports: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    was_complete: bool = False


@dataclass(frozen=True)
class PlannedLayer:
    """One layer of a plan: what a probe batch gave, (b, ...), and the width of its rows."""

    layer: str
    shape: tuple[int, ...]
    d: int
    pool: str


@dataclass(frozen=True)
class ExtractPlan:
    """What an extraction would do, from one probe batch.

    Attributes:
        samples: rows, or samples where every token becomes a row.
        bytes: of all embeddings and the inputs that are kept; estimated from the probe batch where tokens are
            rows.
        seconds: of all forward passes, from the probe batch.
    """

    checkpoints: tuple[str, ...]
    views: tuple[str, ...]
    layers: tuple[PlannedLayer, ...]
    samples: int
    bytes: int
    seconds: float
    reports: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def check_request(request: ExtractRequest) -> None:
    """Refuse values that no extraction can have.

    Raises:
        UsageError: naming the option.
    """
    for option, value, allowed in (
        ("--pool", request.pool, METHODS),
        ("--precision", request.precision, PRECISIONS),
        ("--dtype", request.dtype, STORAGES),
        ("--on-error", request.on_error, ON_ERROR),
    ):
        if value not in allowed:
            near = nearest(value, allowed)
            raise UsageError(f'{option} "{printable(value)}" is not one of {listing(allowed, 9)}.{near}')
    if request.batch_size < 1:
        raise UsageError(f"--batch-size {request.batch_size} is below 1; give 1 or more")
    if request.workers is not None and request.workers < 0:
        raise UsageError(f"--workers {request.workers} is below 0; give 0 or more")
