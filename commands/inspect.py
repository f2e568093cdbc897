"""`repdiag inspect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import _options as o
from ._inspect import document, inspected, inspected_text
from ._layers import model_document, parse_arguments
from ._output import Output


def inspect(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", show_default=False, help="A checkpoint or a store.")
    ],
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="SPEC",
            help="Load the checkpoint into this model and list its layers with their output shapes.",
        ),
    ] = None,
    model_arg: Annotated[
        list[str] | None,
        typer.Option("--model-arg", metavar="NAME=VALUE", help="An argument of the model; repeatable."),
    ] = None,
    json: o.JsonFile = None,
    dataset: o.Dataset = None,
    debug: o.Debug = False,
) -> None:
    """Show what is in a checkpoint or a store."""
    output = Output(json=json)
    content = inspected(path, dataset)
    if model is not None:
        content["model"] = model_document(path, model, parse_arguments(model_arg or ()))
    output.table(inspected_text(content))
    output.as_json(lambda: document(content))
