"""The project's own source as syntax trees, for the tests that read code."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Module:
    """One file. `name` is dotted, `path` relative to the root."""

    name: str
    path: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        return self.path.endswith("__init__.py")

    @property
    def room(self) -> str:
        """`repdiag.store.reader` is in `store`; a module beside the rooms is its own room."""
        parts = self.name.split(".")
        return parts[1] if len(parts) > 1 else ""

    def calls(self) -> tuple[tuple[str, ast.Call], ...]:
        """Every call with the dotted text of what is called, such as `torch.load` or `path.write_text`."""
        return _calls(self.tree)

    def imports(self, *, top_level: bool = False) -> Iterator[str]:
        """Absolute dotted names of what is imported; `from a import b` gives `a.b`."""
        nodes = _running_on_import(self.tree) if top_level else ast.walk(self.tree)
        for node in nodes:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = self._base(node)
                yield from (f"{base}.{alias.name}" for alias in node.names)

    def _base(self, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = self.name.split(".") if self.is_package else self.name.split(".")[:-1]
        kept = package[: len(package) - node.level + 1]
        return ".".join([*kept, *([node.module] if node.module else [])])


@cache
def _calls(tree: ast.Module) -> tuple[tuple[str, ast.Call], ...]:
    return tuple((ast.unparse(node.func), node) for node in ast.walk(tree) if isinstance(node, ast.Call))


def _running_on_import(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes outside functions and outside `if TYPE_CHECKING:`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for other in node.orelse:
                yield other
                yield from _running_on_import(other)
            continue
        yield node
        yield from _running_on_import(node)


@cache
def modules() -> tuple[Module, ...]:
    """Every module of the package; commands/ under its installed name."""
    library = (path for path in (ROOT / "repdiag").rglob("*.py") if "commands" not in path.parts)
    commands = (ROOT / "commands").rglob("*.py")
    found = sorted({*library, *commands})
    return tuple(_module(path.relative_to(ROOT)) for path in found)


def _module(path: Path) -> Module:
    parts = path.with_suffix("").parts
    parts = ("repdiag", *parts) if parts[0] == "commands" else parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return Module(".".join(parts), path.as_posix(), tree)


@cache
def pyproject() -> dict[str, Any]:
    """pyproject.toml, parsed."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
