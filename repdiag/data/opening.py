"""One door to all kinds of data: the spec decides."""

from __future__ import annotations

from pathlib import Path

from repdiag.data.columns import Wanted, refuse_columns
from repdiag.data.source import Broken, SampleSource, checked, limited
from repdiag.errors import InputError
from repdiag.text import nearest, printable


def open_data(
    spec: str,
    *,
    limit: int | None = None,
    seed: int = 0,
    columns: Wanted | None = None,
    broken: Broken | None = None,
) -> SampleSource:
    """Samples behind `spec`: a folder of images, an array, text or table file, `digits`, or a callable.

    Args:
        spec: path, `digits`, `package.module:callable` or `path/file.py:callable`.
        limit: how many samples to draw at random; None takes all.
        seed: of that draw.
        columns: what else to keep of each sample, see `parse_columns`.
        broken: what to do with rows and items that cannot be read while opening; None fails.

    Raises:
        InputError: nothing there, unreadable, ambiguous, without samples, or with an id twice.
        UsageError: a limit below 1, a callable that fails, or columns of data that has none.
        MissingExtraError: an optional package is needed.
    """
    return limited(checked(_source(spec, columns or {}, broken or Broken())), limit, seed)


def _source(spec: str, columns: Wanted, broken: Broken) -> SampleSource:
    if spec == "digits":
        refuse_columns(columns, spec, "this set of digits")
        from repdiag.data.digits import digits

        return digits(spec)
    path = Path(spec).expanduser()
    if path.is_dir():
        refuse_columns(columns, spec, "a folder of images")
        from repdiag.data.images import image_folder

        return image_folder(path, spec)
    if path.is_file():
        return _file(path, spec, columns, broken)
    if ":" in spec:
        from repdiag.data.user import user_data

        return user_data(spec, columns, broken)
    near = nearest(path.name, (other.name for other in path.parent.glob("*"))) or nearest(spec, ["digits"])
    advice = f".{near}" if near else "; name one, or give a callable"
    raise InputError(f"{printable(spec)}: no such file or folder for --data{advice}")


def _file(path: Path, spec: str, columns: Wanted, broken: Broken) -> SampleSource:
    from repdiag.data import arrays, images, tables

    suffix = path.suffix.lower()
    if suffix == ".txt":
        refuse_columns(columns, spec, "a list of texts")
        return tables.text_lines(path, spec)
    if suffix in tables.SUFFIXES:
        return tables.table_file(path, spec, columns, broken)
    if suffix in arrays.SUFFIXES:
        return arrays.array_file(path, spec, columns)
    if suffix in images.SUFFIXES:
        raise InputError(f"{printable(path)}: is one image; give the folder that holds the images")
    if suffix == ".py":
        raise InputError(f"{printable(path)}: name the callable too, as in {printable(path.name)}:my_data")
    known = ", ".join((*arrays.SUFFIXES, *tables.SUFFIXES))
    raise InputError(
        f"{printable(path)}: is not a kind of data we read; give a folder of images or one of {known}"
    )
