"""`repdiag spectrum`."""

from __future__ import annotations

from pathlib import Path

from . import _options as o
from ._analysis import Sources, analysed
from ._output import Output, insist
from ._tables import spectrum_text


def spectrum(
    stores: o.Stores,
    layer: o.Layers = None,
    view: o.Views = None,
    checkpoint: o.Checkpoints = None,
    measure: o.Measures = None,
    interval: o.IntervalOption = o.Interval.AUTO,
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
    """Measure the spectrum and rank of each representation.

    The covariance eigenspectrum, effective rank and every other measure of one representation, each with
    an interval. Prints a table and writes <name of the store>.spectrum.html in the current folder.
    """
    from repdiag.analysis import SpectrumRequest

    output = Output(json=json, quiet=quiet)
    request = SpectrumRequest(
        layers=o.globs(layer),
        views=o.globs(view),
        checkpoints=o.globs(checkpoint),
        measures=o.globs(measure),
        interval=interval.value,
        device=device,
        seed=seed,
        closer=True,
    )
    results = analysed(Sources(stores, dataset, allow_partial, merge), request, output)
    output.table(spectrum_text(results, every_measure=bool(measure)))
    output.as_json(results.to_json)
    if not no_report:
        output.report([results], report or Path(f"{stores[0].stem}.spectrum.html"))
    insist(one for held in results.representations for one in held.estimates.values())
