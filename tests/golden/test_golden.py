"""Figures that other implementations print, next to ours, each within its own tolerance.

`golden.json` holds what the named peers (or the published formula, in float64) gave on the arrays of
`inputs.py`. `COMPARISONS` says for every entry what is compared with what; none is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from repdiag.accumulators.pairs import neighbour_ratios
from repdiag.results import Estimate
from repdiag.types import Status
from tests.analysis.memory import analyse, figure
from tests.golden.inputs import INPUTS, Matrix, digits

Entry = dict[str, Any]
ENTRIES: list[Entry] = json.loads((Path(__file__).parent / "golden.json").read_text())["entries"]


@cache
def rows(name: str) -> Matrix:
    return INPUTS[name]()


def ours(entry: Entry, key: str, **options: Any) -> Estimate:
    return figure(rows(entry["input"]), key, **options)


@cache
def eigenvalues(name: str) -> NDArray[np.float64]:
    """The spectrum in our results: centred, ddof=1."""
    found = analyse(rows(name), "trace").spectrum
    assert found is not None
    return np.array(found.eigenvalues)


def close(entry: Entry, found: float | None, expected: float | None = None) -> None:
    wanted = entry["value"] if expected is None else expected
    assert found == pytest.approx(wanted, rel=entry["rtol"], abs=1e-16)


ABOUT_SPREAD = ("effective_rank", "participation_ratio", "nesum")
"""Undefined for a constant; its trace and its feature_std are zero, and that is an answer."""


# --- Ways of comparing. ---


def same_figure(key: str) -> Callable[[Entry], None]:
    """Our figure equals the peer's; where a peer prints 0.0 for a constant we say null and why."""

    def compare(entry: Entry) -> None:
        found = ours(entry, key)
        if entry["input"] == "E_const" and entry["value"] == 0.0 and key in ABOUT_SPREAD:
            assert found.value is None
            assert found.status is Status.CONSTANT
        else:
            close(entry, found.plugin)

    return compare


def effective_rank_with_epsilon(entry: Entry) -> None:
    """The peer adds 1e-12 to the total variance and clips shares there: felt only where the trace is
    about 1e-11. Its figure follows from our eigenvalues; ours is that of the formula without epsilon."""
    if entry["input"] != "E_near_const":
        same_figure("effective_rank")(entry)
        return
    values = eigenvalues("E_near_const")
    shares = np.clip(values / (values.sum() + 1e-12), 1e-12, None)
    close(entry, float(np.exp(-(shares * np.log(shares)).sum())))
    exact = next(e for e in ENTRIES if (e["measure"], e["input"]) == ("erank_cov_entropy", "E_near_const"))
    close(exact, ours(entry, "effective_rank").plugin)


def rankme(entry: Entry) -> None:
    """RankMe with the peer's own epsilon; the uncentred figure exists for a constant too."""
    same_figure(f"rankme{{eps={entry['params']['eps']:g}}}")(entry)


def rankme_on_eigenvalues(entry: Entry) -> None:
    """This peer calls rankme what is the entropy of covariance eigenvalues plus 1e-7: computed from
    our spectrum. It lies within 0.01% of our effective_rank, far from our rankme."""
    shares = eigenvalues(entry["input"]) / eigenvalues(entry["input"]).sum() + 1e-7
    close(entry, float(np.exp(-(shares * np.log(shares)).sum())))
    assert ours(entry, "effective_rank").plugin == pytest.approx(entry["value"], rel=2e-4)


def top_eigenvalues(entry: Entry) -> None:
    """The spectrum in the results; peers with ddof=0 are rescaled by n / (n - 1)."""
    n = len(rows(entry["input"]))
    factor = n / (n - 1) if entry["params"]["ddof"] == 0 else 1.0
    np.testing.assert_allclose(
        eigenvalues(entry["input"])[:8], factor * np.array(entry["value"]), rtol=entry["rtol"], atol=0
    )


