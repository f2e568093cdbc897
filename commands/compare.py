"""`repdiag compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options as o
from ._analysis import Sources
from ._comparison import compared, comparison_text, split_side
from ._output import Output

_HELP = "A STORE, or PATH::CHECKPOINT for one checkpoint of a store that holds several."


def compare(
    a: Annotated[str, typer.Argument(metavar="A", show_default=False, help=_HELP)],
    b: Annotated[str, typer.Argument(metavar="B", show_default=False, help="The same, compared with A.")],
    layer: o.Layers = None,
    view: o.Views = None,
    measure: o.Measures = None,
    interval: o.IntervalOption = o.Interval.AUTO,
    dataset: o.Dataset = None,
    allow_partial: o.AllowPartial = False,
    device: o.Device = "auto",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    json: o.JsonFile = None,
    report: o.ReportFile = None,
    no_report: o.NoReport = False,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Compare two checkpoints or stores on the same samples.

    Every figure of A and of B, and their ratio or difference with an interval from the same groups of
    samples: far smaller changes are seen than by two separate intervals. Views and layers are matched by
    name, samples by id. Prints a table and writes <name of A>.compare.html in the current folder.
    """
    from repdiag.analysis import SpectrumRequest

    output = Output(json=json, quiet=quiet)
    request = SpectrumRequest(
        layers=o.globs(layer),
        views=o.globs(view),
        measures=o.globs(measure),
        interval=interval.value,
        device=device,
        seed=seed,
    )
    paths = [split_side(side)[0] for side in (a, b)]
    results = compared((a, b), Sources(paths, dataset, allow_partial), request, output)
    output.table(comparison_text(results, every_measure=bool(measure)))
    output.as_json(results.to_json)
    if not no_report:
        output.report([results], report or Path(f"{paths[0].stem}.compare.html"))
