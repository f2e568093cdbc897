"""What stands on the page, read as text and as HTML."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, get_args

import pytest

from repdiag.report import PageOptions, PlotlyJs, render, write_report
from repdiag.report.bundle import script
from repdiag.report.wording import SEVERITY_ORDER, STATUS_WORDS, interval, number
from repdiag.results import Finding, Onset, Results, Trajectory
from repdiag.types import Status, Verdict
from tests.report import samples

PLAIN = PageOptions(plotlyjs="none")


class Page(HTMLParser):
    """Every element, its attributes, and the text outside scripts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[tuple[dict[str, str | None], str]] = []
        self.texts: list[str] = []
        self._inside = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else ""

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts.append((self.elements[-1][1], data))
        elif not self._inside:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}


def page(*results: Results, options: PageOptions = PLAIN) -> Page:
    return Page(render(list(results), options))


def test_verdict_stands_first_with_its_evidence() -> None:
    text = page(samples.everything()).text
    assert text.index("Fail") < text.index("At a glance") < text.index("All measures")
    assert "1 failure, 1 warning." in text
    for part in ("falls off a cliff", "8.4e7 [8.1e7, 8.7e7]", "Threshold 5", "decorrelation", "Next step"):
        assert part in text


@pytest.mark.parametrize("verdict", list(Verdict))
def test_every_verdict_has_a_word_a_sentence_and_an_icon(verdict: Verdict) -> None:
    html = render([samples.results(samples.healthy(), verdict=verdict)], PLAIN)
    assert f'class="verdict {verdict.value}"' in html
    assert f'<p class="word">{verdict.value.capitalize()}</p>' in html
    assert '<svg class="icon"' in html


def test_growth_is_drawn_and_stands_in_a_table_without_scripts() -> None:
    html = render([samples.results(samples.healthy())], PLAIN)
    assert 'id="plot-growth"' in html
    text = Page(html).text
    assert "Effective rank against n" in text
    assert "where it does not, n is too small" in text
    assert "backbone 1,000 150 not computed" in text
    assert "backbone 10,000 300 306" in text


def test_growth_is_absent_without_parts_of_the_rows() -> None:
    html = render([samples.results(samples.rank_eight())], PLAIN)
    assert 'id="plot-growth"' not in html
    assert "Effective rank against n" not in html


def test_names_in_the_growth_table_are_escaped() -> None:
    html = render([samples.hostile(samples.HOSTILE[:2])], PLAIN)
    table = html.split('id="growth"')[1].split("</table>")[0]
    assert "&lt;a href" in table
    assert "<a href" not in table
    assert "<img" not in table


def test_results_written_before_there_was_a_rank_curve_still_read() -> None:
    content = json.loads(samples.results(samples.healthy()).to_json())
    del content["representations"][0]["rank_curve"]
    assert Results.model_validate(content).representations[0].rank_curve == []


def test_without_verdict_the_page_claims_nothing() -> None:
    html = render([samples.results(samples.healthy())], PLAIN)
    assert 'aria-label="Verdict"' not in html


def test_every_severity_is_worded() -> None:
    found = [
        Finding.model_validate(
            {"id": "RD1", "kind": "k", "severity": one, "rule": "r", "message": f"It is {one}."}
        )
        for one in SEVERITY_ORDER
    ]
    text = page(samples.results(samples.healthy(), findings=found, verdict=Verdict.FAIL)).text
    for word in ("Fails", "Inconclusive", "Warning", "Note", "Not applicable"):
        assert word in text
    assert all(f"It is {severity}." in text for severity in SEVERITY_ORDER)


def test_every_status_is_worded_and_explained() -> None:
    text = page(samples.everything()).text
    for status in Status:
        if status is not Status.OK:
            assert status.value in text
            assert STATUS_WORDS[status] in text


def test_every_definition_unit_and_n_is_on_the_page() -> None:
    text = page(samples.everything()).text
    for definition, unit in samples.DEFINITIONS.values():
        assert definition in text
        assert unit in text
    assert "n = 40, 10,000" in text
    assert "jackknife-corrected" in text
    assert "delete-group jackknife, 95%" in text


def test_measures_show_value_interval_plugin_and_details() -> None:
    figures = samples.healthy().estimates
    text = page(samples.results(samples.healthy())).text
    rank = figures["effective_rank"]
    assert f"{number(rank.value)} {interval(rank.low, rank.high)} plug-in {number(rank.plugin)}" in text
    assert "first 11, last 100, r2 0.994" in text


