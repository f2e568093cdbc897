"""The road of `repdiag check`: results from stores or a file, a verdict, its outputs."""

from __future__ import annotations

import glob
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from repdiag.errors import UsageError

from ._analysis import Sources, analysed
from ._output import STDOUT, Output

if TYPE_CHECKING:
    from repdiag.analysis import SpectrumRequest
    from repdiag.check import Policy, Target
    from repdiag.results import Representation, Results


@dataclass(frozen=True, slots=True)
class Targets:
    """Every place that a verdict goes to."""

    formats: Sequence[str]
    json: str | None
    report: Path | None
    quiet: bool

    def parsed(self) -> tuple[Target, ...]:
        """The formats; text joins them on stdout where nothing else has it.

        Raises:
            UsageError: two documents for stdout.
        """
        from repdiag.check import Target, parse_targets

        chosen = parse_targets(self.formats) if self.formats else ()
        on_stdout = any(target.path is None for target in chosen)
        if on_stdout and self.json == STDOUT:
            raise UsageError("--json - and --format cannot share standard output; give one of them a file")
        return chosen if on_stdout or self.json == STDOUT else (*chosen, Target("text"))


def verdict_on(sources: Sources, policy: Policy, request: SpectrumRequest | None, output: Output) -> Results:
    """The results of the sources with findings and a verdict; `request` is None for saved results."""
    from repdiag.check import check, undecided
    from repdiag.results import read_results

    if request is None:
        return check(read_results(sources.paths[0]), policy)
    fast = request.interval == "auto"
    results = analysed(
        sources, replace(request, interval="fast") if fast else request, output, labels_optional=True
    )
    if fast and (unsure := set(undecided(results, policy))):
        full = replace(
            request,
            interval="full",
            layers=tuple(sorted({glob.escape(address.layer) for address in unsure})),
            views=tuple(sorted({glob.escape(address.view) for address in unsure})),
            checkpoints=tuple(sorted({glob.escape(address.checkpoint) for address in unsure})),
        )
        results = _merged(results, analysed(sources, full, output, labels_optional=True))
    return check(results, policy)


def _merged(results: Results, fresh: Results) -> Results:
    """`results` with the representations that `fresh` holds too taken from there, in order."""
    newer: dict[object, list[Representation]] = defaultdict(list)
    for item in fresh.representations:
        newer[item.address].append(item)
    merged = [newer[item.address].pop(0) if newer[item.address] else item for item in results.representations]
    return results.model_copy(update={"representations": merged})


def needed_measures(policy: Policy) -> tuple[str, ...]:
    """What the rules judge, with their options."""
    from repdiag.check import required_measures
    from repdiag.measures.registry import all_measures

    judged = (rule.measure for rule in policy.rules if rule.measure.partition("{")[0] in all_measures())
    return tuple(dict.fromkeys([*required_measures(policy), *judged]))


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


def deliver(results: Results, targets: Targets, output: Output) -> None:
    """Files first, then stdout, so that whoever reads the verdict finds the files written."""
    from repdiag.check import github_outputs, write_targets
    from repdiag.check.text_format import headline

    formats = targets.parsed()
    shown = write_targets(results, formats)
    for target in formats:
        if target.path is not None:
            output.wrote(target.path)
    if targets.report is not None:
        output.report([results], targets.report)
    output.as_json(results.to_json)
    plain = any(target.format == "text" and target.path is None for target in formats)
    output.verdict(f"{headline(results)}\n" if targets.quiet and plain else shown)
    github = github_outputs(results)
    if github is not None:
        output.annotations(github.annotations, on_stdout=plain)
