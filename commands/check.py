"""`repdiag check`."""

from __future__ import annotations

import typer

from . import _extract_options as e
from . import _options as o
from ._check import gate
from ._deliver import Targets, deliver
from ._output import Output


def check(
    context: typer.Context,
    stores: o.StoresOrCheckpoints = None,
    layer: o.Layers = None,
    view: o.Views = None,
    checkpoint: o.Checkpoints = None,
    interval: o.IntervalOption = o.Interval.AUTO,
    profile: o.ProfileName = None,
    baseline: o.BaselineFile = None,
    config: o.Config = None,
    fail_on: o.FailOn = None,
    exit_zero: o.ExitZero = False,
    format: o.Formats = None,
    dataset: o.Dataset = None,
    allow_partial: o.AllowPartial = False,
    merge: o.Merge = False,
    model: e.Model = None,
    model_arg: e.ModelArg = None,
    data: e.Data = None,
    limit: e.Limit = None,
    pool: e.Pool = "auto",
    keep_special: e.KeepSpecial = False,
    weights: e.Weights = "auto",
    trust: e.Trust = False,
    batch_size: e.BatchSize = 64,
    workers: e.Workers = None,
    precision: e.Precision = "fp32",
    dtype: e.Dtype = "float32",
    output: e.KeptStore = None,
    yes: e.Yes = False,
    device: o.Device = "auto",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    json: o.JsonFile = None,
    report: o.ReportFile = None,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Fail when a representation looks collapsed: a gate for CI.

    Takes stores, or one results JSON; or checkpoints with --data and the options of extract, where --layer
    and --view choose what is extracted. Exit codes: 0 passed, 1 failed, 2 unusable, 3 inconclusive.
    """
    out = Output(json=json, quiet=quiet)
    targets = Targets(format or (), json, report, quiet)
    targets.parsed()
    results, code = gate(context, out)
    deliver(results, targets, out, code)
    raise typer.Exit(code)
