"""The grouping behind every interval, and the order in which samples are drawn."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from repdiag.types import GROUPS


def text_hashes(texts: Iterable[str]) -> NDArray[np.uint64]:
    """First 8 bytes, little-endian, of blake2b over each UTF-8 text: (n,) uint64."""
    digests = (int.from_bytes(blake2b(text.encode()).digest()[:8], "little") for text in texts)
    return np.fromiter(digests, dtype=np.uint64)


def group20(hashes: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """Group number (n,) in 0..19 of each hash; fixed, so that two runs share their groups."""
    return (hashes % np.uint64(GROUPS)).astype(np.uint8)


def hash_order(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Rank (n,) of each sample in the order of hashes; equal hashes keep their order."""
    order = np.empty(len(hashes), dtype=np.int64)
    order[np.argsort(hashes, kind="stable")] = np.arange(len(hashes))
    return order
