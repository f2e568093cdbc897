"""`repdiag report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options as o
from ._output import Output


def report(
    results: Annotated[
        list[Path],
        typer.Argument(
            metavar="RESULT.json...", show_default=False, help="Results that --json FILE has written."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("-o", "--out", metavar="FILE", help="Default: the first result's name with .html."),
    ] = None,
    figures: Annotated[
        Path | None,
        typer.Option(
            "--figures",
            metavar="FOLDER",
            show_default=False,
            help="Also write each figure into this folder, as SVG and PNG; a browser draws them.",
        ),
    ] = None,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Make one HTML report from saved results.

    Needs neither torch nor the store.
    """
    from repdiag.results import read_results

    loaded = [read_results(path) for path in results]
    output = Output(quiet=quiet)
    if figures is not None:
        output.figures(loaded, figures)
    output.report(loaded, out or Path(results[0].with_suffix(".html").name))
