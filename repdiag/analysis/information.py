"""`repdiag information`: every figure of pairs of representations of the same samples."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
from pydantic import JsonValue

from repdiag._version import __version__
from repdiag.analysis.bandwidth import Bandwidth
from repdiag.analysis.distributed import WHOLE, Team
from repdiag.analysis.frame import SAMPLE_ROWS, SampleFrame
from repdiag.analysis.memory import give_back
from repdiag.analysis.pair_choice import GivenPair, PairChoice, choose_conditioned
from repdiag.analysis.pair_estimates import pair_estimate
from repdiag.analysis.pair_evidence import PairEvidence
from repdiag.analysis.pair_nulls import NULL_ROWS
from repdiag.analysis.pair_records import GRAMS, Extent, gather
from repdiag.analysis.pair_sources import PairSource
from repdiag.analysis.requests import resolve_device
from repdiag.analysis.source import Progress, no_progress
from repdiag.errors import RepdiagError, UsageError
from repdiag.measures.pair_inputs import PairNeed
from repdiag.measures.pair_registry import PairSelection, find_pair, parse_pair_selection
from repdiag.results import Estimate, Pair, Place, Results
from repdiag.store import RepresentationInfo, Store
from repdiag.text import printable

FEW = 3
"""Up to so many pairs get the dearer defaults, and sums over all pairs of many more rows."""

DEFAULTS = {
    "renyi_mi": None,
    "renyi_joint_entropy": None,
    "logdet_mi": None,
    "gaussian_mi": None,
    "cka": None,
    "alignment": None,
    "cs_qmi": FEW,
    "ksg_mi": FEW,
}
"""What is measured where nothing is asked for by name, and up to how many pairs; None for any number."""

NARROW = {"ksg_mi": 64}
"""Features of both views together above which one of these is left out unless it is asked for: neighbours
say next to nothing there, and take half of the time."""

CONDITIONAL = ("conditional_renyi_mi", "conditional_ksg_mi")
"""What is measured beside that where a third view is given."""

GRAM_ROWS, GRAM_ROWS_OF_MANY = 100_000, 20_000
"""Rows with the lowest id hashes that sums over all pairs of rows take, for few pairs and for many."""

KERNEL_ROWS, KERNEL_ROWS_OF_MANY = 10_000, 5_000
"""The same for Gaussian kernels of other orders than 2: half a minute and 400 MB a pair, or a quarter."""

KEPT_BYTES = 256 << 20
"""Rows of both views that are held, in float64; never fewer than the shared sample."""

MOST_PAIRS = 400
"""More than this is rarely meant."""

FIGURE_ROWS = 1000
"""Rows that are compared with each other in memory where nothing else is asked for."""


@dataclass(frozen=True, slots=True)
class InformationRequest:
    """What to measure: `measures` are keys such as `renyi_mi` or `cka{unbiased=false}`, none for the usual.

    `bandwidth` is that of both views in units of the store, None for the median distance of each, "best" for
    the multiple of it where a view is furthest from its shuffled self. `rows` are compared with each other
    in memory by measures that have no sums. `any_number` allows over 400 pairs.
    """

    pairs: PairChoice = field(default_factory=PairChoice)
    measures: tuple[str, ...] = ()
    interval: Literal["auto", "fast", "full", "none"] = "auto"
    confidence: float = 0.95
    device: str = "auto"
    seed: int = 0
    bandwidth: Bandwidth = None
    rows: int = FIGURE_ROWS
    any_number: bool = False

    def selections(self, pairs: int) -> list[PairSelection]:
        """The measures asked for, or the usual ones for so many pairs."""
        if self.measures:
            return list({s.key: s for s in map(parse_pair_selection, self.measures)}.values())
        usual = [name for name, most in DEFAULTS.items() if most is None or pairs <= most]
        beside = CONDITIONAL if self.pairs.given else ()
        return [PairSelection(find_pair(name)) for name in (*usual, *beside)]


@dataclass(frozen=True, slots=True)
class PairTask:
    """What is asked of every pair of one store."""

    frame: SampleFrame
    selections: Sequence[PairSelection]
    extent: Extent
    confidence: float
    device: str
    progress: Progress
    by_name: bool = False


def analyse_information(
    stores: Sequence[Store],
    request: InformationRequest,
    progress: Progress | None = None,
    team: Team = WHOLE,
) -> Results:
    """Figures of every chosen pair, each with its interval, shuffled null and self-information.

    The ranks of `team` share the passes over the rows and then the figures; each of them gets all results.

    Raises:
        UsageError: an unknown measure or device, globs that match nothing, no pair, too many pairs, or a
            measure asked for by name that applies to none of them.
    """
    device = resolve_device(request.device)
    _check(request)
    chosen = [choose_conditioned(store, request.pairs) for store in stores]
    total = sum(len(pairs) for pairs, _ in chosen)
    _refuse_many(total, request)
    selections = request.selections(total)
    _refuse_idle(request, selections)
    extent = _extent(request, total)
    left_out: dict[str, str] = {}
    pairs: list[Pair] = []
    dropped: list[str] = []
    for store, (among, _) in zip(stores, chosen, strict=True):
        tied = replace(extent, tied="group" in store.columns)
        task = PairTask(
            SampleFrame(store, team),
            selections,
            tied,
            request.confidence,
            device,
            progress or no_progress,
            bool(request.measures),
        )
        pairs += _measured(among, task, left_out, dropped)
    _refuse_unanswered(request, pairs, left_out)
    notes = [*(note for _, held in chosen for note in held), *dropped]
    notes += [f"{key}: left out where it does not apply; {reason}" for key, reason in left_out.items()]
    source = _source(stores, selections, request, device, [*dict.fromkeys(notes)])
    return Results(repdiag=__version__, command="information", source=source, pairs=pairs)


def _measured(
    among: Sequence[GivenPair], task: PairTask, left_out: dict[str, str], dropped: list[str]
) -> Iterator[Pair]:
    for at, (x, y, z) in enumerate(among):
        pair = _pair((x, y, z), task, left_out)
        if pair.n < x.n:
            place = f"{printable(pair.x.address, 120)} and {printable(pair.y.address, 120)}"
            lost = f"{x.n - pair.n:,} of {x.n:,} rows hold NaN or infinity on a side"
            dropped.append(f"{place}: {lost} and were left out of both")
        yield pair
        task.progress("pairs", at + 1, len(among))
        give_back()


def _pair(chosen: GivenPair, task: PairTask, left_out: dict[str, str]) -> Pair:
    x, y, z = chosen
    needs = frozenset(s.needs for s in task.selections)
    fitting = max(SAMPLE_ROWS, KEPT_BYTES // (8 * (x.d + y.d + (0 if z is None else z.d))))
    gram_rows, kernel_rows = (min(each, fitting) for each in (task.extent.gram_rows, task.extent.kernel_rows))
    extent = replace(task.extent, gram_rows=gram_rows, kernel_rows=kernel_rows)
    null_rows = min(NULL_ROWS, fitting) if x.n <= NULL_ROWS else SAMPLE_ROWS
    taken = {PairNeed.KERNELS: extent.kernel_rows, **dict.fromkeys(GRAMS, extent.gram_rows)}
    keep = max([null_rows, *(taken.get(need, 0) for need in needs)])
    source = PairSource(task.frame, x, y, task.device, keep, z=z)
    found = gather(source, needs, extent)
    evidence = PairEvidence(found, extent, (x.dtype, y.dtype), source.scales, task.confidence)
    estimates: dict[str, Estimate] = {}
    narrow = [s for s in task.selections if not task.by_name and x.d + y.d > NARROW.get(s.key, math.inf)]
    reasons = {s.key: _narrow(s.key) for s in narrow}
    for key, figure in _figures([s for s in task.selections if s not in narrow], evidence, task.frame.team):
        if isinstance(figure, Estimate):
            estimates[key] = figure
        else:
            reasons[key] = figure
    for key, reason in reasons.items():
        left_out.setdefault(key, reason)
    return Pair(x=_place(x), y=_place(y), n=found.n, estimates=estimates)


def _figures(
    selections: Sequence[PairSelection], evidence: PairEvidence, team: Team
) -> Iterator[tuple[str, Estimate | str]]:
    """Each figure, or why there is none; ranks take turns by record, so that none is made twice."""
    needs = list(dict.fromkeys(selection.needs for selection in selections))
    ranks = [needs.index(selection.needs) % team.size for selection in selections]
    own = [_figure(s, evidence) for s, rank in zip(selections, ranks, strict=True) if rank == team.rank]
    if team.size == 1:
        yield from zip((s.key for s in selections), own, strict=True)
        return
    told = [iter(texts) for texts in team.texts([_as_text(each) for each in own])]
    for selection, rank in zip(selections, ranks, strict=True):
        yield selection.key, _from_text(next(told[rank]))


def _figure(selection: PairSelection, evidence: PairEvidence) -> Estimate | str:
    try:
        return pair_estimate(selection, evidence)
    except RepdiagError as error:
        return str(error)
    finally:
        give_back()


def _as_text(figure: Estimate | str) -> str:
    return f"reason {figure}" if isinstance(figure, str) else figure.model_dump_json()


def _from_text(text: str) -> Estimate | str:
    return text.removeprefix("reason ") if text.startswith("reason ") else Estimate.model_validate_json(text)


def _narrow(name: str) -> str:
    most = NARROW[name]
    return f"above {most} features together it falls far short; --measure {name} gives it all the same"


def _place(info: RepresentationInfo) -> Place:
    address = info.address
    return Place(checkpoint=address.checkpoint, view=address.view, layer=address.layer)


def _check(request: InformationRequest) -> None:
    width = request.bandwidth
    if isinstance(width, float | int) and not 0 < width < math.inf:
        raise UsageError(f"a bandwidth is a positive number, not {width:g}; or say median or best")
    if not 10 <= request.rows <= SAMPLE_ROWS:
        raise UsageError(f"--rows is from 10 to {SAMPLE_ROWS:,}, not {request.rows:,}")


def _refuse_many(total: int, request: InformationRequest) -> None:
    if total > MOST_PAIRS and not request.any_number:
        raise UsageError(
            f"{total:,} pairs are over {MOST_PAIRS}; choose some with --x, --y, --layer, --view or "
            "--checkpoint, or say --yes"
        )


def _refuse_idle(request: InformationRequest, selections: Sequence[PairSelection]) -> None:
    """Something given that no measure reads."""
    if request.pairs.given and not any(s.needs is PairNeed.GIVEN for s in selections):
        raise UsageError(f"--given is read by {' and '.join(CONDITIONAL)} only; ask for one of them too")


def _refuse_unanswered(request: InformationRequest, pairs: Sequence[Pair], left_out: dict[str, str]) -> None:
    """A measure asked for by name that no pair has is an error; one of the usual ones is a note."""
    for key, reason in left_out.items():
        if request.measures and not any(key in pair.estimates for pair in pairs):
            raise UsageError(reason)


def _extent(request: InformationRequest, pairs: int) -> Extent:
    return Extent(
        gram_rows=GRAM_ROWS if pairs <= FEW else GRAM_ROWS_OF_MANY,
        figure_rows=request.rows,
        intervals=request.interval != "none",
        tied=False,
        bandwidth=request.bandwidth,
        seed=request.seed,
        given=request.pairs.given,
        kernel_rows=KERNEL_ROWS if pairs <= FEW else KERNEL_ROWS_OF_MANY,
    )


def _source(
    stores: Sequence[Store],
    selections: Sequence[PairSelection],
    request: InformationRequest,
    device: str,
    notes: list[str],
) -> dict[str, JsonValue]:
    meanings: dict[str, JsonValue] = {
        s.key: {"says": s.measure.says, "cannot": s.measure.cannot, "cite": s.measure.cite}
        for s in selections
    }
    return {
        "name": " and ".join(store.path.name for store in stores),
        "stores": [dict(store.provenance) for store in stores],
        "measures": meanings,
        "notes": list(notes),
        "bandwidth": "median" if request.bandwidth is None else request.bandwidth,
        "rows": request.rows,
        **({"given": request.pairs.given} if request.pairs.given else {}),
        "interval": request.interval,
        "seed": request.seed,
        "device": device,
        "torch": torch.__version__,
    }
