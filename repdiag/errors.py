"""Errors that a user can act on: what, where and the next step, in one sentence."""

from __future__ import annotations

EXIT_PASS = 0
EXIT_FAIL = 1
EXIT_USAGE = 2
EXIT_INCONCLUSIVE = 3
EXIT_BUG = 70


class RepdiagError(Exception):
    """Base of everything we raise on purpose; its text is shown without a traceback."""

    exit_code = EXIT_USAGE


class UsageError(RepdiagError):
    """The command line asks for something that does not exist or does not fit."""


class ConfigError(RepdiagError):
    """A configuration file has an unknown key, a wrong type or a rule that cannot be evaluated."""


class InputError(RepdiagError):
    """A file is missing, unreadable, damaged, hostile or not of a kind we read."""


class OutputError(RepdiagError):
    """A result could not be written."""


class MissingExtraError(RepdiagError):
    """An optional package is needed."""

    def __init__(self, package: str, extra: str, purpose: str) -> None:
        super().__init__(f'{purpose} needs {package}; install it with: pip install "repdiag[{extra}]"')
