"""Untrained: figures that are those of random weights, or a load report that says so."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from repdiag.check.figures import figure_of
from repdiag.check.findings import Evidence, Severity, make_finding, make_note, place_of
from repdiag.check.kinds import Kind
from repdiag.check.sentences import number
from repdiag.results import Finding, Representation
from repdiag.text import printable
from repdiag.types import Address

RANK = "effective_rank"
TWIN_OF = "twin_of"
"""Attribute of a checkpoint with random weights: the name of the checkpoint of the same architecture."""

MOSTLY_MISSING = 0.5
LEAST_SHARE = 0.01
"""Mean shares below this are alike: there is no mean to speak of."""

Checkpoints = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Compared:
    """One figure of a checkpoint and of its twin, and how far two random draws of weights may be apart."""

    measure: str
    phrase: str
    tolerance: float
    logit: bool = False


COMPARED = (
    Compared("trace", "total variance", 0.7),
    Compared(RANK, "effective rank", 0.5),
    Compared("mean_share", "mean share", 0.8, logit=True),
)
"""Natural logarithms (logits of the mean share), measured: two draws of the weights of a small network
differ by at most so much in most cases, and a few epochs of training move some figure further."""

NO_MEAN, FEW_DIRECTIONS = 0.1, 6.0
"""Where a normalisation takes out the mean it sets the scale too, and neither says anything. The rest is then
compared more closely above this effective rank, in inverse proportion: so do two draws differ less."""

SHAPE = 0.6
RESOLVED = 1e-6
"""Root mean square distance of the log shares of the variance, weighted by share, of the directions that
carry more than a millionth."""


def checkpoints_of(source: Mapping[str, Any]) -> Checkpoints:
    """Attributes of every checkpoint of every store that the results were made from."""
    stores = source.get("stores")
    found: dict[str, Mapping[str, Any]] = {}
    for store in stores if isinstance(stores, list) else []:
        held = store.get("checkpoints") if isinstance(store, Mapping) else None
        for name, attributes in held.items() if isinstance(held, Mapping) else ():
            if isinstance(attributes, Mapping):
                found[name] = attributes
    return found


def twins_of(source: Mapping[str, Any]) -> set[str]:
    """Names of the checkpoints with random weights: they are there to compare with, not to be judged."""
    return {name for name, held in checkpoints_of(source).items() if isinstance(held.get(TWIN_OF), str)}


def twin_findings(
    checkpoints: Checkpoints, rows: Sequence[Representation], every: Mapping[Address, Representation]
) -> Iterator[Finding]:
    """A warning for each chosen representation that cannot be told from that of its twin."""
    twins = {held[TWIN_OF]: name for name, held in checkpoints.items() if isinstance(held.get(TWIN_OF), str)}
    for row in rows:
        name = twins.get(row.checkpoint)
        twin = None if name is None else every.get(Address(name, row.view, row.layer))
        if twin is not None and (alike := is_alike(row, twin)):
            yield _twin(row, twin, alike)


def load_findings(checkpoints: Checkpoints, rows: Sequence[Representation]) -> Iterator[Finding]:
    """What the load reports say of tensors that stayed random, once a checkpoint."""
    first = {row.checkpoint: row for row in reversed(rows)}
    for name, row in sorted(first.items()):
        held = checkpoints.get(name, {})
        loaded, missing = _count(held, "tensors_loaded"), _count(held, "missing") or 0
        shown = printable(name)
        if TWIN_OF in held or loaded is None or (loaded and not missing):
            continue
        total = loaded + missing
        message = (
            f'{missing:,} of the {total:,} tensors of "{shown}" were not in its file and stayed random.'
            if loaded
            else f'Nothing was loaded into "{shown}": its weights are random.'
        )
        severity: Severity = "warn" if missing >= MOSTLY_MISSING * total else "info"
        yield make_note(Kind.UNTRAINED, severity, "load report", message, place_of(row))


def is_alike(row: Representation, twin: Representation) -> dict[str, float]:
    """How far every figure is apart, when all are surely as near as two random draws; else empty."""
    apart: dict[str, float] = {}
    narrowed = _narrowed(row, twin)
    for each in COMPARED:
        difference = _difference(row, twin, each)
        tolerance = each.tolerance * (1.0 if each.logit else narrowed)
        if difference is None or sum(difference) > tolerance:
            return {}
        apart[each.phrase] = difference[0]
    shape = shape_distance(row, twin)
    return apart if shape is not None and shape <= SHAPE * narrowed else {}


def _narrowed(row: Representation, twin: Representation) -> float:
    """What tolerances are multiplied with, from 0 to 1: 1 where scale and mean are free to tell."""
    means, ranks = (
        [each.estimates[name].value or 0.0 for each in (row, twin) if name in each.estimates]
        for name in ("mean_share", RANK)
    )
    free = max(means, default=0.0) >= NO_MEAN
    return 1.0 if free else min(1.0, FEW_DIRECTIONS / max([1.0, *ranks]))


def shape_distance(row: Representation, twin: Representation) -> float | None:
    """Distance of two spectra as shares of the variance, from 0; None where one is missing."""
    if row.spectrum is None or twin.spectrum is None:
        return None
    pairs = [
        (p, q)
        for p, q in zip(_shares(row.spectrum.eigenvalues), _shares(twin.spectrum.eigenvalues), strict=False)
        if min(p, q) > RESOLVED
    ]
    weight = sum(p + q for p, q in pairs)
    if not weight:
        return None
    return math.sqrt(sum((p + q) * math.log(p / q) ** 2 for p, q in pairs) / weight)


def _difference(row: Representation, twin: Representation, of: Compared) -> tuple[float, float] | None:
    """The distance on the scale of `of` and its error; None where one has no interval."""
    first, second = _on_scale(row, of), _on_scale(twin, of)
    if first is None or second is None:
        return None
    return abs(first[0] - second[0]), math.hypot(first[1], second[1])


def _on_scale(row: Representation, of: Compared) -> tuple[float, float] | None:
    """Value and half-width."""
    estimate = row.estimates.get(of.measure)
    if estimate is None:
        return None
    figure = figure_of(estimate, estimate.confidence)
    found = [_scaled(value, of.logit) for value in (figure.value, figure.low, figure.high)]
    value, low, high = found
    return None if value is None or low is None or high is None else (value, (high - low) / 2)


def _scaled(value: float | None, logit: bool) -> float | None:
    value = max(value, LEAST_SHARE) if logit and value is not None else value
    if value is None or value <= 0 or (logit and value >= 1):
        return None
    return math.log(value / (1 - value)) if logit else math.log(value)


def _shares(values: Sequence[float]) -> list[float]:
    total = sum(values)
    return [value / total for value in values] if total > 0 else []


def _count(held: Mapping[str, Any], name: str) -> int | None:
    value = held.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _twin(row: Representation, twin: Representation, apart: Mapping[str, float]) -> Finding:
    names = " and ".join((", ".join(list(apart)[:-1]), list(apart)[-1]))
    ranks = [number(each.estimates[RANK].value or 0.0) for each in (row, twin)]
    message = (
        f'This cannot be told from "{printable(twin.checkpoint)}", the same model with random weights: '
        f"{names} and the shape of the spectrum are as near as two random draws (effective rank {ranks[0]} "
        f"and {ranks[1]})."
    )
    figure = figure_of(row.estimates[RANK], row.estimates[RANK].confidence)
    evidence = Evidence(RANK, figure, None, row.estimates[RANK].definition)
    return make_finding(Kind.UNTRAINED, "warn", "twin", message, row, evidence)
