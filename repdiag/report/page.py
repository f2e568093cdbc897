"""One self-contained HTML page from results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup
from pydantic import JsonValue

from repdiag.files import write_file
from repdiag.report import (
    classes,
    comparison,
    directions,
    distributions,
    glance,
    information,
    plane,
    tables,
    wording,
)
from repdiag.report.bundle import SCRIPT_NAME, Bundle, choose_bundle, packed, script, script_hash
from repdiag.report.catalogue import DIMENSIONS, Catalogue, Column, build_catalogue, run_names, shown, spread
from repdiag.report.depth import depth_choices, depth_traces
from repdiag.report.figures import figure_data, measure_choices
from repdiag.report.options import PageOptions
from repdiag.report.pair_maps import pair_choices, pair_traces
from repdiag.report.provenance import provenance
from repdiag.report.scrub import scrubbed
from repdiag.report.svg import Picture, spectrum_picture
from repdiag.report.theme import stylesheet
from repdiag.report.verdict import banner
from repdiag.results import Results

_PAGE_SCRIPTS = ("figures.js", "depth.js", "builders.js", "links.js", "page.js")
_PLANE_SCRIPTS = ("plane-paths.js", "plane-axes.js", "plane-figures.js", "plane.js")
_SEVERAL = {"run": "All results", "checkpoint": "All checkpoints", "view": "All views", "layer": "All layers"}


def render(results: Sequence[Results], options: PageOptions = PageOptions()) -> str:  # noqa: B008
    """One HTML page, UTF-8, that opens offline and sends nothing; equal input gives equal text."""
    kept = [scrubbed(result) for result in results]
    bundle = choose_bundle(options.plotlyjs)
    return _environment().get_template("page.html").render(_page(kept, options, bundle))


def write_report(results: Sequence[Results], path: Path, options: PageOptions = PageOptions()) -> None:  # noqa: B008
    """Write the page, and with `plotlyjs="directory"` plotly.min.js beside it.

    Raises:
        OutputError: the folder is missing or read-only, or the disk is full.
    """
    if options.plotlyjs == "directory":
        write_file(path.parent / SCRIPT_NAME, script())
    write_file(path, render(results, options))


def _page(results: Sequence[Results], options: PageOptions, bundle: Bundle) -> dict[str, Any]:
    catalogue = build_catalogue(results)
    figures = figure_data(catalogue) | {"information": pair_traces(results)}
    figures |= plane.figure_data(results) | {"depth": depth_traces(catalogue)}
    figures |= distributions.distribution_traces(catalogue) | {"classes": classes.class_traces(catalogue)}
    behind = directions.behind(catalogue)
    head, body = _asset("head.js"), "".join(map(_asset, _scripts(figures, bool(behind))))
    return {
        **_texts(results, options, catalogue),
        **_pictures(results, catalogue),
        "pickers": _pickers(catalogue),
        "trajectory_measures": measure_choices(figures),
        "depth_measures": depth_choices(figures),
        "pair_measures": pair_choices(figures),
        "comparisons": comparison.comparisons(results),
        "comparison_remarks": comparison.remarks(results),
        **_information(results),
        "plane": plane.section(results),
        "behind": behind,
        "behind_directions": directions.most_directions(behind),
        "class_tables": classes.class_tables(catalogue),
        "class_definitions": classes.class_definitions(catalogue),
        "distribution_rows": distributions.distribution_rows(catalogue),
        "distribution_definitions": distributions.distribution_definitions(catalogue),
        "rows": tables.measure_rows(catalogue),
        "columns": catalogue.columns,
        "definitions": tables.definitions(catalogue),
        "growth": tables.growth(catalogue),
        "islands": [packed(_json(_content(result))) for result in results],
        "figures": figures,
        "figures_island": _island(figures),
        "styles": Markup(stylesheet() + _asset("page.css") + _asset("plane.css")),  # noqa: S704 - our own files
        "head_script": Markup(head),  # noqa: S704
        "page_script": Markup(body),  # noqa: S704
        "bundle": bundle,
        "policy": content_policy([head, body], bundle),
    }


def _information(results: Sequence[Results]) -> dict[str, Any]:
    return {
        "information": information.pair_tables(results),
        "information_meanings": information.meanings(results),
        "information_remarks": information.remarks(results),
    }


def _scripts(figures: Mapping[str, Any], behind: bool) -> tuple[str, ...]:
    """The scripts of what stands on the page."""
    plane_scripts = _PLANE_SCRIPTS if figures["plane"] else ()
    histograms = ("distributions.js",) if figures["lengths"] or figures["cosines"] else ()
    by_class = ("classes.js",) if figures["classes"] else ()
    return (*_PAGE_SCRIPTS, *plane_scripts, *histograms, *by_class, *(("directions.js",) if behind else ()))


def content_policy(scripts: Sequence[str], bundle: Bundle) -> str:
    """A Content-Security-Policy that runs our own scripts only and reaches nothing outside the page."""
    allowed = " ".join([*(f"'{script_hash(one)}'" for one in scripts), *bundle.allowed])
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "font-src data:; connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def _texts(results: Sequence[Results], options: PageOptions, catalogue: Catalogue) -> dict[str, Any]:
    runs = run_names(results)
    return {
        "title": options.title or " · ".join(dict.fromkeys(runs)) or "No results",
        "commands": " and ".join(dict.fromkeys(result.command for result in results)),
        "versions": ", ".join(dict.fromkeys(result.repdiag for result in results)),
        "summary": _summary(catalogue) if catalogue.columns else _other_summary(results),
        "banners": [found for r, run in zip(results, runs, strict=True) if (found := banner(r, run))],
        "sources": [
            (run, provenance(information.rest_of_source(r))) for r, run in zip(results, runs, strict=True)
        ],
        "runs": runs,
        "notes": tables.notes(catalogue),
        "statuses": tables.statuses(catalogue),
        "confidence": tables.confidences(catalogue),
        "left_out": tables.left_out(results),
    }


def _other_summary(results: Sequence[Results]) -> list[str]:
    return information.summary(results) or plane.summary(results)


def _summary(catalogue: Catalogue) -> list[str]:
    """`12 layers`, `20 checkpoints`, `n = 10,000`, `d = 512`."""
    several = [wording.count(len(catalogue.values[name]), name) for name in DIMENSIONS[1:]]
    made = [column.representation for column in catalogue.columns]
    sizes = [_range("n", [one.n for one in made]), _range("d", [one.d for one in made])]
    return [text for text in [*several, *sizes] if text and not text.startswith("1 view")]


def _range(letter: str, values: Sequence[int]) -> str:
    if not values:
        return ""
    low, high = min(values), max(values)
    return f"{letter} = {low:,}" if low == high else f"{letter} = {low:,} to {high:,}"


def _pictures(results: Sequence[Results], catalogue: Catalogue) -> dict[str, Any]:
    chosen = catalogue.chosen(catalogue.first_choice())
    worst = glance.worst_by_place(results, run_names(results))
    drawn = [column for column in spread(chosen) if column.representation.spectrum]
    rows = glance.glance_rows(catalogue, chosen, worst)
    return {
        "glances": rows,
        "glance_measure": glance.headline_measure(catalogue),
        "more": len(catalogue.columns) - len(rows),
        "picture": _picture(drawn),
        "picture_labels": [catalogue.label(column) for column in drawn],
    }


def _picture(drawn: Sequence[Column]) -> Picture | None:
    spectra = [one for column in drawn if (one := column.representation.spectrum)]
    floor = min((one.resolution_floor for one in spectra), default=0.0)
    return spectrum_picture([one.eigenvalues for one in spectra], floor)


def _pickers(catalogue: Catalogue) -> list[dict[str, Any]]:
    choice = catalogue.first_choice()
    return [
        {"name": name, "all": _SEVERAL[name], "values": catalogue.values[name], "chosen": choice[name]}
        for name in DIMENSIONS
        if len(catalogue.values[name]) > 1
    ]


def _content(result: Results) -> JsonValue:
    content: JsonValue = result.model_dump(mode="json", by_alias=True)
    return content


def _island(content: JsonValue | Mapping[str, Any]) -> Markup:
    """JSON that no name in it can break out of: only ASCII, and no `<`, `>` or `&`."""
    text = _json(content)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return Markup(text)  # noqa: S704 - holds no markup by the lines above


def _json(content: JsonValue | Mapping[str, Any]) -> str:
    return json.dumps(content, allow_nan=False, separators=(",", ":"))


def _asset(name: str) -> str:
    return (files(__package__) / "templates" / name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("repdiag.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["shown"] = shown
    return environment
