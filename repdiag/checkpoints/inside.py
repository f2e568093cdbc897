"""Files that an index names: in its folder, or nowhere."""

from __future__ import annotations

from pathlib import Path

from repdiag.errors import InputError
from repdiag.text import printable


def inside(folder: Path, name: str, shown: str) -> Path:
    """`folder/name`, which must neither point nor link out of the folder.

    The cache of the Hugging Face hub keeps links from snapshots/<revision>/ to blobs/ beside it: allowed.

    Raises:
        InputError: it does, or is not there.
    """
    wanted = folder / name
    try:
        real, root = wanted.resolve(strict=True), folder.resolve()
    except (OSError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{shown}: names {printable(name, 60)}, which is not there; fetch all shards"
        ) from error
    roots = [root, *([root.parent.parent / "blobs"] if root.parent.name == "snapshots" else [])]
    plain = name == Path(name).name and name not in ("", ".", "..")
    if not plain or not any(real.is_relative_to(allowed) for allowed in roots):
        raise InputError(f"{shown}: names {printable(name, 60)}, which leads out of its folder; refused")
    return wanted
