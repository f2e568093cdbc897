"""`--keep-inputs`: what the model is called with, as one row of features a sample."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from repdiag.data import Batch
from repdiag.errors import UsageError

MOST_FEATURES = 16_384
"""64 KiB a sample: a colour image of 64 x 64 is below it, a photograph is not."""
FEATURE_BYTES = 4
"""They are stored as float32, whatever --dtype says of the layers."""

_WITHOUT = "leave it out, samples are then told apart by their ids"


def check_features(batch: Batch, pools: tuple[str, ...]) -> int:
    """How many features a sample of the probe batch has.

    Args:
        pools: of all layers; where one makes a row of each token, inputs and rows do not match.

    Raises:
        UsageError: texts, named inputs, integers (which may be token ids and have no distances), a row for
            each token, or more than MOST_FEATURES.
    """
    if "none" in pools:
        raise UsageError(f"--keep-inputs needs one row a sample, not one a token; pool, or {_WITHOUT}")
    if not isinstance(batch.inputs, Tensor):
        kind = "named inputs" if isinstance(batch.inputs, dict) else "texts"
        raise UsageError(
            f"--keep-inputs keeps one tensor of numbers, but these samples are {kind}; {_WITHOUT}"
        )
    if not batch.inputs.is_floating_point():
        kind = str(batch.inputs.dtype).removeprefix("torch.")
        raise UsageError(
            f"--keep-inputs keeps features, but these samples are {kind}, which may be ids of tokens; "
            f"give them as floats, or {_WITHOUT}"
        )
    p = batch.inputs[0].numel()
    if not 1 <= p <= MOST_FEATURES:
        raise UsageError(
            f"--keep-inputs: a sample has {p:,} features, and 1 to {MOST_FEATURES:,} are kept; "
            f"extract from smaller samples, or {_WITHOUT}"
        )
    return p


def feature_rows(batch: Batch, p: int) -> np.ndarray:
    """(b, p) float32 of a batch.

    Raises:
        UsageError: another number of features than `p`, which the probe batch had.
    """
    assert isinstance(batch.inputs, Tensor)
    rows = batch.inputs.detach().float().reshape(len(batch), -1)
    if rows.shape[1] != p:
        raise UsageError(
            f"--keep-inputs: samples have {rows.shape[1]:,} features, others {p:,}; bring them to one shape"
        )
    return np.array(rows.cpu().numpy(), order="C")
