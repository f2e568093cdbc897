"""Planting every kind of collapse, to learn what a gate can see."""

from __future__ import annotations

from repdiag.selftest.records import SelftestRecord, exit_code_of
from repdiag.selftest.run import SelftestRequest, selftest, synthetic_store

__all__ = ["SelftestRecord", "SelftestRequest", "exit_code_of", "selftest", "synthetic_store"]
