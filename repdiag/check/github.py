"""GitHub Actions: annotations on a log, the step summary, and the outputs of a step."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from repdiag.check.blocking import blocks
from repdiag.check.exits import exit_code
from repdiag.check.markdown import render_markdown
from repdiag.check.markup import plain
from repdiag.check.summary import CheckSummary, summary_of
from repdiag.check.text_format import headline, shown_place
from repdiag.errors import OutputError
from repdiag.files import write_file
from repdiag.results import Finding, Results
from repdiag.text import printable

MOST_PER_LEVEL = 10
MAX_SUMMARY_BYTES = 1024 * 1024
"""What GitHub takes of one step's summary; it shows nothing of a longer one."""


@dataclass(frozen=True, slots=True)
class GithubOutputs:
    """Annotations for the log, and the summary file that was extended (None where there is none)."""

    annotations: str
    summary: Path | None


def render_github(results: Results) -> str:
    """Workflow commands, at most 10 a level; an empty string where there is nothing to say."""
    summary = summary_of(results)
    by_level: dict[str, list[Finding]] = {"error": [], "warning": [], "notice": []}
    for finding in results.findings:
        level = _level(finding, summary)
        if level is not None:
            by_level[level].append(finding)
    lines = [line for level, found in by_level.items() for line in _annotations(level, found)]
    return "".join(f"{line}\n" for line in lines)


def github_outputs(results: Results, env: Mapping[str, str] | None = None) -> GithubOutputs | None:
    """Under GITHUB_ACTIONS=true: the annotations, with the summary appended to GITHUB_STEP_SUMMARY.

    Raises:
        OutputError: the summary file cannot be read or written.
    """
    path = _file_of("GITHUB_STEP_SUMMARY", env)
    if path is not None:
        short = f"## {plain(headline(results))}\n\nThe whole summary is too long for this page.\n"
        _append(path, (render_markdown(results), short), MAX_SUMMARY_BYTES)
    return GithubOutputs(render_github(results), path) if _on_github(env) else None


def step_outputs(results: Results, code: int | None, files: Mapping[str, Path]) -> dict[str, str]:
    """What later steps may read: `verdict`, `exit-code`, `findings`, `failed` and a path for each of `files`.

    `findings` counts what the verdict lists, `failed` the failures among them. Paths are absolute. Without
    a `code` it is the one that the verdict asks for.
    """
    summary = summary_of(results)
    asked = exit_code(results, summary.on_inconclusive, summary.fail_on)
    listed = [one for one in results.findings if one.severity != "not_applicable"]
    return {
        "verdict": results.verdict.value if results.verdict else "",
        "exit-code": str(asked if code is None else code),
        "findings": str(len(listed)),
        "failed": str(sum(one.severity == "fail" for one in listed)),
        **{name: str(path.absolute()) for name, path in files.items()},
    }


def write_outputs(outputs: Mapping[str, str], env: Mapping[str, str] | None = None) -> None:
    """Append `outputs` to GITHUB_OUTPUT, where GITHUB_ACTIONS=true and there is one.

    Raises:
        OutputError: the file cannot be read or written.
    """
    path = _file_of("GITHUB_OUTPUT", env)
    if path is not None:
        _append(path, ("".join(_output(name, value) for name, value in outputs.items()),))


def _output(name: str, value: str) -> str:
    """`name=value`, or a block whose end nobody can guess: a file name may hold a line of its own."""
    if not value or (value.isalnum() and value.isascii()):
        return f"{name}={value}\n"
    end = f"end_{secrets.token_hex(16)}"
    return f"{name}<<{end}\n{value}\n{end}\n"


def _on_github(env: Mapping[str, str] | None) -> bool:
    return (os.environ if env is None else env).get("GITHUB_ACTIONS") == "true"


def _file_of(name: str, env: Mapping[str, str] | None) -> Path | None:
    value = (os.environ if env is None else env).get(name, "")
    return Path(value) if value and _on_github(env) else None


def _append(path: Path, texts: Sequence[str], limit: int | None = None) -> None:
    """Extend a file by the first of `texts` that keeps it within `limit` bytes, by nothing if none does."""
    before = _before(path)
    gap = b"\n" if before and not before.endswith(b"\n") else b""
    for text in texts:
        content = before + gap + text.encode("utf-8", "surrogateescape")
        if limit is None or len(content) <= limit:
            write_file(path, content)
            return


def _before(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():
            raise OutputError(f"{printable(path)}: is not a file that can be extended; name a regular file")
        return path.read_bytes() if path.exists() else b""
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise OutputError(
            f"{printable(path)}: could not be extended ({reason}); name another file"
        ) from error


def _level(finding: Finding, summary: CheckSummary) -> str | None:
    if blocks(finding, summary):
        return "error"
    undecided = "warning" if summary.on_inconclusive == "warn" else "notice"
    return {"warn": "warning", "inconclusive": undecided, "info": "notice"}.get(finding.severity)


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
