"""Documents that can lie are compared with the program: help, README, changelog, configuration."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from repdiag._version import __version__
from repdiag.check.schema import CheckConfig
from repdiag.commands import app
from repdiag.config import ExtractOptions
from repdiag.measures.pair_registry import all_pair_measures
from repdiag.measures.plane_registry import all_estimators
from repdiag.measures.registry import Correction, all_measures, parse_selection
from repdiag.results import Estimate, json_schema
from repdiag.types import IntervalMethod, Status
from tests.source import ROOT

COMMANDS: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
PROMISED = [
    "baseline",
    "check",
    "compare",
    "demo",
    "extract",
    "information",
    "inspect",
    "measures",
    "plane",
    "report",
    "selftest",
    "spectrum",
]
SHARED = ("--layer", "--view", "--checkpoint", "--measure", "--interval", "--device", "--threads", "--seed")
OUTPUT = ("--json", "--report", "--no-report", "--quiet", "--debug")
PAGES = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "docs").rglob("*.md"))

WORDS = {
    *Estimate.model_fields,
    *(status.value for status in Status),
    *(method.value for method in IntervalMethod),
    *get_args(Correction),
    *("code", "group", "n"),
}
"""What stands in code in the methods page beside measures: fields, their values, a column of a store."""


def options_of(command: str) -> set[str]:
    return {text for parameter in COMMANDS[command].params for text in parameter.opts}


def readme() -> str:
    return (ROOT / "README.md").read_text(encoding="utf-8")


def commands_in(page: str) -> Iterator[list[str]]:
    """Every `repdiag ...` line of a page's shell blocks, continuation lines joined."""
    text = (ROOT / page).read_text(encoding="utf-8")
    for block in re.findall(r"```(?:sh|bash|console|yaml)\n(.*?)```", text, re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            found = re.search(r"(?:^|\s|run: )repdiag (.*)", line.split(" #")[0])
            if found and not line.strip().startswith("pip"):
                yield shlex.split(found[1])


def test_the_commands_are_the_promised_ones() -> None:
    assert sorted(COMMANDS) == PROMISED


@pytest.mark.parametrize("name", PROMISED)
def test_every_command_and_option_has_help(name: str) -> None:
    command = COMMANDS[name]
    assert (command.help or "").strip(), name
    first = command.help.splitlines()[0]
    assert first.endswith(".")
    for parameter in command.params:
        assert getattr(parameter, "help", None), f"{name} {parameter.name} has no help"


@pytest.mark.parametrize("name", ["spectrum", "check"])
def test_shared_options_are_there(name: str) -> None:
    left_out = {"--measure", "--no-report"} if name == "check" else set()
    assert {*SHARED, *OUTPUT} - left_out <= options_of(name)


def test_every_command_can_show_a_traceback() -> None:
    assert all("--debug" in options_of(name) for name in PROMISED)


@pytest.mark.parametrize("page", ["README.md", "docs/index.md", "docs/gallery.md"])
def test_pages_name_only_commands_and_options_that_exist(page: str) -> None:
    lines = list(commands_in(page))
    assert len(lines) >= 8
    for command, *rest in lines:
        if command.startswith("-"):
            continue
        assert command in COMMANDS, command
        unknown = {word.split("=")[0] for word in rest if re.match(r"--?[a-zA-Z]", word)} - options_of(
            command
        )
        assert not unknown, f"{page}: repdiag {command} has no {unknown}"


def test_readme_targets_exist_in_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    wanted = set(re.findall(r"^\s*make ([a-z]+)", readme(), re.MULTILINE))
    assert "demo" in wanted
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in wanted)


def test_readme_shows_a_picture_of_a_report() -> None:
    assert re.search(r"!\[[^\]]+\]\(docs/report\.png\)", readme())


def test_readme_lists_every_exit_code() -> None:
    table = set(re.findall(r"^\| (\d+)", readme(), re.MULTILINE))
    assert {"0", "1", "2", "3", "70", "130"} <= table


def test_changelog_has_unreleased_and_plain_sections() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in text
    sections = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert sections <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_no_path_of_this_machine_in_the_documents() -> None:
    files = ("README.md", "CHANGELOG.md", "CITATION.cff", "Makefile", "pyproject.toml", ".ci/run", *PAGES)
    for name in files:
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"(?<![\w$.])/(?:home|root|work|Users)/", text), name


def words_in_code(text: str) -> set[str]:
    """Inline code that is a name, or a name with options."""
    return set(re.findall(r"`([a-z][a-z0-9_]*(?:\{[^{}`]*\})?)`", text))


