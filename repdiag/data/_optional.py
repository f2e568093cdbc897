"""Packages of an extra, imported only when something needs them."""

from __future__ import annotations

import importlib
from typing import Any

from repdiag.errors import MissingExtraError


def optional(module: str, package: str, extra: str, purpose: str) -> Any:
    """The module, or a MissingExtraError with the line that installs it."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(package, extra, purpose) from error
