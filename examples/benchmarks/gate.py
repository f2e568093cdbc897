"""Does the gate decide rightly near a limit, the same way every time, and calmly over many layers?

    python examples/benchmarks/gate.py [--repeats 20] [--runs 200] [--ratios 1 2 4] [--seed 0]

Three tables in Markdown. Verdicts of `repdiag check` on a minimum of effective_rank 10% from the truth, alone
and beside all default rules (d = 256, the populations of targets.py, full intervals). The same command on
the same store, 20 times. False alarms of 50 healthy layers that are judged together, whose truth lies on the
limit itself or 10% above it, from the same samples or from others.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence

import numpy as np
from scipy.stats import beta
from targets import METHODS, Population, gaussian, populations, written

from repdiag import SpectrumRequest, analyse_spectrum, memory_store
from repdiag.check import CheckConfig, build_policy, check
from repdiag.results import Results
from repdiag.types import Address

RULE = "effective_rank.min"
DEFAULTS = ("spectral_cliff", "mean_share", "top1_share", "dead_features", "per_class_rank", "constant")
MEASURES = ("trace", "mean_share", "effective_rank", "top1_share", "spectral_cliff", "dead_features")
LAYERS = 50
PAGE = METHODS.with_name("gate.md")
Rows = dict[Address, np.ndarray]


def analysed(rows: Rows, seed: int, measures: Sequence[str], interval: str) -> Results:
    n = len(next(iter(rows.values())))
    store = memory_store(rows, ids=[f"{seed}-{row}" for row in range(n)])
    request = SpectrumRequest(measures=tuple(measures), interval=interval, device="cpu")  # type: ignore[arg-type]
    return analyse_spectrum([store], request)


def outcome(found: Results, limit: float, *, beside_defaults: bool) -> str:
    """What the rule about effective rank says: pass, fail or inconclusive."""
    rules: dict[str, object] = {"effective_rank": {"min": limit, "max_drop": False}}
    if not beside_defaults:
        rules |= dict.fromkeys((*DEFAULTS, "nonfinite_rows"), False)
    judged = check(found, build_policy(CheckConfig.model_validate({"rules": rules})))
    severities = [one.severity for one in judged.findings if one.rule == RULE]
    return severities[0] if severities else "pass"


def near_a_limit(ratios: Sequence[float], repeats: int, seed: int) -> str:
    lines = ["| n/d | rules | wrong | inconclusive, truth above | below |", "|---|---|---|---|---|"]
    for ratio in ratios:
        seen: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
        runs = 0
        for population in populations().values():
            for repeat in range(repeats):
                found = one_layer(population, ratio, seed + repeat)
                truth = population.truth("effective_rank")
                runs += 1
                for beside, counts in seen.items():
                    counts["above " + outcome(found, truth / 1.1, beside_defaults=beside)] += 1
                    counts["below " + outcome(found, truth * 1.1, beside_defaults=beside)] += 1
        for beside, counts in seen.items():
            wrong = counts["above fail"] + counts["below pass"]
            name = "beside all defaults" if beside else "alone"
            shares = [f"{100 * counts[f'{side} inconclusive'] / runs:.0f}%" for side in ("above", "below")]
            lines.append(f"| {ratio:g} | {name} | {wrong} of {2 * runs} | {' | '.join(shares)} |")
    return "\n".join(lines)


def one_layer(population: Population, ratio: float, seed: int) -> Results:
    n = max(int(ratio * population.d), 8)
    rows = population.draw(n, np.random.default_rng(seed + 5000))
    return analysed({Address("c", "base", "layer"): rows}, seed, MEASURES, "full")


def twenty_times(seed: int) -> str:
    """A store whose truth is on the limit, where a verdict would flip if anything did."""
    population = populations()["i^-1"]
    found = {
        outcome(one_layer(population, 2, seed), population.truth("effective_rank"), beside_defaults=True)
        for _ in range(20)
    }
    return f"20 runs on one store whose truth is the limit: {len(found)} different verdict(s)"


def many_layers(runs: int, seed: int, n: int = 64, d: int = 16) -> str:
    lines = ["| layers | truth over the limit | false alarms | 95% upper bound |", "|---|---|---|---|"]
    population = gaussian(np.arange(1, d + 1, dtype=np.float64) ** -0.7)
    truth = population.truth("effective_rank")
    for kind in ("of other samples", "of the same samples"):
        alarms: Counter[float] = Counter()
        for run in range(runs):
            found = analysed(layers(population, n, seed + run, kind), seed + run, ("effective_rank",), "full")
            for margin in (1.0, 1.1):
                alarms[margin] += outcome_of_any(found, truth / margin)
        for margin in (1.0, 1.1):
            bound = 100 * beta.ppf(0.95, alarms[margin] + 1, max(runs - alarms[margin], 1e-9))
            lines.append(f"| {LAYERS} {kind} | {margin:g} | {alarms[margin]} of {runs} | {bound:.1f}% |")
    return "\n".join(lines)


def layers(population: Population, n: int, seed: int, kind: str) -> Rows:
    """50 layers: independent draws, or one draw under small changes of its own."""
    rng = np.random.default_rng(seed + 9000)
    base = population.draw(n, rng)
    made: Rows = {}
    for number in range(LAYERS):
        other = population.draw(n, rng)
        rows = other if kind == "of other samples" else np.sqrt(0.9) * base + np.sqrt(0.1) * other
        made[Address("c", "base", f"layer{number}")] = rows
    return made


def outcome_of_any(found: Results, limit: float) -> bool:
    return outcome(found, limit, beside_defaults=False) == "fail"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=20, help="draws of each population and ratio")
    parser.add_argument("--runs", type=int, default=200, help="families of 50 layers")
    parser.add_argument("--ratios", type=float, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/gate.md")
    options = parser.parse_args()
    near = near_a_limit(options.ratios, options.repeats, options.seed)
    print(f"10% from the limit, {options.repeats} repeats\n\n{near}", flush=True)
    print(f"\n{twenty_times(options.seed)}\n", flush=True)
    families = many_layers(options.runs, options.seed)
    print(f"any of {LAYERS} healthy layers fails\n\n{families}")
    if options.write:
        written({"near": near, "layers": families}, PAGE)


if __name__ == "__main__":
    main()
