"""Representations on disk: the only room that imports h5py."""

from __future__ import annotations

from repdiag.store.guarded import open_hdf5  # first, so that no other import starts HDF5 before it
from repdiag.store.inputs import InputsInfo
from repdiag.store.joined import joining
from repdiag.store.kept import keeping
from repdiag.store.memory import memory_store
from repdiag.store.opened import RepresentationInfo, Store
from repdiag.store.reader import open_store
from repdiag.store.shards import ShardWriter
from repdiag.store.writer import write_store

__all__ = [
    "InputsInfo",
    "RepresentationInfo",
    "ShardWriter",
    "Store",
    "joining",
    "keeping",
    "memory_store",
    "open_hdf5",
    "open_store",
    "write_store",
]
