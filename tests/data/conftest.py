"""Small data of every kind, written where a test asks for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def image_root(tmp_path: Path) -> Path:
    """Six 12 x 10 images in two class folders, of six kinds of file and colour."""
    image = pytest.importorskip("PIL.Image")
    generator = np.random.default_rng(0)
    root = tmp_path / "images"
    kinds = [("cat/b.png", "RGB"), ("cat/a.jpg", "RGB"), ("cat/deep/c.bmp", "L"),
             ("dog/d.png", "RGBA"), ("dog/e.gif", "P"), ("dog/ü f.webp", "RGB")]  # fmt: skip
    for name, mode in kinds:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        image.fromarray(generator.integers(0, 256, (10, 12, 3), dtype=np.uint8)).convert(mode).save(path)
    (root / "dog" / "notes.md").write_text("not an image")
    (root / ".hidden.png").write_text("not looked at")
    return root


@pytest.fixture
def code(tmp_path: Path) -> Callable[[str], str]:
    """Writes a python file with `make` in it and gives its spec."""

    def write(text: str) -> str:
        path = tmp_path / f"user_data_{abs(hash(text))}.py"
        path.write_text(text)
        return f"{path}:make"

    return write
