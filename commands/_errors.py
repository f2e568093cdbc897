"""The one table from an exception to a sentence on stderr and an exit code."""

from __future__ import annotations

import io
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

import typer

from repdiag.errors import EXIT_BUG, EXIT_USAGE, RepdiagError, UsageError
from repdiag.text import printable

if TYPE_CHECKING:
    from repdiag.ranks import Ranks

EXIT_INTERRUPTED = 130
EXIT_TERMINATED = 143
FAILED = (EXIT_USAGE, EXIT_BUG, EXIT_INTERRUPTED, EXIT_TERMINATED)
"""Codes that are no verdict."""

SHARED = ("extract", "spectrum", "information", "check", None)
"""Commands whose work several ranks share; None is a call for help."""

SENTENCE_LIMIT = 2000


class Terminated(SystemExit):
    """SIGTERM, as an exception, so that temporary files are cleaned up on the way out."""


def guarded(action: Callable[[], object], *, debug: bool) -> int:
    """Run `action` and return the exit code that the contract gives for how it ended.

    `action` returns an exit code or None; every exception becomes one sentence on stderr.
    """
    try:
        code = action()
        _flush()
        return code if isinstance(code, int) else 0
    except BaseException as error:
        if debug and not isinstance(error, typer.TyperException):
            traceback.print_exc()
        return _explained(error)


def _explained(error: BaseException) -> int:
    match error:
        case Terminated():
            return _failed(_stopped(), EXIT_TERMINATED)
        case KeyboardInterrupt() | typer.Abort():
            return _failed("interrupted", EXIT_INTERRUPTED)
        case RepdiagError():
            return _failed(str(error), error.exit_code)
        case typer.TyperException():
            return _usage(error)
        case SystemExit():
            # Typer ends like this when its output pipe closes, and user code may do it at any time.
            return _failed("the run ended before its result was delivered", EXIT_USAGE)
        case OSError() if error.errno is not None:
            name = "" if error.filename is None else f"{printable(error.filename)}: "
            reason = (error.strerror or type(error).__name__).lower()
            return _failed(f"{name}{reason} (run it again with --debug for the traceback)", EXIT_USAGE)
        case MemoryError():
            return _failed("out of memory; run it again with --debug for the traceback", EXIT_BUG)
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    sentence = printable(what, 300)
    return _failed(
        f"internal error, {sentence}; please report it with the output of the same command and --debug",
        EXIT_BUG,
    )


def _usage(error: typer.TyperException) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        _write(error.format_message() + "\n")
        return EXIT_USAGE
    context = getattr(error, "ctx", None)
    where = f" (see: {context.command_path} --help)" if context is not None else ""
    message = error.format_message().replace("Value error, ", "")
    return _failed(message.rstrip(".") + where, EXIT_USAGE)


def _failed(sentence: str, code: int) -> int:
    """Say it once: of several ranks that end together, the first one speaks."""
    if _ranks().first("error"):
        _write(f"error: {printable(sentence, SENTENCE_LIMIT)}\n")
    return code


def _stopped() -> str:
    if _ranks().alone:
        return "stopped by SIGTERM"
    return (
        "stopped by SIGTERM, which torchrun sends when a rank has ended; run the same command again, extract "
        "goes on from its finished shards"
    )


def _ranks() -> Ranks:
    from repdiag.ranks import ranks_here

    return ranks_here()


def refuse_ranks(command: str | None) -> None:
    """Only some commands share their work under torchrun; others would all do the same and write over it.

    Raises:
        UsageError: another command, in one of several ranks.
    """
    if command not in SHARED and not _ranks().alone:
        raise UsageError(f"{command} runs in one process; start it without torchrun")


def together(code: int) -> int:
    """The exit code that all ranks of a torchrun end with: that of rank 0, unless this one failed itself.

    torchrun stops all others as soon as one has ended with another code than 0, so nobody leaves early.
    """
    ranks = _ranks()
    if ranks.alone or code in FAILED:
        return code
    code = guarded(lambda: ranks.leave(code), debug=False)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return code


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except OSError:
        pass  # nobody reads stderr; the exit code still tells


def _flush() -> None:
    """A verdict counts only once its text has left: an error here must not end in 0."""
    if sys.stdout is not None:
        sys.stdout.flush()


def end(code: int) -> NoReturn:
    """Leave with `code`, also where stdout can no longer take what is left in its buffer."""
    try:
        _flush()
    except OSError:
        sys.stdout = None  # else the interpreter tries again, complains and exits with 120
        code = code or EXIT_USAGE
    sys.exit(code)


def expect_streams() -> None:
    """Python has None for a stderr that was closed: words for nobody then go nowhere."""
    if sys.stderr is None:
        sys.stderr = io.StringIO()


def catch_sigterm() -> None:
    """Turn SIGTERM into an exception in the main thread."""
    signal.signal(signal.SIGTERM, _terminate)


def _terminate(number: int, frame: FrameType | None) -> None:
    raise Terminated(EXIT_TERMINATED)
