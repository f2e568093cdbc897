"""Plug-ins against 50 digits, and corrected values that no change of coordinates moves."""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.analysis.memory import analyse

Rows = NDArray[np.float64]
CORRECTED = ("effective_rank", "rankme{center=true}", "participation_ratio", "nesum", "top1_share")
IDS = [f"s{i}" for i in range(240)]


def exact(rows: Rows) -> dict[str, Any]:
    """Textbook figures in 50 decimal digits."""
    n, d = rows.shape
    x = mpmath.matrix(rows.tolist())
    means = [sum(x[i, j] for i in range(n)) / n for j in range(d)]
    centred = mpmath.matrix(n, d)
    for i in range(n):
        for j in range(d):
            centred[i, j] = x[i, j] - means[j]
    values = list(mpmath.eigsy(centred.T * centred / (n - 1), eigvals_only=True))
    squares = list(mpmath.eigsy(x.T * x, eigvals_only=True))
    shares = [value / sum(values) for value in values]
    singular = [mpmath.sqrt(value) for value in squares]
    p = [s / sum(singular) + mpmath.mpf(1e-7) for s in singular]
    return {
        "trace": sum(values),
        "effective_rank": mpmath.exp(-sum(q * mpmath.log(q) for q in shares)),
        "participation_ratio": 1 / sum(q * q for q in shares),
        "nesum": sum(values) / max(values),
        "top1_share": max(shares),
        "stable_rank": sum(squares) / max(squares),
        "rankme": mpmath.exp(-sum(q * mpmath.log(q) for q in p)),
    }


@pytest.mark.parametrize(("n", "d"), [(40, 6), (25, 10), (60, 3)])
def test_plugin_to_twelve_digits(n: int, d: int) -> None:
    r = np.random.default_rng(n)
    rows = r.standard_normal((n, d)) * np.arange(1, d + 1) ** -0.5 + 0.5
    found = analyse(rows)
    with mpmath.workdps(50):
        expected = {name: float(value) for name, value in exact(rows).items()}
    for name, value in expected.items():
        assert found.estimates[name].plugin == pytest.approx(value, rel=1e-12), name


def values(rows: Rows, ids: list[str]) -> list[float | None]:
    found = analyse(rows, *CORRECTED, ids=ids).estimates
    return [found[name].value for name in CORRECTED]


@pytest.mark.parametrize("n", [60, 100, 240])
@pytest.mark.parametrize("change", ["rotation", "row order", "1e-20", "1e100", "7.3", "shift"])
def test_corrected_values_do_not_move(change: str, n: int) -> None:
    r = np.random.default_rng(4)
    rows = r.standard_normal((n, 50)) * np.arange(1, 51) ** -0.6
    order = r.permutation(n) if change == "row order" else np.arange(n)
    match change:
        case "rotation":
            moved = rows @ np.linalg.qr(r.standard_normal((50, 50)))[0]
        case "shift":
            moved = rows + r.standard_normal(50)
        case "row order":
            moved = rows[order]
        case _:
            moved = rows * float(change)
    before, after = values(rows, IDS[:n]), values(moved, [IDS[i] for i in order])
    assert before[0] is not None
    for old, new in zip(before, after, strict=True):
        assert new == (None if old is None else pytest.approx(old, rel=1e-10))
