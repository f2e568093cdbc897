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

    Those of one representation first, then those of pairs, then the estimators of `plane`. With a name:
    definition, unit, bounds, invariances and source.
    """
    from repdiag.measures.declaration import find_in
    from repdiag.measures.pair_registry import all_pair_measures
    from repdiag.measures.plane_registry import all_estimators
    from repdiag.measures.registry import all_measures

    known = {**all_measures(), **all_pair_measures(), **all_estimators()}
    every = list(known.values())
    chosen = every if name is None else [find_in(name, known)]
    output = Output(json=json)
    output.table(measure_list(chosen) if name is None else measure_page(chosen[0]))
    output.as_json(lambda: measures_document(chosen))
