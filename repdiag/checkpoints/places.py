"""Where in a file tensors of known architectures stand: under which prefixes, and of which classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from repdiag.checkpoints.architectures import Architectures, Integers, Shape, token

MOST_DEPTH = 12
MOST_PREFIXES = 24


@dataclass(frozen=True, slots=True)
class Place:
    """What is under one prefix: positions in the vocabulary by name, and hits by class."""

    prefix: str
    known: Mapping[str, int]
    hits: Integers


def find_places(floats: Mapping[str, Shape], index: Architectures) -> list[Place]:
    """The prefixes below which most tensors are known ones."""
    triples = [
        (name[:start], name[start:], token(name[start:], shape))
        for name, shape in floats.items()
        for start in _starts(name)
    ]
    found: dict[str, dict[str, int]] = {}
    for (prefix, rest, _), known in zip(triples, index.known(one for *_, one in triples), strict=True):
        if known >= 0:
            found.setdefault(prefix, {})[rest] = int(known)
    most = sorted(found.items(), key=lambda item: (-len(item[1]), item[0]))[:MOST_PREFIXES]
    return [Place(p, known, index.hits(np.fromiter(known.values(), np.int64))) for p, known in most]


def _starts(name: str) -> Iterator[int]:
    """Where a dotted suffix of the name begins, the whole name first."""
    start = 0
    for _ in range(MOST_DEPTH):
        yield start
        start = name.find(".", start) + 1
        if not start:
            return


def whole_places(places: Sequence[Place], index: Architectures) -> Iterator[Place]:
    """Places that hold all tensors of some class, the largest first, none inside what is explained."""
    full = [(largest(place, index)[1], place) for place in places]
    taken: set[str] = set()
    for size, place in sorted(full, key=lambda item: (-item[0], len(item[1].prefix))):
        covered = {place.prefix + rest for rest in explained(place, index)} if size else set()
        if covered and not covered & taken:
            taken |= covered
            yield place


def largest(place: Place, index: Architectures) -> tuple[int, int]:
    """The largest class that is there as a whole, and its size; (-1, 0) where there is none."""
    sizes = np.where(place.hits == index.sizes, index.sizes, 0)
    best = int(sizes.argmax())
    return (best, int(sizes[best])) if sizes[best] else (-1, 0)


def explained(place: Place, index: Architectures) -> list[str]:
    body = set(index.tensors_of(largest(place, index)[0]).tolist())
    return [rest for rest, known in place.known.items() if known in body]
