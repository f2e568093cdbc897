"""Typed results and their JSON (schema version 1). Knows nothing of tensors, HDF5 or torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, JsonValue, ValidationError

from repdiag.errors import InputError
from repdiag.files import write_file
from repdiag.text import printable
from repdiag.types import Address, IntervalMethod, Status, Verdict

MAX_RESULT_BYTES = 512 * 1024 * 1024


class Record(BaseModel):
    """Frozen, and strict about unknown keys: a typo in a result is an error, not a silence."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Estimate(Record):
    """One figure. It never travels alone: definition, interval and status come with it.

    `value` is corrected where the measure declares a correction; `plugin` is the textbook figure.
    `low` and `high` bound the value at `confidence`; one of them alone is a one-sided statement.
    `details` carries what belongs beside the figure: the k of a cliff, the range and R^2 of a fit.
    `without` is the figure without each group of samples, in the order of `Representation.group_sizes`,
    for whoever compares it with another one on the same samples; empty where nobody asked for it.
    """

    value: FiniteFloat | None
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    plugin: FiniteFloat | None = None
    status: Status = Status.OK
    unit: str = ""
    correction: Literal["lev", "jackknife", "unbiased", "leading", "none"] = "none"
    interval_method: IntervalMethod = IntervalMethod.NONE
    definition: str = ""
    details: dict[str, FiniteFloat | int | str | list[FiniteFloat]] = Field(default_factory=dict)
    without: list[FiniteFloat] = Field(default_factory=list)


class SpectrumRecord(Record):
    """Eigenvalues of the centred covariance (ddof=1), descending, min(n, d) of them.

    Below `noise_edge` sampling noise alone reaches: the edge of the bulk in the fitted population.
    """

    eigenvalues: list[FiniteFloat]
    resolution_floor: FiniteFloat
    noise_edge: FiniteFloat | None = None


class RankPoint(Record):
    """Effective rank of n of the rows: the textbook figure, and the corrected one where it was computed."""

    n: int
    plugin: FiniteFloat
    value: FiniteFloat | None = None


class RogueFeature(Record):
    """One coordinate that alone carries most of the variance."""

    index: int
    share: FiniteFloat


class Correlate(Record):
    """How far something that is not content goes along with the leading direction.

    `name` is `norm`, or a column of the samples; `figure` the correlation's size with its interval, 0 to 1.
    """

    name: str
    figure: Estimate


class SampleScore(Record):
    """A sample as it is shown beside a figure: its id and columns, cut and printable, and its `score`."""

    id: str
    score: FiniteFloat
    label: str | None = None
    group: str | None = None
    text: str | None = None


class Direction(Record):
    """A principal direction: its `share` of the variance, and the samples furthest out at both of its ends.

    Scores are in standard deviations along it; `low` ascends from the lowest, `high` descends from the
    highest, which is the end that reaches further.
    """

    share: FiniteFloat
    low: list[SampleScore]
    high: list[SampleScore]


class Repeated(Record):
    """Samples whose rows are equal bit for bit: how many, and the first few ids."""

    rows: int
    ids: list[str]


class ShownSamples(Record):
    """Single samples of a representation, within a budget of bytes; `n` counts the rows looked at.

    `leverage` holds the samples with the largest share of the leverage over these directions, `repeated` the
    largest sets of equal rows, `repeats` counts the rows that equal an earlier one. `left_out` counts leading
    directions that the budget had no room for.
    """

    n: int
    directions: list[Direction] = Field(default_factory=list)
    leverage: list[SampleScore] = Field(default_factory=list)
    repeated: list[Repeated] = Field(default_factory=list)
    repeats: int = 0
    left_out: int = 0
    definition: str = ""


class Histogram(Record):
    """Counts of values between `edges`, one fewer of them, equally wide; `total` values in all.

    `below` and `above` count what lies outside the edges, out to `least` and `most`.
    """

    edges: list[FiniteFloat]
    counts: list[int]
    below: int = 0
    above: int = 0
    total: int
    least: FiniteFloat
    most: FiniteFloat
    mean: FiniteFloat
    deviation: FiniteFloat
    definition: str = ""


