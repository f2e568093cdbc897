"""HDF5 attributes to and from JSON values; what is hostile or huge is left out, by name."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from pydantic import JsonValue

from repdiag.store.columns import clean_text
from repdiag.store.guarded import damage

MAX_ATTRIBUTES = 256
MAX_ELEMENTS = 4096
MAX_TEXT = 1 << 20


def write_attributes(thing: h5py.HLObject, values: Mapping[str, Any]) -> None:
    """Write values in the order of their names; None is left out, nested ones become JSON text."""
    for name in sorted(values):
        value = values[name]
        if value is None:
            continue
        if isinstance(value, bool | np.bool_):
            thing.attrs[name] = np.bool_(value)
        elif isinstance(value, int | float | np.integer | np.floating):
            thing.attrs[name] = value
        elif isinstance(value, Mapping | list | tuple | set | frozenset):
            thing.attrs[name] = json.dumps(_plain(value), ensure_ascii=False, sort_keys=True)
        else:
            thing.attrs[name] = clean_text(str(value))


def read_attributes(thing: h5py.HLObject, path: Path) -> dict[str, JsonValue]:
    """Attributes as JSON values; text that holds a JSON list or object is parsed."""
    found: dict[str, JsonValue] = {}
    with damage(path):
        for name in sorted(thing.attrs)[:MAX_ATTRIBUTES]:
            if _is_readable(thing.attrs.get_id(name)):
                found[clean_text(name)] = _json_value(thing.attrs[name])
    return found


def text_attribute(thing: h5py.HLObject, name: str, path: Path) -> str | None:
    """One attribute when it is text."""
    value = read_attribute(thing, name, path)
    return value if isinstance(value, str) else None


def read_attribute(thing: h5py.HLObject, name: str, path: Path) -> JsonValue:
    """One attribute, or None where it is missing or of a kind that is not read."""
    with damage(path):
        if name not in thing.attrs or not _is_readable(thing.attrs.get_id(name)):
            return None
        return _json_value(thing.attrs[name])


def _is_readable(attribute: h5py.h5a.AttrID) -> bool:
    dtype = attribute.dtype
    if attribute.shape is None:
        return False
    small = math.prod(attribute.shape) <= MAX_ELEMENTS and attribute.get_storage_size() <= MAX_TEXT
    return small and (dtype.kind in "biufS" or h5py.check_string_dtype(dtype) is not None)


def _json_value(value: Any) -> JsonValue:
    if isinstance(value, bytes | str):
        text = clean_text(value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value)
        return _parsed(text[:MAX_TEXT])
    if isinstance(value, np.ndarray):
        return [_json_value(element) for element in value.ravel().tolist()]
    scalar = value.item() if isinstance(value, np.generic) else value
    if isinstance(scalar, float) and not math.isfinite(scalar):
        return None
    return scalar if isinstance(scalar, bool | int | float) else None


def _parsed(text: str) -> JsonValue:
    if not text.startswith(("[", "{")):
        return text
    try:
        parsed: JsonValue = json.loads(text, parse_constant=lambda _: None)
    except (ValueError, RecursionError):
        return text
    return parsed


def _plain(value: Any) -> JsonValue:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, set | frozenset):
        return [clean_text(str(inner)) for inner in sorted(value, key=str)]
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, bool | int | float) else clean_text(str(value))
