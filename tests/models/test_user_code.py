from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from repdiag.errors import InputError, UsageError
from repdiag.models.user_code import call_user, import_callable, source_of


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A working folder of its own, and no module or path left behind."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_file_and_attribute_path(here: Path) -> None:
    (here / "nets.py").write_text("class Net:\n    @classmethod\n    def tiny(cls, n=1): return n + 1\n")
    assert import_callable("nets.py:Net.tiny")(2) == 3
    assert import_callable(f"{here / 'nets.py'}:Net.tiny")() == 2


def test_a_file_may_import_its_neighbours(here: Path) -> None:
    (here / "code").mkdir()
    (here / "code" / "neighbour_of_nets.py").write_text("VALUE = 7\n")
    (here / "code" / "nets.py").write_text("from neighbour_of_nets import VALUE\ndef build(): return VALUE\n")
    assert import_callable("code/nets.py:build")() == 7


def test_a_file_does_not_become_an_installed_module(here: Path) -> None:
    import json

    (here / "json.py").write_text("def build(): return 1\n")
    assert import_callable("json.py:build")() == 1
    assert sys.modules["json"] is json


def test_module_of_the_working_folder_is_found_and_installed_ones_win(here: Path) -> None:
    (here / "mine_for_test").mkdir()
    (here / "mine_for_test" / "__init__.py").write_text("")
    (here / "mine_for_test" / "nets.py").write_text("def build(): return 5\n")
    assert import_callable("mine_for_test.nets:build")() == 5
    assert sys.path[-1] == str(here)
    assert import_callable("collections:OrderedDict")() == {}


@pytest.mark.parametrize("name", ["colorsys", "numpy", "torch"])
def test_a_planted_module_is_refused_and_not_run(name: str, here: Path) -> None:
    (here / f"{name}.py").write_text("open('canary', 'w')\ndef build(): pass\n")
    with pytest.raises(UsageError, match="has the name of an installed module"):
        import_callable(f"{name}:build")
    assert not (here / "canary").exists()


@pytest.mark.parametrize(
    ("spec", "source", "phrase"),
    [
        ("nothing", "", "not of the form"),
        ("absent_module_x:build", "", "no module absent_module_x"),
        ("absent.py:build", "", "no file absent.py"),
        ("a b:build", "", "not a module name"),
        ("nets.py:bild", "def build(): pass", 'Did you mean "build"'),
        ("nets.py:build", "build = 3", "is a int, not callable"),
        ("nets.py:build", "import absent_module_y", "needs the module absent_module_y"),
        ("nets.py:build", "raise KeyError('lost')", r"importing it raised KeyError \('lost'\)"),
        ("nets.py:build", "def build(:", "importing it raised SyntaxError"),
        ("nets.py:build", "import sys\nsys.exit(3)", "importing it raised SystemExit"),
        ("nets.py:build", "raise ValueError('\\x1b[31mred\\nline')", r"\\x1b\[31mred\\x0aline"),
    ],
)
def test_each_mistake_is_one_sentence(spec: str, source: str, phrase: str, here: Path) -> None:
    (here / "nets.py").write_text(source)
    with pytest.raises(UsageError, match=phrase) as caught:
        import_callable(spec)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_the_users_error_stays_as_the_cause(here: Path) -> None:
    (here / "nets.py").write_text("def build(): raise RuntimeError('no data')\n")
    with pytest.raises(UsageError, match=r"nets\.py:build: raised RuntimeError \(no data\)") as caught:
        call_user("nets.py:build", import_callable("nets.py:build"))
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_our_own_errors_pass_through() -> None:
    def ours() -> None:
        raise InputError("a: b")

    with pytest.raises(InputError, match="a: b"):
        call_user("x:y", ours)


def test_a_failed_import_can_be_tried_again(here: Path) -> None:
    (here / "nets.py").write_text("raise ValueError('first')\n")
    with pytest.raises(UsageError):
        import_callable("nets.py:build")
    (here / "nets.py").write_text("def build():\n    return 'second time'\n")
    assert import_callable("nets.py:build")() == "second time"


def test_source_is_known_before_anything_runs(here: Path) -> None:
    (here / "local_for_test.py").write_text("open('canary', 'w')")
    assert source_of("local_for_test.py:build") == here / "local_for_test.py"
    assert source_of("local_for_test:build") == here / "local_for_test.py"
    assert source_of("absent_module_x:build") is None
    assert not (here / "canary").exists()