def test_methods_names_only_measures_that_exist() -> None:
    names = words_in_code((ROOT / "docs/methods.md").read_text(encoding="utf-8")) - WORDS
    assert {"effective_rank", "participation_ratio", "nesum", "rankme{center=true}"} <= names
    for name in names:
        assert parse_selection(name).key == name


def test_methods_has_a_place_for_every_measured_table() -> None:
    text = (ROOT / "docs/methods.md").read_text(encoding="utf-8")
    found = re.findall(r"<!-- table: (\w+) -->\n(?:(?!<!--).)*<!-- end -->", text, re.DOTALL)
    assert found == ["bias", "coverage", "gate", "participation"]


def test_reconciliation_names_only_measures_that_exist() -> None:
    text = (ROOT / "docs/reconciliation.md").read_text(encoding="utf-8")
    rows = [line.split("|") for line in text.splitlines() if re.match(r"\| (?!word|---)", line)]
    assert len(rows) >= 30
    for row in rows:
        (name,) = words_in_code(row[6])
        assert parse_selection(name).key == name


def heading_anchors(text: str) -> set[str]:
    """What a heading is linked by: lower case, spaces as hyphens, no other signs."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", ["README.md", *PAGES])
def test_links_between_pages_resolve(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)(?:#([^)\s]*))?\)", text):
        path = (ROOT / page).parent / target if target else ROOT / page
        assert path.is_file(), f"{page}: {target}"
        assert not anchor or anchor in heading_anchors(path.read_text(encoding="utf-8")), f"{page}: #{anchor}"


def linked_from(page: str) -> set[str]:
    """Files that a page links to, from the root."""
    text = (ROOT / page).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?:)([^)#\s]+)", text)
    return {((ROOT / page).parent / target).resolve().relative_to(ROOT).as_posix() for target in targets}


def test_every_page_is_linked_from_the_start() -> None:
    assert set(PAGES) <= linked_from("docs/index.md") | {"docs/index.md"}


def test_the_readme_links_to_the_guides() -> None:
    guides = {page for page in PAGES if not page.startswith("docs/reference/")}
    assert guides - {"docs/index.md", "docs/gallery.md"} <= linked_from("README.md")


def test_the_reference_is_what_the_program_says(tmp_path: Path) -> None:
    script = ROOT / "examples" / "build_reference.py"
    line = [sys.executable, str(script), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run(line, env=environment, capture_output=True, check=True)
    made = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}
    kept = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "docs" / "reference").iterdir()}
    assert made == kept, "write it again with: python examples/build_reference.py"


def test_the_reference_holds_every_command_measure_and_key() -> None:
    def has(page: str, names: Iterable[object], heading: str) -> bool:
        text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
        return all(heading.format(name) in text for name in names)

    measures = {**all_measures(), **all_pair_measures(), **all_estimators()}
    assert has("commands.md", COMMANDS, "\n## {}\n")
    assert has("measures.md", measures, "\n### {}\n")
    assert has("configuration.md", [*ExtractOptions.model_fields, *CheckConfig.model_fields], "\n| `{}` | ")
    assert has("results.md", set(json_schema()["$defs"]) - {"JsonValue"}, "\n## {}\n")
    assert has("exit-codes.md", (0, 1, 2, 3, 70, 130, 143), "\n| {} | ")


def test_the_gallery_has_its_pictures_and_they_are_small() -> None:
    pictures = [path for path in linked_from("docs/gallery.md") if path.endswith(".png")]
    assert len(pictures) >= 8
    assert {f"docs/gallery/{path.name}" for path in (ROOT / "docs" / "gallery").iterdir()} < set(pictures)
    assert sum((ROOT / path).stat().st_size for path in pictures) < 1_500_000


def test_the_site_builds_and_asks_nothing_of_the_network(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="needs what the site is built with: make docs")
    line = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    for page in tmp_path.rglob("*.html"):
        loaded = re.findall(r"<(?:script|link|img|iframe)\b[^>]*https?://[^>]*>", page.read_text("utf-8"))
        assert not loaded, page.name


def test_citation_has_the_version_and_what_the_format_requires() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    fields = dict(re.findall(r'^([a-z-]+): *"?(.*?)"?$', text, re.MULTILINE))
    assert fields["cff-version"] == "1.2.0"
    assert fields["version"] == __version__
    assert fields["title"] == "repdiag"
    assert fields["license"] == "Apache-2.0"
    assert {"message", "authors"} <= set(fields)
