"""The plan: which representations, which records, one pass, all measures."""

from repdiag.analysis.comparison import compare
from repdiag.analysis.information import InformationRequest, analyse_information
from repdiag.analysis.matching import Side
from repdiag.analysis.pair_choice import PairChoice
from repdiag.analysis.requests import SpectrumRequest
from repdiag.analysis.spectrum import analyse_spectrum

__all__ = [
    "InformationRequest",
    "PairChoice",
    "Side",
    "SpectrumRequest",
    "analyse_information",
    "analyse_spectrum",
    "compare",
]
