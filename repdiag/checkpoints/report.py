"""What was loaded into a model, as a record and as one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from repdiag.checkpoints.prefixes import TRANSPARENT
from repdiag.text import printable

MOST_GROUPS = 3


@dataclass(frozen=True)
class LoadReport:
    """Counts and names of a load; `str()` is the line that is always printed.

    Attributes:
        loaded: names in the module that got their weights from the file.
        total: how many names the module has.
        missing: names that the module has and the file lacks.
        unexpected: names inside the chosen wrapper that the module lacks.
        mismatched: `name: file shape or dtype, model shape or dtype`.
        ignored: names in the file outside the chosen wrapper, and integer buffers that the module lacks.
        key: the chosen wrapper; empty at the top of the file.
        wrappers: what was peeled, outermost first.
        notes: casts, non-finite tensors, and what else is worth a remark.
    """

    loaded: tuple[str, ...]
    total: int
    missing: tuple[str, ...] = ()
    unexpected: tuple[str, ...] = ()
    mismatched: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    key: str = ""
    wrappers: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def complete(self) -> bool:
        """True when every name of the module was loaded and nothing in the wrapper was left over."""
        return not (self.missing or self.unexpected or self.mismatched)

    def __str__(self) -> str:
        parts = [
            f"{len(self.loaded)}/{self.total} tensors",
            f"{len(self.missing)} missing",
            f"{len(self.unexpected)} unexpected",
            *([f"{len(self.mismatched)} of another shape"] if self.mismatched else []),
            f"{len(self.ignored)} ignored{under(self.ignored, self.key)}.",
        ]
        return ", ".join(parts)


def under(names: Iterable[str], key: str) -> str:
    """' under projector, queue': the first component in which `names` differ from `key`, commonest first."""
    groups = Counter(_group(name, key) for name in names).most_common()
    if not groups:
        return ""
    shown = ", ".join(printable(name, 60) for name, _ in groups[:MOST_GROUPS])
    more = len(groups) - MOST_GROUPS
    return f" under {shown}" + (f" and {more} more" if more > 0 else "")


def _group(name: str, key: str) -> str:
    parts = [part for part in name.split(".") if part not in TRANSPARENT]
    for part, known in zip(parts, key.split("."), strict=False):
        if part != known:
            return part
    rest = parts[len(key.split(".")) :] if key else parts
    return rest[0] if rest else name
