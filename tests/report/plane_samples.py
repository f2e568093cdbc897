"""Information planes made by hand: tanh-like compression, and every status that a point can have."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from repdiag.results import Estimate, Phase, Results, Trajectory, TrajectoryPoint
from repdiag.types import IntervalMethod, Status

ROWS = 4096
LOG_N, TARGET = math.log(ROWS), math.log(2)
REMARK = "the network is deterministic: this counts the activation patterns that can be told apart"
DETAILS: dict[str, Any] = {"rows": ROWS, "remark": REMARK}


def ixt(value: float | None, half: float = 0.08, status: Status = Status.OK, **details: Any) -> Estimate:
    """I(X;T) with an interval of `half` on both sides, its ceiling log n and the remark."""
    return _estimate(value, half, status, {"ceiling": LOG_N, **DETAILS, **details})


def ity(value: float | None, half: float = 0.012, status: Status = Status.OK, **details: Any) -> Estimate:
    """I(T;Y) with an interval, its null and its ceiling H(Y)."""
    null = {"null": 0.03, "null_low": 0.02, "null_high": 0.04}
    return _estimate(value, half, status, {"ceiling": TARGET, **null, "rows": ROWS, **details})


def _estimate(value: float | None, half: float, status: Status, details: dict[str, Any]) -> Estimate:
    return Estimate(
        value=value,
        low=None if value is None else value - half,
        high=None if value is None else value + half,
        plugin=value,
        status=status,
        unit="nats",
        interval_method=IntervalMethod.NONE if value is None else IntervalMethod.FULL,
        definition="H(T) of equal bins, one width for all steps",
        details=details,
    )


def steps(count: int) -> list[int]:
    """0 and then about evenly on a log scale up to 10,000."""
    return [round(10 ** (4 * i / max(1, count - 1))) - 1 if i else 0 for i in range(count)]


def tanh_path(depth: int, count: int, scale_free: bool = False) -> list[TrajectoryPoint]:
    """A layer that fits and then compresses, more so the deeper it is; first layers are saturated."""
    points = []
    for i, step in enumerate(steps(count)):
        share = i / max(1, count - 1)
        fit = 1 / (1 + math.exp(-12 * (share - 0.35)))
        late = max(0.0, share - 0.55) / 0.45
        fall = 0.0 if scale_free else late * (0.35 + 0.75 * depth)
        x = min(LOG_N, 8.31 - 0.8 * depth * (1 - 0.35 * fit) - fall * (depth > 0))
        y = min(TARGET, 0.03 + (0.62 - 0.02 * depth) * fit + (0.02 * late if depth else 0.04))
        points.append(_point(f"epoch={step}", step, x, y, 0.03 + 0.01 * depth))
    return points


def _point(checkpoint: str, step: int | None, x: float, y: float, null: float) -> TrajectoryPoint:
    x_status = Status.SATURATED if x > 0.99 * LOG_N else Status.OK
    y_status = Status.SATURATED if y > 0.99 * TARGET else Status.UNRESOLVED if y < 2 * null else Status.OK
    nulls = {"null": null, "null_low": 0.7 * null, "null_high": 1.3 * null}
    return TrajectoryPoint(
        checkpoint=checkpoint, step=step, ixt=ixt(x, status=x_status), ity=ity(y, status=y_status, **nulls)
    )


def path(layer: str, points: Sequence[TrajectoryPoint], **changes: Any) -> Trajectory:
    """A path of one layer under fixed binning."""
    fields: dict[str, Any] = {"layer": layer, "view": "base", "estimator": "binning", "points": list(points)}
    return Trajectory(**{**fields, **changes})


def phase(layer: str, size: Estimate, **changes: Any) -> Phase:
    """A compression from step 1,000 to 9,999."""
    fields: dict[str, Any] = {
        "layer": layer,
        "view": "base",
        "estimator": "binning",
        "kind": "compression",
        "start": "epoch=999",
        "start_step": 999,
        "end": "epoch=9999",
        "end_step": 9999,
        "size": size,
        "message": "The turning step is chosen on one half of the samples and measured on the other.",
    }
    return Phase(**{**fields, **changes})


def plane(layers: int = 5, checkpoints: int = 20, estimators: int = 2, **changes: Any) -> Results:
    """The page of a small tanh network: fixed bins see a compression, scale-free ones do not."""
    names = ["binning", "adaptive_binning", "kde", "renyi"][:estimators]
    paths, phases = [], []
    for name in names:
        for depth in range(layers):
            layer = f"layers.{depth}"
            points = tanh_path(depth, checkpoints, scale_free=name != "binning")
            paths.append(path(layer, points, estimator=name))
            phases += _phases(layer, name, depth, points)
    return results(paths, phases, **changes)


def _phases(layer: str, name: str, depth: int, points: Sequence[TrajectoryPoint]) -> list[Phase]:
    turn, last = points[len(points) * 6 // 10], points[-1]
    fall = 0.0 if name != "binning" or depth == 0 else 0.35 + 0.75 * depth
    ends = {"start": turn.checkpoint, "start_step": turn.step, "end": last.checkpoint, "end_step": last.step}
    early = {"start": points[0].checkpoint, "start_step": points[0].step, "end": turn.checkpoint}
    seen = name == "binning" and depth > 0
    return [
        phase(layer, ity(0.55), estimator=name, kind="fitting", agrees=True, **early),
        phase(layer, ixt(fall, half=0.06), estimator=name, agrees=not seen and depth == 0, **ends),
    ]


def results(paths: Sequence[Trajectory], phases: Sequence[Phase] = (), **changes: Any) -> Results:
    """The result of one `repdiag plane`."""
    told = {
        "binning": {
            "says": "how many activation patterns a fixed grid tells apart",
            "cannot": "it turns with the width of the bins",
            "cite": "Shwartz-Ziv and Tishby 2017",
        }
    }
    fields: dict[str, Any] = {
        "repdiag": "0.1.0",
        "command": "plane",
        "source": {"file": "tanh.h5", "measures": told, "notes": ["20 checkpoints of the same samples."]},
        "trajectories": list(paths),
        "phases": list(phases),
    }
    return Results(**{**fields, **changes})


def every_status() -> Results:
    """One layer for each way in which a figure is missing or stands at an end."""
    made = []
    for status in Status:
        value = 2.0 if status.has_value else None
        points = [
            TrajectoryPoint(
                checkpoint=f"e{i}", step=i, ixt=ixt(value, status=status), ity=ity(value, status=status)
            )
            for i in range(3)
        ]
        made.append(path(str(status.value), points))
    missing = ixt(None, half=0, status=Status.CONSTANT)
    return results(made, [phase("constant", missing, message="The layer does not vary.")])


def one_class(checkpoints: int = 4) -> Results:
    """A target with a single value: no I(T;Y) anywhere."""
    points = [
        TrajectoryPoint(
            checkpoint=f"e{i}",
            step=i,
            ixt=ixt(3.0 + 0.1 * i),
            ity=Estimate(value=None, status=Status.INSUFFICIENT, details={"reason": "1 class, 2 are needed"}),
        )
        for i in range(checkpoints)
    ]
    return results([path("fc", points)])


def odd_steps() -> Results:
    """A missing step, one that comes twice, and a layer that is missing at a checkpoint."""
    first = [_point(f"e{i}", step, 3 + 0.2 * i, 0.3, 0.03) for i, step in enumerate([0, None, 20, 20])]
    return results([path("fc1", first), path("fc2", first[:2] + first[3:])])


def splits_and_runs() -> Results:
    """Two splits beside all rows, and five runs beside their mean."""
    made = []
    for layer, depth in (("fc1", 1), ("fc2", 3)):
        for split in (None, "train", "test"):
            gap = 0.08 if split == "test" else 0.0
            made.append(path(layer, _moved(tanh_path(depth, 8), 0.0, -gap), split=split, runs=5))
            made += [
                path(layer, _moved(tanh_path(depth, 8), 0.1 * (i - 2), -gap), split=split, run=f"seed{i}")
                for i in range(5)
            ]
    turn = tanh_path(3, 8)[4]
    ends: dict[str, Any] = {"start": turn.checkpoint, "start_step": turn.step}
    return results(made, [phase("fc2", ixt(1.2, half=0.3), runs=5, p_value=0.031, **ends)])


def _moved(points: Sequence[TrajectoryPoint], across: float, up: float) -> list[TrajectoryPoint]:
    """The same path elsewhere; the further it is trained the more."""
    last = len(points) - 1
    return [
        _point(
            one.checkpoint,
            one.step,
            (one.ixt.value or 0.0) + across,
            (one.ity.value or 0.0) + up * i / last,
            0.03,
        )
        for i, one in enumerate(points)
    ]


def hostile(name: str) -> Results:
    """The same text wherever a name can stand."""
    points = [
        TrajectoryPoint(checkpoint=f"{name}{i}", ixt=ixt(3.0 - i, remark=name), ity=ity(0.3, reason=name))
        for i in range(3)
    ]
    names: dict[str, Any] = {"layer": name, "view": name, "split": name, "run": name, "estimator": name}
    end = {"start": f"{name}0", "start_step": None, "end": f"{name}2", "end_step": None, "message": name}
    made = [path(points=points, **{**names, key: "other"}) for key in names]
    source: dict[str, Any] = {
        "file": name,
        "notes": [name],
        "measures": {name: {"says": name, "cannot": name, "cite": name}},
    }
    phases = [phase(size=ixt(1.0), **{**names, **end})]
    return results([*made, path(points=points, **names)], phases, source=source)
