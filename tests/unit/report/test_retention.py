"""The retention curve, against a published table, the plain share, and what must hold of any curve."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.rules.retention import Curve, retention

# Weeks in remission of the 6-MP group of Freireich et al., Blood 21 (1963); Cox and Oakes (1984), table 1.1
RELAPSED = [6, 6, 6, 7, 10, 13, 16, 22, 23]
CENSORED = [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
PUBLISHED = {6: 0.857, 7: 0.807, 10: 0.753, 13: 0.690, 16: 0.627, 22: 0.538, 23: 0.448}
AT_RISK = {6: 21, 7: 17, 10: 15, 13: 12, 16: 11, 22: 7, 23: 6}
MS = st.lists(st.integers(0, 29_999), max_size=80)


def curve(left: list[int], cut: list[int], stayed: int, length_ms: int) -> Curve:
    found = retention(Counter(left), Counter(cut), stayed, length_ms)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def published() -> Curve:
    """Weeks stand for seconds."""
    return curve([1000 * week for week in RELAPSED], [1000 * week for week in CENSORED], 0, 40_000)


def test_as_published(published: Curve) -> None:
    by_week = {point.at_ms // 1000: point for point in published.points}
    assert {week: round(by_week[week].share or 0, 3) for week in PUBLISHED} == PUBLISHED
    assert {week: by_week[week].at_risk for week in AT_RISK} == AT_RISK
    assert published.median.at_ms == 23_000


def test_the_band_as_computed_by_hand(published: Curve) -> None:
    """At week 10: S = 0.7529, Greenwood's sum = 3/(21·18) + 1/(17·16) + 1/(15·14) = 0.016375; log-log at 95 %."""
    point = published.points[10]
    width = 1.959964 * 0.016375**0.5 / abs(np.log(0.752941))
    assert point.low == pytest.approx(0.752941 ** np.exp(width), abs=1e-4)
    assert point.high == pytest.approx(0.752941 ** np.exp(-width), abs=1e-4)
    assert (round(point.low or 0, 3), round(point.high or 0, 3)) == (
        0.503,
        0.889,
    )


def test_nothing_is_claimed_after_the_last_observation(published: Curve) -> None:
    assert published.points[35].share == pytest.approx(0.448, abs=0.001)
    assert published.points[36].share is None
    assert published.points[36].at_risk == 0


@given(MS, st.integers(0, 40))
def test_without_cuts_it_is_the_plain_share(left: list[int], stayed: int) -> None:
    if not left and not stayed:
        return
    for point in curve(left, [], stayed, 30_000).points:
        still = sum(ms > point.at_ms for ms in left) + stayed
        assert point.share == pytest.approx(still / (len(left) + stayed))


@given(MS, MS, st.integers(0, 40), st.integers(30_000, 33_500))
def test_what_holds_of_any_curve(left: list[int], cut: list[int], stayed: int, length_ms: int) -> None:
    if not left and not cut and not stayed:
        return
    found = curve(left, cut, stayed, length_ms)
    known = [point for point in found.points if point.share is not None]
    shares = [point.share or 0.0 for point in known]
    assert shares == sorted(shares, reverse=True)
    assert all(0 <= (p.low or 0) <= (p.share or 0) + 1e-12 and (p.share or 0) <= (p.high or 0) + 1e-12 for p in known)
    assert all((p.high or 0) <= 1 for p in known)
    assert sum(point.left for point in found.points) == len(left)
    assert sum(point.cut for point in found.points) == len(cut)
    assert found.points[0].at_risk == len(left) + len(cut) + stayed
    assert (found.points[0].at_ms, found.points[-1].at_ms) == (0, length_ms)


def test_who_left_before_the_message_is_missing_at_its_beginning() -> None:
    assert curve([0, 0, 5_000], [], 7, 20_000).points[0].share == pytest.approx(0.8)


def test_all_stayed_is_not_certainty() -> None:
    point = curve([], [], 8, 20_000).points[-1]
    assert (point.share, point.high) == (1.0, 1.0)
    assert point.low == pytest.approx(0.676, abs=0.001)  # Wilson's for 8 of 8


def test_without_calls_or_length_there_is_no_curve() -> None:
    assert retention({}, {}, 0, 20_000) is None
    assert retention({}, {}, 3, 0) is None


def test_a_hundred_million_calls_cost_what_their_instants_do() -> None:
    found = retention(dict.fromkeys(range(0, 60_000, 100), 100_000), {500: 10_000_000}, 30_000_000, 60_000)
    assert found is not None
    assert found.points[0].at_risk == 100_000_000
