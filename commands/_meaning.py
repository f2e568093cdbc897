"""What figures mean and what was noticed, in lines of 80 columns: the same for every command that says it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from repdiag.text import printable

from ._tables import wrapped

if TYPE_CHECKING:
    from repdiag.results import Results


def meanings(names: Sequence[str], results: Results) -> Iterator[str]:
    """What each of the figures says and cannot say; figures of which the same holds share one text."""
    held = results.source.get("measures")
    told: dict[str, list[str]] = {}
    for name in names:
        texts = held.get(name) if isinstance(held, dict) else None
        if isinstance(texts, dict):
            says, cannot = (printable(texts.get(part, ""), 400) for part in ("says", "cannot"))
            told.setdefault(f"{says}. But {cannot}.", []).append(printable(name))
    for text, sharing in told.items():
        yield from wrapped(f"{', '.join(sharing)}: {text}", "", "  ")


def notes(results: Results) -> list[str]:
    """What was left out, chosen or noticed."""
    held = results.source.get("notes")
    return [str(each) for each in held] if isinstance(held, list) else []
