"""Names of layers, and what a glob means among them."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from torch import nn

from repdiag.errors import UsageError
from repdiag.text import listing, nearest, printable
from repdiag.types import OUTPUT_LAYER


def layer_names(module: nn.Module) -> list[tuple[str, str]]:
    """(dotted name, class name) of every submodule, in the order of definition; the root is left out."""
    return [(name, type(part).__name__) for name, part in module.named_modules() if name]


def resolve_layers(module: nn.Module, globs: Iterable[str]) -> list[str]:
    """Names that match any of the globs, in the order of definition; `output` is the model's own output.

    A name that is written out wins over its reading as a glob.

    Raises:
        UsageError: a glob matches nothing; the nearest name is offered.
    """
    names = [name for name, _ in layer_names(module)]
    known = set(names)
    wanted: set[str] = set()
    for glob in globs:
        found = (
            {glob} if glob in known or glob == OUTPUT_LAYER else {n for n in names if fnmatchcase(n, glob)}
        )
        if not found:
            raise UsageError(_no_match(glob, names))
        wanted |= found
    return [name for name in [*names, OUTPUT_LAYER] if name in wanted]


def _no_match(glob: str, names: list[str]) -> str:
    near = nearest(glob, [*names, OUTPUT_LAYER], most=3)
    return (
        f'no layer of the model matches "{printable(glob)}".{near} It has {len(names)} layers '
        f"({listing(names)}); see all with: repdiag inspect CKPT --model SPEC"
    )
