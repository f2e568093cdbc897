"""Architectures that are near a file without being it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from repdiag.checkpoints.architectures import Architectures, Shape, token
from repdiag.checkpoints.places import Place

PROPOSALS = 3


@dataclass(frozen=True, slots=True)
class Proposal:
    """An architecture that is near: `coverage` is the share of its tensors (no classifier) in the file."""

    name: str
    coverage: float
    key: str
    arguments: str = ""


def nearest_classes(
    places: Sequence[Place], floats: Mapping[str, Shape], index: Architectures
) -> tuple[Proposal, ...]:
    """The classes that share most with one place, by the share of the union."""
    scored: dict[int, tuple[float, Proposal]] = {}
    for place in places:
        held = sum(name.startswith(place.prefix) for name in floats)
        scores = place.hits / (index.sizes + held - place.hits)
        for number in np.argsort(-scores, kind="stable")[:PROPOSALS].tolist():
            if scores[number] > scored.get(number, (0.0,))[0]:
                scored[number] = (float(scores[number]), _proposal(place, number, floats, index))
    best = sorted(scored.values(), key=lambda item: (-item[0], item[1].name))
    return tuple(proposal for _, proposal in best[:PROPOSALS])


def _proposal(place: Place, number: int, floats: Mapping[str, Shape], index: Architectures) -> Proposal:
    name = index.members[number][0].spec
    coverage = float(place.hits[number] / index.sizes[number])
    channels = _channels(place, set(index.tensors_of(number).tolist()), floats, index)
    argument = f"in_chans={channels}" if channels and name.startswith("timm:") else ""
    return Proposal(name, coverage, place.prefix.rstrip("."), argument)


def _channels(
    place: Place, body: Collection[int], floats: Mapping[str, Shape], index: Architectures
) -> int | None:
    """Input channels of a first convolution that differs from the architecture's in nothing else."""
    for name, shape in floats.items():
        rest = name[len(place.prefix) :]
        if name.startswith(place.prefix) and len(shape) == 4 and rest not in place.known:
            usual = index.known([token(rest, (shape[0], 3, *shape[2:]))])
            if int(usual[0]) in body:
                return shape[1]
    return None
