"""`repdiag measures`."""

from __future__ import annotations

from typing import Annotated

import typer

from . import _options as o
from ._measures import measure_list, measure_page, measures_document
from ._output import Output


def measures(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One measure, in full.")] = None,
    json: o.JsonFile = None,
    debug: o.Debug = False,
) -> None:
    """List the measures, or show one in full.

    With a name: definition, unit, bounds, invariances and source.
    """
    from repdiag.measures.registry import all_measures, find

    chosen = list(all_measures().values()) if name is None else [find(name)]
    output = Output(json=json)
    output.table(measure_list(chosen) if name is None else measure_page(chosen[0]))
    output.as_json(lambda: measures_document(chosen))
