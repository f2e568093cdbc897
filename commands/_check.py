"""The road of `repdiag check`: results from stores, checkpoints or a file, and a verdict."""

from __future__ import annotations

import glob
from collections import defaultdict
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from repdiag.errors import UsageError

from ._analysis import Sources, analysed
from ._one_step import extracted, means_checkpoints
from ._output import Output
from ._policy import policy_from, request_for

if TYPE_CHECKING:
    from repdiag.analysis import SpectrumRequest
    from repdiag.check import Policy
    from repdiag.results import Representation, Results


def gate(context: typer.Context, output: Output) -> tuple[Results, int]:
    """The results with findings and a verdict, and the exit code that they ask for."""
    from repdiag.check import exit_code

    params = context.params
    paths: tuple[Path, ...] = tuple(params["stores"] or ())
    one_step = means_checkpoints(context, paths, params["config"])
    policy = policy_from(params, extracted=one_step)
    with ExitStack() as stack:
        if one_step:
            paths = (stack.enter_context(extracted(context, paths, params["config"], output)),)
        request = None if is_saved_result(paths) else request_for(policy, params)
        sources = Sources(paths, params["dataset"], params["allow_partial"], params["merge"])
        results = verdict_on(sources, policy, request, output)
    return results, exit_code(results, policy.on_inconclusive, policy.fail_on, params["exit_zero"])


def verdict_on(sources: Sources, policy: Policy, request: SpectrumRequest | None, output: Output) -> Results:
    """The results of the sources with findings and a verdict; `request` is None for saved results."""
    from repdiag.check import check, undecided
    from repdiag.results import read_results

    if request is None:
        return check(read_results(sources.paths[0]), policy)
    if policy.baseline is not None:
        # Replicates of both sides must come from the same method: there is no first, faster look.
        return check(analysed(sources, replace(request, replicates=True), output, for_gate=True), policy)
    fast = request.interval == "auto"
    results = analysed(sources, replace(request, interval="fast") if fast else request, output, for_gate=True)
    if fast and (unsure := set(undecided(results, policy))):
        full = replace(
            request,
            interval="full",
            layers=tuple(sorted({glob.escape(address.layer) for address in unsure})),
            views=tuple(sorted({glob.escape(address.view) for address in unsure})),
            checkpoints=tuple(sorted({glob.escape(address.checkpoint) for address in unsure})),
        )
        results = _merged(results, analysed(sources, full, output, for_gate=True))
    return check(results, policy)


def _merged(results: Results, fresh: Results) -> Results:
    """`results` with the representations that `fresh` holds too taken from there, in order."""
    newer: dict[object, list[Representation]] = defaultdict(list)
    for item in fresh.representations:
        newer[item.address].append(item)
    merged = [newer[item.address].pop(0) if newer[item.address] else item for item in results.representations]
    return results.model_copy(update={"representations": merged})


def is_saved_result(paths: Sequence[Path]) -> bool:
    """True for one JSON file; its content decides.

    Raises:
        UsageError: a JSON file among several arguments.
    """
    found = [path for path in paths if _starts_like_json(path)]
    if found and len(paths) > 1:
        raise UsageError("saved results are judged one file at a time; give one results JSON, or only stores")
    return bool(found)


def _starts_like_json(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as stream:
            return stream.read(64).lstrip().startswith(b"{")
    except OSError:
        return False
