"""An order of layers or checkpoints that puts like beside like: the leaves of an average-linkage tree."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MOST_LEAVES = 60
"""The tree takes n^3 steps; more leaves than this keep their order."""


@dataclass(frozen=True, slots=True)
class _Similarities:
    of: dict[tuple[int, int], float]
    least: float

    def between(self, a: int, b: int) -> float:
        return self.of.get((min(a, b), max(a, b)), self.least)

    def mean(self, one: list[int], other: list[int]) -> float:
        return sum(self.between(a, b) for a in one for b in other) / (len(one) * len(other))


def leaf_order(count: int, pairs: Iterable[tuple[int, int, float | None]]) -> list[int]:
    """The numbers 0..count-1, ordered by average linkage of (i, j, similarity) (Sokal and Michener 1958).

    A pair without a similarity counts as the least similar. Where two branches meet, their most similar ends
    do. Equal input gives equal order.
    """
    known = {(min(i, j), max(i, j)): value for i, j, value in pairs if value is not None}
    similar = _Similarities(known, min(known.values(), default=0.0))
    branches = [[i] for i in range(count)]
    if count > MOST_LEAVES:
        return list(range(count))
    while len(branches) > 1:
        a, b = _closest(branches, similar)
        joined = _joined(branches[a], branches[b], similar)
        branches = [*branches[:a], joined, *branches[a + 1 : b], *branches[b + 1 :]]
    return branches[0] if branches else []


def _closest(branches: list[list[int]], similar: _Similarities) -> tuple[int, int]:
    places = ((a, b) for a in range(len(branches)) for b in range(a + 1, len(branches)))
    return max(places, key=lambda place: (similar.mean(branches[place[0]], branches[place[1]]), -place[0]))


def _joined(one: list[int], other: list[int], similar: _Similarities) -> list[int]:
    """Both in a row, each turned so that the most similar of their four ends meet."""
    turned = [(a, b) for a in (one, one[::-1]) for b in (other, other[::-1])]
    left, right = max(turned, key=lambda pair: similar.between(pair[0][-1], pair[1][0]))
    return left + right if left[0] <= right[-1] else (left + right)[::-1]
