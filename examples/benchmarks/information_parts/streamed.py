"""One pass over a file of many rows: measures that read d x d moments, time, memory."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from repdiag import Address, InformationRequest, analyse_information, open_store
from repdiag.store import Store, write_store

from .reading import cost, markdown, short

PIECE = 20_000
MEASURES = (
    "gaussian_mi",
    "logdet_mi",
    "cka",
    "alignment",
    "mmcr",
    "total_coding_rate",
    "joint_total_correlation",
    "matrix_mi{space=feature}",
)
"""Linear and cosine kernels and everything else that is a function of joint moments."""


def streaming(sizes: list[int], d: int, seed: int) -> str:
    """Cost of every measure of moments of two views (n, d) in a file, with and without intervals."""
    rows = []
    for n in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "views.h5"
            write(path, n, d, seed)
            size = path.stat().st_size / 1e6
            with open_store(path) as store:
                for kind in ("none", "auto"):
                    figures, spent, extra = cost(lambda: _figures(store, kind))  # noqa: B023
                    cells = [f"{n:,}", f"{size:,.0f}", kind, f"{spent:.1f}", f"{extra:,.0f}"]
                    rows.append([*cells, figures["gaussian_mi"], figures["cka"]])
    square = (2 * d) ** 2 * 8 / 2**20
    head = ["n", "file, MB", "interval", "CPU s", "extra MB", "`gaussian_mi`", "`cka`"]
    note = (
        f"d = {d} a view; one matrix of (2d)^2 float64 is {square:.0f} MB, the truth is {_truth(d):.2f} nats."
    )
    return f"{markdown(head, rows)}\n\n{note}"


def write(path: Path, n: int, d: int, seed: int) -> None:
    """Views that correlate by 0.5 feature by feature, float32, made piece by piece on disk."""
    names = [path.with_name(f"{name}.npy") for name in "xy"]
    views = [np.lib.format.open_memmap(str(name), "w+", np.float32, (n, d)) for name in names]
    generator = np.random.default_rng(seed)
    for start in range(0, n, PIECE):
        size = min(PIECE, n - start)
        x, noise = generator.standard_normal((2, size, d), dtype=np.float32)
        views[0][start : start + size] = x
        views[1][start : start + size] = 0.5 * x + np.sqrt(0.75, dtype=np.float32) * noise
    rows = {Address("bench", name): view for name, view in zip("xy", views, strict=True)}
    write_store(path, {"id": [str(i) for i in range(n)]}, rows)
    del views, rows
    for name in names:
        name.unlink()


def _figures(store: Store, interval: str) -> dict[str, str]:
    request = InformationRequest(measures=MEASURES, interval=interval, device="cpu")  # type: ignore[arg-type]
    (pair,) = analyse_information([store], request).pairs
    return {name: short(each.value) for name, each in pair.estimates.items()}


def _truth(d: int) -> float:
    return float(-d / 2 * np.log(0.75))
