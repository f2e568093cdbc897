"""`repdiag selftest`."""

from __future__ import annotations

import typer

from repdiag.errors import UsageError

from . import _options as o
from ._output import Output
from ._policy import policy_from, request_for
from ._selftest import SYNTHETIC, Features, Limit, StoreFile, opened, selftest_text


def selftest(
    context: typer.Context,
    store: StoreFile = None,
    layer: o.Layers = None,
    view: o.Views = None,
    checkpoint: o.Checkpoints = None,
    limit: Limit = None,
    features: Features = SYNTHETIC.d,
    interval: o.IntervalOption = o.Interval.AUTO,
    profile: o.ProfileName = None,
    config: o.Config = None,
    dataset: o.Dataset = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    json: o.JsonFile = None,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Plant every kind of collapse at rising severity, and say what this gate can and cannot see.

    Without --layer, --view or --checkpoint it plants in one representation, the last. Exit codes: 0 the gate
    sees what it should, 1 it does not or fails a clean copy, 2 unusable, 3 too few samples to tell.
    """
    from repdiag.selftest import SelftestRequest, exit_code_of
    from repdiag.selftest import selftest as run_selftest

    if interval.value == "none":
        raise UsageError("without intervals there are no limits; use --interval auto, fast or full")
    if store is not None and features != SYNTHETIC.d:
        raise UsageError("--features is about synthetic rows; leave it out, or leave out the store")
    output = Output(json=json, quiet=quiet)
    policy = policy_from(context.params)
    spectrum = request_for(policy, context.params)
    every = any((layer, view, checkpoint))
    request = SelftestRequest(policy, spectrum, every=every, limit=limit, seed=seed)
    with opened(store, dataset, limit, features, seed) as held:
        found = run_selftest(held, request, output.progress())
    output.as_json(found.to_json)
    text = selftest_text(found)
    output.verdict(text.splitlines()[0] + "\n" if quiet else text)
    raise typer.Exit(exit_code_of(found.verdict, policy.on_inconclusive))
