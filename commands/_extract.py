"""From options and `[extract]` of repdiag.toml to a request, and from its outcome to text."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from repdiag.errors import UsageError
from repdiag.text import printable

from . import _options as o
from ._layers import parse_arguments
from ._output import Output
from ._tables import wrapped

if TYPE_CHECKING:
    from repdiag.config import Config
    from repdiag.extract import ExtractPlan, ExtractRequest, ExtractSummary

# Name of the option's parameter -> field of the request.
_FIELDS = {"model_arg": "model_args", "view": "views", "layer": "layers", "column": "columns"}
_MEBIBYTE = 1 << 20


def request_from(context: typer.Context, config: Path | None, checkpoints: tuple[str, ...]) -> ExtractRequest:
    """The request: what the command line gives, else the configuration, else the default.

    Raises:
        UsageError: no data, or a --model-arg that is not K=V.
        ConfigError: the configuration cannot be read.
    """
    from repdiag.config import load_config
    from repdiag.extract import ExtractRequest

    values = {**_configured(load_config(Path(), config), context), **_typed(context)}
    o._threads(values.pop("threads", None))
    if not values.get("data"):
        raise UsageError('no data was named; give --data SPEC, or data = "..." in [extract] of repdiag.toml')
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    command = shlex.join(["repdiag", *sys.argv[1:]])
    return ExtractRequest(checkpoints=checkpoints, command=command, **values)


def _typed(context: typer.Context) -> dict[str, Any]:
    """Options that stand on the command line."""
    given = {
        _FIELDS.get(name, name): value
        for name, value in context.params.items()
        if _FIELDS.get(name, name) in _asked() and was_typed(context, name)
    }
    if "model_args" in given:
        given["model_args"] = parse_arguments(given["model_args"])
    return given


def _asked() -> frozenset[str]:
    """What a request takes from options; other parameters are the command's own."""
    from dataclasses import fields

    from repdiag.extract import ExtractRequest

    return frozenset(field.name for field in fields(ExtractRequest)) - {"checkpoints", "command"}


def was_typed(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _configured(config: Config, context: typer.Context) -> dict[str, Any]:
    """Options that the configuration gives and the command line does not; paths are from its folder."""
    typed = _typed(context)
    values: dict[str, Any] = {name: value for name, value in config.extract.items() if name not in typed}
    if was_typed(context, "threads"):
        values.pop("threads", None)
    if "model_args" in values:
        values["model_args"] = {name: _text(value) for name, value in values["model_args"].items()}
    _name_code(values, config)
    for name in ("model", "data", "output"):
        if values.get(name):
            values[name] = from_folder(values[name], config.folder)
    if "views" in values:
        values["views"] = [_view_from_folder(view, config.folder) for view in values["views"]]
    return values


def from_folder(spec: str, folder: Path) -> str:
    """A spec whose relative path is meant from `folder`: a file, `file.py:callable` or `hf:DIR`."""
    head, colon, tail = spec.rpartition(":")
    if head.endswith(".py"):
        return f"{folder / head}:{tail}"
    if head in ("hf", "sentence-transformers"):
        return f"{head}:{folder / tail}"
    if colon or spec == "digits":
        return spec
    return str(folder / spec) + ("/" if spec.endswith("/") else "")


def _view_from_folder(view: str, folder: Path) -> str:
    name, equals, spec = view.rpartition("=")
    return name + equals + from_folder(spec, folder) if ".py:" in spec else view


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _name_code(values: Mapping[str, Any], config: Config) -> None:
    """Code that a configuration names is run: say so first, with or without --quiet."""
    from repdiag.ranks import ranks_here

    if not ranks_here().leads:
        return
    named = [("model", values.get("model", "")), ("data", values.get("data", ""))]
    named += [("views", view) for view in values.get("views", ())]
    for option, spec in named:
        if _is_code(spec):
            where = printable(config.path.name if config.path else "repdiag.toml")
            sys.stderr.write(f"{where}: {option} = {printable(spec)} is code, which runs now\n")


def _is_code(spec: str) -> bool:
    head, colon, _ = spec.rpartition("=")[2].rpartition(":")
    built_in = (
        "timm",
        "torchvision",
        "hf",
        "sentence-transformers",
        "noise",
        "crop",
        "simclr",
        "left",
        "right",
    )
    return bool(colon) and head not in built_in


def confirm_every_layer(request: ExtractRequest, yes: bool, output: Output) -> None:
    """Before `--layer '*'` print the size and ask.

    Raises:
        UsageError: nobody to ask, and no --yes.
        typer.Abort: the answer is no.
    """
    if "*" not in request.layers or yes:
        return
    from repdiag.extract import plan
    from repdiag.ranks import ranks_here

    planned = plan(request)
    size = f"{len(planned.layers)} layers, {_size(planned.bytes)}"
    if not sys.stdin.isatty() or not ranks_here().alone:
        raise UsageError(f"--layer '*' takes {size}; give --yes to accept that, or name layers")
    output.notice(plan_text(planned))
    typer.confirm(f"Write {size}?", abort=True, err=True)


def plan_text(plan: ExtractPlan) -> str:
    """What would be done, for people."""
    lines = [*_wrapped(plan.reports), "", f"{'features':>9}  {'probe batch':<22}layer"]
    lines += [
        f"{layer.d:>9,}  {printable(' x '.join(map(str, layer.shape)), 21):<22}{printable(layer.layer, 200)}"
        for layer in plan.layers
    ]
    counts = [(len(plan.checkpoints), "checkpoint"), (len(plan.views), "view"), (plan.samples, "sample")]
    runs = " x ".join(_count(count, noun) for count, noun in counts)
    cost = f"{runs}: {_size(plan.bytes)}, about {_duration(plan.seconds)} of forward passes"
    return "\n".join([*lines, "", *_wrapped([cost]), *_notes(plan.notes)]) + "\n"


def summary_text(summary: ExtractSummary) -> str:
    """What was done, for people."""
    held = f"{_count(summary.rows, 'row')}, {_count(len(summary.representations), 'representation')}"
    done = "; it was complete already, nothing to do" if summary.was_complete else ""
    what = f"{printable(summary.path)}: {held}{done}"
    return "\n".join([*_wrapped(summary.reports), *_notes(summary.notes), *_wrapped([what])]) + "\n"


def next_text(summary: ExtractSummary) -> str:
    """The command that comes next, as it can be typed here."""
    return f"next: repdiag spectrum {shlex.quote(printable(summary.path, 400))}"


def _notes(notes: Sequence[str]) -> list[str]:
    return _wrapped([f"note: {note}" for note in notes])


def _wrapped(lines: Sequence[str]) -> list[str]:
    """Lines of at most 80 columns; what is carried over is indented."""
    return [part for line in lines for part in wrapped(line, "", "  ")]


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _size(count: int) -> str:
    return f"{count / _MEBIBYTE:,.1f} MiB" if count >= _MEBIBYTE / 10 else f"{count:,} bytes"


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
