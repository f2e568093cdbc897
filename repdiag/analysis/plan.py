"""Which statistics the wanted records need, and in how many passes over the rows they fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from torch import Tensor

from repdiag import linalg
from repdiag.accumulators import (
    Accumulator,
    ClassSums,
    FeatureActivity,
    FeatureMoments,
    GroupedMoments,
    RowEnergies,
    Sample,
)
from repdiag.analysis.memory import give_back
from repdiag.analysis.source import RowSource, pooled
from repdiag.errors import InputError
from repdiag.measures.inputs import Need
from repdiag.types import GROUPS, IntervalMethod

PASS_BYTES = 128 << 20
"""Statistics held at a time; the rest waits for another pass over the rows."""

MATRIX_BYTES = 4 << 30
"""Largest d x d matrix that is attempted."""

CENTRED = frozenset({Need.SPECTRUM, Need.CLEAN_SPECTRUM, Need.POPULATION, Need.CLEAN_POPULATION})
SPECTRAL = CENTRED | {Need.SECOND_MOMENT, Need.CLASS_MEANS}
LOCATIONS = frozenset({Need.LOCATION, Need.CLEAN_LOCATION})
SAMPLED = frozenset({Need.NEIGHBOURS, Need.POTENTIAL, Need.CLOUD})
PER_FEATURE = frozenset({Need.ACTIVITY, Need.DIRECTIONS})


ONE_PASS_RATIO = 50
ONE_PASS_ERROR = 0.01
"""From this n/d on the variation v of row energies stands in for the leverages, as long as v d / n is small:
leverages need not vary as energies do, and what that costs is of the order of v d / n of the correction."""


def needs_rows(n: int, d: int, variation: float) -> bool:
    """Whether the leverages of the rows are read in a second pass; `variation` is that of row energies."""
    return n < ONE_PASS_RATIO * d or variation * d > ONE_PASS_ERROR * n


@dataclass(frozen=True, slots=True)
class Plan:
    """What to gather about one representation of d columns (coordinates, where n < d)."""

    needs: frozenset[Need]
    d: int
    method: IntervalMethod
    classes: int = 0
    device: str = "cpu"
    n: int = 0

    @property
    def intervals(self) -> bool:
        """Whether anything is kept by group."""
        return self.method is not IntervalMethod.NONE

    @property
    def pooled(self) -> frozenset[str]:
        """Statistics that see all rows as one group."""
        wide = frozenset() if self.grouped else frozenset({"moments", "unit_moments"})
        return wide if self.intervals else wide | {"energies"}

    @property
    def grouped(self) -> bool:
        """Whether one pass gathers a scatter for each group; else intervals take a second pass."""
        return self.intervals and self.d < linalg.TWO_PASS_FEATURES and not self._rows_suffice

    @property
    def _rows_suffice(self) -> bool:
        """Whether fast intervals come from the pass that reads leverages anyway, without 20 scatters."""
        others = self.needs & (SPECTRAL - CENTRED) or Need.DIRECTION_SPECTRUM in self.needs
        fast = self.method is IntervalMethod.FAST and Need.POPULATION in self.needs and not others
        return fast and needs_rows(self.n, self.d, 0.0)

    @property
    def scatter_groups(self) -> int:
        return GROUPS if self.grouped else 1

    @property
    def wanted(self) -> list[str]:
        """Names of the statistics that the needs come from."""
        sources = {
            "moments": self.needs & SPECTRAL,
            "energies": self.needs & CENTRED,
            "unit_moments": self.needs & {Need.DIRECTION_SPECTRUM},
            "features": self.needs & LOCATIONS,
            "unit_features": self.needs & {Need.DIRECTIONS},
            "activity": self.needs & {Need.ACTIVITY},
            "classes": self.needs & {Need.CLASS_MEANS},
            "sample": self.needs & SAMPLED,
        }
        return [name for name, needs in sources.items() if needs]

    def empty(self, name: str, origin: Tensor) -> Accumulator:
        """The statistic of that name before any row; `origin` (d,) is a vector near the mean."""
        d, device = self.d, self.device
        match name:
            case "moments" | "unit_moments":
                unit = name == "unit_moments"
                return GroupedMoments.empty(self.scatter_groups, d, unit=unit, device=device)
            case "energies":
                return RowEnergies.empty(GROUPS if self.intervals else 1, origin)
            case "features" | "unit_features":
                return FeatureMoments.empty(GROUPS, d, unit=name == "unit_features", device=device)
            case "activity":
                return FeatureActivity.empty(GROUPS, d, device=device)
            case "classes":
                return ClassSums.empty(GROUPS, self.classes, d, device=device)
            case _:
                return Sample()

    def size_bytes(self, name: str) -> int:
        """Memory that the statistic takes, as far as it matters."""
        scatter = self.scatter_groups * self.d
        rows = {"moments": scatter, "unit_moments": scatter, "classes": GROUPS * self.classes}
        return 8 * self.d * rows.get(name, 0)

    def passes(self) -> list[list[str]]:
        """Names by pass: everything in one, unless a second set of scatters would not fit."""
        check_size(self.d)
        first = [name for name in self.wanted if name != "unit_moments"]
        second = [name for name in self.wanted if name == "unit_moments"]
        if sum(map(self.size_bytes, self.wanted)) <= PASS_BYTES:
            return [first + second]
        return [names for names in (first, second) if names]


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


def gather(
    source: RowSource, statistics: Mapping[str, Accumulator], pool: Collection[str] = ()
) -> dict[str, Accumulator]:
    """One pass over the rows through all accumulators; those in `pool` see a single group.

    Where several ranks share the pass, each of them gets the statistics of all rows.
    """
    current = dict(statistics)
    for batch in source.own_batches():
        pieces = pooled(batch) if pool else []
        for name, accumulator in current.items():
            for part in pieces if name in pool else [batch]:
                accumulator = accumulator.update(part)
            current[name] = accumulator
        del batch, pieces
    give_back()
    return {name: source.merged(accumulator) for name, accumulator in current.items()}
