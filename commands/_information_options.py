"""Options that `information` alone has."""

from __future__ import annotations

from typing import Annotated

import typer

_SIDE = "Addresses checkpoint/view/layer of the {} side, such as '*/base/*'; repeatable."

First = Annotated[
    list[str] | None, typer.Option("--x", metavar="GLOB", help=_SIDE.format("first"), show_default=False)
]
Other = Annotated[
    list[str] | None, typer.Option("--y", metavar="GLOB", help=_SIDE.format("other"), show_default=False)
]
Given = Annotated[
    str,
    typer.Option(
        metavar="VIEW|GLOB",
        help="A third view, by name or address, that the conditional measures condition on.",
        show_default=False,
    ),
]
PairMeasures = Annotated[
    list[str] | None,
    typer.Option(
        "--measure",
        metavar="NAME",
        help="Only these measures of pairs, such as renyi_mi or cka{unbiased=false}; repeatable.",
        show_default=False,
    ),
]
Bandwidths = Annotated[
    str,
    typer.Option(
        metavar="median|best|NUMBER",
        help="Of the Gaussian kernels: the median distance, the multiple of it where a view is furthest "
        "from its shuffled self, or a number in units of the rows.",
    ),
]
RowCount = Annotated[
    int, typer.Option(metavar="N", help="Rows, at most 4,000, for what compares them all in memory.")
]
