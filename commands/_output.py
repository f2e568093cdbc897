"""The one printer: tables and JSON to stdout, notices and progress to stderr, files through files.py."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from repdiag.errors import EXIT_INCONCLUSIVE, OutputError
from repdiag.text import printable

if TYPE_CHECKING:
    from repdiag.results import Estimate, Results

STDOUT = "-"


@dataclass(frozen=True, slots=True)
class Output:
    """Where a command's words go. `json` is the value of --json."""

    json: str | None = None
    quiet: bool = False

    @property
    def speaks(self) -> bool:
        """Whether this process prints and writes: under torchrun rank 0 does."""
        from repdiag.ranks import ranks_here

        return ranks_here().leads

    def table(self, text: str) -> None:
        """Text for people; nothing where stdout belongs to JSON or --quiet was asked for."""
        if self.speaks and not self.quiet and self.json != STDOUT:
            to_stdout(text)

    def verdict(self, text: str) -> None:
        """Text that --quiet keeps."""
        if self.speaks and self.json != STDOUT:
            to_stdout(text)

    def annotations(self, text: str, *, on_stdout: bool) -> None:
        """Commands to a CI runner, which reads both streams."""
        if on_stdout:
            to_stdout(text)
        else:
            sys.stderr.write(text)

    def notice(self, text: str) -> None:
        """One line beside the result, on stderr."""
        if self.speaks and not self.quiet:
            sys.stderr.write(text + "\n")

    def as_json(self, content: Callable[[], str]) -> None:
        """Write what `content` returns where --json says, if it says so."""
        if not self.speaks:
            return
        if self.json == STDOUT:
            to_stdout(content())
        elif self.json is not None:
            self.file(Path(self.json), content())

    def report(self, results: Sequence[Results], path: Path) -> None:
        """Write the HTML report of `results` and say so."""
        if not self.speaks:
            return
        from repdiag.report import write_report

        write_report(results, path)
        self.wrote(path)

    def figures(self, results: Sequence[Results], folder: Path) -> None:
        """Write the figures of the report as pictures and say so."""
        from repdiag.report.export import export_figures

        for path in export_figures(results, folder):
            self.wrote(path)

    def file(self, path: Path, content: str) -> None:
        """Write a file and say so."""
        from repdiag.files import write_file

        write_file(path, content)
        self.wrote(path)

    def wrote(self, path: Path) -> None:
        self.notice(f"wrote {printable(path)}")

    def progress(self) -> Callable[[str, int, int], None] | None:
        """A progress bar on stderr, only where stderr is a terminal; else None."""
        return _Bar() if self.speaks and not self.quiet and sys.stderr.isatty() else None


def to_stdout(text: str) -> None:
    """Write UTF-8 whatever the locale, and flush: text that was not delivered is an error.

    Raises:
        OutputError: stdout is closed or its disk is full.
    """
    if sys.stdout is None:
        raise OutputError(
            "stdout: the result could not be written (it is closed); open it or use --json FILE"
        )
    try:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise OutputError(f"stdout: the result could not be written ({reason})") from error


class _Bar:
    """One tqdm bar a task: `(label, done, total)`."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._label: str | None = None

    def __call__(self, label: str, done: int, total: int) -> None:
        from tqdm import tqdm

        if label != self._label:
            self._close()
            self._bar = tqdm(
                total=total, desc=printable(label, 40), file=sys.stderr, leave=False, dynamic_ncols=True
            )
            self._label = label
        self._bar.update(done - self._bar.n)
        if done >= total:
            self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
        self._bar, self._label = None, None


def insist(estimates: Iterable[Estimate]) -> None:
    """End with exit code 3 where not one figure has a value: 0 would say that there is a result.

    Raises:
        typer.Exit: there is no figure.
    """
    if all(one.value is None for one in estimates):
        raise typer.Exit(EXIT_INCONCLUSIVE)
