"""The gate with a baseline: the clean rows themselves, as `repdiag baseline` would keep them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from repdiag.check import Policy, fingerprint, write_baseline
from repdiag.check.policy import Bound, Rule
from repdiag.results import Representation, Results
from repdiag.selftest.gate import Bench, without_error
from repdiag.selftest.plantings import Specimen
from repdiag.types import Status

FIGURE = "effective_rank"


def drop_rule(policy: Policy) -> Rule | None:
    """The rule that bounds a drop of the effective rank, or None where it is off."""
    found = [rule for rule in policy.rules if rule.measure == FIGURE and rule.bound is Bound.MAX_DROP]
    return found[0] if found else None


def against_clean(bench: Bench, of: Specimen, policy: Policy, folder: Path) -> Bench | None:
    """The same bench, judged by `policy` against a baseline of the clean rows, which `folder` takes.

    Only layers and views of the same checkpoint are judged with it: a baseline is of one. None where too few
    rows, or rows that do not vary, make no baseline.
    """
    request = replace(bench.request, replicates=True)
    alone = replace(bench, request=request, clean=_of_checkpoint(bench))
    clean = alone.analysed(of)
    if not all(map(_varies, clean.representations)):
        return None
    real, sharp = folder / "baseline.json", folder / "sharp.json"
    write_baseline(fingerprint(clean), real)
    write_baseline(fingerprint(without_error(clean, bench.address)), sharp)
    judged = replace(policy, baseline=real, layers=(), views=(), checkpoints=())
    return replace(alone, policy=judged, sharp_baseline=sharp)


def _of_checkpoint(bench: Bench) -> Results:
    kept = [
        item
        for item in bench.clean.representations
        if item.checkpoint == bench.address.checkpoint and (item.address == bench.address or _varies(item))
    ]
    return bench.clean.model_copy(update={"representations": kept})


def _varies(item: Representation) -> bool:
    trace = item.estimates.get("trace")
    return trace is not None and trace.status is Status.OK and bool(trace.value)
