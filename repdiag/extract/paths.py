"""Which checkpoints a command line means, in training order, each with a name of its own."""

from __future__ import annotations

import glob
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from repdiag.checkpoints.sniff import folder_file
from repdiag.checkpoints.steps import find_epoch, find_step
from repdiag.errors import InputError, UsageError
from repdiag.text import nearest, printable

SUFFIXES = (".pt", ".pth", ".th", ".ckpt", ".bin", ".safetensors", ".pt2", ".jit")
_SHARD = re.compile(r"-\d{5}-of-\d{5}\.")


@dataclass(frozen=True)
class NamedPath:
    """A checkpoint and its name in the store."""

    name: str
    path: Path


def checkpoint_paths(arguments: Iterable[str]) -> tuple[NamedPath, ...]:
    """Files, folders and globs as single checkpoints, by step or epoch in the name, then by name.

    Raises:
        InputError: nothing there, or a folder without checkpoints.
    """
    found = [path for argument in arguments for path in _expanded(argument)]
    unique = list({path.resolve(): path for path in reversed(found)}.values())
    ordered = sorted(unique, key=_order)
    return tuple(NamedPath(name, path) for name, path in zip(_names(ordered), ordered, strict=True))


def own_weights(model: str | None) -> tuple[str, ...]:
    """The folder of a model that brings its own weights, for a command line without a checkpoint.

    Raises:
        UsageError: there is none.
    """
    kind, _, folder = (model or "").partition(":")
    if kind in ("hf", "sentence-transformers") and folder:
        return (folder,)
    raise UsageError(
        "no checkpoint was named; give one, as in: repdiag extract CKPT --model SPEC --data SPEC"
    )


def _expanded(argument: str) -> list[Path]:
    path = Path(argument).expanduser()
    if path.is_dir():
        return _in_folder(path)
    if path.exists() or not glob.has_magic(argument):
        _check_exists(path)
        return [path]
    matches = [Path(match) for match in glob.glob(str(path), recursive=True)]
    if not matches:
        raise InputError(f"{printable(argument)}: matches no checkpoint; correct the pattern, or name a file")
    return [one for match in matches for one in (_in_folder(match) if match.is_dir() else [match])]


def _in_folder(folder: Path) -> list[Path]:
    if folder_file(folder) is not None:
        return [folder]
    children = [child for child in folder.iterdir() if not child.name.startswith(".")]
    files = [
        one for one in children if one.is_file() and one.suffix in SUFFIXES and not _SHARD.search(one.name)
    ]
    folders = [one for one in children if one.is_dir() and folder_file(one) is not None]
    if not files and not folders:
        raise InputError(
            f"{printable(folder)}: holds no checkpoints ({', '.join(SUFFIXES[:5])} ...); name a file"
        )
    return files + folders


def _check_exists(path: Path) -> None:
    if not path.exists() and not path.is_symlink():
        near = nearest(path.name, (other.name for other in path.parent.glob("*")))
        advice = f".{near}" if near else "; name a file, a folder or a glob"
        raise InputError(f"{printable(path)}: no such checkpoint{advice}")


def _order(path: Path) -> tuple[float, float, list[tuple[int, str]]]:
    # The step in the contents, where it differs, orders the store when it is read.
    step, epoch = find_step({}, path), find_epoch({}, path)
    return (-1 if step is None else step, -1 if epoch is None else epoch, _natural(str(path)))


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", text)]


def _names(paths: Sequence[Path]) -> list[str]:
    """Stems; the whole file name, then folders before it, where stems are the same."""
    choices = [_spelled(path) for path in paths]
    names = [options[0] for options in choices]
    for level in range(1, max((len(options) for options in choices), default=0)):
        counts = Counter(names)
        names = [
            options[min(level, len(options) - 1)] if counts[name] > 1 else name
            for name, options in zip(names, choices, strict=True)
        ]
    return names


def _spelled(path: Path) -> list[str]:
    parts = path.absolute().parts[1:]
    stem = path.name if path.is_dir() else path.stem
    return [stem or path.name, *("/".join(parts[-count:]) for count in range(1, len(parts) + 1))]
