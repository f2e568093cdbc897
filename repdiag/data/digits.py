"""The 1,797 handwritten digits that ship with scikit-learn."""

from __future__ import annotations

import numpy as np

from repdiag.data.arrays import as_float32
from repdiag.data.source import SampleSource


def digits(spec: str) -> SampleSource:
    """Images (1, 8, 8) in 0..1, labels 0..9, ids are row numbers."""
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = (np.asarray(bunch.images) / 16.0)[:, None].astype(np.float32)
    return SampleSource(
        spec=spec,
        kind="array",
        ids=tuple(str(row) for row in range(len(images))),
        fetch=lambda row: as_float32(images[row]),
        columns={"label": np.asarray(bunch.target, dtype=np.int64)},
        content="sklearn digits, 1797 images (1, 8, 8) in 0..1",
        provenance={"data": "digits", "kind": "arrays", "shape": list(images.shape)},
    )
