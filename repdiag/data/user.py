"""Samples from the user's own code: a callable that returns a Dataset or an iterable."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Any

import numpy as np
import torch

from repdiag.data.columns import Wanted
from repdiag.data.items import Items, item_columns, shown
from repdiag.data.source import COLUMN_NAMES, Broken, Kind, Part, SampleSource, without_folders
from repdiag.errors import InputError, RepdiagError, UsageError
from repdiag.models.user_code import import_callable
from repdiag.text import printable

SAMPLE_KEYS = ("x", "image", "text", "input", "inputs")
MAX_ITERABLE_BYTES = 4 << 30


def user_data(spec: str, wanted: Wanted | None = None, broken: Broken | None = None) -> SampleSource:
    """What `spec()` returns. Items may be x, (x, label), or {'x', 'id', 'label', 'group', 'split'}.

    A Dataset (`__len__` and `__getitem__`) is read item by item as needed, once more for its ids and
    labels where items carry them; any other iterable is read into memory once.

    Args:
        wanted: other keys of dict items, or attributes of the Dataset, to keep as columns.
        broken: what to do with an item that raises; None fails. An iterable that raises has always ended.

    Raises:
        UsageError: the callable or the Dataset raises, or returns something else.
        InputError: an item of a kind we do not take, or a column that is not there.
    """
    data = _called(import_callable(spec), spec)
    get, count, in_memory = _random_access(data, spec)
    if not count:
        raise InputError(f"{printable(spec)}: returned no samples; give data with at least two")
    items = Items(get, count, spec, dict(wanted or {}), broken or Broken())
    first, columns, rows = item_columns(data, items)
    ids = columns.pop("id", np.arange(count)[rows])
    return SampleSource(
        spec=spec,
        kind=_kind(sample_of(first, items.kept), spec),
        ids=tuple(str(value) for value in ids),
        fetch=lambda row: _prepared(sample_of(items(row), items.kept), spec),
        columns=columns,
        rows=None if len(rows) == count else rows,
        content=f"{type(data).__module__}.{type(data).__qualname__}",
        provenance={"data": without_folders(spec), "kind": "callable", "returned": type(data).__name__},
        notes=(f"{count} samples of the iterable were read into memory",) if in_memory else (),
        parts=_parts(first, items),
    )


def sample_of(item: Any, kept: Collection[str] = COLUMN_NAMES) -> Any:
    """The input of the model within an item."""
    if isinstance(item, tuple | list):
        return item[0]
    if isinstance(item, Mapping):
        for key in SAMPLE_KEYS:
            if key in item:
                return item[key]
        return {name: value for name, value in item.items() if name not in kept}
    return item


def _parts(first: Any, items: Items) -> dict[str, Part]:
    """The entries of dict items that a view can be of: all that are no columns and of a kind we take."""
    found: dict[str, Part] = {}
    for key, value in first.items() if isinstance(first, Mapping) else ():
        if key not in items.kept:
            with suppress(InputError):
                found[str(key)] = Part(_kind(value, items.spec), _entry(items, key))
    return found


def _entry(items: Items, key: str) -> Callable[[int], Any]:
    def fetch(row: int) -> Any:
        item = items(row)
        if not isinstance(item, Mapping) or key not in item:
            raise InputError(f'{printable(items.spec)}: sample {row} has no "{printable(key)}"; give it one')
        return _prepared(item[key], items.spec)

    return fetch


def _called(function: Callable[..., Any], spec: str) -> Any:
    try:
        return function()
    except RepdiagError:
        raise
    except Exception as error:
        raise UsageError(
            f"--data {printable(spec)} raised {shown(error)}; it is called without arguments"
        ) from error


def _random_access(data: Any, spec: str) -> tuple[Callable[[int], Any], int, bool]:
    if isinstance(data, (torch.Tensor, np.ndarray)) or (
        hasattr(data, "__len__") and hasattr(data, "__getitem__")
    ):
        if isinstance(data, Mapping):
            raise UsageError(
                f"--data {printable(spec)} returned a dict; return a Dataset or an iterable of samples"
            )
        return data.__getitem__, len(data), False
    if not hasattr(data, "__iter__"):
        raise UsageError(
            f"--data {printable(spec)} returned {type(data).__name__}; return a Dataset or an iterable"
        )
    items = _gathered(data, spec)
    return items.__getitem__, len(items), True


def _gathered(data: Any, spec: str) -> list[Any]:
    items, held = [], 0
    try:
        for item in data:
            items.append(item)
            held += getattr(sample_of(item), "nbytes", 0)
            if held > MAX_ITERABLE_BYTES:
                raise InputError(
                    f"{printable(spec)}: the iterable holds over 4 GiB; return a Dataset with __getitem__"
                )
    except RepdiagError:
        raise
    except Exception as error:
        raise UsageError(f"--data {printable(spec)}: sample {len(items)} raised {shown(error)}") from error
    return items


def _kind(sample: Any, spec: str) -> Kind:
    if isinstance(sample, str):
        return "text"
    if isinstance(sample, Mapping):
        return "inputs"
    if isinstance(sample, torch.Tensor | np.ndarray | int | float | np.number):
        return "array"
    if hasattr(sample, "convert") and hasattr(sample, "resize"):
        return "image"
    raise InputError(
        f"{printable(spec)}: a sample is {type(sample).__name__}; "
        "return tensors, arrays, PIL images, texts or dicts"
    )


def _prepared(sample: Any, spec: str) -> Any:
    kind = _kind(sample, spec)
    if kind == "inputs":
        return {name: torch.as_tensor(value) for name, value in sample.items()}
    if kind != "array":
        return sample
    tensor = torch.as_tensor(sample).detach().cpu()
    # Doubles would not fit float32 weights; integers may be token ids and stay what they are.
    return tensor.to(torch.float32) if tensor.is_floating_point() else tensor
