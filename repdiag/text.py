"""Hostile or long names as text that a terminal, a log or a sentence can carry."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable

_BIDI_AND_SEPARATORS = "\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f"


def printable(text: object, limit: int = 120) -> str:
    """`text` on one line, without control, escape, bidi or CI-command characters, cut at `limit`.

    Names in files are hostile: an ESC can repaint a terminal, and `::error::` at the start of a
    line is a command to a CI runner.
    """
    clean = "".join(_shown(char) for char in str(text))
    clean = clean.replace("::", ":\u200b:") if re.match(r"\s*::", clean) else clean
    clean = clean.replace("##[", "# #[")
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def _shown(char: str) -> str:
    hidden = char in _BIDI_AND_SEPARATORS or unicodedata.category(char) in ("Cc", "Cs")
    return f"\\x{ord(char):02x}" if hidden else char


def nearest(name: str, candidates: Iterable[str], most: int = 1) -> str:
    """' Did you mean "x"?' for the closest candidates, or an empty string."""
    found = difflib.get_close_matches(name, list(candidates), n=most, cutoff=0.5)
    names = ", ".join(f'"{printable(one)}"' for one in found)
    return f" Did you mean {names}?" if found else ""


def listing(names: Iterable[str], most: int = 5) -> str:
    """The first few names, comma-separated, and how many more there are."""
    all_names = list(names)
    shown = ", ".join(printable(name, 60) for name in all_names[:most])
    return shown + (f" and {len(all_names) - most} more" if len(all_names) > most else "")
