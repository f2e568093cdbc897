"""The `[check]` table of a configuration, typed."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, model_validator

from repdiag.check.known import RULE_NAMES, base_name, bound_names
from repdiag.errors import ConfigError
from repdiag.text import nearest, printable

Profile = Literal["ssl", "supervised", "sentence", "llm", "relu-cnn"]
OnInconclusive = Literal["fail", "warn", "pass"]
FailOn = Literal["fail", "warn"]

_PERCENT = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*%\s*")
_NOT_A_LIMIT = 'must be a finite number, a percentage such as "10%", or false to switch it off'


def parse_limit(raw: object) -> float | bool:
    """A threshold from a number or "10%"; False switches it off.

    Raises:
        ValueError: for anything else, NaN and infinity included.
    """
    if raw is False:
        return False
    if isinstance(raw, str) and (match := _PERCENT.fullmatch(raw)):
        return float(match[1]) / 100
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not math.isfinite(raw):
        raise ValueError(_NOT_A_LIMIT)
    return float(raw)


Limit = Annotated[float | bool | None, PlainValidator(parse_limit)]


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class RuleTable(_Table):
    """One rule: `true`, `false`, or a table of limits. A limit of None was not written."""

    on: bool = True
    max: Limit = None
    min: Limit = None
    warn: Limit = None
    min_ratio: Limit = None
    max_drop: Limit = None
    min_of_median: Limit = None

    @model_validator(mode="before")
    @classmethod
    def _from_bool(cls, raw: Any) -> Any:
        if isinstance(raw, bool):
            return {"on": raw}
        if not isinstance(raw, dict | RuleTable):
            raise ValueError("must be true, false or a table such as { max = 5.0, warn = 3.0 }")
        return raw

    def limits(self) -> dict[str, float | bool]:
        """The limits that were written."""
        written = self.model_dump(exclude={"on"})
        return {name: value for name, value in written.items() if value is not None}


class BaselineConfig(_Table):
    """Where the fingerprint of a good store is."""

    file: Annotated[str, Field(min_length=1)]


class CheckConfig(_Table):
    """The `[check]` table; every key has a default."""

    layers: list[str] = Field(default_factory=list)
    views: list[str] = Field(default_factory=list)
    checkpoints: list[str] = Field(default_factory=list)
    profile: Profile = "ssl"
    on_inconclusive: OnInconclusive = "fail"
    fail_on: FailOn = "fail"
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    rules: dict[str, RuleTable] = Field(default_factory=dict)
    baseline: BaselineConfig | None = None


def require_known_rules(config: CheckConfig) -> None:
    """Every rule is one we know and holds only limits that fit it.

    Raises:
        ConfigError: naming the key and the nearest known one.
    """
    for name, table in config.rules.items():
        if name not in RULE_NAMES and (base_name(name) not in RULE_NAMES[2:] or not name.endswith("}")):
            raise ConfigError(f"check.rules.{printable(name)}: is not a rule.{nearest(name, RULE_NAMES)}")
        for key in table.limits():
            _require_bound(name, key)
        _require_order(name, table)


def _require_bound(rule: str, key: str) -> None:
    allowed = bound_names(rule)
    if key not in allowed:
        takes = f"it takes {', '.join(allowed)}" if allowed else "it takes only true or false"
        raise ConfigError(f"check.rules.{printable(rule)}.{key}: does not fit this rule; {takes}")


def _require_order(rule: str, table: RuleTable) -> None:
    low, warn, high = (None if limit is False else limit for limit in (table.min, table.warn, table.max))
    if warn is None or (low is None) == (high is None):
        return
    if (high is not None and warn > high) or (low is not None and warn < low):
        raise ConfigError(
            f"check.rules.{printable(rule)}.warn: {warn:g} lies beyond the limit that fails, "
            "so it can never warn; swap the two"
        )
