"""The sides of a comparison: one checkpoint of a store each, and which representations belong together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pydantic import JsonValue

from repdiag.analysis.requests import SpectrumRequest
from repdiag.errors import UsageError
from repdiag.store import RepresentationInfo, Store
from repdiag.text import listing, nearest, printable
from repdiag.types import Address

POOL = "pool"
PREPROCESSING = "preprocessing"


@dataclass(frozen=True, slots=True)
class Side:
    """A store and one checkpoint in it; the name may be left out where the store holds only one."""

    store: Store
    checkpoint: str = ""

    @property
    def file(self) -> str:
        """The name of the file."""
        return self.store.path.name

    def chosen(self, request: SpectrumRequest) -> tuple[RepresentationInfo, ...]:
        """The representations of the checkpoint that the request names.

        Raises:
            UsageError: several checkpoints are left, or a name that matches nothing.
        """
        names = (self.checkpoint,) if self.checkpoint else ()
        found = self.store.select(views=request.views, layers=request.layers, checkpoints=names)
        held = list(dict.fromkeys(info.address.checkpoint for info in found))
        # A name that reads as a glob is itself, where a checkpoint is called so.
        if self.checkpoint in held:
            return tuple(info for info in found if info.address.checkpoint == self.checkpoint)
        if len(held) > 1:
            file = printable(self.file)
            raise UsageError(
                f"{file} holds {len(held)} checkpoints ({listing(held, 8)}); name one of them on each side: "
                f"repdiag compare {file}::{printable(held[0])} {file}::{printable(held[-1])}"
            )
        return found


@dataclass(frozen=True, slots=True)
class Matches:
    """Representations of A and B with the same view and layer, and notes on what has no partner."""

    pairs: Sequence[tuple[RepresentationInfo, RepresentationInfo]]
    notes: Sequence[str] = field(default_factory=tuple)


def match(a: Side, b: Side, request: SpectrumRequest) -> Matches:
    """Representations by (view, layer), in the order of A.

    Raises:
        UsageError: none has a partner, or two were not made in the same way.
    """
    of_a, of_b = _by_place(a.chosen(request)), _by_place(b.chosen(request))
    both = [place for place in of_a if place in of_b]
    if not both:
        raise UsageError(_nothing_matches(a, b, list(of_a), list(of_b)))
    alone = {"A": [p for p in of_a if p not in of_b], "B": [p for p in of_b if p not in of_a]}
    notes = [f"only in {name}, not compared: {listing(left, 8)}" for name, left in alone.items() if left]
    pairs = [(of_a[place], of_b[place]) for place in both]
    missing = [note for x, y in pairs for note in _unlike(a, b, x, y)]
    return Matches(pairs, [*notes, *dict.fromkeys(missing)])


def names_of(a: Side, b: Side, x: Address, y: Address) -> tuple[str, str]:
    """Two names for the checkpoints that differ: their own, else with the file's stem, else with A and B."""
    if x.checkpoint != y.checkpoint:
        return x.checkpoint, y.checkpoint
    first, second = a.store.path.stem, b.store.path.stem
    first, second = (first, second) if first != second else ("A", "B")
    return f"{first}:{x.checkpoint}", f"{second}:{y.checkpoint}"


def _by_place(chosen: Sequence[RepresentationInfo]) -> dict[str, RepresentationInfo]:
    return {f"{info.address.view}/{info.address.layer}": info for info in chosen}


def _nothing_matches(a: Side, b: Side, of_a: list[str], of_b: list[str]) -> str:
    hints = (nearest(place, of_b) for place in of_a)
    return (
        f"no view and layer of {printable(a.file)} ({listing(of_a, 3)}) is in {printable(b.file)} "
        f"({listing(of_b, 3)}).{next(filter(None, hints), '')} "
        "List them with: repdiag inspect STORE"
    )


def _unlike(a: Side, b: Side, x: RepresentationInfo, y: RepresentationInfo) -> list[str]:
    """Notes where only one side says how it was made.

    Raises:
        UsageError: the two were pooled or preprocessed differently.
    """
    notes = []
    recipes = {
        POOL: (x.attrs.get(POOL), y.attrs.get(POOL)),
        PREPROCESSING: (_preprocessing(a, x), _preprocessing(b, y)),
    }
    for name, (one, other) in recipes.items():
        if (one is None) != (other is None):
            known, file = ("A", b.file) if other is None else ("B", a.file)
            notes.append(f"{name} is known of {known} only; {printable(file)} does not say")
        elif one != other:
            both = f"{printable(x.address)} and {printable(y.address)}"
            raise UsageError(
                f"{both} differ in {name} ({_difference(one, other)}); extract both in the same way, "
                "else the difference is not one of the models"
            )
    return notes


def _preprocessing(side: Side, info: RepresentationInfo) -> JsonValue:
    checkpoints = side.store.provenance.get("checkpoints")
    attrs = checkpoints.get(info.address.checkpoint) if isinstance(checkpoints, dict) else None
    return attrs.get(PREPROCESSING) if isinstance(attrs, dict) else None


def _difference(one: object, other: object) -> str:
    """`A has x, B has y`, of the first entry that differs."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        keys = [key for key in (*one, *other) if one.get(key) != other.get(key)]
        return f"{printable(keys[0], 40)}, {_difference(one.get(keys[0]), other.get(keys[0]))}"
    return f"A has {printable(one, 60)}, B has {printable(other, 60)}"
