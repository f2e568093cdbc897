"""The one door through which the user's own code is imported and called."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType
from typing import Any

from repdiag.errors import RepdiagError, UsageError
from repdiag.text import nearest, printable


def is_callable_spec(spec: str) -> bool:
    """True for `package.module:callable` and `path/file.py:callable`."""
    place, colon, name = spec.rpartition(":")
    return bool(colon and place and name)


def import_callable(spec: str) -> Callable[..., Any]:
    """The callable that `package.module:callable` or `path/file.py:callable` names. This RUNS the module.

    Raises:
        UsageError: no such module, file or attribute, not callable, shadows an installed module, or
            importing it raised; the user's own error is the cause.
    """
    place, _, name = spec.rpartition(":")
    if not is_callable_spec(spec):
        raise UsageError(
            f"{printable(spec)}: is not of the form package.module:callable or path/file.py:callable"
        )
    module = _import_file(place, spec) if place.endswith(".py") else _import_module(place, spec)
    found: Any = module
    for part in name.split("."):
        if not hasattr(found, part):
            options = [option for option in vars(module) if not option.startswith("_")]
            hint = nearest(part, options)
            raise UsageError(f"{printable(spec)}: {printable(place)} has no {printable(part)}.{hint}")
        found = getattr(found, part)
    if not callable(found):
        raise UsageError(
            f"{printable(spec)}: is a {type(found).__name__}, not callable; name a function or class"
        )
    result: Callable[..., Any] = found
    return result


def call_user(spec: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """`function(...)`, with what it raises as one sentence.

    Raises:
        UsageError: with the user's error as its cause; errors of ours pass through.
    """
    try:
        return function(*args, **kwargs)
    except RepdiagError:
        raise
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{printable(spec)}: raised {shown_error(error)}; correct it there, or see it with --debug"
        ) from error


def source_of(spec: str) -> Path | None:
    """The file that `import_callable(spec)` would run first, without running it; None where unknown."""
    place = spec.rpartition(":")[0]
    if place.endswith(".py"):
        return Path(place).absolute()
    top = place.partition(".")[0]
    found = _elsewhere(top) or PathFinder.find_spec(top, [str(Path.cwd())])
    return Path(found.origin) if found and found.origin and Path(found.origin).is_file() else None


def shown_error(error: BaseException) -> str:
    """`KeyError ('x')`: type and message on one line."""
    return f"{type(error).__name__} ({printable(error, 100)})" if str(error) else type(error).__name__


def _import_file(place: str, spec: str) -> ModuleType:
    path = Path(place)
    if not path.is_file():
        raise UsageError(f"{printable(spec)}: there is no file {printable(place)}; give its path from here")
    # A name of its own: a user's numpy.py must not become everyone's numpy.
    name = f"repdiag_user_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    if name in sys.modules:
        return sys.modules[name]
    found = importlib.util.spec_from_file_location(name, path)
    if found is None or found.loader is None:
        raise UsageError(f"{printable(spec)}: {printable(place)} is not a Python file")
    module = importlib.util.module_from_spec(found)
    _search_also(path.resolve().parent)
    sys.modules[name] = module
    try:
        _imported(spec, lambda: found.loader.exec_module(module))  # type: ignore[union-attr]
    except UsageError:
        del sys.modules[name]
        raise
    return module


def _import_module(place: str, spec: str) -> ModuleType:
    if not all(part.isidentifier() for part in place.split(".")):
        raise UsageError(
            f"{printable(spec)}: {printable(place)} is not a module name; for a file give path/file.py"
        )
    _refuse_shadow(place.partition(".")[0], spec)
    _search_also(Path.cwd())
    module: ModuleType = _imported(spec, lambda: importlib.import_module(place))
    return module


def _imported(spec: str, action: Callable[[], Any]) -> Any:
    place = spec.rpartition(":")[0]
    try:
        return action()
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if not place.endswith(".py") and (place == missing or place.startswith(f"{missing}.")):
            advice = "install it, or run from the folder that holds it"
            raise UsageError(
                f"{printable(spec)}: there is no module {printable(missing)}; {advice}"
            ) from error
        what = f"needs the module {printable(missing)}, which is not installed"
        raise UsageError(f"{printable(spec)}: {what}; install it beside repdiag") from error
    except (Exception, SystemExit) as error:
        raise UsageError(
            f"{printable(spec)}: importing it raised {shown_error(error)}; correct it there, or see it with "
            "--debug"
        ) from error


def _search_also(folder: Path) -> None:
    """Append, never prepend: what is installed wins over what lies in the folder."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _refuse_shadow(top: str, spec: str) -> None:
    """Refuse a module of the current folder with the name of an installed one: which is meant?"""
    local = PathFinder.find_spec(top, [str(Path.cwd())])
    if local is None or local.origin is None:
        return
    installed = _elsewhere(top)
    same = installed is not None and installed.origin is not None and _same(installed.origin, local.origin)
    if top in sys.stdlib_module_names or (installed is not None and not same):
        where = f"{printable(Path(local.origin).name)} in this folder has the name of an installed module"
        raise UsageError(f"{printable(spec)}: {where}; rename it, or give path/file.py:callable")


def _elsewhere(top: str) -> ModuleSpec | None:
    """The module as found without the current folder."""
    here = Path.cwd().resolve()
    paths = [entry for entry in sys.path if entry and Path(entry).resolve() != here]
    return PathFinder.find_spec(top, paths)


def _same(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False