def test_one_sided_interval_says_so() -> None:
    assert "≥ 7.954" in page(samples.everything()).text


def test_notes_name_dropped_rows_and_rogue_features() -> None:
    text = page(samples.everything()).text
    assert "3 rows with infinite or missing values left out; 10,000 used." in text
    assert "Coordinate 17 alone carries 42% of the variance." in text
    assert "12 coordinates were identical to another one." in text


def test_provenance_is_shown_without_home_folders() -> None:
    html = render([samples.everything()], PLAIN)
    assert "alice" not in html
    assert "repdiag extract ~/run/ckpt.pt" in html
    assert "9f3c9f3c" in html


def test_records_that_are_not_drawn_are_mentioned() -> None:
    path = Trajectory(layer="output", view="base", estimator="binning", points=[])
    made = samples.results(samples.healthy(), trajectories=[path], command="plane")
    assert "not drawn on this page: 1 information-plane trajectory." in page(made).text


def test_no_results_and_empty_results_still_make_a_page() -> None:
    assert "nothing was measured" in page(samples.results()).text
    assert "nothing was measured" in page().text


def test_two_results_stand_side_by_side_under_their_names() -> None:
    first = samples.results(samples.healthy(), source={"stores": [{"file": "runs/a.h5"}]})
    second = samples.results(samples.healthy(), source={"file": "b.h5"}, verdict=Verdict.PASS)
    made = page(first, second)
    assert "a.h5 · b.h5" in made.text
    assert sum(tag == "button" and "data-download" in attrs for tag, attrs in made.elements) == 2


def test_embedded_results_can_be_read_back() -> None:
    made = samples.everything()
    island = next(text for attrs, text in page(made).scripts if attrs.get("id") == "results-0")
    read = Results.model_validate_json(gzip.decompress(base64.b64decode(island)))
    assert read.representations == made.representations
    assert read.verdict == made.verdict


def test_picture_and_tables_stand_without_scripts() -> None:
    text = render([samples.everything()], PLAIN)
    assert "<noscript>" in text
    assert text.index('<div class="static">') < text.index("<polyline", text.index('<div class="static">'))
    assert text.rindex("</table>") < text.index('<script type="text/plain" id="results-0"')


def test_title_can_be_chosen() -> None:
    html = render([samples.everything()], PageOptions(plotlyjs="none", title="A <b> title"))
    assert "<h1>A &lt;b&gt; title</h1>" in html


NAMES = (samples.HOSTILE[:7], samples.HOSTILE[7:])


@pytest.mark.parametrize("names", NAMES)
def test_hostile_names_make_no_element_and_no_attribute(names: tuple[str, ...]) -> None:
    hostile, harmless = page(samples.hostile(names)), page(samples.hostile([f"name{i}" for i in range(7)]))
    assert hostile.tags == harmless.tags
    known = {name for _, attrs in harmless.elements for name in attrs}
    assert {name for _, attrs in hostile.elements for name in attrs} <= known
    assert [a for tag, a in hostile.elements if tag == "a"] == [{"class": "skip", "href": "#main"}]
    assert len(hostile.scripts) == len(harmless.scripts)


def test_hostile_names_leave_no_control_or_bidi_character() -> None:
    html = render([samples.hostile(samples.HOSTILE)], PLAIN)
    assert not set(html) & set("\x1b\u202e\u2028\u2029\x00")


def test_names_reach_figures_as_escaped_text() -> None:
    scripts = page(samples.hostile()).scripts
    figures = next(text for attrs, text in scripts if attrs.get("id") == "figures")
    assert not set(figures) & set("<>&")
    held = json.loads(figures)
    names = [name for key in ("dims", "short") for names in held[key].values() for name in names]
    names += [trace["name"] for trace in held["ranks"]]
    assert not [name for name in names if set(name) & set("<>%$\"'")]


