"""Options that several commands share, each declared once."""

from __future__ import annotations

import os
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Interval(StrEnum):
    """How intervals are found."""

    AUTO = "auto"
    FAST = "fast"
    FULL = "full"
    NONE = "none"


def _device(value: str) -> str:
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", value):
        raise typer.BadParameter(f'"{value}" is not a device; use auto, cpu, cuda, cuda:N or mps')
    return value


def _threads(value: int | None) -> int | None:
    """Limit the threads of numpy and torch, which read the environment when they are imported."""
    if value is None:
        return None
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(value)))
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(value)
    return value


Stores = Annotated[
    list[Path],
    typer.Argument(
        metavar="STORE...",
        show_default=False,
        help="A store, a run folder, or an .h5, .npy, .npz, .safetensors, .pt or .parquet file of vectors.",
    ),
]
StoresOrCheckpoints = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="STORE...|CKPT...",
        show_default=False,
        help="As for spectrum, or one results JSON; or, with --data, checkpoints as for extract.",
    ),
]
Layers = Annotated[
    list[str] | None,
    typer.Option("--layer", metavar="GLOB", help="Only these layers; repeatable.", show_default=False),
]
Views = Annotated[
    list[str] | None,
    typer.Option("--view", metavar="GLOB", help="Only these views; repeatable.", show_default=False),
]
Checkpoints = Annotated[
    list[str] | None,
    typer.Option(
        "--checkpoint", metavar="GLOB", help="Only these checkpoints; repeatable.", show_default=False
    ),
]
Measures = Annotated[
    list[str] | None,
    typer.Option(
        "--measure",
        metavar="NAME",
        help="Only these measures, such as effective_rank or rankme{center=true}; repeatable.",
        show_default=False,
    ),
]
IntervalOption = Annotated[
    Interval,
    typer.Option("--interval", help="How intervals are found; auto is full up to d = 1,024 and fast above."),
]
Device = Annotated[
    str,
    typer.Option("--device", metavar="DEVICE", callback=_device, help="auto, cpu, cuda, cuda:N or mps."),
]
Threads = Annotated[
    int | None,
    typer.Option(
        "--threads",
        metavar="N",
        min=1,
        callback=_threads,
        is_eager=True,
        help="Threads for the computation.",
        show_default=False,
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", min=0, help="Seed of everything random.")]
JsonFile = Annotated[
    str | None,
    typer.Option(
        "--json",
        metavar="FILE|-",
        help="Write JSON to FILE; - writes it, and nothing else, to stdout.",
        show_default=False,
    ),
]
ReportFile = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Where the HTML report goes.", show_default=False),
]
NoReport = Annotated[bool, typer.Option("--no-report", help="Write no HTML report.")]
Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Print no table and no progress, only errors and verdicts.")
]
Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Configuration; by default repdiag.toml or pyproject.toml here or above.",
        show_default=False,
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Dataset = Annotated[
    str | None,
    typer.Option(
        "--dataset",
        metavar="PATH",
        help="Which array to read, where the file holds several.",
        show_default=False,
    ),
]
AllowPartial = Annotated[
    bool, typer.Option("--allow-partial", help="Accept what an unfinished extraction has left.")
]
Merge = Annotated[
    bool,
    typer.Option(
        "--merge", help="Take the stores as parts of one: the same representations of other samples."
    ),
]
ProfileName = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME",
        help="Named rules: ssl, supervised, sentence, llm or relu-cnn.",
        show_default=False,
    ),
]
BaselineFile = Annotated[
    Path | None,
    typer.Option(
        "--baseline",
        metavar="FILE",
        help="Compare with this fingerprint, written by repdiag baseline.",
        show_default=False,
    ),
]
FailOn = Annotated[
    str | None,
    typer.Option(
        "--fail-on", metavar="fail|warn", help="Whether a warning fails the gate.", show_default=False
    ),
]
ExitZero = Annotated[
    bool, typer.Option("--exit-zero", help="Report, but end with 0 where the verdict is not a pass.")
]
Formats = Annotated[
    list[str] | None,
    typer.Option(
        "--format",
        metavar="FORMAT[=FILE]",
        help="text, json, junit, github or markdown; =FILE writes it to a file; repeatable.",
        show_default=False,
    ),
]


def globs(values: list[str] | None) -> tuple[str, ...]:
    """A repeatable option as a tuple, empty where it was not given."""
    return tuple(values or ())
