"""One exception, one sentence, one exit code."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest
import typer

from repdiag.commands._errors import Terminated, guarded
from repdiag.errors import InputError, MissingExtraError, RepdiagError
from tests.commands.helpers import Typed, in_a_process
from tests.source import ROOT

CASES: list[tuple[BaseException, int, str]] = [
    (InputError("a.pt: is empty"), 2, "a.pt: is empty"),
    (MissingExtraError("timm", "vision", "timm: models"), 2, "timm: models needs timm; install it with: pip"),
    (KeyboardInterrupt(), 130, "interrupted"),
    (typer.Abort(), 130, "interrupted"),
    (Terminated(143), 143, "stopped by SIGTERM"),
    (OSError(errno.ENOSPC, "No space left on device", "out.h5"), 2, "out.h5: no space left on device"),
    (MemoryError(), 70, "out of memory; run it again with --debug"),
    (ZeroDivisionError("division by zero"), 70, "internal error, ZeroDivisionError: division by zero;"),
    (RecursionError(), 70, "internal error, RecursionError;"),
    (SystemExit(0), 2, "the run ended before its result was delivered"),
]


def raising(error: BaseException) -> Callable[[], NoReturn]:
    def action() -> NoReturn:
        raise error

    return action


@pytest.mark.parametrize(("error", "code", "sentence"), CASES, ids=lambda case: type(case).__name__)
def test_every_end_has_its_code_and_one_sentence(
    error: BaseException, code: int, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert guarded(raising(error), debug=False) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"error: {sentence}")
    assert captured.err.count("\n") == 1


def test_debug_adds_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(raising(InputError("a.pt: is empty")), debug=True) == 2
    assert "Traceback (most recent call last)" in capsys.readouterr().err


def test_hostile_text_stays_on_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    guarded(raising(RepdiagError("a\nb\x1b[2Jc")), debug=False)
    assert capsys.readouterr().err == "error: a\\x0ab\\x1b[2Jc\n"


def test_a_code_passes_through() -> None:
    assert guarded(lambda: 3, debug=False) == 3
    assert guarded(lambda: None, debug=False) == 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["spectrun"], "No such command 'spectrun'. Did you mean 'spectrum'"),
        (["spectrum"], "Missing argument 'STORE...' (see: repdiag spectrum --help)"),
        (["spectrum", "x.npy", "--lyer", "a"], "No such option: --lyer"),
        (["spectrum", "x.npy", "--interval", "half"], "Invalid value for '--interval': 'half'"),
        (["spectrum", "x.npy", "--device", "tpu"], "Invalid value for '--device': \"tpu\" is not a device"),
        (["spectrum", "x.npy", "--threads", "0"], "Invalid value for '--threads': "),
    ],
)
def test_usage_errors(typed: Typed, words: list[str], sentence: str) -> None:
    ended = typed(*words)
    assert ended.code == 2
    assert ended.out == ""
    assert ended.sentence.startswith(sentence)
    assert "Value error" not in ended.sentence
    assert ended.sentence.endswith("--help)")


def test_no_command_shows_the_help_and_is_no_success(typed: Typed) -> None:
    ended = typed()
    assert ended.code == 2
    assert "Commands:" in ended.err


def test_a_closed_pipe_is_never_a_pass(here: Path) -> None:
    late = (
        "import sys, time; time.sleep(0.5); sys.argv.append('--help'); "
        "from repdiag.__main__ import main; main()"
    )
    ended = in_a_process(cwd=here, code=late, shell_tail="| true")
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr


def test_a_full_disk_behind_stdout_is_never_a_pass(here: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    for words in (["check", "--help"], ["--help"], ["--version"]):
        ended = in_a_process(*words, cwd=here, shell_tail="> /dev/full")
        assert ended.returncode == 2, words
        assert ended.stderr.startswith("error: ")
        assert "Traceback" not in ended.stderr


SLEEPER = """
import sys, time
from repdiag.commands import _errors
_errors.catch_sigterm()
def wait():
    print("ready", flush=True)
    time.sleep(60)
_errors.end(_errors.guarded(wait, debug=False))
"""


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_signals(number: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == code
    assert "Traceback" not in err