class Distributions(Record):
    """How long the rows are, and the cosines of pairs of them.

    Beside them the standard deviation of the cosine of two random directions among d, and of two rows
    without a mean that have this spectrum.
    """

    lengths: Histogram | None = None
    cosines: Histogram | None = None
    isotropic_deviation: FiniteFloat
    spectrum_deviation: FiniteFloat | None = None


class ClassRank(Record):
    """The effective rank of the `n` rows of one class; None where they do not vary."""

    name: str
    n: int
    value: FiniteFloat | None
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    status: Status = Status.OK


class ClassRanks(Record):
    """Effective ranks by class, ascending: the lowest ones where there are more than fit, of `classes`."""

    ranks: list[ClassRank]
    classes: int
    confidence: Annotated[float, Field(gt=0, lt=1)] = 0.95
    unit: str = "dimensions"
    definition: str = ""


class Place(Record):
    """An address in a result."""

    checkpoint: str
    view: str
    layer: str

    @property
    def address(self) -> Address:
        return Address(self.checkpoint, self.view, self.layer)


class Representation(Place):
    """Every figure of one representation. `n` counts the rows used, `dropped` the non-finite ones.

    `rank_curve` is the effective rank of parts of the rows, n ascending, all rows last. `samples` is a
    fingerprint of the ids in order, and `group_sizes` counts the rows of each non-empty group: two
    representations that agree in both are of the same samples. `correlates` is about the leading direction,
    strongest first.
    """

    step: int | None = None
    n: int
    d: int
    estimates: dict[str, Estimate] = Field(default_factory=dict)
    spectrum: SpectrumRecord | None = None
    dropped: int = 0
    rogue_features: list[RogueFeature] = Field(default_factory=list)
    rank_curve: list[RankPoint] = Field(default_factory=list)
    pool: str | None = None
    preprocessing: dict[str, JsonValue] | None = None
    samples: str | None = None
    group_sizes: list[int] = Field(default_factory=list)
    correlates: list[Correlate] = Field(default_factory=list)
    shown_samples: ShownSamples | None = None
    distributions: Distributions | None = None
    class_ranks: ClassRanks | None = None
    notes: list[str] = Field(default_factory=list)


class Pair(Record):
    """Every figure of two representations of the same samples."""

    x: Place
    y: Place
    n: int
    estimates: dict[str, Estimate] = Field(default_factory=dict)


TYPICAL_ROWS = "{rows=typical}"
"""Ends the name of a figure of the rows that are not far from all others."""

RATIO = "ratio B/A"
DIFFERENCE = "difference B - A"
"""Units of an estimate that compares y with x, on a log and on a linear scale."""


def seen(estimate: Estimate) -> str:
    """What a comparison saw: `lower`, `higher`, `no difference seen`, or why it could see nothing."""
    if estimate.low is None or estimate.high is None:
        return str(Status.INSUFFICIENT.value if estimate.status is Status.OK else estimate.status.value)
    same = 1.0 if estimate.unit == RATIO else 0.0
    if estimate.low <= same <= estimate.high:
        return "no difference seen"
    return "higher" if estimate.low > same else "lower"


class TrajectoryPoint(Record):
    """One checkpoint on the information plane; both figures in nats."""

    checkpoint: str
    step: int | None = None
    ixt: Estimate
    ity: Estimate


class Trajectory(Record):
    """One path through the information plane; `runs` counts the runs (seeds) behind each point."""

    layer: str
    view: str
    split: str | None = None
    run: str | None = None
    runs: int = 1
    estimator: str
    points: list[TrajectoryPoint]


