"""Which checkpoints a path goes through, in which order, and of which runs (seeds)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from repdiag.errors import UsageError
from repdiag.store import RepresentationInfo, Store
from repdiag.text import listing, printable

Layer = tuple[str, str]
"""View and layer."""


@dataclass(frozen=True, slots=True)
class PlaneChoice:
    """Globs that choose, and what makes a run: `run` is a regular expression on names of checkpoints."""

    layers: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    group_runs: bool = False
    run: str | None = None

    @property
    def grouped(self) -> bool:
        """Runs are repetitions of one experiment."""
        return self.group_runs or self.run is not None


@dataclass(frozen=True, slots=True)
class Stop:
    """A checkpoint on the path, of store number `source`; `at` is its time, alike in all runs.

    `step` is the epoch where checkpoints have only that, None where they have neither.
    """

    source: int
    checkpoint: str
    infos: Mapping[Layer, RepresentationInfo]
    step: int | None = None
    epoch: int | None = None
    at: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Run:
    """Checkpoints in training order; `name` is None where there is one run."""

    name: str | None
    stops: tuple[Stop, ...]


@dataclass(frozen=True, slots=True)
class Series:
    """All runs, and what is to be said about their order. `kind` says what a time is."""

    runs: tuple[Run, ...]
    kind: str
    notes: list[str] = field(default_factory=list)

    @property
    def layers(self) -> list[Layer]:
        """Every view and layer, in the order of the stores."""
        return list(dict.fromkeys(key for run in self.runs for stop in run.stops for key in stop.infos))

    @property
    def stops(self) -> list[Stop]:
        """The checkpoints of all runs."""
        return [stop for run in self.runs for stop in run.stops]


def series_of(stores: Sequence[Store], choice: PlaneChoice) -> Series:
    """The checkpoints of the chosen representations, by run and in training order.

    Raises:
        UsageError: globs that match nothing, a --run that finds none, or one run where several are needed.
    """
    found = [stop for number, store in enumerate(stores) for stop in _stops(number, store, choice)]
    named, notes = _by_run(found, stores, choice)
    if choice.grouped and len(named) < 2:
        raise UsageError(
            f"{printable(stores[0].path.name)} holds one run, and --group-runs needs several; give a store "
            "for each run, or say with --run how names of checkpoints tell them, such as --run 'seed(\\d+)'"
        )
    kind = _kind(found)
    notes += _order_notes(found, kind) + _twin_notes(stores, choice)
    runs = tuple(Run(name, _ordered(stops, kind)) for name, stops in named.items())
    notes += [note for run in runs for note in _run_notes(run, kind)]
    return Series(runs, kind, notes)


def _stops(number: int, store: Store, choice: PlaneChoice) -> Iterator[Stop]:
    chosen = store.select(views=choice.views, layers=choice.layers, checkpoints=choice.checkpoints)
    by_checkpoint: dict[str, dict[Layer, RepresentationInfo]] = {}
    for info in chosen:
        address = info.address
        if not choice.checkpoints and _is_twin(store, address.checkpoint):
            continue  # fresh weights are no step of a training
        by_checkpoint.setdefault(address.checkpoint, {})[address.view, address.layer] = info
    for name, infos in by_checkpoint.items():
        step = next((info.step for info in infos.values() if info.step is not None), None)
        yield Stop(number, name, infos, step, _epoch(store, name))


def _is_twin(store: Store, checkpoint: str) -> bool:
    return _attribute(store, checkpoint, "twin_of") is not None


def _twin_notes(stores: Sequence[Store], choice: PlaneChoice) -> list[str]:
    if choice.checkpoints:
        return []
    places = {(number, i.address.checkpoint) for number, s in enumerate(stores) for i in s.representations}
    twins = sorted(name for number, name in places if _is_twin(stores[number], name))
    return [f"fresh weights: left out {listing(twins)}; --checkpoint names them"] if twins else []


def _attribute(store: Store, checkpoint: str, name: str) -> object:
    held = store.provenance.get("checkpoints")
    attrs = held.get(checkpoint) if isinstance(held, dict) else None
    return attrs.get(name) if isinstance(attrs, dict) else None


def _epoch(store: Store, checkpoint: str) -> int | None:
    epoch = _attribute(store, checkpoint, "epoch")
    return epoch if isinstance(epoch, int) and not isinstance(epoch, bool) else None


def _by_run(
    found: Sequence[Stop], stores: Sequence[Store], choice: PlaneChoice
) -> tuple[dict[str | None, list[Stop]], list[str]]:
    """Checkpoints by the name of their run."""
    stems = _names(stores)
    notes: list[str] = []
    if choice.run is not None:
        names = _found_names(found, choice.run, stems)
    elif choice.group_runs or (len(stores) > 1 and _collide(found)):
        names = [stems[stop.source] for stop in found]
        if not choice.group_runs:
            notes = [
                f"the {len(stores)} stores hold the same checkpoints or steps: each is a run of its own; "
                "--group-runs takes them for runs of one experiment"
            ]
    else:
        names = [None for _ in found]
    named: dict[str | None, list[Stop]] = {}
    for name, stop in zip(names, found, strict=True):
        named.setdefault(name, []).append(stop)
    return named, notes


def _names(stores: Sequence[Store]) -> list[str]:
    """What each store is called: its stem, with a number where two share it."""
    stems = [store.path.stem for store in stores]
    counts = Counter(stems)
    return [f"{stem} ({at + 1})" if counts[stem] > 1 else stem for at, stem in enumerate(stems)]


def _found_names(found: Sequence[Stop], pattern: str, stems: Sequence[str]) -> list[str | None]:
    try:
        finder = re.compile(pattern)
    except re.error as error:
        raise UsageError(f'--run "{printable(pattern)}" is no regular expression ({error})') from error
    names: list[str] = []
    for stop in found:
        match = finder.search(stop.checkpoint)
        if match is None:
            raise UsageError(
                f'--run "{printable(pattern)}" finds no run in checkpoint "{printable(stop.checkpoint)}"; '
                "write one that fits every name, or choose with --checkpoint"
            )
        names.append(next((text for text in match.groups() if text), match[0]))
    twice = Counter((name, stop.checkpoint) for name, stop in zip(names, found, strict=True))
    if max(twice.values()) == 1:
        return list(names)
    return [f"{stems[stop.source]} {name}" for name, stop in zip(names, found, strict=True)]


def _collide(found: Sequence[Stop]) -> bool:
    """Two stores have a name, or a step, of a checkpoint in common."""
    for part in ("checkpoint", "step"):
        held = {(stop.source, getattr(stop, part)) for stop in found if getattr(stop, part) is not None}
        if max(Counter(value for _, value in held).values(), default=0) > 1:
            return True
    return False


def _kind(found: Sequence[Stop]) -> str:
    """What tells the order: `step`, `epoch` or `order` of the store."""
    for kind in ("step", "epoch"):
        if all(getattr(stop, kind) is not None for stop in found):
            return kind
    return "order"


def _ordered(stops: Sequence[Stop], kind: str) -> tuple[Stop, ...]:
    """The same in order, with their times; of one step, by name as in the store."""
    if kind == "order":
        return tuple(
            Stop(s.source, s.checkpoint, s.infos, s.step, s.epoch, (at, 0)) for at, s in enumerate(stops)
        )
    seen: Counter[int] = Counter()
    made = []
    for stop in sorted(stops, key=lambda stop: int(getattr(stop, kind))):
        time = int(getattr(stop, kind))
        made.append(Stop(stop.source, stop.checkpoint, stop.infos, time, stop.epoch, (time, seen[time])))
        seen[time] += 1
    return tuple(made)


def _order_notes(found: Sequence[Stop], kind: str) -> list[str]:
    without = [stop.checkpoint for stop in found if stop.step is None]
    if not without or len({stop.checkpoint for stop in found}) == 1:
        return []
    if kind == "epoch":
        return ["checkpoints have no step: their epochs stand for it"]
    which = "no checkpoint has" if len(without) == len(found) else f"{listing(without)}: without"
    return [f"{which} a step: the path follows the order of the store"]


def _run_notes(run: Run, kind: str) -> list[str]:
    """Steps that come twice."""
    of = "" if run.name is None else f"run {printable(run.name, 60)}: "
    times = Counter(stop.at[0] for stop in run.stops)
    twice = [f"{time:,}" for time, count in times.items() if count > 1]
    if not twice:
        return []
    hint = "" if run.name is not None else "; if they are of several runs, say so with --run"
    return [f"{of}{kind} {listing(twice)} comes more than once: all are kept, by name{hint}"]
