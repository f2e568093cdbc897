"""What `spectrum` and `check` share: stores in, results out."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from ._output import Output

if TYPE_CHECKING:
    from repdiag.analysis import SpectrumRequest
    from repdiag.results import Results
    from repdiag.store import Store


@dataclass(frozen=True, slots=True)
class Sources:
    """The STORE arguments and how to read them."""

    paths: Sequence[Path]
    dataset: str | None = None
    allow_partial: bool = False
    merge: bool = False

    def opened(self, stack: ExitStack) -> list[Store]:
        """The stores, or the one that they are parts of; `stack` closes them."""
        from repdiag.store import joining, open_store

        stores = [
            stack.enter_context(open_store(path, dataset=self.dataset, allow_partial=self.allow_partial))
            for path in self.paths
        ]
        return [joining(stores)] if self.merge and len(stores) > 1 else stores


def analysed(
    sources: Sources, request: SpectrumRequest, output: Output, *, for_gate: bool = False
) -> Results:
    """Open the stores, run the analysis with a progress bar, close them.

    `for_gate` compares stored checksums with the bytes first, and leaves out the measures of labels where a
    store has none, instead of refusing.
    """
    from repdiag.analysis import analyse_spectrum
    from repdiag.analysis.distributed import team_of
    from repdiag.ranks import ranks_here

    with ExitStack() as stack:
        stores = sources.opened(stack)
        if for_gate:
            for store in stores if output.speaks else ():
                store.verify()
        wanted = _answerable(request, stores) if for_gate else request
        ranks = ranks_here()
        wanted = replace(wanted, device=ranks.device(wanted.device))
        return analyse_spectrum(stores, wanted, output.progress(), team_of(ranks))


def _answerable(request: SpectrumRequest, stores: Sequence[Store]) -> SpectrumRequest:
    from repdiag.analysis.requests import LABELLED
    from repdiag.measures.registry import parse_selection

    if all("label" in store.columns for store in stores):
        return request
    kept = (key for key in request.measures if parse_selection(key).needs not in LABELLED)
    return replace(request, measures=tuple(kept))
