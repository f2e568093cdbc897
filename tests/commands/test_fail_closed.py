"""Every way of having no valid result that we could think of: none ends in 0, in 1 or in a traceback."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from repdiag.check import DEFAULT_RULES
from repdiag.commands import run
from tests.commands.helpers import Typed, in_a_process
from tests.source import ROOT
from tests.store.helpers import BASE, edited, foreign_file, small_store

Case = Callable[[Path], list[str]]
"""Prepares the working folder and returns the words after `repdiag check`."""

N, D = 400, 8


def rows(n: int = N, d: int = D) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((n, d)).astype(np.float32)


def saved(folder: Path, array: np.ndarray, name: str = "rows.npy") -> list[str]:
    np.save(folder / name, array)
    return [name]


def good(folder: Path, *more: str) -> list[str]:
    """A store that passes, and more words."""
    return [*saved(folder, rows()), *more]


def spoiled(folder: Path, value: float, count: int) -> list[str]:
    array = rows()
    array[:count] = value
    return saved(folder, array)


def text(folder: Path, content: str, name: str) -> str:
    (folder / name).write_text(content, encoding="utf-8")
    return name


def configured(content: str) -> Case:
    """A store that passes under a configuration that cannot be used."""
    return lambda folder: good(folder, "--config", text(folder, content, "own.toml"))


def stored(change: Callable[[h5py.File], Any]) -> Case:
    """One of our own stores after a change that it was not written with."""

    def case(folder: Path) -> list[str]:
        path = small_store(folder / "store.h5")
        with edited(path) as file:
            change(file)
        return [path.name]

    return case


def damage(file: h5py.File) -> None:
    """Other rows than the ones whose sha256 is kept."""

    def change(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            item[...] = item[...] + 1

    file["embeddings"].visititems(change)


def cut(folder: Path) -> list[str]:
    path = small_store(folder / "store.h5")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return [path.name]


def shortened(folder: Path) -> list[str]:
    (name,) = saved(folder, rows())
    (folder / name).write_bytes((folder / name).read_bytes()[:1000])
    return [name]


def folder_of(name: str, *files: str) -> Case:
    def case(folder: Path) -> list[str]:
        (folder / name).mkdir()
        for file in files:
            text(folder / name, "x", file)
        return [name]

    return case


def results(**fields: object) -> Case:
    """A results JSON, whole but for `fields`."""
    whole = {"schema": "repdiag.results", "schema_version": 1, "repdiag": "0", "command": "spectrum"}
    return lambda folder: [text(folder, json.dumps({**whole, **fields}), "results.json")]


ROW = {"checkpoint": "c", "view": "base", "layer": "l", "n": 5, "d": 3}


def beside(content: str) -> Case:
    """A store that passes, and something that is to be its baseline."""
    return lambda folder: good(folder, "--baseline", text(folder, content, "baseline.json"))


def compared(change: Callable[[dict[str, Any]], Any], policy: str = "") -> Case:
    """A store against its own baseline after a change of that."""

    def case(folder: Path) -> list[str]:
        path = folder / "own.h5"
        given = {"representations": {BASE: {"pool": "mean"}}, "embeddings": {BASE: rows(N)}}
        preprocessing = {BASE.checkpoint: {"preprocessing": json.dumps({"resize": 256})}}
        ids = {"id": [f"sample-{row}" for row in range(N)]}
        small_store(path, samples=ids, checkpoints=preprocessing, **given)
        assert run(["baseline", path.name, "-o", "baseline.json", "--quiet"]) == 0
        kept = json.loads((folder / "baseline.json").read_text(encoding="utf-8"))
        change(kept)
        text(folder, json.dumps(kept), "baseline.json")
        more = ["--config", text(folder, policy, "own.toml")] if policy else []
        return [path.name, "--baseline", "baseline.json", *more]

    return case


def figures(kept: dict[str, Any]) -> Any:
    return kept["representations"][0]["estimates"]


def writes(*words: str) -> Case:
    """A store that passes, and a place where a result cannot go."""

    def case(folder: Path) -> list[str]:
        (folder / "folder").mkdir()
        text(folder, "a file", "file")
        return good(folder, *words)

    return case


INPUT: dict[str, Case] = {
    "missing file": lambda folder: ["missing.npy"],
    "no argument": lambda folder: [],
    "empty file": lambda folder: [text(folder, "", "empty.npy")],
    "empty HDF5 file": lambda folder: [text(folder, "", "empty.h5")],
    "text as a store": lambda folder: [text(folder, "loss: 0.3\n", "log.txt")],
    "text named .h5": lambda folder: [text(folder, "loss: 0.3\n", "store.h5")],
    "zero rows": lambda folder: saved(folder, rows(0)),
    "zero features": lambda folder: saved(folder, rows(N, 0)),
    "one vector": lambda folder: saved(folder, rows()[0]),
    "one row": lambda folder: saved(folder, rows(1)),
    "five rows": lambda folder: saved(folder, rows(5)),
    "rows of text": lambda folder: saved(folder, np.array([["a", "b"], ["c", "d"]])),
    "integers": lambda folder: saved(folder, np.arange(800).reshape(100, 8)),
    "truncated npy": shortened,
    "truncated HDF5": cut,
    "two arrays that could be meant": lambda folder: [
        foreign_file(folder / "two.h5", {"a": rows(), "b": rows(N, 9)}).name
    ],
    "unknown dataset": lambda folder: [
        foreign_file(folder / "one.h5", {"a": rows()}).name,
        "--dataset",
        "b",
    ],
    "HDF5 without an array": lambda folder: [foreign_file(folder / "none.h5", {}).name],
    "folder without a manifest": folder_of("run", "x.txt"),
    "empty folder": folder_of("run"),
    "partial folder": folder_of("embeddings.h5.partial", "manifest.json"),
    "unfinished store": stored(lambda file: file.attrs.modify("complete", np.bool_(False))),
    "store of a later version": stored(lambda file: file.attrs.modify("format_version", 99)),
    "store without ids": stored(lambda file: file["samples"].__delitem__("id")),
    "store without embeddings": stored(lambda file: file.__delitem__("embeddings")),
    "damaged rows": stored(damage),
    "good and missing": lambda folder: [*good(folder), "missing.npy"],
}
CHOICE: dict[str, Case] = {
    "no layer matched": lambda folder: good(folder, "--layer", "backbnoe"),
    "no view matched": lambda folder: good(folder, "--view", "crop"),
    "no checkpoint matched": lambda folder: good(folder, "--checkpoint", "epoch=*"),
    "no layer of the configuration": configured('[check]\nlayers = ["backbone"]\n'),
    "unknown option": lambda folder: good(folder, "--treshold", "2"),
    "unknown profile": lambda folder: good(folder, "--profile", "sll"),
    "unknown device": lambda folder: good(folder, "--device", "tpu"),
    "device that is not there": lambda folder: good(folder, "--device", "cuda:99"),
    "unknown format": lambda folder: good(folder, "--format", "jnuit=a.xml"),
    "unknown fail-on": lambda folder: good(folder, "--fail-on", "never"),
    "data without a checkpoint to run": lambda folder: good(folder, "--data", "digits"),
}
CONFIGURATION: dict[str, Case] = {
    "missing configuration": lambda folder: good(folder, "--config", "missing.toml"),
    "configuration that is not TOML": configured("[check\n"),
    "unknown table": configured("[chek]\nprofile = 'ssl'\n"),
    "unknown key": configured("[check]\nprofle = 'ssl'\n"),
    "unknown rule": configured("[check.rules]\neffective_rnk = { min = 2 }\n"),
    "unknown limit": configured("[check.rules]\neffective_rank = { mn = 2 }\n"),
    "limit of text": configured("[check.rules]\neffective_rank = { min = 'abc' }\n"),
    "limit of NaN": configured("[check.rules]\neffective_rank = { min = nan }\n"),
    "limit of infinity": configured("[check.rules]\nspectral_cliff = { max = inf }\n"),
    "limit on the wrong figure": configured("[check.rules]\nmean_share = { max_drop = '5%' }\n"),
    "every rule off": configured("[check.rules]\n" + "".join(f"{name} = false\n" for name in DEFAULT_RULES)),
    "labels that are not there": configured("[check.rules]\nper_class_rank = { min_of_median = 0.1 }\n"),
    "a drop without a baseline": configured("[check.rules]\neffective_rank = { max_drop = '5%' }\n"),
    "confidence of 1": configured("[check]\nconfidence = 1.0\n"),
    "missing baseline of the configuration": configured('[check.baseline]\nfile = "missing.json"\n'),
    "baseline without a file": configured("[check.baseline]\n"),
}
SAVED: dict[str, Case] = {
    "no representation": results(),
    "representations without figures": results(representations=[ROW]),
    "another schema": results(schema="somebody.else"),
    "a later schema": results(schema_version=2),
    "an unknown field": results(verdit="pass"),
    "a pass that was written by hand": results(verdict="pass"),
    "a figure of NaN": results(
        representations=[{**ROW, "estimates": {"effective_rank": {"value": float("nan")}}}]
    ),
    "JSON that ends early": lambda folder: [text(folder, '{"schema": "repdiag.results", ', "r.json")],
    "JSON of another kind": lambda folder: [text(folder, '{"loss": 0.3}', "r.json")],
    "a list of JSON": lambda folder: [text(folder, "[]", "r.json")],
    "results beside a store": lambda folder: [*results()(folder), *good(folder)],
}
OUTPUT: dict[str, Case] = {
    "report into a missing folder": writes("--report", "missing/a.html"),
    "report onto a folder": writes("--report", "folder"),
    "report below a file": writes("--report", "file/a.html"),
    "JSON into a missing folder": writes("--json", "missing/a.json"),
    "JSON onto a folder": writes("--json", "folder"),
    "JSON without a name": writes("--json", ""),
    "format into a missing folder": writes("--format", "junit=missing/a.xml"),
    "format onto a folder": writes("--format", "markdown=folder"),
    "format without a name": writes("--format", "junit="),
    "two formats in one file": writes("--format", "junit=a", "--format", "json=a"),
    "report and JSON in one file": writes("--report", "a", "--json", "a"),
    "JSON twice in one file": writes("--format", "json=a", "--json", "a"),
    "two documents for stdout": writes("--format", "junit", "--json", "-"),
}
BASELINE: dict[str, Case] = {
    "missing baseline": lambda folder: good(folder, "--baseline", "missing.json"),
    "a folder as baseline": lambda folder: good(folder, "--baseline", *folder_of("b.json")(folder)),
    "an empty baseline": beside(""),
    "a baseline that is not JSON": beside("effective_rank: 8\n"),
    "a baseline of another schema": beside('{"schema": "somebody.else", "effective_rank": 8}'),
    "a store as baseline": lambda folder: good(folder, "--baseline", "rows.npy"),
    "results as baseline": lambda folder: good(folder, "--baseline", *results()(folder)),
    "a baseline of a later schema": compared(lambda kept: kept.update(schema_version=2)),
    "a baseline of nothing": compared(lambda kept: kept.update(representations=[])),
    "a baseline with an unknown field": compared(lambda kept: kept.update(verdict="pass")),
    "a baseline of NaN": compared(lambda kept: figures(kept)["effective_rank"].update(value=float("nan"))),
    "a baseline of another d": compared(lambda kept: kept["representations"][0].update(d=9)),
    "a baseline of another layer": compared(lambda kept: kept["representations"][0].update(layer="fc")),
    "a baseline of another view": compared(lambda kept: kept["representations"][0].update(view="crop")),
    "a baseline with another pooling": compared(lambda kept: kept["representations"][0].update(pool="cls")),
    "a baseline of other inputs": compared(
        lambda kept: kept["representations"][0].update(preprocessing={"resize": 224})
    ),
    "a baseline by another definition": compared(
        lambda kept: figures(kept)["effective_rank"].update(definition="exp(H(s))")
    ),
    "a baseline without the figure that must not drop": compared(
        lambda kept: figures(kept).pop("effective_rank"),
        "[check.rules]\neffective_rank = { max_drop = '5%' }\n",
    ),
    "a baseline with a figure that was not measured": compared(
        lambda kept: figures(kept)["effective_rank"].update(
            value=None, low=None, high=None, status="insufficient"
        )
    ),
}
CASES = {**INPUT, **CHOICE, **CONFIGURATION, **BASELINE, **SAVED, **OUTPUT}


def fails_closed(code: int, out: str, err: str) -> None:
    """No pass, no failure of the gate, no bug; a sentence, and no traceback."""
    assert code in (2, 3), (code, out, err)
    assert "Traceback" not in out + err
    if code == 2:
        assert err.splitlines()[-1].startswith("error: ")
        assert len(err.splitlines()[-1]) > 20
        assert "PASS" not in out
    else:
        assert "INCONCLUSIVE" in out


@pytest.mark.parametrize("name", CASES)
def test_no_valid_result_is_no_pass_and_no_failure(name: str, typed: Typed, here: Path) -> None:
    before = set(os.listdir(here))
    words = CASES[name](here)
    prepared = set(os.listdir(here))
    ended = typed("check", *words)
    fails_closed(ended.code, ended.out, ended.err)
    assert set(os.listdir(here)) == prepared > before or not words or name == "missing file"


@pytest.mark.parametrize("name", CASES)
def test_exit_zero_does_not_help(name: str, typed: Typed, here: Path) -> None:
    ended = typed("check", *CASES[name](here), "--exit-zero")
    assert ended.code in ((0,) if "INCONCLUSIVE" in ended.out else (2,))


def test_the_same_store_passes_without_any_of_it(typed: Typed, here: Path) -> None:
    assert typed("check", *good(here)).code == 0
    assert typed("check", *good(here), "--json", "r.json").code == 0
    assert typed("check", "r.json").code == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("count", [1, N // 2, N - 1, N])
def test_rows_that_are_not_finite_never_pass(value: float, count: int, typed: Typed, here: Path) -> None:
    """They are a failure of the encoder: a verdict, which says so."""
    ended = typed("check", *spoiled(here, value, count), "--json", "-")
    assert ended.code in (1, 3)
    document = json.loads(ended.out)
    assert document["verdict"] in ("fail", "inconclusive")
    assert {"RD009"} <= {one["id"] for one in document["findings"]}


# --- Places that only a process of its own can lose. ---


@pytest.mark.parametrize(
    ("tail", "more"),
    [
        ("> /dev/full", []),
        ("> /dev/full", ["--json", "-"]),
        ("| true", []),
        (">&-", []),
    ],
)
def test_stdout_that_takes_nothing(here: Path, tail: str, more: list[str]) -> None:
    if tail == "> /dev/full" and not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    ended = in_a_process("check", *good(here), *more, cwd=here, shell_tail=tail)
    assert ended.returncode == 2
    assert "Traceback" not in ended.stderr
    assert "Exception ignored" not in ended.stderr
    assert ended.stderr.startswith("error: ")


def test_a_closed_stderr_is_no_failure_of_the_gate(here: Path) -> None:
    assert in_a_process("check", "missing.npy", cwd=here, shell_tail="2>&-").returncode == 2
    assert in_a_process("check", *good(here), cwd=here, shell_tail="2>&-").returncode in (0, 2)


FULL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
from repdiag.__main__ import main
main()
"""


