"""Makes the index of architectures that ships with the package, from the timm and torchvision installed here.

    python examples/build_architectures.py repdiag/checkpoints/architectures.npz --cache records.jsonl

Every model is built on the meta device, about 5 CPU minutes in all; with --cache what was built is kept, and
the same command goes on from there. Names with the same tensors are run on the same weights and input, to
tell which of them compute the same. --limit N takes N architectures, spread over all of them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from repdiag.checkpoints.architectures import Member, pack_architectures, token
from repdiag.checkpoints.prefixes import canonical
from repdiag.files import write_file
from repdiag.models.build import build_model
from repdiag.models.catalogue import Described, describe_architecture, known_specs

MOST_PARAMETERS = 400_000_000
TOLERANCE = 1e-3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("output", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--limit", type=int)
    options = parser.parse_args()
    torch.set_num_threads(1)
    specs = known_specs()
    if options.limit:
        specs = specs[:: max(1, len(specs) // options.limit)][: options.limit]
    found = [one for spec in specs if (one := described(spec, options.cache))]
    groups = classes_of(found)
    members = [members_of(group, found) for group in groups]
    bodies = [tokens_of(group[0]) for group in groups]
    packages = {name: version(name) for name in ("timm", "torchvision")}
    write_file(options.output, pack_architectures(bodies, members, packages))
    several = sum(len({member.computation for member in group}) > 1 for group in members)
    print(
        f"{len(found)} architectures, {len(groups)} classes, the largest of {max(map(len, groups))} names, "
        f"{several} whose names compute differently; {options.output.stat().st_size:,} bytes"
    )


def described(spec: str, kept: Path | None) -> Described | None:
    """One architecture, from the cache where it is there; None (and a line) where it cannot be built."""
    known = recorded(kept)
    if spec in known:
        return known[spec]
    try:
        found = describe_architecture(spec)
    except Exception as error:
        print(f"left out: {error}", file=sys.stderr)
        return None
    known[spec] = found
    if kept:
        with kept.open("a") as stream:
            stream.write(json.dumps(asdict(found)) + "\n")
    return found


@cache
def recorded(kept: Path | None) -> dict[str, Described]:
    """What the file of earlier runs holds, read once."""
    lines = kept.read_text().splitlines() if kept and kept.exists() else []
    return {one.spec: one for one in map(from_json, lines)}


def from_json(line: str) -> Described:
    values: dict[str, Any] = json.loads(line)
    shapes = {part: {name: tuple(shape) for name, shape in values[part].items()} for part in ("body", "head")}
    return Described(**{**values, **shapes})


def classes_of(found: Iterable[Described]) -> list[list[Described]]:
    """Architectures with the same tensors, the classifier left out; timm's names first, short before long."""
    classes: dict[frozenset[int], list[Described]] = {}
    for one in sorted(found, key=lambda one: (not one.spec.startswith("timm:"), len(one.spec), one.spec)):
        classes.setdefault(frozenset(tokens_of(one)), []).append(one)
    return sorted(classes.values(), key=lambda group: group[0].spec)


def tokens_of(one: Described) -> list[int]:
    names = canonical(one.body)
    return [token(names[name], shape) for name, shape in one.body.items()]


def members_of(group: Sequence[Described], found: Sequence[Described]) -> list[Member]:
    """The names of a class, each with the number of its computation and of its preprocessing."""
    wants = list(dict.fromkeys(preprocessing_text(one) for one in found))
    kinds: list[list[Described]] = []
    for one in group:
        kind = next((kind for kind in kinds if same_computation(kind[0], one)), None)
        if kind is None:
            kinds.append(kind := [])
        kind.append(one)
    numbers = {one.spec: number for number, kind in enumerate(kinds) for one in kind}
    return [
        Member(
            one.spec,
            {canonical(one.head)[name]: shape for name, shape in one.head.items()},
            one.classes,
            numbers[one.spec],
            wants.index(preprocessing_text(one)),
        )
        for one in group
    ]


def preprocessing_text(one: Described) -> str:
    return json.dumps({k: v for k, v in one.preprocessing.items() if k != "source"}, sort_keys=True)


def same_computation(one: Described, other: Described) -> bool:
    """True where the code and its settings are equal, or one set of weights gives one answer in both."""
    if one.settings == other.settings:
        return True
    parameters = sum(torch.Size(shape).numel() for shape in one.body.values())
    if one.head != other.head or parameters > MOST_PARAMETERS:
        return False
    try:
        same = same_output(one, other)
    except Exception as error:
        print(f"{one.spec} and {other.spec}: not compared: {str(error)[:100]}", file=sys.stderr)
        return False
    print(f"{one.spec} and {other.spec}: {'the same' if same else 'different'} output", file=sys.stderr)
    return same


def same_output(one: Described, other: Described) -> bool:
    """Whether two models with one set of weights differ by less than 0.1% of what two images differ by."""
    torch.manual_seed(0)
    modules = [build_model(each.spec, {}).module for each in (one, other)]
    fill(modules[0])
    modules[1].load_state_dict(modules[0].state_dict())
    with torch.inference_mode():
        images = torch.randn(2, 3, *input_size(one))
        first, second = (module(images) for module in modules)
    spread = (first[0] - first[1]).abs().max()
    return bool(torch.isfinite(first).all() and (first - second).abs().max() < TOLERANCE * spread)


def fill(module: torch.nn.Module) -> None:
    """Random weights behind which nothing hides: no zeros, no ones, and no bias that drowns the input."""
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if tensor.ndim > 1:
            tensor.copy_(torch.randn(tensor.shape) * (2.0 / max(tensor[0].numel(), 1)) ** 0.5)
        elif name.endswith(("weight", "running_var")):
            tensor.copy_(torch.rand(tensor.shape) * 0.5 + 0.75)
        else:
            tensor.copy_(torch.randn(tensor.shape) * 0.1)


def input_size(one: Described) -> list[int]:
    size = one.preprocessing.get("input_size") or one.preprocessing.get("crop_size") or [224]
    return list(size[-2:]) if len(size) > 1 else [size[0], size[0]]


if __name__ == "__main__":
    main()
