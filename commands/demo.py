"""`repdiag demo`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options as o
from ._output import Output


def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A new folder for everything the demo writes.")
    ] = Path("repdiag-demo"),
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", help="Epochs of each training run.")] = 12,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier demo in that folder.")
    ] = False,
    seed: o.Seed = 0,
    threads: o.Threads = 1,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Train two small encoders, one healthy and one collapsing, and run the whole road on them.

    Takes under a minute. Ends with what was found, which files to open, and the command for each step.
    """
    from repdiag.demo.closing import closing_text
    from repdiag.demo.outcome import DemoRequest
    from repdiag.demo.road import run_demo

    output = Output(quiet=quiet)
    request = DemoRequest(folder, epochs=epochs, seed=seed, overwrite=overwrite)
    outcome = run_demo(request, output.progress())
    output.verdict(closing_text(outcome))
    raise typer.Exit(outcome.exit_code)
