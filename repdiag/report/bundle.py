"""The one place that decides how plotly.js reaches the page."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass

from repdiag.report.options import PlotlyJs

SCRIPT_NAME = "plotly.min.js"


@dataclass(frozen=True, slots=True)
class Bundle:
    """How the page gets plotly.js: `packed` text inside it, or a `source` beside or outside it.

    `allowed` is what the Content-Security-Policy must let run, `integrity` the bundle's digest.
    """

    packed: str = ""
    source: str = ""
    integrity: str = ""
    allowed: tuple[str, ...] = ()


def choose_bundle(plotlyjs: PlotlyJs) -> Bundle:
    """The bundle for `plotlyjs`; inline, one gzipped copy that the page unpacks (2 MB instead of 4.8)."""
    if plotlyjs == "none":
        return Bundle()
    digest = script_hash(script())
    if plotlyjs == "inline":
        return Bundle(packed=packed(script()), allowed=(f"'{digest}'",))
    if plotlyjs == "directory":
        return Bundle(source=SCRIPT_NAME, allowed=("'self'",))
    source = f"https://cdn.plot.ly/plotly-{_version()}.min.js"
    return Bundle(source=source, integrity=digest, allowed=(source,))


def packed(text: str) -> str:
    """Gzip of `text` in base64, which the page unpacks; equal text gives equal bytes."""
    return base64.b64encode(gzip.compress(text.encode(), compresslevel=9, mtime=0)).decode()


def script() -> str:
    """plotly.js as plotly.py ships it."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())


def script_hash(text: str) -> str:
    """A Content-Security-Policy source for an inline script: `sha256-...`."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _version() -> str:
    from plotly.offline import get_plotlyjs_version

    return str(get_plotlyjs_version())
