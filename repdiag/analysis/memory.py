"""Handing freed memory back between the stages of an analysis."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any


def give_back() -> None:
    """Return freed pages to the system, where the C library can.

    glibc keeps what lies under a small block that is still in use; after a pass over a large store that is
    more than the statistics themselves take.
    """
    trim = _malloc_trim()
    if trim is not None:
        trim(0)


@cache
def _malloc_trim() -> Any:
    try:
        return ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return None
