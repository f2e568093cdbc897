"""What `plane` does around the library: stores in, results to tables of 80 columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING

from repdiag.text import listing, printable

from ._analysis import Sources
from ._comparison import fitted
from ._meaning import meanings, notes
from ._output import Output
from ._tables import WIDTH, wrapped

if TYPE_CHECKING:
    from repdiag.analysis import PlaneJournal, PlaneRequest
    from repdiag.results import Estimate, Phase, Results, Trajectory, TrajectoryPoint

MOST_PATHS = 24
"""Paths in the terminal; above, those of all samples only, and above that the first ones."""

RUNS_NEEDED = 5
LAYER, CELL = 14, 19
PATHS = f"  {'':<{LAYER}} {'':<6} {'first':<{CELL}}{'turning':<{CELL}}{'last'}"
PHASES = f"  {'':<{LAYER}} {'from':<11}{'to':<11}{'nats':>7}  {'interval':<18}{'p':<7}agree"


def drawn(sources: Sources, request: PlaneRequest, output: Output, journal: PlaneJournal) -> Results:
    """Open the stores, measure their paths with a progress bar, close them."""
    from repdiag.analysis import analyse_plane
    from repdiag.store import open_store

    with ExitStack() as stack:
        stores = [
            stack.enter_context(
                open_store(path, dataset=sources.dataset, allow_partial=sources.allow_partial)
            )
            for path in sources.paths
        ]
        return analyse_plane(stores, request, output.progress(), journal)


def plane_text(results: Results) -> str:
    """Paths and phases by estimator, what the estimators measure, and notes."""
    shown = _shown(results)
    lines: list[str] = []
    for estimator in dict.fromkeys(path.estimator for path in shown):
        own = [path for path in shown if path.estimator == estimator]
        lines += ["", *_paths(estimator, own, results)]
        lines += _phases([phase for phase in results.phases if _of(phase, own)], own)
    lines += ["", *meanings(_estimators(results), results)]
    lines += _remark(results)
    lines += [line for note in notes(results) for line in wrapped(f"note: {printable(note, 600)}", "")]
    left = len(results.trajectories) - len(shown)
    if left:
        lines += ["", f"{left} more path{' is' if left == 1 else 's are'} in the report and the JSON."]
    return "\n".join(lines).strip("\n") + "\n"


def _shown(results: Results) -> list[Trajectory]:
    """Means over runs where there are some, else every path; fewer where they are many."""
    grouped = any(path.runs > 1 for path in results.trajectories)
    paths = [path for path in results.trajectories if path.runs > 1 or not grouped]
    if len(paths) > MOST_PATHS:
        paths = [path for path in paths if path.split is None]
    return paths[:MOST_PATHS]


def _estimators(results: Results) -> list[str]:
    return list(dict.fromkeys(path.estimator for path in results.trajectories))


def _of(phase: Phase, paths: Sequence[Trajectory]) -> bool:
    return any(_key(phase) == _key(path) for path in paths)


def _key(one: Phase | Trajectory) -> tuple[str | None, ...]:
    return one.view, one.layer, one.split, one.run, one.estimator


def _label(one: Phase | Trajectory, among: Sequence[Trajectory]) -> str:
    """The layer, and what else tells the paths apart."""
    parts = [part for part in ("view", "split", "run") if len({getattr(each, part) for each in among}) > 1]
    others = [str(getattr(one, part) or "all") for part in parts]
    return "/".join([one.layer, *others])


def _paths(estimator: str, paths: Sequence[Trajectory], results: Results) -> Iterator[str]:
    runs = max(path.runs for path in paths)
    rows = max((_number(point.ixt.details.get("rows")) for path in paths for point in path.points), default=0)
    mean = f", mean of {runs} runs" if runs > 1 else ""
    yield from wrapped(f"{printable(estimator)}: information in nats (n {rows:,.0f}{mean})", "")
    yield PATHS
    for path in paths:
        if path.points:
            yield from _path(path, _label(path, paths), results.phases)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _path(path: Trajectory, label: str, phases: Sequence[Phase]) -> Iterator[str]:
    """Two lines: I(X;T) and I(T;Y) at the first, the turning and the last point."""
    first, turn, last = path.points[0], _turning(path), path.points[-1]
    lead, shown = _led(label)
    yield from lead
    for name, figure in (("I(X;T)", "ixt"), ("I(T;Y)", "ity")):
        cells = "".join(f"{_cell(getattr(point, figure)):<{CELL}}" for point in (first, turn, last))
        yield f"  {shown:<{LAYER}} {name} {cells}".rstrip()
        shown = ""


def _turning(path: Trajectory) -> TrajectoryPoint:
    """Where I(X;T) is largest; the first point where it has no value."""
    held = [point for point in path.points if point.ixt.value is not None]
    return max(held, key=lambda point: point.ixt.value or 0.0, default=path.points[0])


def _cell(estimate: Estimate) -> str:
    return f"{fitted(estimate.value, 6)} {estimate.status}"


def _led(label: str) -> tuple[list[str], str]:
    """A label too long for its column on a line of its own, and what stands in the column."""
    text = printable(label, WIDTH - 2)
    return ([], text) if len(text) <= LAYER else ([f"  {text}"], "")


def _phases(phases: Sequence[Phase], among: Sequence[Trajectory]) -> Iterator[str]:
    """Falls of I(X;T), then rises of I(T;Y)."""
    titles = {"compression": "compression, a fall of I(X;T)", "fitting": "fitting, a rise of I(T;Y)"}
    for kind, title in titles.items():
        own = [phase for phase in phases if phase.kind == kind]
        if own:
            yield from [f"  {title}", PHASES]
            for phase in own:
                yield from _phase(phase, _label(phase, among))
    few = min((phase.runs for phase in phases), default=RUNS_NEEDED)
    if few < RUNS_NEEDED:
        yield f"  no p-value from {few} run{'' if few == 1 else 's'}: five are needed"


def _phase(phase: Phase, label: str) -> Iterator[str]:
    lead, shown = _led(label)
    yield from lead
    if phase.size.low is None or phase.size.high is None:
        first, *more = wrapped(f"cannot be read: {printable(phase.message, 300)}", " " * (LAYER + 3))
        yield f"  {shown:<{LAYER}} {first.strip()}"
        yield from more
        return
    interval = f"[{fitted(phase.size.low, 6)}, {fitted(phase.size.high, 6)}]"
    agrees = {True: "yes", False: "no", None: "-"}[phase.agrees]
    p_value = "-" if phase.p_value is None else fitted(phase.p_value, 6)
    ends = (_when(phase.start, phase.start_step), _when(phase.end, phase.end_step))
    yield (
        f"  {shown:<{LAYER}} {ends[0]:<11}{ends[1]:<11}{fitted(phase.size.value, 7):>7}  {interval:<18}"
        f"{p_value:<7}{agrees}"
    )


def _when(checkpoint: str, step: int | None) -> str:
    """The step, else the name, in ten columns."""
    return printable(checkpoint, 10) if step is None else printable(f"{step:,}", 10)


def _remark(results: Results) -> list[str]:
    """What I(X;T) cannot be without noise, once for all estimators of which that is so."""
    told: dict[str, str] = {}
    for path in results.trajectories:
        for point in path.points:
            if "remark" in point.ixt.details:
                told[path.estimator] = str(point.ixt.details["remark"])
    if not told:
        return []
    reason = next(iter(told.values())).split("; this is")[0]
    return wrapped(f"{reason}; what is measured instead is said above of {listing(told)}.", "", "  ")
