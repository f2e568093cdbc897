"""No way around the guarded doors: neither from the current folder nor in the code."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.source import ROOT, Module, modules

PLANTED = ("numpy", "torch", "h5py", "typer", "safetensors", "pydantic", "sitecustomize")


def planted(folder: Path) -> Path:
    for name in PLANTED:
        (folder / f"{name}.py").write_text(f"open({str(folder / 'canary')!r}, 'a').write({name!r})\n")
    torch.save({"weight": torch.ones(2, 2)}, folder / "a.pt")
    return folder


def ran(words: list[str], folder: Path) -> str:
    """What `python -m repdiag` prints in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "repdiag", *words],
        cwd=folder,
        env=outside_of_any_checkout(),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("words", [["--version"], ["inspect", "a.pt"], ["measures", "effective_rank"]])
def test_modules_in_the_current_folder_are_not_run(words: list[str], tmp_path: Path) -> None:
    folder = planted(tmp_path)
    assert ran(words, folder)
    assert not (folder / "canary").exists()


def test_user_code_in_the_current_folder_still_loads(tmp_path: Path) -> None:
    folder = planted(tmp_path)
    (folder / "mymodel.py").write_text(
        "from torch import nn\n\n\ndef make():\n    return nn.Linear(2, 2, False)\n"
    )
    assert "1/1 tensors" in ran(["inspect", "a.pt", "--model", "mymodel:make"], folder)
    assert not (folder / "canary").exists()


def outside_of_any_checkout() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"}
    return {**kept, "PYTHONPATH": str(ROOT)}


# --- In the code: whatever name leads to a loader, a door keeper has it and nobody else. ---

LOADER = "repdiag/checkpoints/load.py"
KEEPERS: dict[str, set[str]] = {
    "torch.load": {LOADER},
    "torch.serialization": {LOADER},
    "torch.jit.load": {LOADER},
    "torch.export.load": {LOADER},
    "torch.package": set(),
    "torch.hub": set(),
    "torch.distributed.checkpoint": set(),
    "torch._weights_only_unpickler": set(),
    "safetensors": {LOADER, "repdiag/data/arrays.py"},
    "pickle": set(),
    "_pickle": set(),
    "dill": set(),
    "cloudpickle": set(),
    "joblib.load": set(),
    "shelve": set(),
    "marshal": set(),
    "h5py.File": {"repdiag/store/guarded.py"},
    "h5py.h5f": set(),
    "importlib.import_module": {
        "repdiag/models/user_code.py",
        "repdiag/__init__.py",
        "repdiag/data/_optional.py",
        "repdiag/models/extras.py",
    },
    "importlib.util.spec_from_file_location": {"repdiag/models/user_code.py"},
    "importlib.util.module_from_spec": {"repdiag/models/user_code.py"},
    "runpy": set(),
    "ctypes": {"repdiag/analysis/memory.py"},
    "os.fork": {"repdiag/child.py"},
}
HARMLESS = {"pickle.UnpicklingError"}
"""The error that torch raises; naming it loads nothing."""


def references(module: Module) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of everything that the module imports or reaches through what it imports."""
    aliases: dict[str, str] = {}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
                aliases[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
                aliases[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    types = {id(inner) for outer in _types(module) for inner in ast.walk(outer)}
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and id(node) not in types:
            root, _, rest = ast.unparse(node).partition(".")
            if root in aliases:
                yield node.lineno, f"{aliases[root]}.{rest}"
        elif isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr":
            yield from _fetched(node, aliases)


def _types(module: Module) -> Iterator[ast.expr]:
    """Annotations, and what stands in square brackets: nothing there is called."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Subscript):
            yield node.slice
        elif isinstance(node, ast.arg | ast.AnnAssign) and node.annotation is not None:
            yield node.annotation
        elif isinstance(node, ast.FunctionDef) and node.returns is not None:
            yield node.returns


def _fetched(call: ast.Call, aliases: dict[str, str]) -> Iterator[tuple[int, str]]:
    """`getattr(torch, "load")` is torch.load; of a module, a name that is not a literal may be any."""
    root, _, rest = ast.unparse(call.args[0]).partition(".")
    if root in aliases:
        name = call.args[1].value if isinstance(call.args[1], ast.Constant) else "*"
        yield call.lineno, ".".join(filter(None, (aliases[root], rest, str(name))))


def bypasses(module: Module) -> list[str]:
    return [
        f"{module.path}:{line} {name}"
        for line, name in references(module)
        for door, keepers in KEEPERS.items()
        if name not in HARMLESS
        and module.path not in keepers
        and (name == door or name.startswith(f"{door}.") or name == f"{door.rpartition('.')[0]}.*")
    ]


def test_loaders_are_named_by_their_keepers_alone() -> None:
    assert [found for module in modules() for found in bypasses(module)] == []


@pytest.mark.parametrize("door", [door for door, keepers in KEEPERS.items() if keepers])
def test_keepers_are_there_and_need_to_be(door: str) -> None:
    for path in KEEPERS[door]:
        module = next(one for one in modules() if one.path == path)
        names = [name for _, name in references(module)]
        assert any(name == door or name.startswith(f"{door}.") for name in names), path


@pytest.mark.parametrize(
    "code",
    [
        "import torch\ntorch.load(p)",
        "import torch as t\nread = t.load",
        "from torch import load",
        "from torch import load as innocent",
        "from torch.serialization import load",
        "from torch import serialization",
        "from torch.jit import load",
        "import torch\ntorch.jit.load(p)",
        "import torch.distributed.checkpoint as dcp",
        "from torch.distributed import checkpoint",
        "import torch\ngetattr(torch, 'load')(p)",
        "import torch\ngetattr(torch, name)(p)",
        "import pickle",
        "def f():\n    from pickle import loads",
        "from _pickle import Unpickler",
        "import h5py\nh5py.File(p)",
        "from h5py import File as F",
        "from h5py import h5f",
        "from safetensors.torch import load_file",
        "import importlib\nimportlib.import_module(name)",
        "from importlib import import_module",
        "import runpy",
        "from os import fork",
    ],
)
def test_each_way_round_is_seen(code: str) -> None:
    assert bypasses(Module("repdiag.planted", "repdiag/planted.py", ast.parse(code)))
