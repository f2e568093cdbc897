"""Errors that begin with the file they are about."""

from __future__ import annotations

from pathlib import Path

from repdiag.errors import InputError, OutputError, UsageError
from repdiag.text import printable


def bad_input(path: Path, sentence: str) -> InputError:
    """`path: sentence`, for a file that cannot be used."""
    return InputError(f"{printable(path)}: {sentence}")


def bad_usage(path: Path, sentence: str) -> UsageError:
    """`path: sentence`, for a request that does not fit the file."""
    return UsageError(f"{printable(path)}: {sentence}")


def bad_output(path: Path, sentence: str) -> OutputError:
    """`path: sentence`, for a file that cannot be written."""
    return OutputError(f"{printable(path)}: {sentence}")


def unreadable(path: Path, error: OSError) -> InputError:
    """What the system said about a file, as one sentence."""
    return bad_input(path, said(error, "cannot be read"))


def said(error: OSError, otherwise: str = "") -> str:
    """The system's words, as part of a sentence."""
    return printable(error.strerror or otherwise or type(error).__name__).lower()