class Phase(Record):
    """A rise of I(T;Y) (fitting) or a later fall of I(X;T) (compression) along a path.

    It is measured from `start` to `end`; for a compression `start` is the turning point. `size` is the change
    in nats, not negative where the phase is there. `p_value` needs five runs. `agrees` says whether every
    other estimator of the layer sees the same, None where there is no other.
    """

    layer: str
    view: str
    split: str | None = None
    run: str | None = None
    runs: int = 1
    estimator: str
    kind: Literal["fitting", "compression"]
    start: str
    start_step: int | None = None
    end: str
    end_step: int | None = None
    size: Estimate
    p_value: Annotated[float, Field(ge=0, le=1)] | None = None
    agrees: bool | None = None
    message: str


class Finding(Record):
    """One sentence of the gate, with its evidence."""

    id: str
    kind: str
    severity: Literal["fail", "warn", "inconclusive", "info", "not_applicable"]
    rule: str
    place: Place | None = None
    measure: str | None = None
    value: FiniteFloat | None = None
    low: FiniteFloat | None = None
    high: FiniteFloat | None = None
    confidence: Annotated[float, Field(gt=0, lt=1)] | None = None
    threshold: FiniteFloat | None = None
    n: int | None = None
    definition: str | None = None
    message: str
    cause: str = ""
    next_step: str = ""


class Onset(Record):
    """When a kind of collapse began in a series of checkpoints of one view.

    It began after checkpoint `after` and at or before `before`; `checkpoint` is the likeliest first one.
    `layer` is the first to show it, in time and then in depth; `layers` are all that do. Steps are None where
    the checkpoints have none.
    """

    id: str
    kind: str
    view: str
    layer: str
    layers: list[str] = Field(default_factory=list)
    checkpoint: str
    step: int | None = None
    after: str | None = None
    after_step: int | None = None
    before: str
    before_step: int | None = None
    measure: str
    message: str


class Results(Record):
    """What a command found: the only thing that reports, checks and exports read."""

    schema_name: Literal["repdiag.results"] = Field(default="repdiag.results", alias="schema")
    schema_version: Literal[1] = 1
    repdiag: str
    command: str
    source: dict[str, JsonValue] = Field(default_factory=dict)
    representations: list[Representation] = Field(default_factory=list)
    pairs: list[Pair] = Field(default_factory=list)
    trajectories: list[Trajectory] = Field(default_factory=list)
    phases: list[Phase] = Field(default_factory=list)
    findings: list[Finding] = Field(default_factory=list)
    onsets: list[Onset] = Field(default_factory=list)
    verdict: Verdict | None = None

    def to_json(self) -> str:
        """The result as strict JSON: no NaN, no infinity."""
        content = self.model_dump(mode="json", by_alias=True)
        return json.dumps(content, allow_nan=False, ensure_ascii=False, indent=1) + "\n"


def schema_text() -> str:
    """The JSON Schema of a result, as kept in results.schema.json beside this file."""
    schema = Results.model_json_schema(by_alias=True, mode="serialization")
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


def read_results(path: Path) -> Results:
    """Results from a JSON file.

    Raises:
        InputError: missing, unreadable, too large, not JSON, or not a repdiag result.
    """
    shown = printable(path)
    try:
        if path.stat().st_size > MAX_RESULT_BYTES:
            raise InputError(f"{shown}: is over {MAX_RESULT_BYTES >> 20} MiB, too large for a result")
        return Results.model_validate_json(path.read_bytes())
    except OSError as error:
        raise InputError(f"{shown}: {(error.strerror or 'cannot be read').lower()}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the top level"
        raise InputError(
            f"{shown}: is not a repdiag result ({printable(where)}: {printable(first['msg'])}); "
            "write one with: repdiag spectrum STORE --json FILE"
        ) from error


def write_results(results: Results, path: Path) -> None:
    """Write `results` as JSON; `path` is the old file or the whole new one."""
    write_file(path, results.to_json())


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a result, generated from the records above."""
    return Results.model_json_schema(by_alias=True)
