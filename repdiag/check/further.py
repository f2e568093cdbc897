"""Findings beyond the rules: kinds of collapse that more than one figure, or more than one place, shows."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from statistics import median

from repdiag.check.figures import Figure
from repdiag.check.findings import Evidence, make_finding
from repdiag.check.gathered import Gathered, gathered, gathered_text
from repdiag.check.kinds import KINDS, Kind
from repdiag.check.nuisance import follows, nuisance, strongest
from repdiag.check.sentences import number
from repdiag.check.untrained import checkpoints_of, load_findings, twin_findings
from repdiag.check.views import ONE_DIRECTION, constant_views, view_findings
from repdiag.results import Estimate, Finding, Representation, Results
from repdiag.text import printable
from repdiag.types import Address

CLIFF, CLASSES = "spectral_cliff", "per_class_rank"
LEAST_CLASSES = 3
RATIO_RULE = 0.1
OR_CLUSTERS, NO_CLUSTERS = (
    ", or there are that many clusters",
    ", and the rows do not gather around a few points",
)
"""How a cliff is worded before and after somebody looked for clusters."""


def further_findings(results: Results, rows: Sequence[Representation]) -> list[Finding]:
    """Nuisance directions, view collapse and untrained twins among the chosen `rows`: warnings and notes."""
    checkpoints = checkpoints_of(results.source)
    every = _by_address(results.representations)
    return [
        *(found for row in rows if (found := nuisance(row)) is not None),
        *(found for row in rows if (found := class_on_a_line(row)) is not None),
        *_about_views(results, rows),
        *twin_findings(checkpoints, rows, every),
        *load_findings(checkpoints, rows),
    ]


def class_on_a_line(row: Representation) -> Finding | None:
    """A class along one direction among others that are not, which a ratio of low ranks cannot see.

    A warning, as single classes have no interval; nothing where the rule about the ratio sees it.
    """
    estimate = row.estimates.get(CLASSES)
    ranks = estimate.details.get("ranks") if estimate else None
    if estimate is None or not isinstance(ranks, list) or len(ranks) < LEAST_CLASSES:
        return None
    smallest, middle = min(ranks), median(ranks)
    if smallest >= ONE_DIRECTION or middle < 2 * ONE_DIRECTION or smallest < RATIO_RULE * middle:
        return None
    name = printable(str(estimate.details.get("class", "one")), 60)
    message = (
        f'Class "{name}" lies along one direction: its effective rank is {number(smallest)}, and that of '
        f"the median class {number(middle)}."
    )
    figure = Figure(smallest, None, None)
    evidence = Evidence(CLASSES, figure, ONE_DIRECTION, "effective rank of the smallest class")
    return make_finding(Kind.CLASS_COLLAPSE, "warn", "classes", message, row, evidence)


def explained(findings: Sequence[Finding], rows: Sequence[Representation]) -> list[Finding]:
    """The same findings, where the rows say more.

    A cliff that clusters leave is called so, one direction says what it follows, and a class has a name.
    """
    held = _by_address(rows)
    return [_explained(one, held.get(one.place.address) if one.place else None) for one in findings]


def _by_address(rows: Sequence[Representation]) -> dict[Address, Representation]:
    """Those rows whose address no other has: two stores may name theirs alike."""
    counts = Counter(row.address for row in rows)
    return {row.address: row for row in rows if counts[row.address] == 1}


def _about_views(results: Results, rows: Sequence[Representation]) -> Iterator[Finding]:
    chosen = _by_address(rows)
    for pair in results.pairs:
        yield from view_findings(pair, chosen)
    layers: dict[tuple[str, str], list[Representation]] = defaultdict(list)
    for row in chosen.values():
        layers[row.checkpoint, row.layer].append(row)
    for views in layers.values():
        if (found := constant_views(views)) is not None:
            yield found


def _explained(one: Finding, row: Representation | None) -> Finding:
    if row is None:
        return one
    if one.kind == Kind.DIMENSIONAL and one.measure == CLIFF and CLIFF in row.estimates:
        found = gathered(row.estimates[CLIFF])
        return one if found is None else _named_clusters(one, found)
    if one.kind == Kind.CLASS_COLLAPSE and CLASSES in row.estimates:
        return _named_class(one, row.estimates[CLASSES])
    if one.kind == Kind.ONE_DIRECTION and (follower := strongest(row)) is not None:
        return one.model_copy(update={"message": f"{one.message.removesuffix('.')}; it {follows(follower)}."})
    return one


def _named_clusters(one: Finding, found: Gathered) -> Finding:
    if not found.tight:
        return one.model_copy(update={"message": one.message.replace(OR_CLUSTERS, NO_CLUSTERS)})
    text, undecided = KINDS[Kind.CLUSTERS], one.severity == "inconclusive"
    return one.model_copy(
        update={
            "id": text.id,
            "kind": Kind.CLUSTERS.value,
            "message": f"{one.message.replace(OR_CLUSTERS, '')} {gathered_text(found)}",
            "cause": one.cause if undecided else text.cause,
            "next_step": one.next_step if undecided else text.next_step,
        }
    )


def _named_class(one: Finding, estimate: Estimate) -> Finding:
    """Which class it is, and how its effective rank compares."""
    name, ranks = estimate.details.get("class"), estimate.details.get("ranks")
    if name is None or not isinstance(ranks, list) or not ranks:
        return one
    smallest, middle = number(min(ranks)), number(median(ranks))
    shown = f'it is class "{printable(str(name))}"'
    text = f"{shown}, effective rank {smallest} where the median class has {middle}"
    return one.model_copy(update={"message": f"{one.message.removesuffix('.')}; {text}."})
