"""The manifest of a run folder: which shards are finished, and what they hold."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError

from repdiag.errors import InputError
from repdiag.files import write_file
from repdiag.store import schema
from repdiag.store.complaints import bad_input, unreadable
from repdiag.text import listing, printable

MAX_MANIFEST_BYTES = 256 << 20
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class LayerEntry(_Record):
    """One layer of a shard; `finite_rows` counts rows without NaN or infinity."""

    d: Annotated[int, Field(ge=1)]
    dtype: Literal["float32", "float16"]
    finite_rows: Count


class ShardEntry(_Record):
    """One finished shard: the rows of one checkpoint and view from `start` on, all layers together.

    It says enough to open a folder of a thousand shards without opening one of them. The shards of one
    checkpoint hold the inputs of their view too, where they are kept.
    """

    file: Annotated[str, Field(pattern=r"^[0-9]{5,9}\.h5$")]
    sha256: Sha256
    bytes: Count
    checkpoint: str
    view: str
    start: Count
    rows: Annotated[int, Field(ge=1)]
    layers: Annotated[dict[str, LayerEntry], Field(min_length=1)]
    columns: list[str] = Field(default_factory=list)
    ids_sha256: Sha256 | None = None
    inputs: LayerEntry | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        return self.checkpoint, self.view, self.start


class HeaderEntry(_Record):
    """The file with sample columns and provenance that a kept run folder ends with."""

    sha256: Sha256
    bytes: Count


class Manifest(_Record):
    """`complete` is set last: a folder without it is unfinished, whatever else it holds.

    `overwrite` tells a run that was begun with --overwrite, which the same command then resumes.
    """

    format: Literal["repdiag.shards"] = "repdiag.shards"
    format_version: Annotated[int, Field(ge=1)] = schema.FORMAT_VERSION
    complete: bool = False
    overwrite: bool = False
    config: dict[str, JsonValue] = Field(default_factory=dict)
    shards: list[ShardEntry] = Field(default_factory=list)
    header: HeaderEntry | None = None


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a run folder.

    Raises:
        InputError: missing, damaged (its checksum is its own), or of a newer format.
    """
    path = folder / schema.MANIFEST
    try:
        if path.stat().st_size > MAX_MANIFEST_BYTES:
            raise bad_input(path, f"is over {MAX_MANIFEST_BYTES >> 20} MiB, too large for a manifest")
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise bad_input(path, "is damaged (not JSON); run extract again with --overwrite") from error
    return _checked(content, path)


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest with its checksum, by rename."""
    content = manifest.model_dump(mode="json")
    text = json.dumps({**content, "checksum": _checksum(content)}, indent=1, sort_keys=True)
    write_file(folder / schema.MANIFEST, text + "\n")


def canonical(config: Any) -> str:
    """JSON with sorted keys: equal text for equal values."""
    return json.dumps(config, sort_keys=True, ensure_ascii=True, default=str)


def config_sha256(config: Any) -> str:
    """Fingerprint of a configuration."""
    return hashlib.sha256(canonical(config).encode("ascii")).hexdigest()


def first_difference(old: Any, new: Any, name: str = "") -> str | None:
    """Where two JSON values first differ, as `another field (old there, new now)`, or None."""
    if isinstance(old, dict) and isinstance(new, dict):
        if name and old.keys() != new.keys():
            there, now = (listing(sorted(names)) or "none" for names in (old, new))
            return f"other {printable(name, 60)} ({there} there, {now} now)"
        for key in [*new, *(key for key in old if key not in new)]:
            where = f"{name}.{key}" if name else str(key)
            found = first_difference(old.get(key), new.get(key), where)
            if found:
                return found
        return None
    if canonical(old) == canonical(new):
        return None
    there, now = (printable(canonical(value), 60) for value in (old, new))
    # Two digests tell a reader nothing but that they differ.
    how = "it changed" if _holds_digest(old) and _holds_digest(new) else f"{there} there, {now} now"
    return f"another {printable(name, 60)} ({how})"


def _holds_digest(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return any(isinstance(one, str) and re.fullmatch("[0-9a-f]{64}", one) for one in values)


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(content).encode("ascii")).hexdigest()


def _checked(content: Any, path: Path) -> Manifest:
    shown = printable(path)
    if not isinstance(content, dict) or content.get("format") != schema.MANIFEST_FORMAT:
        raise InputError(f"{shown}: is not the manifest of a run folder; name a store file")
    version = content.get("format_version")
    if isinstance(version, int) and version > schema.FORMAT_VERSION:
        raise InputError(
            f"{shown}: has format version {version}, newer than {schema.FORMAT_VERSION}, which this repdiag "
            "reads; upgrade with: pip install -U repdiag"
        )
    checksum = content.pop("checksum", None)
    if checksum != _checksum(content):
        raise InputError(f"{shown}: does not match its checksum; run extract again with --overwrite")
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InputError(
            f"{shown}: {printable(where)}: {printable(first['msg'])}; run extract again"
        ) from error
