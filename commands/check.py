"""`repdiag check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from . import _options as o
from ._analysis import Sources
from ._check import Targets, deliver, is_saved_result, needed_measures, verdict_on
from ._output import Output

if TYPE_CHECKING:
    from repdiag.analysis import SpectrumRequest
    from repdiag.check import Policy


def check(
    stores: o.Stores,
    layer: o.Layers = None,
    view: o.Views = None,
    checkpoint: o.Checkpoints = None,
    interval: o.IntervalOption = o.Interval.AUTO,
    profile: o.ProfileName = None,
    config: o.Config = None,
    fail_on: o.FailOn = None,
    exit_zero: o.ExitZero = False,
    format: o.Formats = None,
    dataset: o.Dataset = None,
    allow_partial: o.AllowPartial = False,
    device: o.Device = "auto",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    json: o.JsonFile = None,
    report: o.ReportFile = None,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Fail when a representation looks collapsed: a gate for CI.

    Takes stores, or one results JSON. Exit codes: 0 passed, 1 failed, 2 unusable, 3 inconclusive.
    """
    from repdiag.check import CheckFlags, build_policy, exit_code
    from repdiag.config import load_config

    output = Output(json=json, quiet=quiet)
    targets = Targets(format or (), json, report, quiet)
    targets.parsed()
    loaded = load_config(Path(), config)
    flags = CheckFlags(
        profile=profile,
        fail_on=fail_on,
        layers=o.globs(layer),
        views=o.globs(view),
        checkpoints=o.globs(checkpoint),
    )
    policy = build_policy(loaded.check, flags, loaded.folder)
    sources = Sources(stores, dataset, allow_partial)
    request = None if is_saved_result(stores) else _request(policy, interval, device, seed)
    results = verdict_on(sources, policy, request, output)
    deliver(results, targets, output)
    raise typer.Exit(exit_code(results, policy.on_inconclusive, policy.fail_on, exit_zero))


def _request(policy: Policy, interval: o.Interval, device: str, seed: int) -> SpectrumRequest:
    from repdiag.analysis import SpectrumRequest

    return SpectrumRequest(
        layers=policy.layers,
        views=policy.views,
        checkpoints=policy.checkpoints,
        measures=needed_measures(policy),
        interval=interval.value,
        confidence=policy.confidence,
        device=device,
        seed=seed,
    )