def test_content_policy_matches_the_scripts() -> None:
    made = page(samples.everything(), options=PageOptions())
    policy = next(a["content"] for t, a in made.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy
    allowed = set(re.findall(r"'sha256-[^']+'", policy))
    running = [text for attrs, text in made.scripts if not attrs] + [script()]
    assert allowed == {_csp_hash(text) for text in running}
    for part in ("default-src 'none'", "connect-src 'none'", "base-uri 'none'", "form-action 'none'"):
        assert part in policy
    assert "unsafe-eval" not in policy
    assert "http" not in policy


def _csp_hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def test_exactly_one_plotly_copy_in_the_page() -> None:
    made = page(samples.grid(2, 2), options=PageOptions())
    packed = [text for attrs, text in made.scripts if attrs.get("id") == "plotly-gzip-base64"]
    assert len(packed) == 1
    assert gzip.decompress(base64.b64decode(packed[0])).decode() == script()
    assert not [text for attrs, text in made.scripts if "plotly.js v" in text]


def test_no_inline_handler_and_no_address_to_load_from() -> None:
    made = page(samples.everything(), options=PageOptions())
    attributes = [(name, value) for _, attrs in made.elements for name, value in attrs.items()]
    assert not [name for name, _ in attributes if name.startswith("on")]
    assert not [value for name, value in attributes if name in ("src", "href") and value != "#main"]


@pytest.mark.parametrize(
    ("results", "limit"),
    [
        (samples.results(samples.healthy()), 2.2),
        (samples.grid(12, 1), 2.5),
        (samples.grid(12, 20, d=256), 6.5),
    ],
    ids=["one", "12 layers", "12 layers x 20 checkpoints"],
)
def test_size_stays_in_its_budget(results: Results, limit: float) -> None:
    assert len(render([results]).encode()) < limit * 1e6


@pytest.mark.parametrize("choice", get_args(PlotlyJs))
def test_equal_input_gives_equal_bytes(choice: PlotlyJs) -> None:
    options = PageOptions(plotlyjs=choice)
    assert render([samples.everything()], options) == render([samples.everything()], options)


def test_directory_puts_one_script_beside_the_page(tmp_path: Path) -> None:
    write_report([samples.everything()], tmp_path / "a.html", PageOptions(plotlyjs="directory"))
    write_report([samples.everything()], tmp_path / "b.html", PageOptions(plotlyjs="directory"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.html", "b.html", "plotly.min.js"]
    assert (tmp_path / "plotly.min.js").read_text(encoding="utf-8") == script()
    assert '<script src="plotly.min.js">' in (tmp_path / "a.html").read_text(encoding="utf-8")


def test_network_is_named_only_when_it_is_asked_for() -> None:
    html = render([samples.everything()], PageOptions(plotlyjs="cdn"))
    assert re.search(r'<script src="https://cdn\.plot\.ly/plotly-[\d.]+\.min\.js" integrity="sha256-', html)
    assert "load plotly.js from the network" in html
    assert "cdn.plot.ly" not in render([samples.everything()], PLAIN)


def test_renders_without_torch_and_h5py() -> None:
    code = (
        "import sys\n"
        "from repdiag.report import render\n"
        "from repdiag.results import Results\n"
        "render([Results(repdiag='0', command='spectrum')])\n"
        "print([name for name in ('torch', 'h5py', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (101.23, "101.2"),
        (12345.6, "12,346"),
        (0.03124, "0.03124"),
        (-3.5, "−3.5"),
        (1.2e-7, "1.2e−7"),
        (8.4e7, "8.4e7"),
        (9.99996, "10"),
        (100.0, "100"),
    ],
)
def test_numbers_have_four_digits(value: float | None, text: str) -> None:
    assert number(value) == text


def test_many_findings_are_folded_and_none_is_lost() -> None:
    found = [
        Finding.model_validate(
            {"id": "RD1", "kind": "k", "severity": "fail", "rule": "r", "message": f"Number {i} fails."}
        )
        for i in range(30)
    ]
    shown = page(samples.results(samples.healthy(), findings=found, verdict=Verdict.FAIL))
    assert all(f"Number {i} fails." in shown.text for i in range(30))
    assert "24 more findings" in shown.text
    few = page(samples.results(samples.healthy(), findings=found[:7], verdict=Verdict.FAIL))
    assert "more findings" not in few.text


def test_onsets_stand_with_the_verdict() -> None:
    names: dict[str, Any] = dict.fromkeys(
        ("id", "kind", "view", "layer", "checkpoint", "before", "measure"), "x"
    )
    onset = Onset(**names, message=samples.HOSTILE[0])
    made = samples.results(samples.healthy(), onsets=[onset], verdict=Verdict.FAIL, command="check")
    text = page(made).text
    assert "When it began over the checkpoints" in text
    assert samples.HOSTILE[0] in text
