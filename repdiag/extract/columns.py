"""Sample columns of a shard: one row a sample, or one a token with the sample as its group."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from repdiag.data import SampleSource


def sample_columns(source: SampleSource, start: int, stop: int) -> dict[str, Any]:
    """`id` and all other columns of samples start..stop-1."""
    columns: dict[str, Any] = {name: values[start:stop] for name, values in source.columns.items()}
    return {"id": list(source.ids[start:stop]), **columns}


def token_columns(source: SampleSource, start: int, counts: Sequence[int]) -> dict[str, Any]:
    """The same for samples from `start` on that give counts[i] rows each.

    Ids are `<sample>#<token>`; `group` is that of the sample, else the sample itself.
    """
    whole = sample_columns(source, start, start + len(counts))
    repeats = np.asarray(counts)
    columns = {
        name: np.repeat(np.asarray(values, dtype=object if name == "id" else None), repeats)
        for name, values in whole.items()
    }
    columns.setdefault("group", columns["id"])
    tokens = (token for count in counts for token in range(count))
    ids = [f"{name}#{token}" for name, token in zip(columns["id"], tokens, strict=True)]
    return {**columns, "id": ids}
