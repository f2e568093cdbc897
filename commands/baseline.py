"""`repdiag baseline`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from repdiag.errors import UsageError
from repdiag.text import printable

from . import _options as o
from ._analysis import Sources, analysed
from ._output import Output
from ._policy import policy_from, request_for

if TYPE_CHECKING:
    from repdiag.analysis import SpectrumRequest

BaselineFile = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE", help="The JSON to commit.", show_default=False),
]


def baseline(
    context: typer.Context,
    stores: o.Stores,
    output: BaselineFile = None,
    layer: o.Layers = None,
    view: o.Views = None,
    checkpoint: o.Checkpoints = None,
    interval: o.IntervalOption = o.Interval.AUTO,
    profile: o.ProfileName = None,
    config: o.Config = None,
    dataset: o.Dataset = None,
    device: o.Device = "auto",
    threads: o.Threads = None,
    seed: o.Seed = 0,
    quiet: o.Quiet = False,
    debug: o.Debug = False,
) -> None:
    """Keep the figures of a good store as a small JSON, for `repdiag check` to compare with.

    It holds spectra, moments, definitions and figures without each group of samples, and no embeddings.
    """
    from repdiag.check import check, fingerprint, write_baseline
    from repdiag.check.baseline import require_one_checkpoint

    if output is None:
        raise UsageError("a baseline needs a file to go to; give one with -o, such as repdiag-baseline.json")
    out = Output(quiet=quiet)
    policy = policy_from(context.params, without_baseline=True)
    request = replace(request_for(policy, context.params, everything=True), replicates=True)
    sources = Sources(stores, dataset)
    require_one_checkpoint(_checkpoints(sources, request))
    results = analysed(sources, request, out, for_gate=True)
    write_baseline(fingerprint(results), output)
    verdict = check(results, policy).verdict
    held = ", ".join(printable(row.address, 120) for row in results.representations)
    out.table(f"{printable(output)}: {held}\n")
    if verdict != "pass":
        out.notice(f"note: repdiag check says {verdict} of this store; is it the one to compare with?")


def _checkpoints(sources: Sources, request: SpectrumRequest) -> list[str]:
    """The checkpoints that would be read: a long analysis must not end in a refusal."""
    from repdiag.store import open_store

    found: list[str] = []
    for path in sources.paths:
        with open_store(path, dataset=sources.dataset) as store:
            chosen = store.select(request.views, request.layers, request.checkpoints)
            found += [info.address.checkpoint for info in chosen]
    return list(dict.fromkeys(found))
