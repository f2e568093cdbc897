"""Options of `plane` alone."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from repdiag.errors import UsageError
from repdiag.text import printable

Estimators = Annotated[
    list[str] | None,
    typer.Option(
        "--estimator",
        metavar="NAME",
        help="Only these, such as binning, kde{noise=0.1} or renyi{bandwidth=step}; repeatable. Without it "
        "two that tell something about these rows.",
        show_default=False,
    ),
]
TargetColumn = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN", help="The column Y of the samples; the labels by default.", show_default=False
    ),
]
Inputs = Annotated[
    bool,
    typer.Option(
        "--inputs", help="Compare X by its features, kept with extract --keep-inputs, not by identity."
    ),
]
GroupRuns = Annotated[
    bool, typer.Option("--group-runs", help="Stores are runs (seeds) of one experiment: draw their mean too.")
]
RunPattern = Annotated[
    str | None,
    typer.Option(
        "--run",
        metavar="REGEX",
        help="Finds the run in names of checkpoints, such as 'seed(\\d+)', and groups runs.",
        show_default=False,
    ),
]
Rows = Annotated[
    int | None,
    typer.Option(metavar="N", help="At most so many samples for every estimator.", show_default=False),
]
Bandwidth = Annotated[
    str,
    typer.Option(
        metavar="median|NUMBER",
        help="Of the Gaussian kernels, one for all steps: the median distance, or in units of the rows.",
    ),
]


def bandwidth_of(text: str) -> float | None:
    """A positive number, or None for the median distance.

    Raises:
        UsageError: anything else.
    """
    if text == "median":
        return None
    try:
        found = float(text)
    except ValueError:
        found = math.nan
    if not 0 < found < math.inf:
        raise UsageError(f'--bandwidth "{printable(text)}" is neither median nor a positive number')
    return found
