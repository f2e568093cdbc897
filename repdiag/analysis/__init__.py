"""The plan: which representations, which records, one pass, all measures."""

from repdiag.analysis.comparison import compare
from repdiag.analysis.information import InformationRequest, analyse_information
from repdiag.analysis.matching import Side
from repdiag.analysis.pair_choice import PairChoice
from repdiag.analysis.plane import analyse_plane, readable
from repdiag.analysis.plane_journal import PlaneJournal
from repdiag.analysis.plane_request import PlaneRequest
from repdiag.analysis.plane_series import PlaneChoice
from repdiag.analysis.requests import SpectrumRequest
from repdiag.analysis.spectrum import analyse_spectrum

__all__ = [
    "InformationRequest",
    "PairChoice",
    "PlaneChoice",
    "PlaneJournal",
    "PlaneRequest",
    "Side",
    "SpectrumRequest",
    "analyse_information",
    "analyse_plane",
    "analyse_spectrum",
    "compare",
    "readable",
]