@pytest.mark.parametrize("words", [["--json", "a.json"], ["--report", "a.html"]])
def test_a_full_disk_leaves_nothing_and_is_no_pass(here: Path, words: list[str]) -> None:
    store = good(here)
    before = os.listdir(here)
    line = [sys.executable, "-c", FULL, "check", *store, *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    ended = subprocess.run(line, cwd=here, env=environment, capture_output=True, text=True, check=False)
    fails_closed(ended.returncode, ended.stdout, ended.stderr)
    assert os.listdir(here) == before


@pytest.mark.parametrize("variable", ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"])
@pytest.mark.parametrize("place", ["missing/file", "folder"])
def test_github_files_that_cannot_be_written(
    typed: Typed, here: Path, monkeypatch: pytest.MonkeyPatch, variable: str, place: str
) -> None:
    (here / "folder").mkdir()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.setenv(name, str(here / name))
    monkeypatch.setenv(variable, str(here / place))
    ended = typed("check", *good(here))
    assert ended.code == 2
    assert ended.err.splitlines()[-1].startswith(f"error: {here / place}: ")
    assert not (here / "GITHUB_OUTPUT").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads and writes everything")
@pytest.mark.parametrize("mode", [0o000, 0o500])
def test_a_folder_without_permission(typed: Typed, here: Path, mode: int) -> None:
    (here / "closed").mkdir()
    shutil.copy(here / good(here)[0], here / "closed")
    (here / "closed").chmod(mode)
    words = ["rows.npy", "--json", "closed/a.json"] if mode else ["closed/rows.npy"]
    ended = typed("check", *words)
    (here / "closed").chmod(0o700)
    fails_closed(ended.code, ended.out, ended.err)


@pytest.mark.parametrize("option", ["--json", "--report", "--format"])
def test_a_pipe_or_a_device_is_not_replaced_by_a_file(typed: Typed, here: Path, option: str) -> None:
    os.mkfifo(here / "pipe")
    ended = typed("check", *good(here), option, "junit=pipe" if option == "--format" else "pipe")
    assert (here / "pipe").is_fifo()
    fails_closed(ended.code, ended.out, ended.err)
