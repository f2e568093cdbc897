"""The configuration: `repdiag.toml` or `[tool.repdiag]` in `pyproject.toml`, here or above."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from repdiag.check.known import RULE_NAMES, bound_names
from repdiag.check.schema import BaselineConfig, CheckConfig, require_known_rules
from repdiag.errors import ConfigError
from repdiag.text import nearest, printable

FILE_NAME = "repdiag.toml"
PYPROJECT = "pyproject.toml"
MAX_CONFIG_BYTES = 4 * 1024 * 1024

Count = Annotated[int, Field(ge=1)]


class ExtractOptions(BaseModel):
    """The `[extract]` table: the options of `repdiag extract`, none of them required."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    model: str = ""
    model_args: dict[str, str | int | float | bool] = Field(default_factory=dict)
    data: str = ""
    limit: Count = 1
    layers: list[str] = Field(default_factory=list)
    views: list[str] = Field(default_factory=list)
    pool: Literal["auto", "mean", "cls", "last", "max", "flatten", "none"] = "auto"
    keep_special: bool = False
    keep_inputs: bool = False
    columns: list[str] = Field(default_factory=list)
    on_error: Literal["fail", "skip"] = "fail"
    twin: bool = False
    weights: str = "auto"
    allow_partial: bool = False
    trust: bool = False
    batch_size: Count = 1
    workers: Annotated[int, Field(ge=0)] = 0
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    dtype: Literal["float32", "float16"] = "float32"
    device: str = "auto"
    threads: Count = 1
    seed: int = 0
    output: str = ""
    overwrite: bool = False


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    extract: ExtractOptions = Field(default_factory=ExtractOptions)
    check: CheckConfig = Field(default_factory=CheckConfig)


@dataclass(frozen=True, slots=True)
class Config:
    """What a configuration says; `extract` holds only the options that were written.

    Paths in it are relative to `folder`.
    """

    extract: Mapping[str, object] = field(default_factory=dict)
    check: CheckConfig = field(default_factory=CheckConfig)
    path: Path | None = None

    @property
    def folder(self) -> Path:
        return Path() if self.path is None else self.path.parent


def load_config(start: Path, explicit: Path | None = None) -> Config:
    """The configuration at `explicit`, else the nearest at or above `start`, else the defaults.

    Raises:
        ConfigError: missing (when explicit), unreadable, not TOML, an unknown key, a wrong type, or a
            rule that does not exist.
    """
    found = _read_explicit(explicit) if explicit is not None else _search(start)
    if found is None:
        return Config()
    path, table = found
    try:
        parsed = _File.model_validate(table)
    except ValidationError as error:
        raise ConfigError(f"{printable(path)}: {_first_error(error)}") from error
    try:
        require_known_rules(parsed.check)
    except ConfigError as error:
        raise ConfigError(f"{printable(path)}: {error}") from error
    return Config(parsed.extract.model_dump(exclude_unset=True), parsed.check, path)


def _read_explicit(path: Path) -> tuple[Path, dict[str, Any]]:
    table = _tool_table(path) if path.name == PYPROJECT else _read_toml(path)
    if table is None:
        raise ConfigError(f"{printable(path)}: has no [tool.repdiag] table; add one or name another file")
    return path, table


def _search(start: Path) -> tuple[Path, dict[str, Any]] | None:
    absolute = start.absolute()
    for folder in (absolute, *absolute.parents):
        if _is_there(folder / FILE_NAME):
            return folder / FILE_NAME, _read_toml(folder / FILE_NAME)
        if _is_there(folder / PYPROJECT):
            table = _tool_table(folder / PYPROJECT)
            if table is not None:
                return folder / PYPROJECT, table
    return None


def _is_there(path: Path) -> bool:
    """A link that leads nowhere counts: rules that were meant must not be skipped in silence."""
    try:
        return path.is_file() or (path.is_symlink() and not path.exists())
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ConfigError(f"{printable(path)}: {reason}; name the configuration with --config") from error


def _tool_table(path: Path) -> dict[str, Any] | None:
    tool = _read_toml(path).get("tool", {})
    table = tool.get("repdiag") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        raise ConfigError(f"{printable(path)}: tool.repdiag: must be a table")
    return table


def _read_toml(path: Path) -> dict[str, Any]:
    shown = printable(path)
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_CONFIG_BYTES + 1)
        if len(content) > MAX_CONFIG_BYTES:
            raise ConfigError(f"{shown}: is over {MAX_CONFIG_BYTES >> 20} MiB, too large for a configuration")
        return tomllib.loads(content.decode("utf-8"))
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ConfigError(f"{shown}: {reason}; give a configuration that can be read") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{shown}: is not TOML ({printable(error)}); correct it there") from error


def _first_error(error: ValidationError) -> str:
    # A misspelt key also leaves its own one missing: say the misspelling.
    first = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    keys = tuple(str(part) for part in first["loc"])
    where = printable(".".join(keys)) or "the top level"
    if first["type"] == "extra_forbidden":
        return f"{where}: is not a known key.{nearest(keys[-1], _known_keys(keys[:-1]))}"
    message = str(first["msg"]).removeprefix("Value error, ")
    return f"{where}: {printable(message[:1].lower() + message[1:], 200)}"


def _known_keys(parent: tuple[str, ...]) -> Iterable[str]:
    tables: dict[tuple[str, ...], Iterable[str]] = {
        (): _File.model_fields,
        ("extract",): ExtractOptions.model_fields,
        ("check",): CheckConfig.model_fields,
        ("check", "baseline"): BaselineConfig.model_fields,
    }
    if parent[:2] == ("check", "rules") and len(parent) > 2:
        return bound_names(parent[2]) if parent[2] in RULE_NAMES else ()
    return tables.get(parent, ())
