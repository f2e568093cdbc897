"""GitHub Actions: annotations on a log, and the step summary."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from repdiag.check.markdown import render_markdown
from repdiag.check.summary import summary_of
from repdiag.check.text_format import shown_place
from repdiag.errors import OutputError
from repdiag.files import write_file
from repdiag.results import Finding, Results
from repdiag.text import printable

MOST_PER_LEVEL = 10
MAX_SUMMARY_BYTES = 1024 * 1024
"""What GitHub takes of one step's summary."""


@dataclass(frozen=True, slots=True)
class GithubOutputs:
    """Annotations for the log, and the summary file that was extended (None where there is none)."""

    annotations: str
    summary: Path | None


def render_github(results: Results) -> str:
    """Workflow commands, at most 10 a level; an empty string where there is nothing to say."""
    strict = summary_of(results).on_inconclusive
    by_level: dict[str, list[Finding]] = {"error": [], "warning": [], "notice": []}
    for finding in results.findings:
        level = _level(finding, strict)
        if level is not None:
            by_level[level].append(finding)
    lines = [line for level, found in by_level.items() for line in _annotations(level, found)]
    return "".join(f"{line}\n" for line in lines)


def github_outputs(results: Results, env: Mapping[str, str] | None = None) -> GithubOutputs | None:
    """Under GITHUB_ACTIONS=true: the annotations, with the summary appended to GITHUB_STEP_SUMMARY.

    Raises:
        OutputError: the summary file cannot be read or written.
    """
    environment = os.environ if env is None else env
    if environment.get("GITHUB_ACTIONS") != "true":
        return None
    name = environment.get("GITHUB_STEP_SUMMARY", "")
    if name:
        _append(Path(name), render_markdown(results))
    return GithubOutputs(render_github(results), Path(name) if name else None)


def _append(path: Path, text: str) -> None:
    try:
        before = path.read_bytes() if path.exists() else b""
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise OutputError(f"{printable(path)}: the step summary could not be extended ({reason})") from error
    gap = b"\n" if before and not before.endswith(b"\n") else b""
    content = before + gap + text.encode("utf-8")
    if len(content) <= MAX_SUMMARY_BYTES:
        write_file(path, content)


def _level(finding: Finding, on_inconclusive: str) -> str | None:
    if finding.severity == "inconclusive":
        return {"fail": "error", "warn": "warning", "pass": "notice"}[on_inconclusive]
    return {"fail": "error", "warn": "warning", "info": "notice"}.get(finding.severity)


def _annotations(level: str, findings: list[Finding]) -> list[str]:
    if len(findings) <= MOST_PER_LEVEL:
        return [_command(level, finding) for finding in findings]
    kept = [_command(level, finding) for finding in findings[: MOST_PER_LEVEL - 1]]
    more = f"and {len(findings) - len(kept)} more findings of this level, see the step summary or the JSON"
    return [*kept, f"::{level} title=repdiag::{_data(more)}"]


def _command(level: str, finding: Finding) -> str:
    title = f"repdiag {printable(finding.id)} {printable(finding.kind)}"
    if finding.severity == "inconclusive":
        title += " (inconclusive)"
    body = f"{shown_place(finding.place)}: {printable(finding.message, 600)}"
    step = f" Next: {printable(finding.next_step, 400)}" if finding.next_step else ""
    return f"::{level} title={_property(title)}::{_data(body + step)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
