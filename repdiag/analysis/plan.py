"""Which statistics the wanted records need, and in how many passes over the rows they fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from repdiag import linalg
from repdiag.accumulators import (
    Accumulator,
    ClassSums,
    FeatureActivity,
    FeatureMoments,
    GroupedMoments,
    Sample,
)
from repdiag.analysis.source import RowSource, pooled
from repdiag.errors import InputError
from repdiag.measures.inputs import Need
from repdiag.types import GROUPS, IntervalMethod

PASS_BYTES = 128 << 20
"""Statistics held at a time; the rest waits for another pass over the rows."""

MATRIX_BYTES = 4 << 30
"""Largest d x d matrix that is attempted."""

SPECTRAL = frozenset({Need.SPECTRUM, Need.SECOND_MOMENT, Need.CLEAN_SPECTRUM, Need.CLASS_MEANS})
LOCATIONS = frozenset({Need.LOCATION, Need.CLEAN_LOCATION})
PER_FEATURE = frozenset({Need.ACTIVITY, Need.DIRECTIONS})


@dataclass(frozen=True, slots=True)
class Plan:
    """What to gather about one representation of d columns (coordinates, where n < d)."""

    needs: frozenset[Need]
    d: int
    method: IntervalMethod
    classes: int = 0
    device: str = "cpu"

    @property
    def grouped(self) -> bool:
        """Whether one pass gathers a scatter for each group; else intervals take a second pass."""
        return self.method is not IntervalMethod.NONE and self.d < linalg.TWO_PASS_FEATURES

    @property
    def scatter_groups(self) -> int:
        return GROUPS if self.grouped else 1

    def statistics(self) -> dict[str, Accumulator]:
        """Empty accumulators by name."""
        check_size(self.d)
        every: dict[str, tuple[bool, Accumulator]] = {
            "moments": (bool(self.needs & SPECTRAL), self._moments(unit=False)),
            "unit_moments": (Need.DIRECTION_SPECTRUM in self.needs, self._moments(unit=True)),
            "features": (
                bool(self.needs & LOCATIONS),
                FeatureMoments.empty(GROUPS, self.d, device=self.device),
            ),
            "unit_features": (
                Need.DIRECTIONS in self.needs,
                FeatureMoments.empty(GROUPS, self.d, unit=True, device=self.device),
            ),
            "activity": (
                Need.ACTIVITY in self.needs,
                FeatureActivity.empty(GROUPS, self.d, device=self.device),
            ),
            "classes": (
                Need.CLASS_MEANS in self.needs,
                ClassSums.empty(GROUPS, self.classes, self.d, device=self.device),
            ),
            "sample": (
                bool(self.needs & {Need.NEIGHBOURS, Need.POTENTIAL}),
                Sample.empty(self.d, device=self.device),
            ),
        }
        return {name: accumulator for name, (wanted, accumulator) in every.items() if wanted}

    def _moments(self, *, unit: bool) -> GroupedMoments:
        groups = self.scatter_groups
        wanted = Need.DIRECTION_SPECTRUM in self.needs if unit else bool(self.needs & SPECTRAL)
        return GroupedMoments.empty(groups, self.d if wanted else 0, unit=unit, device=self.device)


def check_size(d: int) -> None:
    """Refuse a covariance that cannot be held.

    Raises:
        InputError: 8 d^2 bytes are over the limit.
    """
    if 8 * d * d > MATRIX_BYTES:
        raise InputError(
            f"d = {d} needs a covariance of {8 * d * d / 2**30:.0f} GiB; pool or project the features first, "
            "or take fewer samples than features"
        )


def size_bytes(accumulator: Accumulator) -> int:
    """Memory that an accumulator will hold, as far as it is known before the rows."""
    return accumulator.scatter.nbytes if isinstance(accumulator, GroupedMoments) else 0


def passes(statistics: Mapping[str, Accumulator]) -> list[list[str]]:
    """Names by pass, first fit; the first pass takes everything small."""
    planned: list[list[str]] = [[]]
    room = PASS_BYTES
    for name in sorted(statistics, key=lambda each: size_bytes(statistics[each])):
        size = size_bytes(statistics[name])
        if size > room and planned[-1]:
            planned.append([])
            room = PASS_BYTES
        planned[-1].append(name)
        room -= size
    return planned


def gather(
    source: RowSource, statistics: Mapping[str, Accumulator], pool: Collection[str] = ()
) -> dict[str, Accumulator]:
    """One pass over the rows through all accumulators; those in `pool` see a single group."""
    current = dict(statistics)
    for batch in source.batches():
        together = pooled(batch) if pool else batch
        for name, accumulator in current.items():
            current[name] = accumulator.update(together if name in pool else batch)
        del batch, together
    return current