def alpha(entry: Entry) -> None:
    """The weighted fit over the ranks that the peer names, or plain least squares over 90% of the
    positive eigenvalues, with its R^2. On the digits, of rank 61, the peer counts two eigenvalues of
    1e-31 as positive; we take its range, and ours are zero there."""
    fit = entry["params"]["fit"]
    if weighted := re.search(r"ranks (\d+)\.\.(\d+)$", fit):
        close(entry, ours(entry, f"power_law_alpha{{first={weighted[1]},last={weighted[2]}}}").plugin)
        return
    assert "OLS" in fit
    dust = 2 if entry["input"] == "F_digits" else 0
    positive = int((eigenvalues(entry["input"]) > 0).sum()) + dust
    found = ours(entry, f"power_law_alpha{{first=1,last={int(0.9 * positive)},weights=ols}}")
    close(entry, found.plugin, entry["value"][0])
    close(entry, found.details["r2"], entry["value"][1])  # type: ignore[arg-type]


def twonn(entry: Entry) -> None:
    """F = i/n from i = 1 is ours. The other convention, from i = 0, is another number: it follows from
    our neighbour ratios."""
    if "i=1" in entry["params"]["F_emp"]:
        close(entry, ours(entry, "twonn").plugin)
        return
    ratios = neighbour_ratios(torch.from_numpy(rows(entry["input"]))).log().sort().values.numpy()
    x = ratios[: int(0.9 * len(ratios))]
    y = -np.log1p(-np.arange(len(x)) / len(ratios))
    close(entry, float(x @ y / (x @ x)))
    assert ours(entry, "twonn").plugin != pytest.approx(entry["value"], rel=1e-3)


def labelled(key: str) -> Callable[[Entry], None]:
    return lambda entry: close(entry, ours(entry, key, labels=digits()[1]).plugin)


def objects_lidar(key: str) -> float:
    views = {f"view{i}": np.ascontiguousarray(rows("H_augs")[:, i]) for i in range(8)}
    found = figure(views, key).plugin
    assert found is not None
    return found


def lidar(entry: Entry) -> None:
    """The published normalisation, with and without epsilon. One peer divides by n - 1 and n (q - 1)
    and adds 1e-8 before normalising: the same to 1e-4."""
    eps = entry["params"]["eps"]
    if "Sb" in entry["params"]:
        assert objects_lidar("lidar") == pytest.approx(entry["value"], rel=1e-4)
    else:
        close(entry, objects_lidar(f"lidar{{eps={eps:g}}}"))


def lidar_entropy(entry: Entry) -> None:
    """The logarithm of our figure without epsilon."""
    close(entry, float(np.log(objects_lidar("lidar{eps=0}"))))


def lidar_of_a_lidar(entry: Entry) -> None:
    """This peer decomposes the discriminant matrix as if it were data, and gets less than half."""
    assert objects_lidar("lidar{delta=1e-6}") > 2 * entry["value"]


COMPARISONS: dict[str, Callable[[Entry], None]] = {
    "effective_rank": effective_rank_with_epsilon,
    "erank_cov_entropy": same_figure("effective_rank"),
    "rankme(as ssrlib calls it)": same_figure("effective_rank"),
    "rankme(as reptrix calls it)": rankme_on_eigenvalues,
    "rankme": rankme,
    "erank_singular_centered": same_figure("rankme{center=true,eps=0}"),
    "participation_ratio": same_figure("participation_ratio"),
    "renyi_erank_cov": same_figure("participation_ratio"),
    "nesum": same_figure("nesum"),
    "stable_rank": same_figure("stable_rank"),
    "cov_trace": same_figure("trace"),
    "cov_eigenvalues_top8": top_eigenvalues,
    "coding_rate_eps0.5": same_figure("coding_rate"),
    "std_of_l2_normalized": same_figure("feature_std"),
    "uniformity": same_figure("uniformity"),
    "alpha_req": alpha,
    "twonn": twonn,
    "nc1": labelled("neural_collapse_nc1"),
    "lidar": lidar,
    "lidar_entropy": lidar_entropy,
    "lidar(as reptrix)": lidar_of_a_lidar,
}


def name_of(entry: Entry) -> str:
    return f"{entry['measure']} {entry['input']} {entry['peer']}"


@pytest.mark.parametrize("entry", ENTRIES, ids=name_of)
def test_golden(entry: Entry) -> None:
    COMPARISONS[entry["measure"]](entry)


def test_there_are_entries_for_every_comparison() -> None:
    assert {entry["measure"] for entry in ENTRIES} == set(COMPARISONS)
    assert len(ENTRIES) == 128


def test_only_the_second_renyi_rank_is_ours() -> None:
    assert {e["params"]["alpha"] for e in ENTRIES if e["measure"] == "renyi_erank_cov"} == {2.0}
