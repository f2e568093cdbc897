"""What `repdiag check` says of embeddings, and every label-free figure of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from zoo_parts.figures import Labels, alignment
from zoo_parts.training import Embeddings, Rows

from repdiag import SpectrumRequest, all_measures, analyse_spectrum, memory_store
from repdiag.check import (
    CheckFlags,
    build_policy,
    check,
    fingerprint,
    required_measures,
    write_baseline,
)
from repdiag.measures.inputs import Need
from repdiag.results import Finding, Representation, Results
from repdiag.types import Verdict

LABELLED = (Need.CLASS_MEANS, Need.CLASS_SPECTRA)
ALIGNMENT, LIDAR = "alignment", "lidar"


@dataclass(frozen=True, slots=True)
class Opinion:
    """The gate's verdict on one representation with its findings that count, and the record behind it."""

    verdict: str
    found: tuple[Finding, ...]
    record: Representation

    def names(self, kinds: tuple[str, ...]) -> bool:
        """Whether one of the kinds is named, and not merely left undecided."""
        return any(one.kind in kinds and one.severity != "inconclusive" for one in self.found)

    @property
    def shown(self) -> str:
        """`fail RD003! RD002`: an exclamation mark where the finding fails the gate, a question mark where it
        is undecided."""
        marks = {"fail": "!", "inconclusive": "?"}
        ids = dict.fromkeys(f"{one.id}{marks.get(one.severity, '')}" for one in self.found)
        return " ".join([self.verdict, *ids])


def opinion(rows: Rows, labels: Labels | None, profile: str, baseline: Path | None = None) -> Opinion:
    """What the gate says with a profile's default rules."""
    policy = build_policy(flags=CheckFlags(profile=profile, baseline=baseline))
    asked = tuple(name for name in required_measures(policy) if labels is not None or name not in labelled())
    results = check(_analysed(rows, labels, asked, replicates=baseline is not None), policy)
    found = tuple(one for one in results.findings if one.severity != "not_applicable")
    (record,) = results.representations
    return Opinion((results.verdict or Verdict.INCONCLUSIVE).value, found, record)


def keep_baseline(rows: Rows, profile: str, path: Path) -> Path:
    """The fingerprint of good rows, as `repdiag baseline` writes it."""
    asked = required_measures(build_policy(flags=CheckFlags(profile=profile), without_baseline=True))
    measures = tuple(name for name in asked if name not in labelled())
    write_baseline(fingerprint(_analysed(rows, None, measures, replicates=True)), path)
    return path


def _analysed(rows: Rows, labels: Labels | None, measures: tuple[str, ...], *, replicates: bool) -> Results:
    store = memory_store(rows, ids=[f"image {row}" for row in range(len(rows))], labels=labels)
    request = SpectrumRequest(measures=measures, device="cpu", replicates=replicates)
    return analyse_spectrum([store], request)


def labelled() -> set[str]:
    """Names of the measures that need labels."""
    return {name for name, m in all_measures().items() if m.needs in LABELLED and not m.opt_in}


def label_free() -> list[str]:
    """Every measure that needs neither labels nor views, then the two that need views."""
    measures = all_measures().items()
    single = [name for name, m in measures if not m.opt_in and m.needs not in (*LABELLED, Need.OBJECTS)]
    return [*single, LIDAR, ALIGNMENT]


def label_free_values(rows: Embeddings) -> dict[str, float]:
    """The figures of `label_free` that exist; corrected where a correction is declared."""
    names = tuple(name for name in label_free() if name not in (LIDAR, ALIGNMENT))
    alone = SpectrumRequest(measures=names, interval="none", device="cpu")
    views = {f"look {k}": view for k, view in enumerate(rows.views)}
    together = SpectrumRequest(measures=(LIDAR,), interval="none", device="cpu")
    found = [
        *analyse_spectrum([memory_store(rows.held)], alone).representations,
        *analyse_spectrum([memory_store(views)], together).representations,
    ]
    values = {name: one.value for each in found for name, one in each.estimates.items()}
    values[ALIGNMENT] = alignment(rows.views)
    return {name: value for name in label_free() if (value := values.get(name)) is not None}
