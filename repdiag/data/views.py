"""Views: named ways of looking at the same samples, the same for a sample whatever the batch."""

from __future__ import annotations

import hashlib
import inspect
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from repdiag.data import augment
from repdiag.data.source import Kind
from repdiag.errors import RepdiagError, UsageError
from repdiag.models.user_code import import_callable
from repdiag.text import listing, nearest, printable
from repdiag.types import DEFAULT_VIEW

BUILT_IN = ("base", "crop", "noise", "dropout", "simclr", "left", "right")
NUMERIC_DEFAULTS = {"crop": 0.2, "simclr": 0.2, "noise": 0.1}
NEEDS_PLANE = ("crop", "simclr")


@dataclass(frozen=True)
class View:
    """One view.

    Attributes:
        name: as stored; part of the seed of every sample.
        kind: a built-in one, `callable`, or `key`.
        amount: sigma of `noise`, smallest area of `crop` and `simclr`.
        mask: for `left` and `right`: zero the other half instead of cutting it off.
        key: for `key`: the entry of dict samples that the model is given.
        function: for `callable`: sample -> sample, or (sample, torch.Generator) -> sample.
        spec: as the user wrote it.
    """

    name: str = DEFAULT_VIEW
    kind: str = "base"
    amount: float = 0.0
    mask: bool = False
    function: Callable[..., Any] | None = None
    spec: str = DEFAULT_VIEW
    key: str = ""

    @property
    def in_model(self) -> bool:
        """True when the randomness is the model's own dropout and samples stay as they are."""
        return self.kind == "dropout"

    @property
    def replaces_crop(self) -> bool:
        """True when the view cuts and resizes the raw image itself."""
        return self.kind in NEEDS_PLANE

    def apply(self, sample: Any, size: tuple[int, int] | None, generator: Generator) -> Any:
        """The sample under this view.

        Args:
            sample: (..., w) float tensor, or text for `base`, `dropout` and callables.
            size: (height, width) that crops are resized to; None keeps the sample's own.
            generator: all randomness; see `sample_generator`.

        Raises:
            UsageError: the view does not fit the sample, or the user's callable fails.
        """
        if self.kind in ("base", "dropout", "key"):
            return sample
        if self.function is not None:
            return self._called(sample, generator)
        self._check(sample)
        if self.kind == "noise":
            return augment.gaussian_noise(sample, self.amount, generator)
        if self.kind in ("left", "right"):
            return augment.half(sample, self.kind == "right", self.mask)
        made = augment.simclr if self.kind == "simclr" else augment.random_resized_crop
        return made(sample, size or (sample.shape[-2], sample.shape[-1]), self.amount, generator)

    def _check(self, sample: Any) -> None:
        if not isinstance(sample, Tensor):
            raise _not_for_texts(self)
        if not sample.is_floating_point():
            raise UsageError(
                f"--view {printable(self.spec)} needs real numbers, but samples are {sample.dtype}"
            )
        fits = sample.ndim == 3 if self.kind in NEEDS_PLANE else sample.ndim and sample.shape[-1] >= 2
        if not fits:
            wanted = "(c, h, w) samples" if self.kind in NEEDS_PLANE else "at least two values a row"
            raise UsageError(
                f"--view {printable(self.spec)} needs {wanted}, but they have shape {tuple(sample.shape)}"
            )

    def _called(self, sample: Any, generator: Generator) -> Any:
        assert self.function is not None
        try:
            arguments = (sample, generator) if _takes_generator(self.function) else (sample,)
            return self.function(*arguments)
        except RepdiagError:
            raise
        except Exception as error:
            raise UsageError(
                f"--view {printable(self.spec)} raised {type(error).__name__} ({printable(error, 100)})"
            ) from error


