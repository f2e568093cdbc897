"""Pieces of Markdown in which names from files are inert."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence

from repdiag.text import printable

_ACTIVE = re.compile(r"([\\`*_{}\[\]()#+!|~@-])")


def code(text: str) -> str:
    """A name as a code span: no HTML, no link, no mention, and no end of a table cell."""
    clean = printable(text, 200).replace("`", "'").replace("|", "\\|")
    return f"`{clean or ' '}`"


def plain(text: str) -> str:
    """A sentence with every character that Markdown or HTML acts on made inert."""
    # The zero-width space keeps `www.` and `https:` from becoming links by themselves.
    inert = _ACTIVE.sub(r"\\\1", html.escape(printable(text, 600), quote=False))
    return inert.replace("://", ":\u200b//").replace("www.", "www\u200b.")


def bullets(title: str, texts: Iterable[str], most: int) -> list[str]:
    """A titled list of at most `most` texts, and how many more there are; nothing where there are none."""
    items = [f"- {text}" for text in texts]
    more = [f"- and {len(items) - most} more, see the JSON"] if len(items) > most else []
    return [title, "", *items[:most], *more, ""] if items else []


def table(header: Sequence[str], rows: Sequence[Sequence[str]], most: int) -> list[str]:
    """A table of at most `most` rows, and how many more there are; nothing where there are none."""
    if not rows:
        return []
    last = ["", f"and {len(rows) - most} more, see the JSON"] + [""] * (len(header) - 2)
    kept = [*rows[:most], *([last] if len(rows) > most else [])]
    lines = [header, ["---"] * len(header), *kept]
    return [*(f"| {' | '.join(cells)} |" for cells in lines), ""]
