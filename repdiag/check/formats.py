"""The formats of a verdict by name, and where each goes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from repdiag.check.github import render_github
from repdiag.check.junit import render_junit
from repdiag.check.markdown import render_markdown
from repdiag.check.text_format import render_text
from repdiag.errors import UsageError
from repdiag.files import write_file
from repdiag.results import Results
from repdiag.text import nearest, printable

FORMATS: dict[str, Callable[[Results], str]] = {
    "text": render_text,
    "json": Results.to_json,
    "junit": render_junit,
    "github": render_github,
    "markdown": render_markdown,
}


@dataclass(frozen=True, slots=True)
class Target:
    """One format and its file; None is standard output."""

    format: str
    path: Path | None = None


def parse_targets(specs: Sequence[str]) -> tuple[Target, ...]:
    """Targets from `FORMAT` or `FORMAT=FILE`; `FORMAT=-` is standard output, and text the default.

    Raises:
        UsageError: an unknown format, an empty file name, or two formats for standard output.
    """
    targets = tuple(_target(spec) for spec in specs or ("text",))
    on_stdout = [target.format for target in targets if target.path is None]
    if len(on_stdout) > 1:
        raise UsageError(
            f"--format: {' and '.join(on_stdout)} cannot share standard output; "
            f"give one a file: --format {on_stdout[-1]}=FILE"
        )
    paths = [target.path for target in targets if target.path is not None]
    if len(set(paths)) < len(paths):
        raise UsageError("--format: two formats name the same file; give each its own")
    return targets


def render_verdict(results: Results, name: str) -> str:
    """The verdict in one format of FORMATS."""
    return FORMATS[name](results)


def write_targets(results: Results, targets: Sequence[Target]) -> str:
    """Write every format that has a file, and give back what belongs on standard output.

    Raises:
        OutputError: a file cannot be written.
    """
    shown = ""
    for target in targets:
        text = render_verdict(results, target.format)
        if target.path is None:
            shown = text
        else:
            write_file(target.path, text)
    return shown


def _target(spec: str) -> Target:
    name, separator, file = spec.partition("=")
    if name not in FORMATS:
        raise UsageError(
            f'--format: "{printable(name)}" is none of {", ".join(FORMATS)}.{nearest(name, FORMATS)}'
        )
    if separator and not file:
        raise UsageError(f"--format {name}=: the file name is missing")
    return Target(name, Path(file) if file and file != "-" else None)
