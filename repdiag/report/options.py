"""What a caller may choose about a page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PlotlyJs = Literal["inline", "directory", "cdn", "none"]


@dataclass(frozen=True, slots=True)
class PageOptions:
    """Choices for a page.

    `plotlyjs`: `inline` keeps one compressed copy in the page (opens offline anywhere), `directory`
    puts one `plotly.min.js` beside the page, `cdn` needs the network, `none` keeps static pictures only.
    `title`: the page's heading; None takes the name of the source.
    """

    plotlyjs: PlotlyJs = "inline"
    title: str | None = None