def parse_views(specs: Sequence[str]) -> tuple[View, ...]:
    """Views out of `NAME[=SPEC]`, in the order given; none given is `base`.

    SPEC is a number (`noise=0.1`, `crop=0.5`), `mask` (`left=mask`), a built-in view under another name
    (`a=crop`, `b=noise:0.2`), a callable (`mine=path/file.py:function`), or else a key of samples that are
    dicts (`picture=image`, see `check_views`).

    Raises:
        UsageError: an unknown view, a value that does not fit, or two views of one name.
    """
    views = tuple(_parsed(spec) for spec in specs) or (View(),)
    names = [view.name for view in views]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f'two views are called "{printable(twice)}"; name them, as in --view a=crop --view b=crop'
        )
    return views


def check_views(views: Sequence[View], kind: Kind, keys: Collection[str] = ()) -> None:
    """Say at once that a view cannot work on this kind of data, or names an entry that samples do not have.

    Raises:
        UsageError: naming the first such view.
    """
    for view in views:
        if view.key and view.key not in keys:
            raise _unknown(view.key, keys)
        if view.key:
            continue
        if kind in ("text", "inputs") and view.function is None and view.kind not in ("base", "dropout"):
            raise _not_for_texts(view)


def _unknown(kind: str, keys: Collection[str] = ()) -> UsageError:
    near = nearest(kind, (*BUILT_IN, *keys))
    entries = f", or an entry of the samples ({listing(keys)})" if keys else ""
    return UsageError(
        f'unknown view "{printable(kind)}"; there are {listing(BUILT_IN, 9)}, or a callable{entries}.{near}'
    )


def _not_for_texts(view: View) -> UsageError:
    return UsageError(
        f"--view {printable(view.spec)} needs images or arrays, not texts; use base, dropout or a callable"
    )


def sample_generator(seed: int, view: str, sample_id: str, purpose: str = "") -> Generator:
    """The random stream of one sample under one view: no batch, shard or order can change it."""
    text = f"{seed}\0{view}\0{sample_id}\0{purpose}".encode("utf-8", "backslashreplace")
    number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") >> 1
    return torch.Generator().manual_seed(number)


def _parsed(spec: str) -> View:
    name, given, value = spec.partition("=")
    name, value = name.strip(), value.strip()
    if given and not value:
        raise UsageError(f'--view "{printable(spec)}" ends after "="; write NAME or NAME=SPEC')
    if not given and ":" in name and name.split(":")[0] not in BUILT_IN:
        return View(name.rpartition(":")[2], "callable", function=import_callable(name), spec=spec)
    if not given:
        kind, _, amount = name.partition(":")
        return _built_in(kind, kind, amount, spec)
    if name in BUILT_IN and (_number(value) is not None or value == "mask"):
        return _built_in(name, name, value, spec)
    kind, _, amount = value.partition(":")
    if kind in BUILT_IN:
        return _built_in(name, kind, amount, spec)
    if ":" in value:
        return View(name, "callable", function=import_callable(value), spec=spec)
    if name in BUILT_IN or not re.search(r"\w", name):
        return _built_in(name, value, "", spec)
    return View(name, "key", spec=spec, key=value)


def _built_in(name: str, kind: str, value: str, spec: str) -> View:
    if kind not in BUILT_IN:
        raise _unknown(kind)
    if not re.search(r"\w", name):
        raise UsageError(f'--view "{printable(spec)}" has no name; write NAME=SPEC')
    if kind in ("left", "right") and value in ("", "mask"):
        return View(name, kind, mask=value == "mask", spec=spec)
    amount = NUMERIC_DEFAULTS.get(kind, 0.0) if not value else _number(value)
    fits = amount is not None and (kind in NUMERIC_DEFAULTS or not value)
    if not fits or amount is None or amount < 0 or (kind in NEEDS_PLANE and not 0 < amount <= 1):
        raise UsageError(f'--view "{printable(spec)}": "{printable(value)}" is not a value that {kind} takes')
    return View(name, kind, amount, spec=spec)


def _number(value: str) -> float | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return number if number == number and abs(number) != float("inf") else None


def _takes_generator(function: Callable[..., Any]) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return len(positional) > 1 and positional[1].default is inspect.Parameter.empty
