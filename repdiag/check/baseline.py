"""The baseline that a drop is measured against."""

from __future__ import annotations

from repdiag.check.policy import Policy
from repdiag.errors import ConfigError
from repdiag.text import printable

MAX_BASELINE_BYTES = 64 * 1024 * 1024


def require_baseline(policy: Policy) -> None:
    """A baseline that is named must be one that we can compare with.

    Raises:
        ConfigError: missing, unreadable, or not something this version compares with.
    """
    if policy.baseline is None:
        return
    shown = f"check.baseline.file: {printable(policy.baseline)}"
    try:
        if policy.baseline.stat().st_size > MAX_BASELINE_BYTES:
            raise ConfigError(f"{shown}: is over {MAX_BASELINE_BYTES >> 20} MiB, too large for a baseline")
        policy.baseline.read_bytes()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise ConfigError(f"{shown}: {reason}; correct the path or remove [check.baseline]") from error
    raise ConfigError(
        f"{shown}: this version cannot compare with a baseline yet; remove [check.baseline] until it can"
    )
