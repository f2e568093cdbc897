"""One shard on the disk, whoever writes it: a file of its own, and the entry that a manifest needs of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from repdiag.files import write_file
from repdiag.store import schema
from repdiag.store.columns import clean_text, column_sha256
from repdiag.store.complaints import bad_usage
from repdiag.store.images import shard_image
from repdiag.store.manifest import LayerEntry, ShardEntry
from repdiag.store.rows import Array, LazyRows, Rows
from repdiag.store.writer import Content, as_columns, checked_rows, clean_address, finite_rows
from repdiag.types import Address


@dataclass(frozen=True, slots=True)
class ShardRows:
    """What a shard holds: all layers of some rows of one checkpoint and view, from `start` on.

    Attributes:
        layers: (rows, d) float32 or float16 for each layer.
        samples: columns of these rows (`id`, `label` ...), so that an unfinished run has them too.
        inputs: (rows, p) float32 or float16, the features of these samples under this view; kept once, so
            with all shards of one checkpoint.
    """

    checkpoint: str
    view: str
    start: int
    layers: Mapping[str, Array]
    samples: Mapping[str, Sequence[Any]] | None = None
    inputs: Array | None = None

    @property
    def key(self) -> tuple[str, str, int]:
        return clean_text(self.checkpoint), clean_text(self.view), self.start


@dataclass(frozen=True, slots=True)
class ShardFolder:
    """Where shards lie: the run folder, the file it is for, and the checksum of the configuration."""

    run: Path
    out: Path
    config_sha256: str

    def add(self, shard: ShardRows, name: str) -> ShardEntry:
        """Write one shard; it counts when its entry is in the manifest.

        Raises:
            UsageError: arrays that do not fit.
            OutputError: the disk is full.
        """
        content = self._content(shard)
        image = shard_image(content, shard.start, with_samples=shard.samples is not None)
        write_file(self.run / schema.SHARDS / name, image)
        with_ids = shard.samples is not None
        checkpoint, view, start = shard.key
        return ShardEntry(
            file=name,
            sha256=hashlib.sha256(image).hexdigest(),
            bytes=len(image),
            checkpoint=checkpoint,
            view=view,
            start=start,
            rows=next(iter(content.rows.values())).shape[0],
            layers={address.layer: _layer_entry(rows) for address, rows in content.rows.items()},
            columns=sorted(content.samples) if with_ids else [],
            ids_sha256=column_sha256(content.samples[schema.ID]) if with_ids else None,
            inputs=next(map(_layer_entry, content.inputs.values()), None),
        )

    def _content(self, shard: ShardRows) -> Content:
        rows = {
            clean_address(Address(shard.checkpoint, shard.view, layer)): LazyRows.of(checked_rows(array))
            for layer, array in shard.layers.items()
        }
        given: dict[str, Rows] = {}
        if shard.inputs is not None:
            given[clean_text(shard.view)] = LazyRows.of(checked_rows(shard.inputs))
        lengths = {source.shape[0] for source in (*rows.values(), *given.values())}
        if not rows or len(lengths) != 1 or len(rows) < len(shard.layers):
            raise bad_usage(self.out, "the layers of a shard need different names and equal rows")
        columns = as_columns(shard.samples or {}, lengths.pop(), self.out)
        attrs = {schema.ATTR_CONFIG_SHA256: self.config_sha256}
        return Content(rows, columns, attrs=attrs, inputs=given)


def shard_name(number: int) -> str:
    """The file of the shard with this number in the plan of a run."""
    return f"{number:05d}.h5"


def _layer_entry(rows: Rows) -> LayerEntry:
    n, d = rows.shape
    dtype: Literal["float16", "float32"] = "float16" if rows.dtype.itemsize == 2 else "float32"
    return LayerEntry(d=d, dtype=dtype, finite_rows=finite_rows(rows.read(0, n)))
