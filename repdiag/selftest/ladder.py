"""Readings of one planting at rising severity, in the own rows and in other draws of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from repdiag.check import Policy
from repdiag.selftest.gate import Bench, Reading, Readings
from repdiag.selftest.limits import Bracket, Limits, bracket, crossing, reliable
from repdiag.selftest.plantings import Must, Planting, Specimen


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """What every planting at one representation shares.

    `clean` is what the gate says of the rows as they are. `paired` is the bench with a baseline of them, None
    where no drop can be judged; `viewed` the one with another view, None where there is none.
    """

    bench: Bench
    paired: Bench | None
    viewed: Bench | None
    specimen: Specimen
    clean: Reading
    policy: Policy
    seed: int
    draws: tuple[Trial, ...] = ()

    def bench_for(self, planting: Planting) -> Bench | None:
        """Where a planting is judged; None where it cannot be."""
        if "baseline" in planting.needs:
            return self.paired
        return self.viewed if "views" in planting.needs else self.bench

    def read(self, planting: Planting, severity: float) -> Readings:
        """The three readings of one planting; what is harmless must pass every rule."""
        bench = self._judge(planting)
        asked = bench if planting.harmless else bench.asking(planting.rules)
        return asked.read(self._planted(planting, severity))

    def limit(self, planting: Planting, must: Must, near: float, width: float) -> float | None:
        """Where the plain reading begins to find it, looked for near a severity; None where nowhere."""
        if self.bench_for(planting) is None:
            return None
        asked = self._judge(planting).asking(planting.rules)

        def sees(severity: float) -> bool:
            return is_found(planting, must, asked.sees(self._planted(planting, severity)))

        return crossing(near, width, planting.levels, sees)

    def whole(self, planting: Planting, severity: float) -> Reading:
        """The plain reading of every rule."""
        return self._judge(planting).sees(self._planted(planting, severity))

    def _judge(self, planting: Planting) -> Bench:
        bench = self.bench_for(planting)
        assert bench is not None
        return bench

    def _planted(self, planting: Planting, severity: float) -> Specimen:
        kept = self.specimen if "views" in planting.needs else replace(self.specimen, views=())
        return planting.plant(kept, severity, self.seed)


@dataclass(slots=True, eq=False)
class Ladder:
    """Readings of one planting by severity, each taken once."""

    planting: Planting
    trial: Trial
    must: Must
    taken: dict[float, Readings] = field(default_factory=dict)

    def at(self, severity: float) -> Readings:
        """The readings at a severity."""
        if severity not in self.taken:
            self.taken[severity] = self.trial.read(self.planting, severity)
        return self.taken[severity]

    def begins(self, reading: Callable[[Readings], Reading]) -> Bracket:
        """Where one of the readings begins to find it."""
        return bracket(
            self.planting.levels,
            lambda severity: is_found(self.planting, self.must, reading(self.at(severity))),
        )

    def limits(self) -> Limits:
        """Where each of the three gates begins to see."""
        plain = self.begins(lambda readings: readings.plain)
        strict = self.begins(lambda readings: readings.strict)
        own = Limits(self.begins(lambda readings: readings.sharp), plain, strict)
        if plain.seen is None or strict.seen is None:
            return own
        return replace(own, strict=reliable(own, self._drawn(plain), self.planting.levels[-1]))

    def _drawn(self, own: Bracket) -> list[float | None]:
        """The plain limits of other draws, each looked for near the one before."""
        assert own.seen is not None
        found: list[float | None] = []
        levels, start = self.planting.levels, own.seen
        width = (levels[-1] - levels[0]) / 1000 if own.missed is None else start - own.missed
        for draw in self.trial.draws:
            limit = draw.limit(self.planting, self.must, start, width)
            if limit is None:
                return [None]
            found, start = [*found, limit], limit
        return found


def is_found(planting: Planting, must: Must, reading: Reading) -> bool:
    """Whether a reading names the planting, and fails by it where that is owed."""
    among = reading.failed if must == "fail" else reading.named
    return bool(among & set(planting.kinds))
