"""Figures of the information plane that other implementations print, next to ours, within their tolerance.

`plane.json` holds what the named peers (or the published formula, in float64) gave on the arrays of
`plane_inputs.py` and `pair_inputs.py`; all but one in bits.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from repdiag.measures.pair_grams import diffusion_spectral_entropy, gaussian_gram
from repdiag.measures.plane_inputs import LayerScale, PlaneReading, PlaneRows
from repdiag.measures.plane_registry import parse_estimator
from repdiag.measures.plane_spectral import class_entropy
from tests.golden.inputs import Matrix, digits
from tests.golden.pair_inputs import PAIRS
from tests.golden.plane_inputs import Labels, bits, layer, uniform

Entry = dict[str, Any]
ENTRIES: list[Entry] = json.loads((Path(__file__).parent / "plane.json").read_text())["entries"]
BIT = math.log(2)
NETWORKS = (
    "binning_IXT_ITY",
    "binning_IXT_fixed_range",
    "ebab_IXT_ITY",
    "kde_IXT_upper_lower_ITY_upper_lower",
)


def read(
    key: str, t: Matrix, labels: Labels, inputs: Matrix | None = None, width: float = 1.0
) -> PlaneReading:
    rows = PlaneRows(
        t=torch.from_numpy(t),
        x=torch.arange(len(t)),
        labels=torch.from_numpy(labels)[None],
        classes=int(labels.max()) + 1,
        scale=LayerScale(float(t.min()), float(t.max()), width, float(t.std())),
        inputs=None if inputs is None else torch.from_numpy(inputs),
        input_width=width,
    )
    return parse_estimator(key).read(rows)


def close(entry: Entry, found: list[float], unit: float = BIT) -> None:
    wanted = [unit * float(each) for each in np.ravel(entry["value"])]
    assert found == pytest.approx(wanted, rel=entry["rtol"], abs=1e-12)


def key_of(entry: Entry) -> str:
    """Our name of the estimator that the peer is."""
    settings = entry["params"]
    if "noise_var" in settings:
        return f"kde{{noise={settings['noise_var']}}}"
    if "num_of_bins" in settings:
        return f"adaptive_binning{{count={settings['num_of_bins']}}}"
    return f"binning{{width={settings['binsize']}}}" if "binsize" in settings else "binning{preset=idnns}"


def network(entry: Entry) -> None:
    found = read(key_of(entry), layer(entry["input"]), bits()[1])
    figures = [float(found.ixt)]
    if "lower" in entry["measure"]:
        figures.append(float(found.details["ixt_lower"]))
    if "ITY" in entry["measure"]:
        figures.append(float(found.ity[0]))
    if "lower" in entry["measure"]:
        figures.append(float(found.details["ity_lower"]))
    close(entry, figures)


def kde(entry: Entry) -> None:
    found = read(key_of(entry), uniform(), np.zeros(1000, dtype=np.int64))
    close(entry, [float(found.ixt), float(found.details["ixt_lower"])], unit=1.0)


def cs_qmi(entry: Entry) -> None:
    """Of a layer and features of its inputs. The published bandwidth is ten times the median of squared
    distances: for 32 features thousands, where the peer prints the rounding of float32."""
    x, y = PAIRS[entry["input"]]()
    both = torch.from_numpy(np.vstack([x, x]))
    width = entry["params"]["sigma"]
    published = isinstance(width, str)
    if published:
        squares = torch.cdist(both, both).square().flatten()
        width = 10 * float(squares.median())
    found = read("cs", y, np.zeros(len(y), dtype=np.int64), inputs=x, width=width)
    if entry["input"] == "C_views" and published:
        assert 0 <= float(found.ixt) < 1e-9
    else:
        close(entry, [float(found.ixt)], BIT if entry["unit"] == "log2" else 1.0)


def dsmi(entry: Entry) -> None:
    """With the peer's own random subsets: for each class in turn, five of its size."""
    pixels, labels = digits()
    rows, width = torch.from_numpy(pixels), entry["params"]["sigma"]
    within, _ = class_entropy(gaussian_gram(rows, width), torch.from_numpy(labels), entry["params"]["t"])
    subsets = 0.0
    for c in np.unique(labels):
        size = int((labels == c).sum())
        random.seed(entry["params"]["random_seed"])
        drawn = [random.sample(range(len(labels)), size) for _ in range(entry["params"]["num_repetitions"])]
        entropies = [float(diffusion_spectral_entropy(rows[each], width)) for each in drawn]
        subsets += size / len(labels) * float(np.mean(entropies))
    close(entry, [subsets - float(within)])


COMPARISONS: dict[str, Callable[[Entry], None]] = {
    **dict.fromkeys(NETWORKS, network),
    "kde_IXT_upper_lower": kde,
    "cs_qmi": cs_qmi,
    "dsmi": dsmi,
}


def is_compared(entry: Entry) -> bool:
    """Not so the figure of clusters that the peer finds anew: no estimator of ours clusters."""
    return "clustered" not in entry["input"]


def name_of(entry: Entry) -> str:
    inner = " ".join(str(each) for each in entry["params"].values())
    return f"{entry['measure']} {entry['input']} {inner}"


COMPARED = [entry for entry in ENTRIES if is_compared(entry)]


@pytest.mark.parametrize("entry", COMPARED, ids=name_of)
def test_golden(entry: Entry) -> None:
    COMPARISONS[entry["measure"]](entry)


def test_every_entry_is_compared_but_one() -> None:
    assert {entry["measure"] for entry in ENTRIES} == set(COMPARISONS)
    assert (len(ENTRIES), len(COMPARED)) == (68, 67)


@pytest.mark.parametrize(
    ("preset", "spelled"),
    [
        ("binning{preset=ibsgd}", "binning{width=0.07}"),
        ("binning{preset=ibsgd-mnist}", "binning{width=0.5}"),
        ("kde{preset=ibsgd}", "kde{noise=0.001}"),
        ("kde{preset=ibsgd-mnist}", "kde{noise=0.1}"),
    ],
)
def test_presets_are_the_published_settings(preset: str, spelled: str) -> None:
    t, labels = layer("I_layers(tanh,gain=1.0)[3]"), bits()[1]
    assert float(read(preset, t, labels).ixt) == float(read(spelled, t, labels).ixt)
