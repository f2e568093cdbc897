"""Packages of an extra, imported only when a spec needs them, and kept quiet and offline."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from repdiag.errors import MissingExtraError, UsageError
from repdiag.models.user_code import shown_error
from repdiag.text import printable


def optional(module: str, package: str, extra: str, purpose: str) -> Any:
    """The module, or a MissingExtraError with the line that installs it."""
    # huggingface_hub reads these once, when it is first imported.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingExtraError(package, extra, purpose) from error


@contextmanager
def building(spec: str, values: Mapping[str, Any]) -> Iterator[None]:
    """What a constructor raises, as one sentence with the arguments that it was given."""
    try:
        yield
    except Exception as error:
        given = ", ".join(f"{printable(key, 40)}={printable(value, 40)}" for key, value in values.items())
        using = f" with {given}" if given else ""
        raise UsageError(f"{printable(spec)}: could not be built{using}: {shown_error(error)}") from error
