"""The small HDF5 files of a run folder, made in memory."""

from __future__ import annotations

import h5py

from repdiag.store import schema
from repdiag.store.attributes import write_attributes
from repdiag.store.guarded import hdf5_image
from repdiag.store.writer import Content, fill, fill_header


def shard_image(content: Content, start: int, *, with_samples: bool) -> bytes:
    """A shard: laid out like a store, never `complete`; without ids where none were given."""

    def make(file: h5py.File) -> None:
        fill(file, content)
        write_attributes(file, {schema.ATTR_SHARD: True, schema.ATTR_COMPLETE: False, "start": start})
        if not with_samples:
            del file[schema.SAMPLES]

    return hdf5_image(make)


def header_image(content: Content) -> bytes:
    """What ends a kept run folder: all but the rows; an empty group holds the attributes of each address."""

    def make(file: h5py.File) -> None:
        fill_header(file, content)
        for address in sorted(content.rows):
            place = file.create_group(schema.embedding_path(address))
            write_attributes(place, content.representations.get(address, {}))
        write_attributes(file, {schema.ATTR_COMPLETE: True})

    return hdf5_image(make)
