"""Results as one offline HTML page. Knows typed records only: no torch, no store."""

from repdiag.report.options import PageOptions, PlotlyJs
from repdiag.report.page import render, write_report

__all__ = ["PageOptions", "PlotlyJs", "render", "write_report"]
