"""The walls of the house, read from the source: who may import whom, and who may do what."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
from collections.abc import Callable

import pytest

from tests.source import ROOT, Module, modules, pyproject

VOCABULARY = {"types", "errors", "text", "files", "_version"}
# Each room and the rooms below it that it may import. `results` reads nothing but the vocabulary.
ALLOWED: dict[str, set[str]] = {
    "types": set(),
    "_version": set(),
    "errors": {"types"},
    "text": set(),
    "files": {"errors", "text"},
    "child": {"errors", "text"},
    "ranks": {"errors", "text"},
    "results": VOCABULARY,
    "linalg": VOCABULARY,
    "synthetic": {*VOCABULARY, "linalg"},
    "accumulators": {*VOCABULARY, "linalg"},
    "measures": {*VOCABULARY, "linalg"},
    "checkpoints": {*VOCABULARY, "linalg", "child"},
    "models": {*VOCABULARY, "linalg", "checkpoints"},
    "data": VOCABULARY | {"models"},
    "store": {*VOCABULARY, "checkpoints", "child"},
    "stats": {*VOCABULARY, "linalg", "accumulators", "measures"},
    "extract": {*VOCABULARY, "models", "data", "store", "checkpoints", "ranks"},
    "analysis": {*VOCABULARY, "linalg", "accumulators", "measures", "stats", "store", "results", "ranks"},
    "report": {*VOCABULARY, "results"},
    "check": {*VOCABULARY, "results", "stats"},
    "config": {*VOCABULARY, "check"},
    "selftest": {*VOCABULARY, "linalg", "synthetic", "store", "analysis", "check", "results"},
    "demo": {
        *VOCABULARY,
        "data",
        "store",
        "extract",
        "analysis",
        "report",
        "check",
        "results",
        "checkpoints",
    },
}
HEAVY = ("torch", "numpy", "h5py", "plotly", "pydantic", "scipy", "sklearn", "pandas", "transformers")
ALWAYS_LIGHT = ("types", "errors", "text", "files", "_version", "commands", "")


def by_name(module: Module) -> str:
    return module.name


every_module = pytest.mark.parametrize("module", modules(), ids=by_name)


def our_rooms(module: Module) -> set[str]:
    """The rooms that a module imports from, other than its own."""
    ours = {name.split(".")[1] for name in module.imports() if name.startswith("repdiag.")}
    known = set(ALLOWED) | {"commands", "__main__"}
    return (ours & known) - {module.room}


@every_module
def test_imports_point_downward(module: Module) -> None:
    if module.room in ("commands", "", "__main__"):
        return
    assert module.room in ALLOWED, f"{module.path}: a new room needs its line in ALLOWED"
    assert our_rooms(module) <= ALLOWED[module.room], module.path


def test_allowed_directions_have_no_cycle() -> None:
    done: set[str] = set()
    while ready := {room for room, below in ALLOWED.items() if below <= done} - done:
        done |= ready
    assert done == set(ALLOWED)


@every_module
def test_results_side_knows_no_tensors(module: Module) -> None:
    if module.room in ("report", "check", "results"):
        foreign = {name.split(".")[0] for name in module.imports()}
        assert not foreign & {"torch", "h5py", "sklearn", "safetensors"}, module.path


@every_module
def test_light_modules_import_nothing_heavy(module: Module) -> None:
    if module.room in ALWAYS_LIGHT:
        roots = {name.split(".")[0] for name in module.imports(top_level=True)}
        assert not roots & set(HEAVY), module.path


@every_module
def test_commands_import_the_library_only_inside_functions(module: Module) -> None:
    if module.room == "commands":
        ours = {n for n in module.imports(top_level=True) if n.startswith("repdiag.")}
        rooms = {name.split(".")[1] for name in ours}
        assert rooms <= {"errors", "text", "types", "commands", "_version"}, module.path


# --- Guarded doors: one place each. ---

WRITING = set("wax+")


def _mode(call: ast.Call, position: int) -> str:
    given = [k.value for k in call.keywords if k.arg == "mode"] + call.args[position : position + 1]
    return str(given[0].value) if given and isinstance(given[0], ast.Constant) else ""


def _writes(called: str, call: ast.Call) -> bool:
    last = called.rsplit(".", 1)[-1]
    if last in ("write_text", "write_bytes"):
        return True
    if called == "os.open":
        return any(flag in ast.unparse(call) for flag in ("O_WRONLY", "O_RDWR", "O_CREAT"))
    if called in ("open", "io.open", "os.fdopen"):
        return bool(WRITING & set(_mode(call, 1)))
    if last == "open":
        return bool(WRITING & set(_mode(call, 0))) and set(_mode(call, 0)) <= set("rwaxbt+")
    if called in ("torch.save", "np.save", "np.savez", "np.savez_compressed", "numpy.save"):
        target = call.args[1 if called == "torch.save" else 0]
        return ast.unparse(target) not in ("buffer", "temporary")  # bytes in memory, or files.replacing
    return False


def _unpickles(called: str, call: ast.Call) -> bool:
    allows = any(
        k.arg == "allow_pickle" and not (isinstance(k.value, ast.Constant) and k.value.value is False)
        for k in call.keywords
    )
    return called in ("np.load", "numpy.load") and allows


def _in_a_shell(called: str, call: ast.Call) -> bool:
    keywords = {k.arg: ast.unparse(k.value) for k in call.keywords}
    return keywords.get("shell", "False") != "False" or called in ("os.system", "os.popen")


def _named(*names: str) -> Callable[[str, ast.Call], bool]:
    return lambda called, call: called in names


DOORS: dict[str, tuple[Callable[[str, ast.Call], bool], set[str]]] = {
    "torch files are loaded": (
        _named("torch.load", "torch.jit.load", "torch.export.load", "torch.package.PackageImporter"),
        {"repdiag/checkpoints/load.py"},
    ),
    "HDF5 is opened": (_named("h5py.File", "File", "h5py.h5f.open"), {"repdiag/store/guarded.py"}),
    # The lock is linked under its final name or made there by O_EXCL; the sink writes in files.replacing;
    "files are written": (_writes, {"repdiag/files.py", "repdiag/store/lock.py", "repdiag/store/sink.py"}),
    "user code is imported": (
        _named(
            "importlib.import_module",
            "import_module",
            "__import__",
            "importlib.util.spec_from_file_location",
            "spec_from_file_location",
            "runpy.run_path",
        ),
        # The other three import fixed names: our own rooms, and the packages of an extra.
        {
            "repdiag/models/user_code.py",
            "repdiag/__init__.py",
            "repdiag/data/_optional.py",
            "repdiag/models/extras.py",
        },
    ),
    "text becomes code": (_named("eval", "exec", "compile", "builtins.eval", "builtins.exec"), set()),
    "arrays are unpickled": (_unpickles, set()),
    "yaml is read": (_named("yaml.load", "yaml.unsafe_load", "yaml.full_load"), set()),
    "a shell is started": (_in_a_shell, set()),
}


def trespasses(module: Module, door: str) -> list[str]:
    passes, keepers = DOORS[door]
    calls = () if module.path in keepers else module.calls()
    return [f"{module.path}:{call.lineno} {name}" for name, call in calls if passes(name, call)]


@pytest.mark.parametrize("door", DOORS)
def test_guarded_doors(door: str) -> None:
    found = [place for module in modules() for place in trespasses(module, door)]
    assert not found, f"{door} only in {sorted(DOORS[door][1]) or 'no module'}"


@pytest.mark.parametrize("door", DOORS)
def test_keepers_of_doors_exist_and_need_to_be_keepers(door: str) -> None:
    passes, keepers = DOORS[door]
    used = {m.path for m in modules() if any(passes(name, call) for name, call in m.calls())}
    assert keepers <= used


@pytest.mark.parametrize(
    ("code", "door"),
    [
        ("torch.load(p, weights_only=True)", "torch files are loaded"),
        ("h5py.File(p, 'r')", "HDF5 is opened"),
        ("open(p, 'wb')", "files are written"),
        ("open(p, mode='a')", "files are written"),
        ("path.open('w')", "files are written"),
        ("path.write_text('x')", "files are written"),
        ("os.open(p, os.O_WRONLY)", "files are written"),
        ("torch.save(state, path)", "files are written"),
        ("np.save(path, rows)", "files are written"),
        ("importlib.import_module(x)", "user code is imported"),
        ("eval('1')", "text becomes code"),
        ("np.load(p, allow_pickle=True)", "arrays are unpickled"),
        ("yaml.load(s)", "yaml is read"),
        ("subprocess.run(c, shell=True)", "a shell is started"),
    ],
)
def test_each_guard_trips(code: str, door: str) -> None:
    planted = Module("repdiag.planted", "repdiag/planted.py", ast.parse(code))
    assert trespasses(planted, door)


@pytest.mark.parametrize(
    "code",
    ["open(p, 'rb')", "path.open('rb')", "np.load(p, allow_pickle=False)", "torch.save(state, buffer)"],
)
def test_guards_let_reading_through(code: str) -> None:
    planted = Module("repdiag.planted", "repdiag/planted.py", ast.parse(code))
    assert not any(trespasses(planted, door) for door in DOORS)


IMPORT_KEEPERS = {
    "plotly": ("report",),
    "pickle": (),
    "dill": (),
    "cloudpickle": (),
    "h5py": ("store",),
    "pandas": (),
}


@every_module
def test_packages_are_imported_only_in_their_room(module: Module) -> None:
    # Naming the error that torch raises is not unpickling.
    names = set(module.imports()) - {"pickle.UnpicklingError"}
    roots = {name.split(".")[0] for name in names}
    for package, rooms in IMPORT_KEEPERS.items():
        assert package not in roots or module.room in rooms, f"{module.path} imports {package}"


# --- Packaging: what is built is what is here. ---


def test_package_list_equals_the_tree() -> None:
    here = {module.name for module in modules() if module.is_package}
    assert set(pyproject()["tool"]["setuptools"]["packages"]) == here


def test_every_folder_with_code_is_a_package() -> None:
    folders = {(ROOT / module.path).parent for module in modules()}
    assert all((folder / "__init__.py").is_file() for folder in folders)


def test_commands_are_reached_through_a_relative_link() -> None:
    link = ROOT / "repdiag" / "commands"
    assert link.is_symlink()
    assert link.readlink().as_posix() == "../commands"
    assert link.resolve() == ROOT / "commands"


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_git_stores_the_link_as_a_link() -> None:
    command = ["git", "-C", os.fspath(ROOT), "ls-files", "-s", "--", "repdiag/commands"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False)
    if listed.returncode or not listed.stdout:
        pytest.skip("not a git checkout, or nothing is added yet")
    assert [line.split()[0] for line in listed.stdout.splitlines()] == ["120000"]


# --- Sizes. ---


@every_module
def test_command_files_are_short(module: Module) -> None:
    if module.room == "commands" and not module.path.rsplit("/", 1)[-1].startswith("_"):
        length = len((ROOT / module.path).read_text(encoding="utf-8").splitlines())
        assert length <= 80, f"{module.path} has {length} lines; move the work into the library"
