"""Where in training a checkpoint stands: from its contents, else from its file name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

_STEP_KEYS = ("global_step", "global_steps", "step", "iteration", "iter", "num_updates")
_EPOCH_KEYS = ("epoch", "current_epoch", "epoch_num")
COUNTERS = (*_STEP_KEYS, *_EPOCH_KEYS)
_HOLDERS = (
    "meta",
    "trainer",
    "train_state",
    "trainer_state",
    "training_state",
    "extra_state",
    "info",
    "state",
)
_GENERIC = ("model", "pytorch_model", "last", "best", "weights", "checkpoint")
_STEP_NAME = re.compile(
    r"(?:^|[^a-z])(?:global_?step|step|steps|ckpt|checkpoint|iter|iteration)s?[=_\-. ]?(\d+)"
)
_EPOCH_NAME = re.compile(r"(?:^|[^a-z])(?:epoch|ep)[=_\-. ]?(\d+)")


def find_step(values: Mapping[str, object], path: Path) -> int | None:
    """The optimizer step, or None."""
    return _first(values, _STEP_KEYS, _STEP_NAME, path)


def find_epoch(values: Mapping[str, object], path: Path) -> int | None:
    """The epoch, or None."""
    return _first(values, _EPOCH_KEYS, _EPOCH_NAME, path)


def _first(
    values: Mapping[str, object], keys: tuple[str, ...], pattern: re.Pattern[str], path: Path
) -> int | None:
    places = (*keys, *(f"{holder}.{key}" for holder in _HOLDERS for key in keys))
    in_contents = (_whole(values.get(place)) for place in places)
    in_names = (_in_name(name, pattern) for name in _names(path))
    return next((found for found in (*in_contents, *in_names) if found is not None), None)


def _whole(value: object) -> int | None:
    """A non-negative whole number out of an int, a float without fraction, or digits as text."""
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return int(value) if 0 <= value < 1 << 62 and value == int(value) else None


def _in_name(name: str, pattern: re.Pattern[str]) -> int | None:
    found = pattern.findall(name.lower())
    return int(found[-1]) if found and len(found[-1]) < 19 else None


def _names(path: Path) -> tuple[str, ...]:
    """The file name, and the folder's where that says nothing, as in checkpoint-500/model.safetensors."""
    return (path.name, path.absolute().parent.name) if path.stem.split(".")[0] in _GENERIC else (path.name,)
