"""`repdiag plane`."""

from __future__ import annotations

from pathlib import Path

import typer

from repdiag.errors import EXIT_INCONCLUSIVE

from . import _options as o
from . import _plane as p
from . import _plane_options as e
from ._analysis import Sources
from ._meaning import notes
from ._output import Output


def plane(
    stores: o.Stores,
    layer: o.Layers = None,
    view: o.Views = None,
    checkpoint: o.Checkpoints = None,
    estimator: e.Estimators = None,
    target: e.TargetColumn = None,
    inputs: e.Inputs = False,
    group_runs: e.GroupRuns = False,
    run: e.RunPattern = None,
    rows: e.Rows = None,
    bandwidth: e.Bandwidth = "median",
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
    """Draw the information plane: paths of layers over checkpoints, with intervals.

    I(X;T) and I(T;Y) of every layer at every checkpoint, each beside its ceiling and its shuffled null, and
    the phases where they fall or rise. Prints tables and writes <name of the store>.plane.html in the current
    folder; a run that is cut off goes on where it was. Ends with 3 where no figure can be read.
    """
    from repdiag.analysis import PlaneChoice, PlaneJournal, PlaneRequest, readable

    output = Output(json=json, quiet=quiet)
    request = PlaneRequest(
        choice=PlaneChoice(o.globs(layer), o.globs(view), o.globs(checkpoint), group_runs, run),
        estimators=o.globs(estimator),
        target=target,
        inputs=inputs,
        rows=rows,
        bandwidth=e.bandwidth_of(bandwidth),
        device=device,
        seed=seed,
    )
    stem = stores[0].stem
    journal = PlaneJournal(Path(f"{stem}.plane.partial"), output.notice)
    results = p.drawn(Sources(stores, dataset, allow_partial), request, output, journal)
    output.table(p.plane_text(results))
    output.as_json(results.to_json)
    if not no_report:
        output.report([results], report or Path(f"{stem}.plane.html"))
    journal.remove()
    if not readable(results.trajectories):
        if quiet:
            output.verdict(f"{notes(results)[0]}\n")
        raise typer.Exit(EXIT_INCONCLUSIVE)
