"""`repdiag information`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _information_options as i
from . import _options as o
from ._analysis import Sources
from ._information import PairInterval, bandwidth_of, information_text, informed
from ._output import Output, insist


def information(
    stores: o.Stores,
    x: i.First = None,
    y: i.Other = None,
    given: i.Given = "",
    layer: o.Layers = None,
    view: o.Views = None,
    checkpoint: o.Checkpoints = None,
    measure: i.PairMeasures = None,
    bandwidth: i.Bandwidths = "median",
    rows: i.RowCount = 1000,
    yes: Annotated[bool, typer.Option("--yes", help="Measure any number of pairs.")] = False,
    interval: PairInterval = o.Interval.AUTO,
    dataset: o.Dataset = None,
    allow_partial: o.AllowPartial = False,
    merge: o.Merge = False,
    device: o.Device = "auto",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    json: o.JsonFile = None,
    report: o.ReportFile = None,
    no_report: o.NoReport = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Measure how much views, layers or checkpoints of the same samples tell of each other.

    Every two views of each layer; without views every two layers, without layers every two checkpoints.
    Each figure stands beside its shuffled null and the information of a view with itself. Prints a table
    and writes <name of the store>.information.html in the current folder. Exit code 3 where no figure has
    a value.
    """
    from repdiag.analysis import InformationRequest, PairChoice

    output = Output(json=json, quiet=quiet)
    request = InformationRequest(
        pairs=PairChoice(o.globs(layer), o.globs(view), o.globs(checkpoint), o.globs(x), o.globs(y), given),
        measures=o.globs(measure),
        interval=interval.value,
        device=device,
        seed=seed,
        bandwidth=bandwidth_of(bandwidth),
        rows=rows,
        any_number=yes,
    )
    results = informed(Sources(stores, dataset, allow_partial, merge), request, output)
    output.table(information_text(results))
    output.as_json(results.to_json)
    if not no_report:
        output.report([results], report or Path(f"{stores[0].stem}.information.html"))
    insist(one for pair in results.pairs for one in pair.estimates.values())
