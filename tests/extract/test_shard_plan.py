"""Where shards begin is one plan for a whole run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from repdiag.extract import ExtractRequest, extract, runner, shards
from repdiag.extract.prepare import Prepared
from repdiag.store import open_store

Ask = Callable[..., ExtractRequest]
Save = Callable[..., Any]


def test_checkpoints_of_other_widths_begin_at_the_same_samples(
    save: Save, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two architectures in one store: without one plan, `finalize` would find holes."""
    one, two = save("one.pt")[0], save("two.pt", seed=1)[0]
    real = runner._prepared

    def widths(job: Any, loaded: Any) -> dict[str, Prepared]:
        found = real(job, loaded)
        if "two" not in loaded.report:
            return found
        return {view: replace(each, layers=each.layers[:1]) for view, each in found.items()}

    monkeypatch.setattr(runner, "_prepared", widths)
    monkeypatch.setattr(shards, "SHARD_BYTES", 64 * 4 * 26)
    summary = extract(ask(one, two, layers=("6", "output"), output=f"{tmp_path}/kept/"))
    with open_store(summary.path) as store:
        assert store.n == 150
        assert [str(info.address) for info in store.representations] == [
            "one/base/6",
            "one/base/output",
            "two/base/6",
        ]
