"""The plan: which representations, which records, one pass, all measures."""

from repdiag.analysis.comparison import compare
from repdiag.analysis.matching import Side
from repdiag.analysis.requests import SpectrumRequest
from repdiag.analysis.spectrum import analyse_spectrum

__all__ = ["Side", "SpectrumRequest", "analyse_spectrum", "compare"]
