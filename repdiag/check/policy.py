"""Rules as frozen records, and the profiles that name sets of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import ValidationError

from repdiag.check.known import CONSTANT, NONFINITE_ROWS, base_name, facts
from repdiag.check.profiles import DEFAULT_RULES, PROFILES, Limits
from repdiag.check.schema import CheckConfig, FailOn, OnInconclusive, Profile, require_known_rules
from repdiag.errors import ConfigError, UsageError
from repdiag.text import printable


class Bound(StrEnum):
    """How a limit is meant; FLAG is the constant rule, which has none."""

    FLAG = "flag"
    MAX = "max"
    MIN = "min"
    MIN_RATIO = "min_ratio"
    MAX_DROP = "max_drop"
    MIN_OF_MEDIAN = "min_of_median"

    @property
    def is_upper(self) -> bool:
        return self in (Bound.MAX, Bound.MAX_DROP)


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit on one figure. `written` rules come from a configuration and must be evaluable."""

    measure: str
    bound: Bound
    threshold: float | None = None
    warn: float | None = None
    written: bool = False

    @property
    def name(self) -> str:
        return self.measure if self.bound is Bound.FLAG else f"{self.measure}.{self.bound.value}"


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything a verdict depends on besides the results.

    `rogue`: `aside` lets a rule fail only if it also fails without the rogue coordinates;
    `expected` judges by the figures without them alone.
    """

    rules: tuple[Rule, ...]
    profile: Profile = "ssl"
    confidence: float = 0.95
    on_inconclusive: OnInconclusive = "fail"
    fail_on: FailOn = "fail"
    rogue: Literal["aside", "expected"] = "aside"
    layers: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = ()
    baseline: Path | None = None


@dataclass(frozen=True, slots=True)
class CheckFlags:
    """What the command line says; None or empty leaves the configuration's word."""

    profile: str | None = None
    on_inconclusive: str | None = None
    fail_on: str | None = None
    confidence: float | None = None
    layers: tuple[str, ...] = ()
    views: tuple[str, ...] = ()
    checkpoints: tuple[str, ...] = field(default=())
    baseline: Path | None = None

    def given(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in self.__slots__ if name != "baseline"}
        return {
            name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v not in (None, ())
        }


def build_policy(
    config: CheckConfig | None = None,
    flags: CheckFlags | None = None,
    folder: Path | None = None,
    *,
    without_baseline: bool = False,
) -> Policy:
    """The policy of flags over configuration over defaults.

    A baseline's file in the configuration is relative to `folder`, where that lies; `without_baseline` is
    for whoever writes one, and leaves out the rules about drops.

    Raises:
        UsageError: a flag has a value that does not exist.
        ConfigError: an unknown rule, a limit that does not fit it, or no rule left.
    """
    flags = flags or CheckFlags()
    merged = _with_flags(config or CheckConfig(), flags)
    require_known_rules(merged)
    rules = tuple(rule for rule in _rules(merged) if not (without_baseline and rule.bound is Bound.MAX_DROP))
    if not rules:
        raise ConfigError(
            "check.rules: every rule is switched off, so nothing can pass; leave at least one on"
        )
    return Policy(
        rules=rules,
        profile=merged.profile,
        confidence=merged.confidence,
        on_inconclusive=merged.on_inconclusive,
        fail_on=merged.fail_on,
        rogue="expected" if merged.profile == "llm" else "aside",
        layers=tuple(merged.layers),
        views=tuple(merged.views),
        checkpoints=tuple(merged.checkpoints),
        baseline=None if without_baseline else _baseline(merged, flags, folder),
    )


def _baseline(config: CheckConfig, flags: CheckFlags, folder: Path | None) -> Path | None:
    if flags.baseline is not None:
        return flags.baseline
    return (folder or Path()) / config.baseline.file if config.baseline else None


def required_measures(policy: Policy) -> tuple[str, ...]:
    """Names of the measures that the policy judges, for whoever computes them (options aside)."""
    judged = [
        base_name(rule.measure) for rule in policy.rules if rule.measure not in (CONSTANT, NONFINITE_ROWS)
    ]
    # Only classes that lie apart can explain a cliff.
    beside = ["neural_collapse_nc1"] if "spectral_cliff" in judged else []
    return tuple(dict.fromkeys(["trace", "mean_share", *judged, *beside]))


def _with_flags(config: CheckConfig, flags: CheckFlags) -> CheckConfig:
    try:
        return CheckConfig.model_validate(config.model_dump(exclude_unset=True) | flags.given())
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0]).replace("_", "-")
        raise UsageError(
            f"--{printable(name)} {printable(first['input'])}: {printable(first['msg'])}"
        ) from error


def _rules(config: CheckConfig) -> tuple[Rule, ...]:
    profile = PROFILES[config.profile]
    found: list[Rule] = []
    for name in dict.fromkeys([*DEFAULT_RULES, *config.rules]):
        table = config.rules.get(name)
        if table is not None and not table.on:
            continue
        defaults = {**DEFAULT_RULES.get(name, {}), **profile.get(name, {})}
        written = table.limits() if table is not None else {}
        found += _rules_of(name, defaults, written, table is not None and not written)
    return tuple(found)


def _rules_of(name: str, defaults: Limits, written: Limits, wholly_written: bool) -> list[Rule]:
    if name == CONSTANT:
        return [Rule(CONSTANT, Bound.FLAG, written=wholly_written)]
    limits = {key: float(value) for key, value in {**defaults, **written}.items() if value is not False}
    if not limits and not written:
        raise ConfigError(
            f"check.rules.{printable(name)}: has no default limit; write a table such as {{ min = 1.0 }}"
        )
    side = _warn_side(name)
    warn = limits.pop("warn", None)
    bounds = [Bound(key) for key in Bound if key in limits or (key == side and warn is not None)]
    return [
        Rule(
            name,
            bound,
            limits.get(bound),
            warn if bound == side else None,
            bound in written
            or (bound == side and "warn" in written)
            or (wholly_written and bound is not Bound.MAX_DROP),
        )
        for bound in bounds
    ]


def _warn_side(name: str) -> Bound:
    return Bound.MIN_OF_MEDIAN if base_name(name) == "per_class_rank" else Bound(facts(name).side)
