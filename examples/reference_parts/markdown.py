"""Pieces of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

NOTE = "<!-- Written by examples/build_reference.py; change the program, not this page. -->"


def page(title: str, parts: Iterable[str]) -> str:
    """A page from its parts, one empty line between them."""
    return "\n\n".join([f"# {title}", NOTE, *parts]) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; a `|` in a cell stays a character."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(_cell(text) for text in line)} |" for line in lines)


def bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def code(text: object) -> str:
    """Inline code; nothing for an empty text."""
    return f"`{text}`" if str(text) else ""


def fenced(text: str, language: str = "") -> str:
    return f"```{language}\n{text}\n```"


def prose(text: str) -> str:
    """Text in which `<`, `*` and `[` are no Markdown."""
    return re.sub(r"([\\*<\[])", r"\\\1", text)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
