"""Which samples two stores share, so that a difference is taken between the same ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from repdiag.analysis.source import block_rows
from repdiag.store import Store, keeping
from repdiag.store.rows import Array
from repdiag.types import Address

Index = NDArray[np.int64]

LEAST_COMMON = 0.5
"""Share of the smaller side below which the stores are of different samples."""

UNPAIRED = "unpaired"


@dataclass(frozen=True, slots=True)
class Pairing:
    """Two stores as they are compared; `shown` says how their samples belong together.

    Where they are paired, both hold the same samples, each in its own order, in the same groups.
    """

    a: Store
    b: Store
    shown: str
    notes: tuple[str, ...] = ()

    @property
    def paired(self) -> bool:
        """Whether both sides hold the same samples."""
        return self.shown != UNPAIRED

    def finite_in_both(self, a: Address, b: Address) -> Pairing:
        """The same without the samples that hold NaN or infinity on either side, as long as some are left."""
        good_a, good_b = finite_rows(self.a, a), finite_rows(self.b, b)
        if not self.paired or (good_a.all() and good_b.all()):
            return self
        kept_a, kept_b = common_rows(self.a, self.b, good_a, good_b)
        if not len(kept_a):
            return self
        lost = self.a.n - len(kept_a)
        note = f"{lost} of {self.a.n:,} samples were left out of both sides: on one they hold NaN or infinity"
        first, second = keeping(self.a, kept_a), keeping(self.b, kept_b)
        return replace(self, a=first, b=second, notes=(*self.notes, note))


def pair_samples(a: Store, b: Store) -> Pairing:
    """Paired where the ids say so, or where neither store has any and both are as long; else unpaired."""
    numbered = [_only_numbers(store) for store in (a, b)]
    if all(numbered):
        if a.n != b.n:
            return Pairing(a, b, UNPAIRED, (f"ids are only row numbers, and n differs: {a.n:,} and {b.n:,}",))
        same = "ids are only row numbers: the rows are taken to be the same samples in the same order"
        return _grouped_alike(Pairing(a, b, "paired", () if a is b else (same,)))
    if not (a.has_ids and b.has_ids):
        return Pairing(a, b, UNPAIRED, ("one side has no ids, so that its samples cannot be told",))
    kept_a, kept_b = common_rows(a, b)
    common = len(kept_a)
    if common == a.n == b.n:
        return _grouped_alike(Pairing(a, b, "paired"))
    if common < max(LEAST_COMMON * min(a.n, b.n), 1):
        note = f"only {common:,} of {a.n:,} and {b.n:,} samples are common to both sides"
        return Pairing(a, b, UNPAIRED, (note,))
    note = f"left out: {a.n - common:,} samples that only A has, and {b.n - common:,} that only B has"
    shown = f"paired on {common:,} common samples"
    return _grouped_alike(Pairing(keeping(a, kept_a), keeping(b, kept_b), shown, (note,)))


def common_rows(
    a: Store, b: Store, good_a: NDArray[np.bool_] | None = None, good_b: NDArray[np.bool_] | None = None
) -> tuple[Index, Index]:
    """Rows of each store whose samples both have, ascending; of those that are good, where that is given."""
    rows_b = {name: row for row, name in enumerate(b.ids) if good_b is None or good_b[row]}
    kept_a = [row for row, name in enumerate(a.ids) if (good_a is None or good_a[row]) and name in rows_b]
    ids = a.ids
    kept_b = sorted(rows_b[ids[row]] for row in kept_a)
    return np.array(kept_a, dtype=np.int64), np.array(kept_b, dtype=np.int64)


def finite_rows(store: Store, address: Address) -> NDArray[np.bool_]:
    """Which rows (n,) of a representation are finite."""
    blocks = store.blocks(address, block_rows(store.info(address).d))
    return np.concatenate([np.zeros(0, dtype=bool), *(np.isfinite(rows).all(axis=1) for _, rows in blocks)])


def _grouped_alike(pairing: Pairing) -> Pairing:
    """Leaving out a group must leave out the same samples on both sides: they share one `group` column."""
    a, b = pairing.a, pairing.b
    own = {side: store.column("group") for side, store in (("a", a), ("b", b))}
    if a is b or (own["a"] is None and own["b"] is None):
        return pairing
    if own["a"] is None:
        return replace(pairing, a=_with_groups(a, b, own["b"]))
    notes = pairing.notes
    if own["b"] is not None and list(_groups_in_order(b, a, own["a"])) != _texts(own["b"]):
        notes = (*notes, "the group columns differ; that of A is used for both sides")
    return replace(pairing, b=_with_groups(b, a, own["a"]), notes=notes)


def _with_groups(store: Store, other: Store, groups: Array | None) -> Store:
    column = np.array(list(_groups_in_order(store, other, groups)), dtype=object)
    return keeping(store, np.arange(store.n), {"group": column})


def _groups_in_order(store: Store, other: Store, groups: Array | None) -> Iterator[str]:
    """The other store's group of each sample, in this store's order."""
    assert groups is not None
    by_id = dict(zip(other.ids, _texts(groups), strict=True))
    return (by_id[name] for name in store.ids)


def _texts(column: Array) -> list[str]:
    return [str(value) for value in column.tolist()]


def _only_numbers(store: Store) -> bool:
    return not store.has_ids or all(name == str(row) for row, name in enumerate(store.ids))
