"""The baseline: a small fingerprint of a good store, to commit beside the code that trains."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, FiniteFloat, JsonValue, ValidationError

from repdiag.errors import ConfigError, UsageError
from repdiag.files import write_file
from repdiag.results import Estimate, Place, Record, Representation, Results
from repdiag.text import listing, printable
from repdiag.types import Status

MAX_BASELINE_BYTES = 64 * 1024 * 1024
MOST_EIGENVALUES = 1024
"""Of a longer spectrum, this many are kept, at ranks that are evenly spaced on the log scale."""

DIGITS, REPLICATE_DIGITS = 7, 10
_LIST = re.compile(r"\[\s+([-\d.e+,\s]+?)\s+\]")


class MomentsSummary(Record):
    """Scale of a representation: total variance, and length of the mean vector."""

    trace: FiniteFloat
    mean_norm: FiniteFloat


class Fingerprint(Place):
    """One representation of a good store without a single row of it.

    `eigenvalues` of the centred covariance stand at `ranks`, from 1. Samples, groups and replicates let a
    later run on the same samples be compared with far less error than two runs on others.
    """

    step: int | None = None
    n: int
    d: int
    pool: str | None = None
    preprocessing: dict[str, JsonValue] | None = None
    samples: str | None = None
    group_sizes: list[int] = Field(default_factory=list)
    moments: MomentsSummary | None = None
    estimates: dict[str, Estimate] = Field(default_factory=dict)
    ranks: list[int] = Field(default_factory=list)
    eigenvalues: list[FiniteFloat] = Field(default_factory=list)


class Baseline(Record):
    """What `repdiag baseline` writes and `repdiag check` compares with."""

    schema_name: Literal["repdiag.baseline"] = Field(default="repdiag.baseline", alias="schema")
    schema_version: Literal[1] = 1
    repdiag: str
    source: dict[str, JsonValue] = Field(default_factory=dict)
    representations: list[Fingerprint] = Field(min_length=1)


def fingerprint(results: Results) -> Baseline:
    """The baseline of results that were made with replicates.

    Raises:
        UsageError: two checkpoints, or nothing that varies.
    """
    rows = [row for row in results.representations if row.estimates]
    checkpoints = list(dict.fromkeys(row.checkpoint for row in rows))
    require_one_checkpoint(checkpoints)
    if not rows:
        raise UsageError("the results hold no figure, so there is nothing to keep; give a store with rows")
    for row in rows:
        _require_variance(row)
    return Baseline(
        repdiag=results.repdiag,
        source={"stores": _provenance(results, checkpoints)},
        representations=[_fingerprint(row) for row in rows],
    )


def require_one_checkpoint(names: Sequence[str]) -> None:
    """A baseline is a point of comparison, so it has one.

    Raises:
        UsageError: there are several.
    """
    if len(names) > 1:
        raise UsageError(
            f"a baseline is of one checkpoint, and here are {len(names)}: {listing(names)}; "
            "choose one with --checkpoint"
        )


def write_baseline(baseline: Baseline, path: Path) -> None:
    """Write `baseline` as JSON that is small and stable under git; `path` is the old or the whole new one.

    Raises:
        OutputError: it cannot be written.
    """
    content = baseline.model_dump(mode="json", by_alias=True, exclude_defaults=False)
    text = json.dumps(content, allow_nan=False, ensure_ascii=False, indent=1)
    write_file(path, _LIST.sub(lambda found: f"[{' '.join(found[1].split())}]", text) + "\n")


def read_baseline(path: Path) -> Baseline:
    """The baseline in a file.

    Raises:
        ConfigError: missing, unreadable, too large, not JSON, or not a baseline.
    """
    shown = f"check.baseline.file: {printable(path)}"
    try:
        if path.stat().st_size > MAX_BASELINE_BYTES:
            raise ConfigError(f"{shown}: is over {MAX_BASELINE_BYTES >> 20} MiB, too large for a baseline")
        return Baseline.model_validate_json(path.read_bytes())
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ConfigError(f"{shown}: {reason}; correct the path or remove [check.baseline]") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the top level"
        raise ConfigError(
            f"{shown}: is not a baseline ({printable(where)}: {printable(first['msg'])}); "
            "write one with: repdiag baseline STORE -o FILE"
        ) from error


def counterpart(row: Representation, baseline: Baseline) -> Fingerprint:
    """What the baseline holds of the same view and layer.

    Raises:
        ConfigError: nothing, or something of another size, pooling or preprocessing.
    """
    for one in baseline.representations:
        if (one.view, one.layer) == (row.view, row.layer):
            _require_alike(row, one)
            return one
    held = listing([f"{one.view}/{one.layer}" for one in baseline.representations])
    raise _mismatch(row, f"does not hold {printable(row.view)}/{printable(row.layer)}; it holds {held}")


def _require_alike(row: Representation, one: Fingerprint) -> None:
    if row.d != one.d:
        raise _mismatch(row, f"has d = {one.d:,} and this one d = {row.d:,}")
    for what, then, now in (
        ("pooling", one.pool, row.pool),
        ("preprocessing", one.preprocessing, row.preprocessing),
    ):
        if then is not None and now is not None and then != now:
            raise _mismatch(row, f"was made with {what} {_shown(then)} and this one with {_shown(now)}")
    for name, estimate in row.estimates.items():
        then_estimate = one.estimates.get(name)
        if then_estimate is not None and then_estimate.definition != estimate.definition:
            raise _mismatch(row, f"defines {printable(name)} as {printable(then_estimate.definition, 200)}")


def _mismatch(row: Representation, what: str) -> ConfigError:
    return ConfigError(
        f"check.baseline: cannot be compared with {printable(row.address)}, because it {what}; "
        "write it again with: repdiag baseline"
    )


def _shown(value: object) -> str:
    return printable(value if isinstance(value, str) else json.dumps(value, sort_keys=True), 160)


def _require_variance(row: Representation) -> None:
    trace = row.estimates.get("trace")
    if trace is None or trace.status is not Status.OK or not trace.value:
        why = "holds no total variance" if trace is None else f"does not vary ({trace.status.value})"
        raise UsageError(
            f"{printable(row.address)} {why}, so it is no baseline; give a store that repdiag check passes"
        )


def _fingerprint(row: Representation) -> Fingerprint:
    values = row.spectrum.eigenvalues if row.spectrum else []
    ranks = _ranks(len(values))
    return Fingerprint(
        checkpoint=row.checkpoint,
        view=row.view,
        layer=row.layer,
        step=row.step,
        n=row.n,
        d=row.d,
        pool=row.pool,
        preprocessing=row.preprocessing,
        samples=row.samples,
        group_sizes=row.group_sizes,
        moments=_moments(row),
        estimates={name: _rounded(one) for name, one in row.estimates.items()},
        ranks=ranks,
        eigenvalues=[_round(values[rank - 1], DIGITS) for rank in ranks],
    )


def _moments(row: Representation) -> MomentsSummary | None:
    estimates = row.estimates
    trace, share = (one.value if (one := estimates.get(name)) else None for name in ("trace", "mean_share"))
    if trace is None or share is None or not share < 1:
        return None
    # The share is of the rows at hand, the trace an estimate with n - 1.
    norm = (max(share, 0.0) / (1 - share) * trace * (row.n - 1) / row.n) ** 0.5
    return MomentsSummary(trace=_round(trace, DIGITS), mean_norm=_round(norm, DIGITS))


def _ranks(count: int) -> list[int]:
    if count <= MOST_EIGENVALUES:
        return list(range(1, count + 1))
    spaced = (round(count ** (step / (MOST_EIGENVALUES - 1))) for step in range(MOST_EIGENVALUES))
    return sorted(set(spaced))


def _rounded(one: Estimate) -> Estimate:
    return one.model_copy(update={"without": [_round(value, REPLICATE_DIGITS) for value in one.without]})


def _round(value: float, digits: int) -> float:
    return float(f"{value:.{digits}g}")


def _provenance(results: Results, checkpoints: Sequence[str]) -> list[JsonValue]:
    """Which data, model and weights the figures are of."""
    stores = results.source.get("stores")
    kept = ("file", "config_sha256", "data", "versions", "repdiag", "torch", "seed", "created")
    found: list[JsonValue] = []
    for store in stores if isinstance(stores, list) else []:
        if not isinstance(store, dict):
            continue
        every: Any = store.get("checkpoints")
        held = {name: every[name] for name in checkpoints if isinstance(every, dict) and name in every}
        found.append({**{key: store[key] for key in kept if key in store}, "checkpoints": held})
    return found
