"""Samples that cannot be read: refused at the first one, or left out with their names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
from pydantic import JsonValue

from repdiag.data.batches import Reading, sample
from repdiag.data.source import Broken, SampleSource, restricted
from repdiag.data.views import View
from repdiag.errors import InputError, RepdiagError
from repdiag.text import listing, printable

ON_ERROR = ("fail", "skip")
MOST_NAMES = 100
_BLOCK = 1024


def readable(
    source: SampleSource, views: Sequence[View], seed: int, broken: Broken, workers: int = 0
) -> SampleSource:
    """The samples that can be read under every view; each is read once, so this costs one pass over the data.

    What only a model could refuse (its own preprocessing, a shape) is not tried. The count and the first
    names go into the provenance and the notes.

    Raises:
        InputError: none can be read.
    """
    readings = [Reading(view, seed) for view in views]

    def fault(index: int) -> RepdiagError | None:
        try:
            for reading in readings:
                sample(source, index, reading)
        except RepdiagError as error:
            return error
        return None

    kept = []
    for index, error in enumerate(_each(fault, len(source), workers)):
        if error is None:
            kept.append(index)
        else:
            broken.found(source.ids[index], error)
    if len(kept) < len(source):
        source = restricted(source, np.array(kept, dtype=np.int64))
    return _recorded(source, broken)


def _recorded(source: SampleSource, broken: Broken) -> SampleSource:
    count = len(broken.names)
    if not count:
        return source
    if not len(source):
        raise InputError(
            f"{printable(source.spec)}: none of its {count:,} samples can be read; the first: {broken.first}"
        )
    what = "1 sample that cannot be read was" if count == 1 else f"{count:,} samples that cannot be read were"
    names: list[JsonValue] = [printable(name, 200) for name in broken.names[:MOST_NAMES]]
    return replace(
        source,
        provenance={**source.provenance, "on_error": "skip", "left_out": count, "left_out_names": names},
        notes=(*source.notes, f"{what} left out (--on-error skip): {listing(broken.names)}"),
    )


def _each(
    fault: Callable[[int], RepdiagError | None], count: int, workers: int
) -> Iterator[RepdiagError | None]:
    if workers < 1:
        yield from map(fault, range(count))
        return
    with ThreadPoolExecutor(workers, thread_name_prefix="repdiag-data") as pool:
        for start in range(0, count, _BLOCK):
            yield from pool.map(fault, range(start, min(start + _BLOCK, count)))
