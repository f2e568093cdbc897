"""The user's gate on planted rows, at three degrees of luck: without sampling error, as it is, reliably."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from repdiag.analysis import SpectrumRequest, analyse_spectrum
from repdiag.check import Policy, check, undecided
from repdiag.check.figures import t_quantile
from repdiag.check.policy import Bound
from repdiag.results import Estimate, Finding, Representation, Results
from repdiag.selftest.plantings import Specimen
from repdiag.store import Store, memory_store
from repdiag.store.rows import Array
from repdiag.types import Address, Status

_ALWAYS = ("trace", "mean_share", "effective_rank", "top1_share")
_CLIFF, _CLASSES = "spectral_cliff", "neural_collapse_nc1"
"""Only classes that lie apart explain a cliff."""

RELIABLE = 2.66
"""Standard errors past the limit at which 90% of draws fail, for 90% of samples that this is computed from:
the 90% point of Student's t with 19 degrees of freedom, once for the draw to come and once for this one."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one gate says of one representation: names of what it found, by severity."""

    failed: frozenset[str] = frozenset()
    warned: frozenset[str] = frozenset()
    told: frozenset[str] = frozenset()
    undecided: bool = False

    @property
    def named(self) -> frozenset[str]:
        return self.failed | self.warned | self.told


@dataclass(frozen=True, slots=True)
class Readings:
    """`sharp` has no sampling error, `plain` is the gate as it is, `strict` finds in 90% of draws."""

    sharp: Reading
    plain: Reading
    strict: Reading


@dataclass(frozen=True, slots=True, eq=False)
class Bench:
    """One representation under test: where it is, how it is stored, and the samples that it is of.

    `clean` holds the figures of every representation that the gate judges together, this one as it is;
    `views` are where the other views of a specimen belong. `sharp_baseline` is the policy's without error.
    `spared` are measures that nobody asks of other rows: they stay as they are in `clean`.
    """

    address: Address
    dtype: str
    policy: Policy
    request: SpectrumRequest
    clean: Results
    ids: tuple[str, ...]
    columns: Mapping[str, Array] = field(default_factory=dict)
    views: tuple[Address, ...] = ()
    sharp_baseline: Path | None = None
    spared: tuple[str, ...] = ()

    def store(self, of: Specimen) -> Store:
        """The samples of this representation with other rows (n, d), stored as the own ones are."""
        places = (self.address, *self.views)
        rows = (of.rows, *of.views)
        return memory_store(
            {place: each.numpy().astype(self.dtype) for place, each in zip(places, rows, strict=False)},
            ids=self.ids,
            labels=self.columns.get("label"),
            groups=self.columns.get("group"),
        )

    def at(self, places: Array) -> Bench:
        """The samples at these places (m,), in that order."""
        columns = {name: column[places] for name, column in self.columns.items()}
        return replace(self, ids=tuple(self.ids[i] for i in places.tolist()), columns=columns)

    def asking(self, measures: Collection[str]) -> Bench:
        """The same gate, where only `measures` and what every verdict needs are found anew.

        Without any no rule is asked for, so that nothing has to stand in for the others.
        """
        wanted = {*measures, *_ALWAYS, *([_CLASSES] if _CLIFF in measures else [])}
        keys = {one.key: one.measure.name for one in self.request.selections()}
        kept = tuple(key for key, name in keys.items() if name in wanted)
        spared = tuple(key for key in keys if key not in kept) if measures else ()
        return replace(self, request=replace(self.request, measures=kept), spared=spared)

    def read(self, of: Specimen) -> Readings:
        """The three readings of planted rows."""
        results = self.analysed(of)
        readings = (self._reading(results, policy) for policy in (self.policy, stricter(self.policy)))
        return Readings(self._sharp_reading(results), *readings)

    def sees(self, of: Specimen) -> Reading:
        """The plain reading alone."""
        return self._reading(self.analysed(of, strict=False), self.policy)

    def analysed(self, of: Specimen, strict: bool = True) -> Results:
        """Everything that is judged together, with the figures of these rows at the address.

        Fast intervals, and full ones where any of the gates is left undecided, as `check` does it; against
        a baseline both sides need the same method, so that there is no first, faster look.
        """
        store = self.store(of)
        if self.request.interval != "auto" or self.request.replicates:
            return self._among(analyse_spectrum([store], self.request))
        results = self._among(analyse_spectrum([store], replace(self.request, interval="fast")))
        policies = (self.policy, stricter(self.policy)) if strict else (self.policy,)
        if any(self.address in undecided(results, policy) for policy in policies):
            return self._among(analyse_spectrum([store], replace(self.request, interval="full")))
        return results

    def _among(self, fresh: Results) -> Results:
        """The clean results with those of this representation, and what belongs to it, replaced."""
        held = {item.address for item in fresh.representations}
        others = [item for item in self.clean.representations if item.address not in held]
        findings = [one for one in self.clean.findings if one.place is None or one.place.address not in held]
        return self.clean.model_copy(
            update={
                "representations": [*others, *map(self._with_spared, fresh.representations)],
                "findings": [*findings, *fresh.findings],
                "pairs": fresh.pairs,
            }
        )

    def _with_spared(self, fresh: Representation) -> Representation:
        """The family that is judged together stays as large as it is."""
        held = {item.address: item.estimates for item in self.clean.representations}.get(fresh.address, {})
        kept = {name: held[name] for name in self.spared if name in held}
        return fresh.model_copy(update={"estimates": {**kept, **fresh.estimates}})

    def _sharp_reading(self, results: Results) -> Reading:
        policy = (
            self.policy if self.sharp_baseline is None else replace(self.policy, baseline=self.sharp_baseline)
        )
        return self._reading(without_error(results, self.address), policy)

    def _reading(self, results: Results, policy: Policy) -> Reading:
        places = (self.address, *self.views)
        found = check(results, policy).findings
        findings = [one for one in found if one.place is not None and one.place.address in places]
        return Reading(
            _kinds(findings, "fail"),
            _kinds(findings, "warn"),
            _kinds(findings, "info"),
            any(one.severity == "inconclusive" for one in findings),
        )


