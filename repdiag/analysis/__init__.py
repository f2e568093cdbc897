"""The plan: which representations, which records, one pass, all measures."""

from repdiag.analysis.requests import SpectrumRequest
from repdiag.analysis.spectrum import analyse_spectrum

__all__ = ["SpectrumRequest", "analyse_spectrum"]
