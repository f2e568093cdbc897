"""What a run has measured so far, in a folder of small files: a run that was cut off goes on from there."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from repdiag.analysis.plane_points import Figure, Measured
from repdiag.errors import OutputError
from repdiag.files import write_file
from repdiag.results import Estimate
from repdiag.store import Store
from repdiag.text import printable

HEADER = "plane.json"
FORMAT = "repdiag.plane-journal"
_SUFFIX = ".point.json"


@dataclass
class PlaneJournal:
    """The journal in a folder, which is made when the first point is kept and gone after `remove`.

    `tell` hears that points were taken over, that those of another run were not, or that none can be kept.
    """

    folder: Path
    tell: Callable[[str], None]
    _fingerprint: str = ""
    _off: bool = False

    def open(self, fingerprint: str) -> None:
        """Take over what a run with this fingerprint has left; what another one left is removed.

        Raises:
            OutputError: the folder holds something else.
        """
        self._fingerprint = fingerprint
        if not self.folder.exists():
            return
        if not self._is_ours():
            raise OutputError(
                f"{printable(self.folder)}: is for unfinished points, but holds something else; move it away"
            )
        if self._header() == fingerprint:
            count = len(list(self.folder.glob(f"*{_SUFFIX}")))
            self.tell(f"going on from {count:,} points in {printable(self.folder)}")
        else:
            self.remove()
            self.tell(f"{printable(self.folder)} was of other stores or options: it is replaced")

    def find(self, key: Sequence[Any]) -> Measured | None:
        """The point with this key, where it was kept whole."""
        path = self._path(key)
        try:
            held = json.loads(path.read_bytes())
            return from_json(held["point"]) if held["key"] == self._text(key) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, key: Sequence[Any], point: Measured) -> None:
        """Write a point; afterwards a kill does not cost it. A folder that cannot be made keeps nothing.

        Raises:
            OutputError: the disk is full.
        """
        content = json.dumps({"key": self._text(key), "point": as_json(point)}, allow_nan=False)
        if self._started():
            write_file(self._path(key), content)

    def remove(self) -> None:
        """Remove the folder and what we wrote there; nothing else."""
        for path in [*self.folder.glob(f"*{_SUFFIX}"), *self.folder.glob(".*.tmp"), self.folder / HEADER]:
            path.unlink(missing_ok=True)
        if self.folder.is_dir() and not any(self.folder.iterdir()):
            self.folder.rmdir()

    def _started(self) -> bool:
        """Whether points can be kept; the folder is made where it is not there, or was taken away."""
        if self._off or (self.folder / HEADER).exists():
            return not self._off
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            self._off = True
            reason = (error.strerror or "it cannot be made").lower()
            self.tell(f"{printable(self.folder)}: {reason}; a run that is cut off will start again")
            return False
        write_file(self.folder / HEADER, json.dumps({"format": FORMAT, "fingerprint": self._fingerprint}))
        return True

    def _is_ours(self) -> bool:
        return self.folder.is_dir() and (self._header() is not None or not any(self.folder.iterdir()))

    def _header(self) -> str | None:
        try:
            held = json.loads((self.folder / HEADER).read_bytes())
            return str(held["fingerprint"]) if held["format"] == FORMAT else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _path(self, key: Sequence[Any]) -> Path:
        name = hashlib.blake2b(self._text(key).encode(), digest_size=16).hexdigest()
        return self.folder / f"{name}{_SUFFIX}"

    def _text(self, key: Sequence[Any]) -> str:
        # With the fingerprint, so that two runs at once in one folder do not take each other's points.
        return json.dumps([self._fingerprint, *key])


def fingerprint(stores: Sequence[Store], options: Any) -> str:
    """What stores and options a journal is of: names, sizes and times of files, and stored checksums."""
    held = [[_file(store.path), store.n, list(map(_row, store.representations))] for store in stores]
    return hashlib.sha256(json.dumps([held, repr(options)], default=str).encode()).hexdigest()


def _row(info: Any) -> list[Any]:
    return [str(info.address), info.d, info.dtype, info.step, info.attrs.get("sha256")]


def as_json(point: Measured) -> dict[str, Any]:
    """A point as strict JSON."""
    return {
        "ixt": {"estimate": point.ixt.estimate.model_dump(mode="json"), "parts": point.ixt.parts.tolist()},
        "ity": {"estimate": point.ity.estimate.model_dump(mode="json"), "parts": point.ity.parts.tolist()},
        "shares": point.shares.tolist(),
    }


def from_json(held: Mapping[str, Any]) -> Measured:
    """A point that `as_json` gave; ValueError, KeyError or TypeError where it is none."""
    shares = np.array(held["shares"], dtype=np.float64)
    point = Measured(_figure(held["ixt"]), _figure(held["ity"]), shares)
    if not len(shares) == len(point.ixt.parts) == len(point.ity.parts):
        raise ValueError("blocks that do not fit")
    return point


def _figure(held: Mapping[str, Any]) -> Figure:
    return Figure(Estimate.model_validate(held["estimate"]), np.array(held["parts"], dtype=np.float64))


def _file(path: Path) -> list[Any]:
    try:
        stat = path.stat()
    except OSError:
        return [path.name]
    return [path.name, stat.st_size, stat.st_mtime_ns]
