"""Which representations are paired: views, else layers, else checkpoints, or what two sets of globs name.

And which third one a pair is conditioned on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations, groupby, pairwise

from repdiag.errors import UsageError
from repdiag.store import RepresentationInfo, Store
from repdiag.text import nearest, printable
from repdiag.types import matches_any

ALL_CHECKPOINTS = 12
"""Up to here every two checkpoints are paired; beyond, each with the next, and the first with the last."""

InfoPair = tuple[RepresentationInfo, RepresentationInfo]
GivenPair = tuple[RepresentationInfo, RepresentationInfo, RepresentationInfo | None]
AXES = ("checkpoint", "layer", "view")


@dataclass(frozen=True, slots=True)
class PairChoice:
    """Globs that choose: of layers, views and checkpoints first, then of addresses of either side.

    `given` is a view, or a glob of addresses, that every pair is conditioned on; empty for none.
    """

    layers: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    x: tuple[str, ...] = ()
    y: tuple[str, ...] = ()
    given: str = ""


def choose_pairs(store: Store, choice: PairChoice) -> tuple[list[InfoPair], list[str]]:
    """Pairs of representations of one store, and notes on what was left out.

    Raises:
        UsageError: globs that match nothing, or a single representation.
    """
    chosen = store.select(views=choice.views, layers=choice.layers, checkpoints=choice.checkpoints)
    if choice.x or choice.y:
        pairs = _between(*(_matching(store, chosen, globs) for globs in (choice.x, choice.y)))
        notes: list[str] = []
    else:
        pairs, notes = _default(chosen)
    if not pairs:
        raise UsageError(
            f"{printable(store.path.name)}: one representation ({printable(chosen[0].address)}) is no pair; "
            "give a store with two views, layers or checkpoints of the same samples, "
            "or wider --x, --y, --layer, --view and --checkpoint"
        )
    return pairs, notes


def choose_conditioned(store: Store, choice: PairChoice) -> tuple[list[GivenPair], list[str]]:
    """The chosen pairs, each with what it is conditioned on or None, and notes on what was left out.

    Raises:
        UsageError: globs that match nothing, a single representation, or more than one to condition on.
    """
    pairs, notes = choose_pairs(store, choice)
    if not choice.given:
        return [(x, y, None) for x, y in pairs], notes
    found, left_out = choose_given(store, pairs, choice.given)
    return found, notes + left_out


def choose_given(store: Store, pairs: Sequence[InfoPair], given: str) -> tuple[list[GivenPair], list[str]]:
    """Each pair with the third representation that `given` names for it, and notes on pairs left out.

    Of several that are named, those of the pair's own checkpoint, layer and view come first, as far as its
    two sides share them. Pairs that hold a named representation are left out.

    Raises:
        UsageError: nothing is named, several are for one pair, or every pair holds what is given.
    """
    named = _named(store, given)
    addresses = {info.address for info in named}
    apart = [(x, y) for x, y in pairs if not addresses & {x.address, y.address}]
    if not apart:
        raise UsageError(
            f'every pair holds what --given "{printable(given)}" names; '
            "give a third view that is in neither side, or choose others with --x and --y"
        )
    left = len(pairs) - len(apart)
    note = (
        f"{left} pair{' holds' if left == 1 else 's hold'} what is given and {'was' if left == 1 else 'were'}"
    )
    return [(*pair, _third(pair, named, given)) for pair in apart], [f"{note} left out"] if left else []


def _named(store: Store, given: str) -> list[RepresentationInfo]:
    """Representations whose view is called `given`, else those whose address matches it."""
    every = store.representations
    views = [info for info in every if info.address.view == given]
    found = views or [i for i in every if given == str(i.address) or matches_any(str(i.address), (given,))]
    if not found:
        names = [*dict.fromkeys(info.address.view for info in every), *(str(info.address) for info in every)]
        raise UsageError(
            f'--given "{printable(given)}" is no view and no address of {printable(store.path.name)}.'
            f"{nearest(given, names)} List them with: repdiag inspect {printable(store.path.name)}"
        )
    return found


def _third(pair: InfoPair, named: Sequence[RepresentationInfo], given: str) -> RepresentationInfo:
    x, y = (info.address for info in pair)
    left = list(named)
    for axis in AXES:
        shared = getattr(x, axis)
        if shared == getattr(y, axis):
            left = [info for info in left if getattr(info.address, axis) == shared] or left
    if len(left) > 1:
        some = ", ".join(printable(info.address, 120) for info in left[:3])
        raise UsageError(
            f'--given "{printable(given)}" names {len(left)} representations for {printable(x, 120)} and '
            f"{printable(y, 120)}: {some}; give one address, such as {printable(left[0].address, 120)}"
        )
    return left[0]


def _between(xs: Sequence[RepresentationInfo], ys: Sequence[RepresentationInfo]) -> list[InfoPair]:
    """Each of xs with each of ys, no pair twice and none with itself."""
    found: dict[frozenset[object], InfoPair] = {}
    for x in xs:
        for y in ys:
            if x.address != y.address:
                found.setdefault(frozenset((x.address, y.address)), (x, y))
    return list(found.values())


def _matching(
    store: Store, chosen: Sequence[RepresentationInfo], globs: Sequence[str]
) -> list[RepresentationInfo]:
    names = [str(info.address) for info in chosen]
    for glob in globs:
        if not any(matches_any(name, (glob,)) or name == glob for name in names):
            raise UsageError(
                f'no address of {printable(store.path.name)} is "{printable(glob)}".{nearest(glob, names)} '
                "An address is checkpoint/view/layer, such as */base/*; "
                f"list them with: repdiag inspect {printable(store.path.name)}"
            )
    wanted = tuple(globs)
    return [i for i, name in zip(chosen, names, strict=True) if matches_any(name, wanted) or name in wanted]


def _default(chosen: Sequence[RepresentationInfo]) -> tuple[list[InfoPair], list[str]]:
    views = _within(chosen, lambda info: (info.address.checkpoint, info.address.layer))
    if views:
        return views, []
    layers = _within(chosen, lambda info: (info.address.checkpoint, info.address.view))
    if layers:
        return layers, []
    series = _grouped(chosen, lambda info: (info.address.view, info.address.layer))
    long = any(len(each) > ALL_CHECKPOINTS for each in series)
    note = f"over {ALL_CHECKPOINTS} checkpoints: each with the next, and the first with the last; "
    pairs = [pair for each in series for pair in _checkpoints(each)]
    return pairs, [f"{note}--x and --y choose others"] if long else []


def _checkpoints(series: Sequence[RepresentationInfo]) -> list[InfoPair]:
    if len(series) <= ALL_CHECKPOINTS:
        return list(combinations(series, 2))
    return [*pairwise(series), (series[0], series[-1])]


def _within(
    chosen: Sequence[RepresentationInfo], key: Callable[[RepresentationInfo], tuple[str, str]]
) -> list[InfoPair]:
    return [pair for group in _grouped(chosen, key) for pair in combinations(group, 2)]


def _grouped(
    chosen: Sequence[RepresentationInfo], key: Callable[[RepresentationInfo], tuple[str, str]]
) -> list[list[RepresentationInfo]]:
    """Representations with the same key, groups and members in the order of the store."""
    first = {name: at for at, name in reversed(list(enumerate(map(key, chosen))))}
    ordered = sorted(chosen, key=lambda info: first[key(info)])
    return [list(group) for _, group in groupby(ordered, key)]
