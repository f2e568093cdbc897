"""Samples from the user's own code: a callable that returns a Dataset or an iterable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from repdiag.data.source import COLUMN_NAMES, Kind, SampleSource, column, without_folders
from repdiag.errors import InputError, RepdiagError, UsageError
from repdiag.models.user_code import import_callable
from repdiag.text import printable

SAMPLE_KEYS = ("x", "image", "text", "input", "inputs")
MAX_ITERABLE_BYTES = 4 << 30


def user_data(spec: str) -> SampleSource:
    """What `spec()` returns. Items may be x, (x, label), or {'x', 'id', 'label', 'group', 'split'}.

    A Dataset (`__len__` and `__getitem__`) is read item by item as needed, once more for its ids and
    labels where items carry them; any other iterable is read into memory once.

    Raises:
        UsageError: the callable or the Dataset raises, or returns something else.
        InputError: an item of a kind we do not take.
    """
    data = _called(import_callable(spec), spec)
    get, count, in_memory = _random_access(data, spec)
    if not count:
        raise InputError(f"{printable(spec)}: returned no samples; give data with at least two")
    first = _item(get, 0, spec)
    columns = _columns(data, get, count, first, spec)
    ids = columns.pop("id", np.arange(count))
    return SampleSource(
        spec=spec,
        kind=_kind(sample_of(first), spec),
        ids=tuple(str(value) for value in ids),
        fetch=lambda row: _prepared(sample_of(_item(get, row, spec)), spec),
        columns=columns,
        content=f"{type(data).__module__}.{type(data).__qualname__}",
        provenance={"data": without_folders(spec), "kind": "callable", "returned": type(data).__name__},
        notes=(f"{count} samples of the iterable were read into memory",) if in_memory else (),
    )


def sample_of(item: Any) -> Any:
    """The input of the model within an item."""
    if isinstance(item, tuple | list):
        return item[0]
    if isinstance(item, Mapping):
        for key in SAMPLE_KEYS:
            if key in item:
                return item[key]
        return {name: value for name, value in item.items() if name not in COLUMN_NAMES}
    return item


def _called(function: Callable[..., Any], spec: str) -> Any:
    try:
        return function()
    except RepdiagError:
        raise
    except Exception as error:
        raise UsageError(
            f"--data {printable(spec)} raised {_shown(error)}; it is called without arguments"
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
        raise UsageError(f"--data {printable(spec)}: sample {len(items)} raised {_shown(error)}") from error
    return items


def _item(get: Callable[[int], Any], row: int, spec: str) -> Any:
    try:
        return get(row)
    except RepdiagError:
        raise
    except Exception as error:
        raise UsageError(f"--data {printable(spec)}: sample {row} raised {_shown(error)}") from error


def _columns(
    data: Any, get: Callable[[int], Any], count: int, first: Any, spec: str
) -> dict[str, np.ndarray]:
    declared = {
        COLUMN_NAMES[name]: column(getattr(data, name), name, spec)
        for name in ("targets", "labels", "ids", "groups", "splits")
        if not isinstance(data, (torch.Tensor, np.ndarray)) and _is_column(getattr(data, name, None), count)
    }
    wanted = [name for name in _carried(first) if name not in declared]
    if wanted:
        carried = [_carried(_item(get, row, spec)) for row in range(count)]
        for name in wanted:
            declared[name] = column([row.get(name) for row in carried], name, spec)
    return declared


def _is_column(values: Any, count: int) -> bool:
    return hasattr(values, "__len__") and not isinstance(values, str | Mapping) and len(values) == count


def _carried(item: Any) -> dict[str, Any]:
    """The columns that one item brings along."""
    if isinstance(item, tuple | list):
        return {"label": item[1]} if len(item) > 1 and _is_scalar(item[1]) else {}
    if isinstance(item, Mapping):
        return {COLUMN_NAMES[name]: value for name, value in item.items() if name in COLUMN_NAMES}
    return {}


def _is_scalar(value: Any) -> bool:
    return isinstance(value, str | int | float) or getattr(value, "ndim", None) == 0


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


def _shown(error: Exception) -> str:
    return f"{type(error).__name__} ({printable(error, 100)})"
