from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from repdiag.data import (
    ImagePreprocessing,
    Reading,
    View,
    image_preprocessing,
    open_data,
    parse_views,
    read_batch,
)
from repdiag.errors import InputError, UsageError

Image = pytest.importorskip("PIL.Image")
SMALL = ImagePreprocessing(8, 8, 9)


def test_ids_are_relative_paths_in_order_and_labels_the_first_folder(image_root: Path) -> None:
    source = open_data(str(image_root))
    assert list(source.ids) == [
        "cat/a.jpg",
        "cat/b.png",
        "cat/deep/c.bmp",
        "dog/d.png",
        "dog/e.gif",
        "dog/ü f.webp",
    ]
    assert source.columns["label"].tolist() == ["cat"] * 3 + ["dog"] * 3
    assert source.notes == ("1 files that are not images were left out",)
    assert str(image_root.parent) not in str(source.provenance)


def test_images_beside_folders_have_no_labels(image_root: Path) -> None:
    Image.new("RGB", (4, 4)).save(image_root / "loose.png")
    assert "label" not in open_data(str(image_root)).columns


def test_every_mode_becomes_three_channels(image_root: Path) -> None:
    source = open_data(str(image_root))
    batch = read_batch(source, 0, 6, Reading(View(), 0, SMALL))
    assert isinstance(batch.inputs, torch.Tensor)
    assert batch.inputs.shape == (6, 3, 8, 8)
    assert batch.inputs.dtype == torch.float32


def test_decoding_is_lazy(image_root: Path) -> None:
    (image_root / "cat" / "b.png").write_bytes(b"broken")
    source = open_data(str(image_root))
    assert source.item(0).size == (12, 10)
    with pytest.raises(InputError, match=r"b\.png: is not an image that can be decoded"):
        source.item(1)


@pytest.mark.parametrize("damage", ["truncate", "html", "empty"])
def test_a_damaged_image_is_named(image_root: Path, damage: str) -> None:
    path = image_root / "cat" / "a.jpg"
    whole = path.read_bytes()
    path.write_bytes({"truncate": whole[: len(whole) // 2], "html": b"<html>", "empty": b""}[damage])
    with pytest.raises(InputError, match=r"a\.jpg"):
        open_data(str(image_root)).item(0)


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    (tmp_path / "readme.txt").write_text("x")
    with pytest.raises(InputError, match="holds no images"):
        open_data(str(tmp_path))


def test_one_image_is_not_a_folder(image_root: Path) -> None:
    with pytest.raises(InputError, match="give the folder"):
        open_data(str(image_root / "cat" / "a.jpg"))


def test_sixteen_bit_greys_keep_their_range(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 32896, dtype=np.uint16)).save(tmp_path / "a.png")
    how = ImagePreprocessing(8, 8, None, mean=(0.0,) * 3, std=(1.0,) * 3)
    batch = read_batch(open_data(str(tmp_path)), 0, 1, Reading(View(), 0, how))
    assert isinstance(batch.inputs, torch.Tensor)
    assert float(batch.inputs.mean()) == pytest.approx(128 / 255, abs=1e-6)


@pytest.mark.parametrize("size", [(37, 53), (53, 37), (40, 40), (20, 90)])
def test_preprocessing_equals_torchvision(tmp_path: Path, size: tuple[int, int]) -> None:
    transforms = pytest.importorskip("torchvision.transforms")
    pixels = np.random.default_rng(1).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    how = image_preprocessing({"input_size": (3, 28, 28), "crop_pct": 0.875, "interpolation": "bicubic"})
    batch = read_batch(open_data(str(tmp_path)), 0, 1, Reading(View(), 0, how))
    theirs = transforms.Compose([
        transforms.Resize(32, interpolation=transforms.InterpolationMode.BICUBIC),
        transforms.CenterCrop(28),
        transforms.ToTensor(),
        transforms.Normalize(how.mean, how.std),
    ])  # fmt: skip
    assert isinstance(batch.inputs, torch.Tensor)
    torch.testing.assert_close(batch.inputs[0], theirs(Image.fromarray(pixels)), rtol=1e-6, atol=1e-6)


def test_preprocessing_reads_the_names_of_others() -> None:
    timm = {"input_size": (3, 240, 320), "crop_pct": 1.0, "mean": (0.5,) * 3, "std": (0.5,) * 3}
    assert image_preprocessing(timm) == ImagePreprocessing(
        240, 320, 240, "bilinear", (0.5,) * 3, (0.5,) * 3, "model"
    )
    torchvision = {"crop_size": [224], "resize_size": [232], "interpolation": "InterpolationMode.BILINEAR"}
    assert image_preprocessing(torchvision) == ImagePreprocessing(224, 224, 232, source="model")
    assert image_preprocessing({"size": {"height": 32, "width": 32}, "resize": None}).resize is None
    assert image_preprocessing(None).source == "imagenet default"
    assert image_preprocessing(timm).record()["mean"] == [0.5, 0.5, 0.5]


@pytest.mark.parametrize(
    "recorded", [{"size": "large"}, {"mean": [0.5, 0.5], "std": [1, 1]}, {"std": [0, 0, 0]}]
)
def test_preprocessing_that_makes_no_sense_is_refused(recorded: dict[str, object]) -> None:
    with pytest.raises(UsageError, match="preprocessing"):
        image_preprocessing(recorded)


@pytest.mark.parametrize("name", ["base", "crop", "noise", "simclr"])
def test_image_views_give_the_size_of_the_model(image_root: Path, name: str) -> None:
    (view,) = parse_views([name])
    batch = read_batch(open_data(str(image_root)), 0, 6, Reading(view, 0, SMALL))
    assert isinstance(batch.inputs, torch.Tensor)
    assert batch.inputs.shape == (6, 3, 8, 8)
    assert bool(batch.inputs.isfinite().all())
