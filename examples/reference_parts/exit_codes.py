"""Every exit code, from the constants that the program ends with."""

from __future__ import annotations

from reference_parts import markdown as md
from repdiag import errors
from repdiag.commands import _errors as signals

MEANINGS = {
    "EXIT_PASS": "every configured rule was evaluated on enough data, and passed; of other commands: done",
    "EXIT_FAIL": "at least one rule failed",
    "EXIT_USAGE": "usage, configuration, input that cannot be read, or a result that cannot be written; "
    "nothing half-written is left under its final name",
    "EXIT_INCONCLUSIVE": "inconclusive: the interval straddles the limit, there are too few samples, or not "
    "one figure has a value",
    "EXIT_BUG": "a bug in repdiag, or no memory; run it again with `--debug`",
    "EXIT_INTERRUPTED": "interrupted; finished shards of `extract` are safe, and the same command goes on",
    "EXIT_TERMINATED": "terminated, as for 130",
}


def page() -> str:
    """The codes with their meanings."""
    codes = {
        name: value
        for room in (errors, signals)
        for name, value in vars(room).items()
        if name.startswith("EXIT_")
    }
    rows = [(str(value), MEANINGS[name]) for name, value in sorted(codes.items(), key=lambda one: one[1])]
    return md.page(
        "Exit codes",
        [
            md.table(("code", "meaning"), rows),
            "There is never a 0 without a result. `check --exit-zero` reports and ends with 0 where the "
            'verdict is not a pass; `on_inconclusive = "pass"` or `"warn"` turns a 3 into a 0.',
        ],
    )
