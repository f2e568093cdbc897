"""`repdiag extract`."""

from __future__ import annotations

import typer

from . import _extract_options as e
from . import _options as o
from ._extract import confirm_every_layer, next_text, plan_text, request_from, summary_text
from ._output import Output


def extract(
    context: typer.Context,
    checkpoints: e.Checkpoints = None,
    model: e.Model = None,
    model_arg: e.ModelArg = None,
    data: e.Data = None,
    limit: e.Limit = None,
    view: e.ViewSpecs = None,
    layer: e.LayerGlobs = None,
    pool: e.Pool = "auto",
    keep_special: e.KeepSpecial = False,
    keep_inputs: e.KeepInputs = False,
    column: e.Columns = None,
    on_error: e.OnError = "fail",
    twin: e.Twin = False,
    weights: e.Weights = "auto",
    allow_partial: e.PartialWeights = False,
    trust: e.Trust = False,
    batch_size: e.BatchSize = 64,
    workers: e.Workers = None,
    precision: e.Precision = "fp32",
    dtype: e.Dtype = "float32",
    output: e.OutputFile = "embeddings.h5",
    overwrite: e.Overwrite = False,
    dry_run: e.DryRun = False,
    yes: e.Yes = False,
    device: o.Device = "auto",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    config: o.Config = None,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Run checkpoints over data and keep what layers give: a store for every other command.

    Several checkpoints, views and layers go into one store. The same command again resumes, or is done.
    Every option can stand in [extract] of repdiag.toml, here or above. Under torchrun --nproc-per-node K -m
    repdiag extract ... the ranks share the work.
    """
    from repdiag.extract import extract as run
    from repdiag.extract import plan
    from repdiag.ranks import ranks_here

    out = Output(quiet=quiet)
    request = request_from(context, config, tuple(checkpoints or ()))
    if dry_run:
        out.table(plan_text(plan(request)))
        return
    confirm_every_layer(request, yes, out)
    summary = run(request, out.progress(), ranks_here())
    out.table(summary_text(summary))
    out.notice(next_text(summary))
