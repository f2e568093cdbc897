"""Many short texts in one piece of memory: a Python string takes fifty bytes more than its letters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice, pairwise
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

BLOCK = 65_536
"""Texts that are Python strings at the same time."""


class Texts(Sequence[str]):
    """n texts, each a Python string only while it is looked at."""

    def __init__(self, texts: Iterable[str]) -> None:
        letters, sizes, source = bytearray(), [], iter(texts)
        while block := [text.encode() for text in islice(source, BLOCK)]:
            letters += b"".join(block)
            sizes.append(np.fromiter(map(len, block), np.int64, len(block)))
        ends = np.cumsum(np.concatenate([np.zeros(1, np.int64), *sizes]))
        self._letters = bytes(letters)
        self._ends: NDArray[Any] = ends.astype(np.min_scalar_type(len(letters)))

    def __len__(self) -> int:
        return len(self._ends) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        return self._letters[self._ends[row] : self._ends[row + 1]].decode()

    def __iter__(self) -> Iterator[str]:
        for start in range(0, len(self), BLOCK):
            ends = self._ends[start : start + BLOCK + 1].tolist()
            for first, last in pairwise(ends):
                yield self._letters[first:last].decode()

    def __eq__(self, other: object) -> bool:
        """Whether another sequence holds the same texts in the same order."""
        if not isinstance(other, Sequence) or isinstance(other, str | bytes):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]
