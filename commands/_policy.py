"""From the parameters of a command to the policy of the gate, and to what has to be measured for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import _options as o

if TYPE_CHECKING:
    from repdiag.analysis import SpectrumRequest
    from repdiag.check import Policy


def policy_from(
    params: Mapping[str, Any], *, extracted: bool = False, without_baseline: bool = False
) -> Policy:
    """The policy of the options over the configuration.

    `extracted` is for a store that --layer and --view have made: they choose nothing from it.

    Raises:
        UsageError, ConfigError: an option or the configuration asks for what does not exist.
    """
    from repdiag.check import CheckFlags, build_policy
    from repdiag.config import load_config

    loaded = load_config(Path(), params["config"])
    flags = CheckFlags(
        profile=params.get("profile"),
        fail_on=params.get("fail_on"),
        layers=() if extracted else o.globs(params["layer"]),
        views=() if extracted else o.globs(params["view"]),
        checkpoints=o.globs(params["checkpoint"]),
        baseline=params.get("baseline"),
    )
    return build_policy(loaded.check, flags, loaded.folder, without_baseline=without_baseline)


def request_for(policy: Policy, params: Mapping[str, Any], *, everything: bool = False) -> SpectrumRequest:
    """What the policy judges, or with `everything` whatever another one could."""
    from repdiag.analysis import SpectrumRequest

    return SpectrumRequest(
        layers=policy.layers,
        views=policy.views,
        checkpoints=policy.checkpoints,
        measures=needed_measures(policy, everything=everything),
        interval=o.Interval(params["interval"]).value,
        confidence=policy.confidence,
        device=params["device"],
        seed=params["seed"],
    )


def needed_measures(policy: Policy, *, everything: bool = False) -> tuple[str, ...]:
    """What the rules judge, with their options; `everything` adds what other rules could judge.

    Figures of several views at once are no figures of one representation, which a baseline is made of.
    """
    from repdiag.check import required_measures
    from repdiag.measures.inputs import Need
    from repdiag.measures.registry import all_measures

    judged = (rule.measure for rule in policy.rules if rule.measure.partition("{")[0] in all_measures())
    single = (name for name, measure in all_measures().items() if measure.needs is not Need.OBJECTS)
    return tuple(dict.fromkeys([*required_measures(policy), *judged, *(single if everything else ())]))
