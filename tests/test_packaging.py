"""What an installer reads: metadata, extras, pins, package data and the public names."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from importlib import import_module
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import repdiag
from tests.source import ROOT, modules, pyproject

EXTRAS = {"vision", "text", "table", "lightning", "test", "docs"}
IMPORT_NAMES = {
    "pillow": "PIL",
    "scikit-learn": "sklearn",
    "pytest-xdist": "xdist",
    "pre-commit": "pre_commit",
}


def project() -> dict[str, list[str]]:
    """Requirement lines by extra; the core under an empty name."""
    table = pyproject()["project"]
    return {"": table["dependencies"], **table["optional-dependencies"]}


def requirements() -> list[Requirement]:
    lines = [line for lines in project().values() for line in lines]
    return [item for line in lines if (item := Requirement(line)).name != "repdiag"]


def pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {name: Version(version) for name, version in pairs}


def test_extras_are_the_documented_ones() -> None:
    assert set(pyproject()["project"]["optional-dependencies"]) == EXTRAS


def test_every_requirement_has_a_lower_bound() -> None:
    assert all("" not in project() or item.specifier for item in requirements() if item.name != "repdiag")
    assert all(str(item.specifier).startswith(">=") for item in requirements())


def test_pins_fit_the_ranges_and_cover_what_make_installs() -> None:
    wanted = {item.name: item for item in requirements()}
    not_installed_by_make = {"lightning"}
    assert set(pins()) == set(wanted) - not_installed_by_make
    assert all(version in wanted[name].specifier for name, version in pins().items())


def test_every_imported_package_is_declared() -> None:
    declared = {IMPORT_NAMES.get(item.name, item.name.replace("-", "_")) for item in requirements()}
    # markupsafe is jinja2's own, huggingface_hub and tokenizers those of transformers; choreographer comes
    # with kaleido, and is used where that is installed.
    others = {"repdiag", "markupsafe", "huggingface_hub", "tokenizers", "choreographer"}
    known = declared | sys.stdlib_module_names | others
    for module in modules():
        roots = {name.split(".")[0] for name in module.imports()}
        assert roots <= known, module.path


def test_core_modules_import_no_extra_on_import() -> None:
    core = {Requirement(line).name for line in project()[""]}
    extra = {item.name for item in requirements()} - core
    names = {IMPORT_NAMES.get(name, name.replace("-", "_")) for name in extra}
    for module in modules():
        roots = {name.split(".")[0] for name in module.imports(top_level=True)}
        assert not roots & names, f"{module.path} imports a package of an extra before it is needed"


def test_extras_named_in_errors_exist() -> None:
    text = "\n".join((ROOT / module.path).read_text(encoding="utf-8") for module in modules())
    assert set(re.findall(r"repdiag\[(\w+)\]", text)) <= EXTRAS


def test_package_data_is_there_and_complete() -> None:
    table: dict[str, list[str]] = pyproject()["tool"]["setuptools"]["package-data"]
    covered = {
        path.relative_to(ROOT)
        for package, patterns in table.items()
        for pattern in patterns
        for path in (ROOT / package.replace(".", "/")).glob(pattern)
    }
    present = {
        path.relative_to(ROOT)
        for path in (ROOT / "repdiag").rglob("*")
        if path.is_file() and path.suffix not in (".py", ".pyc") and "commands" not in path.parts
    }
    assert present <= covered
    assert Path("repdiag/py.typed") in covered


def test_version_is_said_once() -> None:
    assert Version(repdiag.__version__)
    assert pyproject()["project"]["dynamic"] == ["version"]


def test_entry_point_exists() -> None:
    module, _, name = pyproject()["project"]["scripts"]["repdiag"].partition(":")
    assert callable(getattr(import_module(module), name))


def test_public_names_exist_and_are_declared_once() -> None:
    tree = ast.parse((ROOT / "repdiag" / "__init__.py").read_text(encoding="utf-8"))
    typed = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.If)
        for child in node.body
        if isinstance(child, ast.ImportFrom)
        for alias in child.names
    }
    assert set(repdiag.__all__) == typed | {"__version__"}
    assert all(getattr(repdiag, name) is not None for name in repdiag.__all__)
    assert dir(repdiag) == sorted(repdiag.__all__)


def test_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        getattr(repdiag, "no_such_name")  # noqa: B009  (mypy would refuse the attribute)


def make(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["make", "-C", str(ROOT), *words], capture_output=True, text=True, check=False)


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
@pytest.mark.parametrize(
    ("python", "said"),
    [("", "no Python 3.11 or newer was found"), ("no-such-python", "is not Python 3.11 or newer")],
)
def test_make_says_what_is_missing(tmp_path: Path, python: str, said: str) -> None:
    ended = make("demo", f"VENV={tmp_path / 'venv'}", f"PYTHON={python}")
    assert ended.returncode != 0
    assert sum(line.startswith("error: ") for line in ended.stderr.splitlines()) == 1
    assert said in ended.stderr
    assert not (tmp_path / "venv").exists()


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_installs_once(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "python").touch()
    for stamp in (".core", ".test", ".real", ".docs"):
        (tmp_path / stamp).touch()
    for target in ("demo", "test", "lint", "slow", "docs"):
        planned = make("-n", target, f"VENV={tmp_path}").stdout
        assert "pip install" not in planned, target
        assert str(tmp_path / "bin") in planned, target


def test_ci_script_is_executable_bash() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(script)], check=True)


@pytest.mark.slow
def test_wheel_holds_every_package_and_its_data(tmp_path: Path) -> None:
    """Builds from a copy: a leftover build folder would carry deleted files along."""
    copy = tmp_path / "source"
    copy.mkdir()
    listed = ["pyproject.toml", "README.md", "LICENSE", "repdiag", "commands"]
    names = [name for name in listed if (ROOT / name).exists()]
    subprocess.run(["cp", "-a", *(str(ROOT / name) for name in names), str(copy)], check=True)
    command = [sys.executable, "-m", "build", "--outdir", str(tmp_path), str(copy)]
    subprocess.run(command, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    assert {module.name.replace(".", "/") for module in modules() if module.is_package} <= {
        name.removesuffix("/__init__.py") for name in held
    }
    assert "repdiag/py.typed" in held
    assert not any(name.startswith(("commands/", "tests/")) for name in held)
