"""What real models are run on: texts and pictures that ship with Python packages, and Fashion-MNIST."""

from __future__ import annotations

import ast
import gzip
import importlib.util
import random
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

DEBIAN = Path("/usr/share/datasets/fashion-mnist")
"""Where the Debian package dataset-fashion-mnist puts its files."""

CROP = (64, 224)
"""Smallest and largest side of a crop, in pixels of the photograph."""


def docstrings(path: Path, count: int) -> int:
    """First paragraphs of docstrings of Python's library and of scikit-learn, one a line; their number."""
    found = sorted({text for folder in _sources() for text in _paragraphs(folder)})
    chosen = random.Random(0).sample(found, min(count, len(found)))
    path.write_text("\n".join(chosen), encoding="utf-8")
    return len(chosen)


def crops(folder: Path, count: int) -> None:
    """Square crops of scikit-learn's two photographs, at random places and sizes, half of them mirrored."""
    from PIL import Image
    from sklearn.datasets import load_sample_images

    folder.mkdir()
    photos = load_sample_images().images
    generator = np.random.default_rng(0)
    for index in range(count):
        photo = photos[index % len(photos)]
        side = int(generator.integers(*CROP))
        top, left = (int(generator.integers(0, length - side)) for length in photo.shape[:2])
        crop = photo[top : top + side, left : left + side]
        Image.fromarray(crop[:, :: generator.choice([-1, 1])]).save(folder / f"{index:05d}.png")


def fashion(folder: Path, count: int, source: Path) -> None:
    """Test images of Fashion-MNIST in one folder a class."""
    from PIL import Image

    images, labels = _idx(source, "t10k-images-idx3", 16), _idx(source, "t10k-labels-idx1", 8)
    for index in np.random.default_rng(0).permutation(len(labels))[:count]:
        home = folder / f"class{labels[index]}"
        home.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images.reshape(-1, 28, 28)[index]).save(home / f"{index:05d}.png")


def has_fashion(source: Path) -> bool:
    """Whether the two files of the test part are there."""
    return all((source / f"t10k-{name}-ubyte.gz").is_file() for name in ("images-idx3", "labels-idx1"))


def _idx(source: Path, name: str, header: int) -> NDArray[np.uint8]:
    return np.frombuffer(gzip.decompress((source / f"{name}-ubyte.gz").read_bytes()), np.uint8, offset=header)


def _sources() -> list[Path]:
    found = importlib.util.find_spec("sklearn")
    homes = [] if found is None else [Path(str(home)) for home in found.submodule_search_locations or ()]
    return [Path(sysconfig.get_paths()["stdlib"]), *homes]


def _paragraphs(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*.py")):
        if {"site-packages", "test", "tests", "idlelib"} & set(path.relative_to(folder).parts):
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                text = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
                if 30 < len(text) < 400:
                    yield text
