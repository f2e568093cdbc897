"""The table of contents: every command, and `main`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import typer

from . import (
    baseline,
    check,
    compare,
    demo,
    extract,
    information,
    inspect,
    measures,
    plane,
    report,
    selftest,
    spectrum,
)
from ._errors import catch_sigterm, end, expect_streams, guarded, refuse_ranks, together

__all__ = ["app", "main", "run"]

app = typer.Typer(
    name="repdiag",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(short_help="Run checkpoints over data and keep what layers give.")(extract.extract)
app.command()(spectrum.spectrum)
app.command(short_help="Measure what views or layers tell of each other.")(information.information)
app.command(short_help="Draw paths of layers through the information plane.")(plane.plane)
app.command()(check.check)
app.command(short_help="Keep the figures of a good store as a small JSON.")(baseline.baseline)
app.command()(compare.compare)
app.command()(report.report)
app.command()(inspect.inspect)
app.command()(measures.measures)
app.command(short_help="Plant every kind of collapse and say what the gate can see.")(selftest.selftest)
app.command(short_help="Train two small encoders and run every step on them.")(demo.demo)


def _version(wanted: bool) -> None:
    if wanted:
        from repdiag._version import __version__

        typer.echo(f"repdiag {__version__}")
        raise typer.Exit


@app.callback()
def repdiag(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and stop.")
    ] = False,
) -> None:
    """Tell from a model's representations whether it has collapsed.

    Exit codes: 0 passed, 1 a rule failed, 2 unusable input or options, 3 inconclusive, 70 a bug in repdiag.
    """
    refuse_ranks(context.invoked_subcommand)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    command = typer.main.get_command(app)
    return guarded(
        lambda: command.main(list(arguments), prog_name="repdiag", standalone_mode=False),
        debug="--debug" in arguments,
    )


def main() -> NoReturn:
    """The entry point `repdiag`."""
    expect_streams()
    catch_sigterm()
    end(together(run(sys.argv[1:])))
