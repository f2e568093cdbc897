"""Diagnose representations: has this model collapsed?

Every name is imported when it is first used, so `import repdiag` loads neither torch nor numpy.
The rooms (`repdiag.check`, `repdiag.extract`, `repdiag.report` ...) are packages of their own.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from repdiag._version import __version__

if TYPE_CHECKING:
    from repdiag.analysis import (
        InformationRequest,
        PairChoice,
        Side,
        SpectrumRequest,
        analyse_information,
        analyse_spectrum,
        compare,
    )
    from repdiag.checkpoints import Checkpoint, inspect_checkpoint, load_checkpoint
    from repdiag.errors import RepdiagError
    from repdiag.measures.pair_registry import all_pair_measures
    from repdiag.measures.registry import all_measures
    from repdiag.report import render
    from repdiag.report.notebook import load
    from repdiag.results import Estimate, Results, read_results, write_results
    from repdiag.store import Store, memory_store, open_store
    from repdiag.types import Address, Status, Verdict

__all__ = [
    "Address",
    "Checkpoint",
    "Estimate",
    "InformationRequest",
    "PairChoice",
    "RepdiagError",
    "Results",
    "Side",
    "SpectrumRequest",
    "Status",
    "Store",
    "Verdict",
    "__version__",
    "all_measures",
    "all_pair_measures",
    "analyse_information",
    "analyse_spectrum",
    "compare",
    "inspect_checkpoint",
    "load",
    "load_checkpoint",
    "memory_store",
    "open_store",
    "read_results",
    "render",
    "write_results",
]

_HOMES = {
    "Address": "types",
    "Checkpoint": "checkpoints",
    "Estimate": "results",
    "InformationRequest": "analysis",
    "PairChoice": "analysis",
    "RepdiagError": "errors",
    "Results": "results",
    "Side": "analysis",
    "SpectrumRequest": "analysis",
    "Status": "types",
    "Store": "store",
    "Verdict": "types",
    "all_measures": "measures.registry",
    "all_pair_measures": "measures.pair_registry",
    "analyse_information": "analysis",
    "analyse_spectrum": "analysis",
    "compare": "analysis",
    "inspect_checkpoint": "checkpoints",
    "load": "report.notebook",
    "load_checkpoint": "checkpoints",
    "memory_store": "store",
    "open_store": "store",
    "read_results": "results",
    "render": "report",
    "write_results": "results",
}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'repdiag' has no attribute {name!r}")
    return getattr(import_module(f"repdiag.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
