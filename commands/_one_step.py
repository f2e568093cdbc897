"""`check CKPT --data ...`: an extraction into a store of its own, and the gate on that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import typer

from repdiag.errors import InputError, UsageError

from ._extract import confirm_every_layer, request_from, summary_text, was_typed
from ._output import Output

OF_EXTRACTION = (
    "model",
    "model_arg",
    "data",
    "limit",
    "pool",
    "keep_special",
    "weights",
    "trust",
    "batch_size",
    "workers",
    "precision",
    "dtype",
    "output",
    "yes",
)
"""Parameters of check that only an extraction understands."""


def means_checkpoints(context: typer.Context, arguments: Sequence[Path], config: Path | None) -> bool:
    """Whether the arguments are checkpoints to run, and not stores to read.

    They are where --data or --model was typed, or where `[extract]` names the data and the files hold no
    vectors by their content.

    Raises:
        UsageError: an option of extraction without one, or no argument at all.
    """
    from repdiag.config import load_config

    if was_typed(context, "data") or was_typed(context, "model"):
        return True
    configured = load_config(Path(), config).extract
    if configured.get("data") and all(map(_may_be_checkpoint, arguments)):
        return bool(arguments) or bool(configured.get("model"))
    given = [name for name in OF_EXTRACTION if was_typed(context, name)]
    if given:
        option = given[0].replace("_", "-")
        raise UsageError(f"--{option} is about running a checkpoint; say over which samples with --data SPEC")
    if not arguments:
        raise UsageError("nothing to check was named; give a store, or a checkpoint with --data SPEC")
    return False


@contextmanager
def extracted(
    context: typer.Context, arguments: Sequence[Path], config: Path | None, output: Output
) -> Iterator[Path]:
    """The store of an extraction, kept where --output says, else for as long as the gate needs it."""
    from repdiag.extract import extract
    from repdiag.ranks import ranks_here

    ranks = ranks_here()
    request = request_from(context, config, tuple(str(path) for path in arguments))
    confirm_every_layer(request, bool(context.params.get("yes")), output)
    with TemporaryDirectory(prefix="repdiag-") as folder:
        if not was_typed(context, "output"):
            shared = ranks.shared("folder", lambda: folder)
            request = replace(request, output=str(Path(shared) / "embeddings.h5"))
        summary = extract(request, output.progress(), ranks)
        output.notice(_shown(summary))
        yield summary.path
        ranks.meet("judged")  # then the folder goes


def _shown(summary: Any) -> str:
    """The load report and what was extracted, without the name of a folder that will be gone."""
    return summary_text(replace(summary, path=Path(summary.path.name))).rstrip("\n")


def _may_be_checkpoint(path: Path) -> bool:
    from repdiag.store.sniff import Kind, sniff

    try:
        return sniff(path) in (Kind.TORCH, Kind.SAFETENSORS)
    except InputError:
        # A glob, or a folder of checkpoints; a file that is neither says so when it is opened.
        return path.is_dir() or not path.exists()
