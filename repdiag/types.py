"""Words that every room shares. Imports nothing of ours."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from urllib.parse import quote, unquote

DEFAULT_VIEW = "base"
OUTPUT_LAYER = "output"
GROUPS = 20
"""Number of groups behind every interval (see `stats.groups.group20`)."""


class Status(StrEnum):
    """What a figure is worth. A value that does not exist is null with its status."""

    OK = "ok"
    CONSTANT = "constant"
    INSUFFICIENT = "insufficient"
    UNRESOLVED = "unresolved"
    SATURATED = "saturated"
    NONFINITE = "nonfinite"

    @property
    def has_value(self) -> bool:
        return self in (Status.OK, Status.UNRESOLVED, Status.SATURATED)


class IntervalMethod(StrEnum):
    """How an interval was found; `auto` (full up to d = 1,024, else fast) is only ever asked for."""

    FULL = "full"
    FAST = "fast"
    NONE = "none"


class Verdict(StrEnum):
    """The three answers of a gate."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """Where a representation lives: checkpoint / view / layer."""

    checkpoint: str
    view: str = DEFAULT_VIEW
    layer: str = OUTPUT_LAYER

    def __str__(self) -> str:
        return "/".join(encode_name(part) for part in (self.checkpoint, self.view, self.layer))

    @classmethod
    def parse(cls, text: str) -> Address:
        """Inverse of `str`; raises ValueError unless there are three parts."""
        checkpoint, view, layer = (decode_name(part) for part in text.split("/"))
        return cls(checkpoint, view, layer)


def encode_name(name: str) -> str:
    """A name as one path component: `/` and `%` percent-encoded, and `.`/`..` never bare."""
    encoded = quote(name, safe="".join(chr(c) for c in range(32, 127) if chr(c) not in "/%"))
    return encoded.replace(".", "%2E") if encoded in (".", "..") else encoded


def decode_name(component: str) -> str:
    """Inverse of `encode_name`."""
    return unquote(component)


def matches_any(name: str, globs: tuple[str, ...]) -> bool:
    """True when `name` matches one of the globs, or when there are none."""
    return not globs or any(fnmatchcase(name, glob) for glob in globs)
