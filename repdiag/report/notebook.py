"""Results as a notebook shows them: the page itself, in a frame."""

from __future__ import annotations

import html
import os
from pathlib import Path

from repdiag.report.options import PageOptions
from repdiag.report.page import render, write_report
from repdiag.results import Results, read_results

FRAME_HEIGHT = 720
"""Pixels; the page scrolls inside."""


class ShownResults(Results):
    """Results that a notebook shows as their page."""

    def _repr_html_(self) -> str:
        """The page in a frame that can run its own scripts and reach nothing around it."""
        page = html.escape(render([self]), quote=True)
        style = f"width:100%;height:{FRAME_HEIGHT}px;border:0"
        return (
            f'<iframe title="repdiag report" sandbox="allow-scripts allow-downloads" style="{style}" '
            f'srcdoc="{page}"></iframe>'
        )

    def save(self, path: str | os.PathLike[str], options: PageOptions = PageOptions()) -> None:  # noqa: B008
        """Write the page.

        Raises:
            OutputError: the folder is missing or read-only, or the disk is full.
        """
        write_report([self], Path(path), options)


def load(path: str | os.PathLike[str]) -> ShownResults:
    """Results from a JSON file, which a notebook shows as their page.

    Raises:
        InputError: missing, unreadable, too large, not JSON, or not a repdiag result.
    """
    results = read_results(Path(path))
    return ShownResults.model_construct(**{name: getattr(results, name) for name in Results.model_fields})
