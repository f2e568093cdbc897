"""How many architectures are named from the names and shapes of their tensors, and at what cost.

    python examples/benchmarks/identify.py

Draws architectures of timm and torchvision, puts their tensors into six wrappings each, and asks for the
name. An answer is right when the architecture is among its names. Then every architecture is taken out of the
index and asked for again: a certain answer would be a wrong one. Last, files with weights are written, opened
and named, in CPU seconds beyond importing torch.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import torch

from repdiag.checkpoints import identify, identify_checkpoint, inspect_checkpoint, load_checkpoint
from repdiag.checkpoints.architectures import Architectures, Shape, load_architectures
from repdiag.models.catalogue import Described, describe_architecture, known_specs

WRAPPINGS = ("bare", "module.", "_orig_mod.module.", "Lightning", "teacher/student", "without head")
MOST_MEGABYTES = 400


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--timm", type=int, default=200)
    parser.add_argument("--torchvision", type=int, default=20)
    parser.add_argument("--files", type=int, default=40, help="files that are written and timed")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    load_architectures.cache_clear()
    started = time.process_time()
    index = load_architectures()
    print(f"index: {time.process_time() - started:.3f} CPU s to load, made from {dict(index.packages)}")
    found = [describe_architecture(spec) for spec in drawn(options.seed, options.timm, options.torchvision)]
    named_table(found)
    left_out = [one.spec for one in found if certain_without(one, index)]
    print(f"\nNot in the index: {len(left_out)} of {len(found)} answered as certain: {left_out}")
    timed_table(found, options.files)


def drawn(seed: int, timm: int, torchvision: int) -> list[str]:
    """Specs drawn at random from each library."""
    specs = known_specs()
    generator = random.Random(seed)
    sides = [[spec for spec in specs if spec.startswith(side)] for side in ("timm:", "torchvision:")]
    return [
        spec
        for side, count in zip(sides, (timm, torchvision), strict=True)
        for spec in generator.sample(side, min(count, len(side)))
    ]


def wrapped(one: Described, wrapping: str) -> dict[str, Shape]:
    whole = {**one.body, **one.head}
    match wrapping:
        case "module." | "_orig_mod.module.":
            return under(wrapping, whole)
        case "Lightning":
            return {**under("state_dict.model.", whole), "state_dict.loss.weight": (3,)}
        case "teacher/student":
            other = {**under("teacher.backbone.", one.body), "student.head.mlp.0.weight": (64, 64)}
            return {**under("student.backbone.", one.body), **other}
        case "without head":
            return dict(one.body)
    return whole


def under(prefix: str, shapes: Mapping[str, Shape]) -> dict[str, Shape]:
    return {f"{prefix}{name}": shape for name, shape in shapes.items()}


def outcome(one: Described, wrapping: str) -> str:
    """`named`, `wrong` (a certain answer without its name), or `not named`."""
    answers = [answer for answer in identify(wrapped(one, wrapping)).answers if answer.certain]
    if any(one.spec not in answer.names for answer in answers):
        return "wrong"
    return "named" if len(answers) == (2 if wrapping == "teacher/student" else 1) else "not named"


def named_table(found: list[Described]) -> None:
    counts = {wrapping: Counter[str]() for wrapping in WRAPPINGS}
    seconds: list[float] = []
    for one in found:
        for wrapping in WRAPPINGS:
            started = time.process_time()
            said = outcome(one, wrapping)
            seconds.append(time.process_time() - started)
            counts[wrapping][said] += 1
            if said != "named":
                print(f"{said}: {one.spec}, {wrapping}")
    print("\n| wrapping | files | named | wrong and certain |\n|---|---|---|---|")
    for wrapping, count in [*counts.items(), ("all", sum(counts.values(), Counter()))]:
        total = count.total()
        print(f"| {wrapping} | {total} | {100 * count['named'] / total:.1f}% | {count['wrong']} |")
    print(f"\nNaming alone: median {statistics.median(seconds):.3f}, at most {max(seconds):.3f} CPU s")


def certain_without(one: Described, index: Architectures) -> bool:
    """Whether something else is certain once the class of this architecture is taken out of the index."""
    (number,) = [c for c, group in enumerate(index.members) if one.spec in {each.spec for each in group}]
    sizes = index.sizes.copy()
    sizes[number] = 1 << 40
    without = replace(index, sizes=sizes)
    return any(answer.certain for answer in identify({**one.body, **one.head}, index=without).answers)


def timed_table(found: list[Described], files: int) -> None:
    small = [one for one in found if megabytes(one) <= MOST_MEGABYTES]
    chosen = small[:: max(1, len(small) // max(files, 1))][:files]
    costs = [
        (*file_seconds({**one.body, **one.head}), f"{one.spec} ({megabytes(one)} MiB)") for one in chosen
    ]
    print(f"\n| CPU s for one of {len(costs)} files | median | largest | which |\n|---|---|---|---|")
    for column, what in enumerate(("open and name", "inspect")):
        values = sorted((cost[column], cost[2]) for cost in costs)
        if values:
            worst, name = values[-1]
            print(
                f"| {what} | {statistics.median(value for value, _ in values):.2f} | {worst:.2f} | {name} |"
            )


def megabytes(one: Described) -> int:
    return sum(4 * torch.Size(shape).numel() for shape in {**one.body, **one.head}.values()) >> 20


def file_seconds(shapes: Mapping[str, Shape]) -> tuple[float, float]:
    """CPU seconds to open and name a file with weights, and to inspect it whole."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "weights.pt"
        torch.save({name: torch.full(shape, 0.5) for name, shape in shapes.items()}, path)
        started = time.process_time()
        identify_checkpoint(load_checkpoint(path))
        opened = time.process_time()
        inspect_checkpoint(path)
        return opened - started, time.process_time() - opened


if __name__ == "__main__":
    main()
