"""What rows and classes of a representation show: the watch that a request needs, what becomes of it."""

from __future__ import annotations

from repdiag.analysis.class_ranks import class_ranks
from repdiag.analysis.distributions import distributions
from repdiag.analysis.leading import DIRECTIONS, LeadingWatch
from repdiag.analysis.representation import Evidence
from repdiag.analysis.row_sample import SamplingWatch
from repdiag.analysis.shown_samples import shown_samples
from repdiag.analysis.source import StoreSource
from repdiag.results import Representation
from repdiag.types import Status


def watch_over(source: StoreSource, *, closer: bool, ends: bool) -> SamplingWatch:
    """The watch over the rows of a source; a closer one keeps lengths and, for `ends`, scores."""
    origin = source.origin().cpu().numpy()
    if not closer:
        return SamplingWatch(source, origin)
    return LeadingWatch(source, origin, DIRECTIONS if ends else 0)


def with_rows_shown(
    one: Representation, source: StoreSource, found: Evidence, confidence: float
) -> Representation:
    """The representation with ranks by class, distributions and, where they were looked at, its samples."""
    watch = source.watch
    ranks = class_ranks(found.records, confidence)
    one = one if ranks is None else one.model_copy(update={"class_ranks": ranks})
    nothing = found.facts.variation in (Status.CONSTANT, Status.INSUFFICIENT)
    if nothing or not isinstance(watch, LeadingWatch):
        return one
    watch.finish(source)
    update: dict[str, object] = {"distributions": distributions(watch, source.d, one.spectrum)}
    if watch.aimed:
        update["shown_samples"] = shown_samples(source.frame, watch)
    return one.model_copy(update=update)
