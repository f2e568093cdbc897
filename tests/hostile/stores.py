"""HDF5 files that nobody should have to open: crafted ones, then damaged ones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from tests.hostile.mutants import mutant
from tests.store.helpers import D, N, edited, foreign_file, matrix, small_store
from tests.store.test_guarded import HOSTILE

Maker = Callable[[Path], Path]
Craft = Callable[[h5py.File, str], None]
MUTANTS = 200
SECRET = 31337.0


def outside(folder: Path) -> Path:
    """What no hostile file may lead to: HDF5, and rows of a number that is nowhere else."""
    path = folder / "outside.h5"
    return path if path.exists() else foreign_file(path, {"x": np.full((N, D), SECRET, "f4")})


def native(name: str, folder: Path) -> Path:
    change, _ = HOSTILE[name]
    secret = outside(folder)
    path = small_store(folder / "store.h5")
    with edited(path) as file:
        change(file, secret)
    return path


def foreign(name: str, folder: Path) -> Path:
    secret = outside(folder)
    path = folder / "foreign.h5"
    with h5py.File(path, "w") as file:
        FOREIGN[name](file, str(secret))
    return path


def _external(file: h5py.File, secret: str) -> None:
    file.create_dataset("x", (N, D), "f4", external=[(secret, 2048, N * D * 4)])


def _external_relative(file: h5py.File, secret: str) -> None:
    file.create_dataset("x", (N, D), "f4", external=[("outside.h5", 0, h5py.h5f.UNLIMITED)])


def _external_in_parts(file: h5py.File, secret: str) -> None:
    parts = [(secret, 0, 480), (secret, 480, 480)]
    file.create_dataset("x", (N, D), "f4", external=parts)


def _external_beside_a_good_one(file: h5py.File, secret: str) -> None:
    _external(file, secret)
    file["good"] = matrix()


def _virtual(file: h5py.File, secret: str) -> None:
    layout = h5py.VirtualLayout((N, D), "f4")
    layout[:] = h5py.VirtualSource(secret, "x", (N, D))
    file.create_virtual_dataset("x", layout, fillvalue=0)


def _virtual_of_itself(file: h5py.File, secret: str) -> None:
    layout = h5py.VirtualLayout((N, D), "f4")
    layout[:] = h5py.VirtualSource(".", "x", (N, D))
    file.create_virtual_dataset("x", layout)


def _virtual_printf(file: h5py.File, secret: str) -> None:
    space = h5py.h5s.create_simple((N, D), (h5py.h5s.UNLIMITED, D))
    created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    created.set_layout(h5py.h5d.VIRTUAL)
    space.select_hyperslab((0, 0), (h5py.h5s.UNLIMITED, 1), (N, D), (N, D))
    source = h5py.h5s.create_simple((N, D))
    created.set_virtual(space, b"%%outside%b.h5", b"x", source)
    h5py.h5d.create(
        file.id,
        b"x",
        h5py.h5t.IEEE_F32LE,
        h5py.h5s.create_simple((N, D), (h5py.h5s.UNLIMITED, D)),
        created,
    )


def _external_link(file: h5py.File, secret: str) -> None:
    file["x"] = h5py.ExternalLink(secret, "/x")


def _external_link_to_group(file: h5py.File, secret: str) -> None:
    file["group"] = h5py.ExternalLink(secret, "/")


def _external_link_to_nothing(file: h5py.File, secret: str) -> None:
    file["x"] = h5py.ExternalLink(secret, "/nothing")


def _chain_of_links(file: h5py.File, secret: str) -> None:
    file["a"] = h5py.SoftLink("/b")
    file["b"] = h5py.SoftLink("/c")
    file["c"] = h5py.ExternalLink(secret, "/x")


def _links_in_a_circle(file: h5py.File, secret: str) -> None:
    for name, target in ("ab", "bc", "ca"):
        file[name] = h5py.SoftLink(f"/{target}")
    file["x"] = h5py.ExternalLink(file.filename, "/x")


def _groups_in_a_circle(file: h5py.File, secret: str) -> None:
    inner = file.create_group("a/b/c")
    inner["a"] = file["a"]
    file["a/root"] = file["/"]


def _deep(file: h5py.File, secret: str) -> None:
    here: Any = file
    for _ in range(3000):
        here = here.create_group("g")
    here["x"] = matrix()


def _wide(file: h5py.File, secret: str) -> None:
    for number in range(12_000):
        file.create_group(f"g{number}")


def _many_datasets(file: h5py.File, secret: str) -> None:
    for number in range(3000):
        file[f"x{number}"] = matrix(number, 4, 2)


def _attributes(file: h5py.File, secret: str) -> None:
    file["x"] = matrix()
    for number in range(2000):
        file["x"].attrs[f"a{number}"] = number
    file.attrs.create("texts", ["a" * 1000] * 50, dtype=h5py.string_dtype())
    file.attrs["format"] = "\x1b[2Jrepdiag"


def _says_it_is_ours(file: h5py.File, secret: str) -> None:
    file.attrs["format"], file.attrs["format_version"], file.attrs["complete"] = "repdiag", 1, True
    file["embeddings/a/b/c"] = h5py.ExternalLink(secret, "/x")
    file["samples/id"] = h5py.SoftLink("/embeddings/a/b/c")


def _version(value: Any) -> Craft:
    def make(file: h5py.File, secret: str) -> None:
        file.attrs["format"], file.attrs["format_version"], file.attrs["complete"] = "repdiag", value, True

    return make


def _array(**options: Any) -> Craft:
    def make(file: h5py.File, secret: str) -> None:
        file.create_dataset("x", **options)

    return make


def _of_dtype(dtype: Any) -> Craft:
    return _array(shape=(N, D), dtype=dtype)


def _names(*names: str) -> Craft:
    def make(file: h5py.File, secret: str) -> None:
        for name in names:
            file[name] = matrix()

    return make


def _filters(*codes: int) -> Craft:
    def make(file: h5py.File, secret: str) -> None:
        created = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        created.set_chunk((10, D))
        for code in codes:
            created.set_filter(code, h5py.h5z.FLAG_OPTIONAL, (1, 2, 3))
        space = h5py.h5s.create_simple((N, D))
        h5py.h5d.create(file.id, b"x", h5py.h5t.IEEE_F32LE, space, created)

    return make


def _wrong_chunk(content: bytes) -> Craft:
    """A compressed chunk that is no such thing, or expands beyond its size."""

    def make(file: h5py.File, secret: str) -> None:
        rows = file.create_dataset("x", (N, D), "f4", chunks=(N, D), compression="gzip")
        rows.id.write_direct_chunk((0, 0), content)

    return make


def _texts(file: h5py.File, secret: str) -> None:
    file["x"] = matrix()
    texts = ["\x1b[31m", "::error::x", "\u202e", "a" * 100_000, "<script>"] * (N // 5)
    file.create_dataset("id", data=texts, dtype=h5py.string_dtype())


def _bad_texts(file: h5py.File, secret: str) -> None:
    file["x"] = matrix()
    file.create_dataset("label", data=[b"\xff\xfe"] * N, dtype=h5py.string_dtype("ascii"))


def _values(value: float) -> Craft:
    def make(file: h5py.File, secret: str) -> None:
        file["x"] = np.full((N, D), value, "f4")

    return make


BIG = 1 << 40
FOREIGN: dict[str, Craft] = {
    "external storage": _external,
    "external storage, relative": _external_relative,
    "external storage in parts": _external_in_parts,
    "external storage beside a good one": _external_beside_a_good_one,
    "virtual": _virtual,
    "virtual of itself": _virtual_of_itself,
    "virtual with a pattern": _virtual_printf,
    "external link": _external_link,
    "external link to a group": _external_link_to_group,
    "external link to nothing": _external_link_to_nothing,
    "chain of links": _chain_of_links,
    "links in a circle": _links_in_a_circle,
    "groups in a circle": _groups_in_a_circle,
    "deep": _deep,
    "wide": _wide,
    "many datasets": _many_datasets,
    "attributes": _attributes,
    "says it is ours": _says_it_is_ours,
    "texts": _texts,
    "bad texts": _bad_texts,
    "huge, chunked": _array(shape=(BIG, 1024), dtype="f4", chunks=(64, 1024)),
    "huge, one chunk": _array(shape=(1 << 20, 1 << 10), dtype="f4", chunks=(1 << 19, 1 << 10)),
    "huge, contiguous": _array(shape=(BIG, 4), dtype="f4"),
    "wide rows": _array(shape=(4, BIG), dtype="f4", chunks=(1, 1024)),
    "unlimited": _array(shape=(0, D), maxshape=(None, None), dtype="f4", chunks=(10, D)),
    "fill value": _array(shape=(N, D), dtype="f4", fillvalue=SECRET),
    "never allocated": _array(shape=(N, D), dtype="f4", chunks=(10, D)),
    "thirty dimensions": _array(shape=(1,) * 30, dtype="f4"),
    "no dimension": _array(data=np.float32(1)),
    "empty": _array(data=h5py.Empty("f4")),
    "scale and offset": _array(data=matrix(), chunks=(10, D), scaleoffset=4),
    "two filters": _filters(1, 32001),
    "the same filter often": _filters(*[1] * 20),
    "filter 65535": _filters(65535),
    "not compressed": _wrong_chunk(b"\x78\x9cnonsense"),
    "no byte": _wrong_chunk(b"\x00"),
    "chunk too small": _wrong_chunk(__import__("zlib").compress(b"abc")),
    "chunk too large": _wrong_chunk(__import__("zlib").compress(bytes(400 << 20), 9)),
    "NaN": _values(float("nan")),
    "infinity": _values(float("inf")),
    "largest": _values(3.4e38),
    "subnormal": _values(1e-44),
    "hostile name": _names("\x1b[2J::error::x"),
    "markup as name": _names("<script>alert(1)</script>"),
    "long name": _names("n" * 60_000),
    "dots": _names("a/./b", "c"),
    "two that could be meant": _names("a", "b"),
    **{f"dtype {dtype}": _of_dtype(dtype) for dtype in ("i8", "c16", "S9", "V7", "?", ">f8", "<f2", "u1")},
    "dtype enum": _of_dtype(h5py.enum_dtype({"a": 0}, "i4")),
    "dtype opaque": _of_dtype(h5py.opaque_dtype(np.dtype("M8[s]"))),
    "dtype reference": _of_dtype(h5py.ref_dtype),
    "dtype region": _of_dtype(h5py.regionref_dtype),
    "dtype of floats in a row": _of_dtype(np.dtype(("f4", (7,)))),
    "dtype compound": _of_dtype([("a", "f4"), ("b", "S3")]),
    "dtype vlen": _of_dtype(h5py.vlen_dtype("f4")),
    "dtype text": _of_dtype(h5py.string_dtype()),
    **{f"version {value!r}": _version(value) for value in (0, 2, -1, 1 << 60, "1", 1.5, "x" * 100)},
}


def user_block(size: int, folder: Path) -> Path:
    path = folder / "block.h5"
    with h5py.File(path, "w", userblock_size=size) as file:
        file["x"] = matrix()
    return path


def bases(folder: Path) -> dict[str, bytes]:
    """Sound files, to be damaged: ours, foreign with old and new structures, and with filters."""
    ours = small_store(folder / "ours.h5").read_bytes()
    found = {"ours": ours}
    for name, library in (("old", "earliest"), ("new", "latest")):
        with h5py.File(folder / name, "w", libver=library) as file:
            file.create_dataset("group/x", data=matrix(), chunks=(7, D), compression="gzip", shuffle=True)
            file["group"].attrs["text"] = "words"
            file.create_dataset("id", data=[f"s{n}" for n in range(N)], dtype=h5py.string_dtype())
        found[name] = (folder / name).read_bytes()
    for name in ("ours.h5", "old", "new"):
        (folder / name).unlink()
    return found


def damaged(seed: int, folder: Path) -> Path:
    found = list(bases(folder).values())
    path = folder / f"mutant{seed}.h5"
    path.write_bytes(mutant(found[seed % len(found)], seed // len(found)))
    return path


def crafted() -> Iterator[tuple[str, Maker]]:
    yield from ((f"ours: {name}", partial(native, name)) for name in HOSTILE)
    yield from ((f"foreign: {name}", partial(foreign, name)) for name in FOREIGN)
    yield from ((f"user block of {size}", partial(user_block, size)) for size in (512, 4096, 8192))


def cases(mutants: int = MUTANTS) -> dict[str, Maker]:
    """Files by name: the crafted ones, and damaged ones, each by a seed that its name tells."""
    return {**dict(crafted()), **{f"mutant {seed}": partial(damaged, seed) for seed in range(mutants)}}
