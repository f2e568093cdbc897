"""The JSON of a result: its schema is kept, strict, and what is written is read back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from repdiag.errors import InputError
from repdiag.results import Results, read_results, schema_text, write_results
from tests.report import samples
from tests.source import ROOT


def test_the_schema_in_the_repository_is_that_of_the_code() -> None:
    """Write it again with: python -c "from repdiag.results import schema_text as s; print(s(), end='')"."""
    kept = (ROOT / "repdiag" / "results.schema.json").read_text(encoding="utf-8")
    assert kept == schema_text()


def test_the_schema_names_what_scripts_rely_on() -> None:
    schema = json.loads(schema_text())
    assert {"schema", "schema_version", "representations", "pairs", "findings", "verdict"} <= set(
        schema["properties"]
    )
    estimate = schema["$defs"]["Estimate"]["properties"]
    assert {"value", "low", "high", "plugin", "status", "correction", "definition"} <= set(estimate)


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    results = samples.everything()
    write_results(results, tmp_path / "r.json")
    assert read_results(tmp_path / "r.json") == results


def test_nothing_that_is_not_finite_can_be_written() -> None:
    with pytest.raises(ValueError, match="finite"):
        Results.model_validate(
            {
                "repdiag": "0",
                "command": "spectrum",
                "representations": [
                    {
                        "checkpoint": "c",
                        "view": "v",
                        "layer": "l",
                        "n": 2,
                        "d": 2,
                        "estimates": {"trace": {"value": float("nan")}},
                    }
                ],
            }
        )


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": "other"}', "\xff"])
def test_what_is_no_result_is_refused_in_one_sentence(text: str, tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_results(tmp_path / "r.json")
    assert "\n" not in str(caught.value)
