"""`repdiag report`: from results to a page, without torch."""

from __future__ import annotations

from pathlib import Path

import pytest

from repdiag.results import Estimate, Representation, Results, write_results
from tests.commands.helpers import Typed, in_a_process


@pytest.fixture
def result(here: Path) -> Path:
    item = Representation(
        checkpoint="epoch=1",
        view="base",
        layer="backbone",
        n=100,
        d=8,
        estimates={"effective_rank": Estimate(value=4.0, low=3.5, high=4.5, plugin=3.9)},
    )
    write_results(Results(repdiag="0.1.0", command="spectrum", representations=[item]), here / "r.json")
    return here / "r.json"


def test_a_page_from_results(typed: Typed, result: Path, here: Path) -> None:
    ended = typed("report", result, "-o", "page.html")
    assert (ended.code, ended.out, ended.err) == (0, "", "wrote page.html\n")
    assert "effective_rank" in (here / "page.html").read_text(encoding="utf-8")


def test_the_default_name(typed: Typed, result: Path, here: Path) -> None:
    assert typed("report", result).code == 0
    assert (here / "r.html").is_file()


def test_several_results_in_one_page(typed: Typed, result: Path, here: Path) -> None:
    (here / "s.json").write_bytes(result.read_bytes())
    assert typed("report", result, "s.json", "-o", "both.html").code == 0


def test_no_torch_and_no_store(result: Path, here: Path) -> None:
    code = (
        "import sys\nfrom repdiag.commands import run\n"
        "assert run(['report', 'r.json', '-o', 'x.html']) == 0\n"
        "print(sorted({'torch', 'h5py', 'sklearn', 'repdiag.store', 'repdiag.analysis'} & set(sys.modules)))"
    )
    ended = in_a_process(cwd=here, code=code)
    assert ended.stdout == "[]\n", ended.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "is not a repdiag result"),
        ("{}", "is not a repdiag result"),
        ('{"schema": "other"}', "is not a repdiag result"),
        ('{"schema": "repdiag.results", "schema_version": 99}', "is not a repdiag result"),
        ("\x00\x01", "is not a repdiag result"),
    ],
)
def test_what_is_no_result_is_refused(typed: Typed, here: Path, content: str, said: str) -> None:
    (here / "bad.json").write_text(content, encoding="utf-8")
    ended = typed("report", "bad.json")
    assert ended.code == 2
    assert said in ended.sentence
    assert not (here / "bad.html").exists()


def test_a_missing_result(typed: Typed) -> None:
    assert "no such file" in typed("report", "none.json").sentence
