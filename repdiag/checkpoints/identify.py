"""Which architecture a set of weights belongs to, from the names and shapes of its tensors."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from repdiag.checkpoints.architectures import Architectures, Member, Shape, load_architectures
from repdiag.checkpoints.heads import Head, fit_head, is_beside, is_spatial
from repdiag.checkpoints.places import Place, explained, find_places, largest, whole_places
from repdiag.checkpoints.prefixes import canonical, is_named
from repdiag.checkpoints.proposals import Proposal, nearest_classes

MOST_TENSORS = 50_000
FEWEST_TENSORS = 8
"""A match of fewer tensors is a proposal at most."""
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Answer:
    """What stands under one key of a file.

    Attributes:
        key: where the weights stand; empty at the top.
        names: every architecture with these tensors; timm's before torchvision's, short names before long.
        computations: for each name a number, the same for names that compute the same.
        inputs: for each name a number, the same for names that preprocess images alike.
        certain: every tensor of the architecture is there, and nothing that changes what it computes.
        head: `same` (as the architecture has it), `other` (another number of classes) or `none`.
        classes: of the head; None without one.
        head_tensors: the names of the classifier's tensors in the architecture.
        left: canonical names under `key` that are neither, such as another head.
        tensors: how many of the file's tensors are explained.
        doubts: canonical names that make it uncertain: they may sit in the trunk, or hang on a changed one.
    """

    key: str
    names: tuple[str, ...]
    computations: tuple[int, ...]
    inputs: tuple[int, ...]
    certain: bool
    head: Literal["same", "other", "none"]
    classes: int | None
    head_tensors: tuple[str, ...]
    left: tuple[str, ...]
    tensors: int
    doubts: tuple[str, ...] = ()

    @property
    def differing(self) -> tuple[str, ...]:
        """Names that compute something else than the first."""
        return _unlike(self.names, self.computations)

    @property
    def prepared(self) -> tuple[str, ...]:
        """Names whose images are preprocessed otherwise than the first's."""
        return _unlike(self.names, self.inputs)

    def taking(self, name: str) -> Answer:
        """The same answer with `name` first."""
        rows = sorted(
            zip(self.names, self.computations, self.inputs, strict=True), key=lambda row: row[0] != name
        )
        names, computations, inputs = zip(*rows, strict=True)
        return replace(self, names=names, computations=computations, inputs=inputs)


@dataclass(frozen=True, slots=True)
class Identification:
    """`answers`, most tensors first and several where a file holds several sets; `proposals` without one."""

    answers: tuple[Answer, ...]
    proposals: tuple[Proposal, ...]
    packages: Mapping[str, str]


def identify(
    shapes: Mapping[str, Shape], weights: str = AUTO, index: Architectures | None = None
) -> Identification:
    """Name the architecture of floating-point tensors by their names and shapes.

    Any dotted prefix may hold an architecture; the largest part of a file that one explains is taken first,
    and what it explains is not explained again.

    Args:
        shapes: of a file's floating-point tensors, by name.
        weights: which of several sets, as for `--weights`.

    Raises:
        InputError: the index is damaged.
    """
    index = index or load_architectures()
    names = canonical(shapes)
    floats = {names[name]: tuple(shape) for name, shape in shapes.items()}
    places = find_places(floats, index) if len(floats) <= MOST_TENSORS else []
    whole = list(whole_places(places, index))
    covered = {place.prefix + rest for place in whole for rest in explained(place, index)}
    found = [_answer(place, _without(floats, place, whole), covered, index) for place in whole]
    answers = _chosen(found, weights)
    proposals = () if any(answer.certain for answer in answers) else nearest_classes(places, floats, index)
    return Identification(tuple(answers), proposals, index.packages)


def _without(floats: Mapping[str, Shape], place: Place, whole: Sequence[Place]) -> Mapping[str, Shape]:
    """The tensors without those of other sets, as an `ema.` copy beside the weights or deeper."""
    others = tuple(
        other.prefix for other in whole if other is not place and not place.prefix.startswith(other.prefix)
    )
    return (
        {name: shape for name, shape in floats.items() if not name.startswith(others)} if others else floats
    )


def _answer(
    place: Place, floats: Mapping[str, Shape], covered: Collection[str], index: Architectures
) -> Answer:
    """`floats` are the tensors without other sets, `covered` the names in the trunk of any set."""
    number, size = largest(place, index)
    body, start = set(explained(place, index)), len(place.prefix)
    rest = {
        name[start:]: shape
        for name, shape in floats.items()
        if name.startswith(place.prefix) and name[start:] not in body
    }
    members, head = _members(index.members[number], rest)
    left = tuple(name for name in rest if name not in head.held)
    doubts = [place.prefix + name for name in left if not is_beside(name, body, members[0].head)]
    held = {place.prefix + name for name in head.held}
    doubts += [
        name
        for name, shape in floats.items()
        if is_spatial(shape) and name not in covered and name not in held
    ]
    return Answer(
        key=place.prefix.rstrip("."),
        names=tuple(member.spec for member in members),
        computations=tuple(member.computation for member in members),
        inputs=tuple(member.preprocessing for member in members),
        certain=not doubts and size >= FEWEST_TENSORS,
        head=head.kind,
        classes=head.classes,
        head_tensors=tuple(members[0].head),
        left=left,
        tensors=size + len(head.held),
        doubts=tuple(dict.fromkeys(doubts)),
    )


def _members(members: Sequence[Member], rest: Mapping[str, Shape]) -> tuple[list[Member], Head]:
    """The names that the head leaves, those with the very same head first; all of them without a head."""
    fits = [(member, fit_head(member.head, member.classes, rest)) for member in members]
    for wanted in ("same", "other"):
        first = next((head for _, head in fits if head.kind == wanted), None)
        if first is not None:
            held = [pair for pair in fits if pair[1].held == first.held]
            return [member for member, _ in sorted(held, key=lambda pair: pair[1].kind != wanted)], first
    return list(members), fits[0][1]


def _unlike(names: Sequence[str], numbers: Sequence[int]) -> tuple[str, ...]:
    return tuple(name for name, number in zip(names, numbers, strict=True) if number != numbers[0])


def _chosen(answers: Sequence[Answer], weights: str) -> list[Answer]:
    """Those that `weights` names; certain ones alone where there is one."""
    if weights != AUTO:
        exact = [answer for answer in answers if is_named(answer.key, weights)]
        answers = exact or [answer for answer in answers if is_named(answer.key, weights, loosely=True)]
    return [answer for answer in answers if answer.certain] or list(answers)
