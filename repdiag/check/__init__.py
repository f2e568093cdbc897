"""The gate: rules, kinds of collapse, verdict and its formats. Reads typed results only."""

from __future__ import annotations

from repdiag.check.baseline import Baseline, fingerprint, read_baseline, write_baseline
from repdiag.check.exits import exit_code
from repdiag.check.formats import FORMATS, Target, parse_targets, render_verdict, write_targets
from repdiag.check.github import GithubOutputs, github_outputs
from repdiag.check.kinds import KINDS, Kind
from repdiag.check.onset import onset_sentence, onsets
from repdiag.check.policy import CheckFlags, Policy, Rule, build_policy, required_measures
from repdiag.check.profiles import DEFAULT_RULES, PROFILES
from repdiag.check.schema import CheckConfig
from repdiag.check.verdict import check, undecided

__all__ = [
    "DEFAULT_RULES",
    "FORMATS",
    "KINDS",
    "PROFILES",
    "Baseline",
    "CheckConfig",
    "CheckFlags",
    "GithubOutputs",
    "Kind",
    "Policy",
    "Rule",
    "Target",
    "build_policy",
    "check",
    "exit_code",
    "fingerprint",
    "github_outputs",
    "onset_sentence",
    "onsets",
    "parse_targets",
    "read_baseline",
    "render_verdict",
    "required_measures",
    "undecided",
    "write_baseline",
    "write_targets",
]
