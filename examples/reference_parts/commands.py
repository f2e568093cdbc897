"""Every command with its options, from the command line's own tree."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from reference_parts import markdown as md
from repdiag.commands import app


def tree() -> dict[str, Any]:
    """The commands by name, in the order of the help."""
    return dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def page() -> str:
    """Every command: what it does, its usage, its arguments and options."""
    found = tree()
    names = md.bullets(f"[{name}](#{name}): {_first(command)}" for name, command in found.items())
    parts = [part for name, command in found.items() for part in _command(name, command)]
    return md.page("Commands", [names, *parts])


def options(command: str) -> dict[str, str]:
    """The help of each parameter of a command, by the parameter's name."""
    return {parameter.name: parameter.help for parameter in tree()[command].params}


def _command(name: str, command: Any) -> Iterator[str]:
    context = command.make_context(name, [], resilient_parsing=True)
    first, _, rest = command.help.partition("\n")
    usage = command.get_usage(context).removeprefix("Usage: ")
    records = [parameter.get_help_record(context) for parameter in command.params]
    yield f"## {name}"
    yield md.prose(" ".join([first, *rest.split()]))
    yield md.fenced(f"repdiag {' '.join(usage.split())}")
    yield md.table(
        ("argument or option", "meaning"), [(md.code(left), md.prose(right)) for left, right in records]
    )


def _first(command: Any) -> str:
    return md.prose(command.help.splitlines()[0])
