"""Opening whatever a STORE argument names."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from repdiag.store import native
from repdiag.store.complaints import bad_usage
from repdiag.store.folder import open_folder
from repdiag.store.foreign import array_contents
from repdiag.store.foreign_hdf5 import foreign_hdf5_contents
from repdiag.store.guarded import open_hdf5
from repdiag.store.opened import Store
from repdiag.store.sniff import Kind, sniff


def open_store(path: Path, *, dataset: str | None = None, allow_partial: bool = False) -> Store:
    """Open a store, a run folder of shards, or a foreign file with vectors.

    Args:
        path: a store; a run folder; HDF5 with one 2-D float dataset; .npy, .npz, .safetensors,
            a .pt tensor or dict of tensors; .parquet with a vector column.
        dataset: which array of a foreign file to read.
        allow_partial: read the finished part of an unfinished store.

    Raises:
        InputError: missing, unfinished, damaged, hostile, or not of a kind that we read.
        UsageError: ambiguous, or `dataset` names nothing in it; the candidates are listed.
        MissingExtraError: Parquet without pyarrow.
    """
    path = Path(path)
    kind = sniff(path)
    if kind is Kind.FOLDER:
        _refuse_dataset(path, dataset)
        return open_folder(path, allow_partial=allow_partial)
    if kind is not Kind.HDF5:
        return _with_checked_ids(Store(path, array_contents(path, kind, dataset)))
    with ExitStack() as resources:
        file = resources.enter_context(open_hdf5(path))
        if native.is_native(file, path):
            _refuse_dataset(path, dataset)
            contents = native.native_contents(file, path, allow_partial=allow_partial)
        else:
            contents = foreign_hdf5_contents(file, path, dataset)
        store = Store(path, contents, resources.pop_all())
    return _with_checked_ids(store)


def _refuse_dataset(path: Path, dataset: str | None) -> None:
    if dataset is not None:
        raise bad_usage(
            path, "is a repdiag store, where --layer, --view and --checkpoint choose, not --dataset"
        )


def _with_checked_ids(store: Store) -> Store:
    """Duplicate ids are refused when a store is opened, not in the middle of an analysis."""
    try:
        if store.has_ids:
            _ = store.ids
    except BaseException:
        store.close()
        raise
    return store