def absolute(policy: Policy) -> Policy:
    """The policy without what needs a baseline."""
    rules = tuple(rule for rule in policy.rules if rule.bound is not Bound.MAX_DROP)
    return replace(policy, rules=rules, baseline=None, layers=(), views=(), checkpoints=())


def stricter(policy: Policy) -> Policy:
    """The policy that fails only what this one would fail in at least 90% of other draws."""
    return replace(policy, confidence=_confidence_at(t_quantile(policy.confidence) + RELIABLE))


def without_error(results: Results, address: Address) -> Results:
    """The results as if the figures at `address` had no sampling error: what endless samples would give."""
    items = [_sharp(item) if item.address == address else item for item in results.representations]
    return results.model_copy(update={"representations": items})


def _sharp(item: Representation) -> Representation:
    estimates = {name: _point(estimate) for name, estimate in item.estimates.items()}
    return item.model_copy(update={"estimates": estimates})


def _point(estimate: Estimate) -> Estimate:
    """Neither an interval nor replicates."""
    if estimate.value is None or estimate.status is not Status.OK:
        return estimate
    return estimate.model_copy(update={"low": estimate.value, "high": estimate.value, "without": []})


def _confidence_at(quantile: float) -> float:
    """The confidence whose two-sided Student quantile is `quantile`."""
    low, high = 0.5, 1 - 1e-9
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_quantile(middle) < quantile else (low, middle)
    return high


def _kinds(findings: list[Finding], severity: str) -> frozenset[str]:
    return frozenset(one.kind for one in findings if one.severity == severity)


def columns_of(store: Store, kept: Array) -> dict[str, Array]:
    """The label and group columns of the rows `kept` (m,), as far as the store has them."""
    found = {name: store.column(name) for name in ("label", "group")}
    return {name: np.asarray(column)[kept] for name, column in found.items() if column is not None}
