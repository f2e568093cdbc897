"""Where a verdict goes: files, reports, stdout and what a CI job reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from repdiag.errors import UsageError
from repdiag.text import printable

from ._output import STDOUT, Output

if TYPE_CHECKING:
    from repdiag.check import Target
    from repdiag.results import Results


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


def deliver(results: Results, targets: Targets, output: Output, code: int | None = None) -> None:
    """Files first, then stdout, and last what later steps of a CI job read: nothing can fail after a pass.

    `code` is what the command ends with; without it, what the verdict asks for.
    """
    if not output.speaks:
        return
    from repdiag.check import github_outputs, write_targets
    from repdiag.check.github import step_outputs, write_outputs
    from repdiag.check.text_format import headline

    formats = targets.parsed()
    files = {target.format: target.path for target in formats if target.path is not None}
    for name, path in (("report", targets.report), ("json", targets.json)):
        if path is not None and path != STDOUT:
            _require_own(Path(path), files)
            files[name] = Path(path)
    shown = write_targets(results, formats)
    for target in formats:
        if target.path is not None:
            output.wrote(target.path)
    if targets.report is not None:
        output.report([results], targets.report)
    github = github_outputs(results)
    output.as_json(results.to_json)
    plain = any(target.format == "text" and target.path is None for target in formats)
    output.verdict(f"{headline(results)}\n" if targets.quiet and plain else shown)
    if github is not None:
        output.annotations(github.annotations, on_stdout=plain)
    write_outputs(step_outputs(results, code, files))


def _require_own(path: Path, others: Mapping[str, Path]) -> None:
    if path in others.values():
        raise UsageError(f"{printable(path)}: two results cannot go into one file; give each its own")
