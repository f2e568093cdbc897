"""Sixty hostile names in every place of every kind of page, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

from repdiag.report import write_report
from repdiag.results import Results
from tests.report import plane_samples, samples, shown
from tests.report.browser import needs_chromium, visit
from tests.report.hostile_names import NAMES
from tests.report.test_information import hostile_pairs

GROUPS = [NAMES[at : at + 10] for at in range(0, len(NAMES), 10)]
ACT = """(async () => {
  const buttons = "button:not([data-download], .save *, .plot *)";
  const controls = [...document.querySelectorAll(`select, summary, ${buttons}`)];
  for (const one of controls) {
    if (one.tagName === "SELECT") {
      one.selectedIndex = one.length - 1;
      one.dispatchEvent(new Event("change"));
    } else one.click();
  }
  await new Promise((done) => setTimeout(done, 300));
  const links = [...document.querySelectorAll("a, area, form, base, iframe, object, embed, link")];
  const names = [...document.querySelectorAll("*")].flatMap((one) => one.getAttributeNames());
  return {
    hacked: String(window.hacked),
    handlers: names.filter((name) => name.startsWith("on")).join(),
    links: links.map((one) => `${one.tagName} ${one.getAttribute("href")}`).join(),
  };
})()"""


def test_there_are_sixty() -> None:
    assert len(set(NAMES)) == len(NAMES) == 60


def pages(names: tuple[str, ...]) -> list[Results]:
    return [
        samples.hostile(names),
        shown.hostile(names),
        *(hostile_pairs(name) for name in names),
        plane_samples.hostile(names[0]),
    ]


@needs_chromium
@pytest.mark.parametrize(
    "names", [GROUPS[1], *(pytest.param(one, marks=pytest.mark.slow) for one in GROUPS[2:])]
)
def test_nothing_runs_links_or_loads(names: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "hostile.html"
    write_report(pages(names), path)
    seen = visit(path, actions=ACT)
    assert seen.console == []
    assert seen.data("drawn") == "yes"
    assert seen.data("hacked") == "undefined"
    assert seen.data("handlers") == ""
    assert seen.data("links") == "A #main"
