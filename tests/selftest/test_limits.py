"""Where seeing begins, and how many samples would move it."""

from __future__ import annotations

import pytest

from repdiag.selftest.limits import (
    Bracket,
    Limits,
    bracket,
    crossing,
    needed_samples,
    next_lower,
    reliable,
)

LEVELS = (0.0, 0.25, 0.5, 1.0)


def limits(sharp: float | None, strict: float | None) -> Limits:
    return Limits(Bracket(0.0, sharp), Bracket(0.0, strict), Bracket(0.0, strict))


@pytest.mark.parametrize("true", [0.1, 0.3, 0.49, 0.77])
def test_bracket_closes_in_on_the_limit(true: float) -> None:
    found = bracket(LEVELS, lambda severity: severity >= true)
    assert found.missed is not None
    assert found.seen is not None
    assert found.missed < true <= found.seen
    assert found.seen - found.missed <= 0.5 / 32 + 1e-12


def test_bracket_where_nothing_or_everything_is_seen() -> None:
    assert bracket(LEVELS, lambda severity: False) == Bracket(1.0, None)
    assert bracket(LEVELS, lambda severity: True) == Bracket(None, 0.0)


def test_a_lower_severity_that_is_seen_by_luck_does_not_count() -> None:
    found = bracket(LEVELS, lambda severity: severity == 0.25 or severity >= 0.9)
    assert found.seen == pytest.approx(0.9, abs=0.02)


def test_samples_grow_with_the_square_of_what_is_left() -> None:
    seen = limits(0.1, 0.3)
    assert next_lower(LEVELS, seen) == 0.25
    assert needed_samples(1000, seen, 0.2) == 4000
    assert needed_samples(1000, seen, 0.1) is None


def test_without_a_level_in_between_half_of_the_way_is_next() -> None:
    assert next_lower(LEVELS, limits(0.3, 0.4)) == pytest.approx(0.35)
    # A level so near to the rule's own limit would take over 25 times the samples.
    assert next_lower(LEVELS, limits(0.249, 0.4)) == pytest.approx(0.3245)


@pytest.mark.parametrize(("sharp", "strict"), [(0.3, 0.3), (None, 0.3), (0.3, None)])
def test_nothing_is_next_where_samples_do_not_help(sharp: float | None, strict: float | None) -> None:
    assert next_lower(LEVELS, limits(sharp, strict)) is None


@pytest.mark.parametrize("true", [0.001, 0.2, 0.41, 0.5, 0.77, 1.0])
@pytest.mark.parametrize("start", [0.0, 0.42, 1.0])
def test_crossing_finds_the_limit_from_anywhere(start: float, true: float) -> None:
    found = crossing(start, 0.01, LEVELS, lambda severity: severity >= true)
    assert found is not None
    assert true <= found <= true + 0.011


def test_crossing_where_nothing_or_everything_is_seen() -> None:
    assert crossing(0.3, 0.01, LEVELS, lambda severity: False) is None
    assert crossing(0.3, 0.01, LEVELS, lambda severity: True) == 0.0


def test_equal_draws_leave_the_strict_limit_and_their_spread_moves_it() -> None:
    own = Limits(Bracket(0.0, 0.1), Bracket(0.2, 0.3), Bracket(0.3, 0.34))
    assert reliable(own, [0.5] * 5, 1.0).seen == pytest.approx(0.34)
    apart = reliable(own, [0.49, 0.5, 0.51, 0.5, 0.5], 1.0)
    assert apart.seen == pytest.approx(0.3 + (0.04**2 + 2 * (3.43 * 0.01) ** 2 / 2) ** 0.5)


def test_draws_too_far_apart_or_blind_leave_no_limit() -> None:
    own = Limits(Bracket(0.0, 0.1), Bracket(0.2, 0.3), Bracket(0.3, 0.34))
    assert reliable(own, [0.1, 0.3, 0.5, 0.7, 0.9], 1.0) == Bracket(1.0, None)
    assert reliable(own, [None], 1.0) == Bracket(1.0, None)
