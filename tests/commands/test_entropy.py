"""`repdiag information` at orders other than 2 on more rows than an eigendecomposition takes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch

from repdiag.measures.pair_entropies import KernelRows
from repdiag.measures.pair_kernels import INFORMATION
from repdiag.results import Results
from repdiag.store import write_store
from repdiag.types import Address
from tests.commands.helpers import Typed

KEY = "renyi_mi{alpha=1.01}"
DISTINCT, TIMES = 300, 20


def test_six_thousand_rows_are_stochastic_and_within_their_error(typed: Typed, here: Path) -> None:
    """Each of 300 rows 20 times: the eigenvalues over their sum are those of 300 rows, which are exact."""
    r = np.random.default_rng(0)
    x = r.standard_normal((DISTINCT, 4)).astype(np.float32)
    y = x + 0.5 * r.standard_normal((DISTINCT, 4)).astype(np.float32)
    n = DISTINCT * TIMES
    views = {Address("e", name, "l"): np.tile(rows, (TIMES, 1)) for name, rows in (("a", x), ("b", y))}
    path = write_store(here / "views.h5", {"id": [str(i) for i in range(n)]}, views)
    ended = typed("information", path, "--measure", KEY, "--interval", "none", "--json", "-", "--no-report")
    assert ended.code == 0
    (pair,) = Results.model_validate(json.loads(ended.out)).pairs
    found = pair.estimates[KEY]
    details = found.details
    widths = float(str(details["bandwidth_x"])), float(str(details["bandwidth_y"]))
    rows = KernelRows(torch.from_numpy(x), torch.from_numpy(y), DISTINCT, widths)
    truth = float(rows.entropy(INFORMATION, "gaussian", 1.01).value)
    assert (pair.n, details["estimator"]) == (n, "stochastic")
    assert "rows" not in details
    error = float(str(details["estimator_error"]))
    assert found.value is not None
    assert 0 < error < 0.01 * truth
    assert abs(found.value - truth) < 4.5 * error
    assert float(str(details["passes"])) >= 3 * 16
    assert float(str(details["null"])) < found.value < float(str(details["self_x"]))
