"""Shares and their intervals, against published values and against many made-up campaigns."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.rules.measures import Fate, Interval, judge, mean_share, wilson
from ivr.rules.segments import EndedBy, Segment


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [  # R. G. Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(hits: int, trials: int, low: float, high: float) -> None:
    found = wilson(hits, trials)
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (low, high)


def test_wilson_of_nothing_is_none_and_of_too_much_is_refused() -> None:
    assert wilson(0, 0) is None
    with pytest.raises(ValueError, match="3 hits among 2"):
        wilson(3, 2)


@given(st.integers(1, 10_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_holds_its_value_within_0_and_1(counted: tuple[int, int]) -> None:
    found = wilson(*counted)
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high > found.low


def mean_of(shares: Any) -> Interval | None:
    given_ = np.array(shares)
    return mean_share(len(given_), float(given_.sum()), float((given_**2).sum()))


@given(st.lists(st.floats(0, 1), min_size=1, max_size=200))
def test_the_mean_lies_in_its_interval_and_is_never_certain(shares: list[float]) -> None:
    found = mean_of(shares)
    assert found is not None
    assert 0 <= found.low <= found.value <= found.high <= 1
    assert found.high - found.low > 1e-3
    assert math.isclose(found.value, sum(shares) / len(shares), abs_tol=1e-9)


def test_of_yes_and_no_alone_the_mean_has_nearly_wilsons_interval() -> None:
    found, exact = mean_of([1.0] * 150 + [0.0] * 50), wilson(150, 200)
    assert found is not None
    assert exact is not None
    assert found.low == pytest.approx(exact.low, abs=0.001)
    assert found.high == pytest.approx(exact.high, abs=0.001)


def test_the_interval_covers_the_true_mean() -> None:
    """200 calls: some leave at once, some in between, most stay. 95 of 100 intervals must hold the truth."""
    dice = np.random.default_rng(5)
    truth, inside = 0.1 * 0 + 0.35 * 0.5 + 0.55 * 1, 0
    for _ in range(2000):
        kind = dice.random(200)
        found = mean_of(np.where(kind < 0.1, 0.0, np.where(kind < 0.45, dice.random(200), 1.0)))
        inside += found is not None and found.low <= truth <= found.high
    assert 0.935 <= inside / 2000 <= 0.965


@pytest.mark.parametrize(
    ("ended_by", "fate"),
    [
        (EndedBy.LISTENER, Fate.LEFT),
        (EndedBy.UNKNOWN, Fate.LEFT),
        (EndedBy.NETWORK, Fate.CUT),
        (EndedBy.US, Fate.CUT),
    ],
)
def test_who_ended_the_call_says_whether_the_person_left(maker: Any, ended_by: EndedBy, fate: Fate) -> None:
    assert judge(maker.listen(7_000, ended_by=ended_by), 20_000).fate is fate
    assert judge(maker.listen(20_000, ended_by=ended_by), 20_000).fate is Fate.STAYED


def test_a_stop_in_the_message_is_leaving_although_we_end_the_call(maker: Any) -> None:
    heard = judge(maker.stopped(Segment.MESSAGE, 6_000, 6_000), 20_000)
    assert (heard.fate, heard.heard_ms) == (Fate.LEFT, 6_000)
    assert heard.stop is not None
    assert (heard.stop.segment, heard.stop.within_ms) == (Segment.MESSAGE, 6_000)


def test_a_stop_in_the_notice_comes_after_the_whole_message(maker: Any) -> None:
    heard = judge(maker.stopped(Segment.NOTICE, 1_000, 20_000), 20_000)
    assert (heard.fate, heard.stop is not None) == (Fate.STAYED, True)


def test_a_stop_without_its_key_is_placed_by_its_instant(maker: Any) -> None:
    heard = judge(maker.listen(20_000, notice_ms=2_000, stop_at_ms=26_000), 20_000)
    assert heard.stop is not None
    assert heard.stop.segment is Segment.NOTICE


@pytest.mark.parametrize("failure", [{"measured_by": "dialplan"}, {"error": "the AGI server went away"}])
def test_our_own_failure_is_never_the_persons_leaving(maker: Any, failure: dict[str, str]) -> None:
    heard = judge(maker.listen(None, **failure), 20_000)
    assert (heard.fate, heard.fallback, heard.left_before, heard.share) == (Fate.CUT, True, False, 0.0)


def test_97_percent_is_the_end_and_a_millisecond_less_is_not(maker: Any) -> None:
    assert judge(maker.listen(19_400), 20_000).fate is Fate.STAYED
    assert judge(maker.listen(19_399), 20_000).fate is Fate.LEFT


@pytest.mark.parametrize(
    ("heard_ms", "before", "early"),
    [(None, True, False), (0, True, False), (1, False, True), (3_999, False, True), (4_000, False, False)],
)
def test_leaving_before_and_early_do_not_overlap(maker: Any, heard_ms: int | None, before: bool, early: bool) -> None:
    heard = judge(maker.listen(heard_ms), 20_000)
    assert (heard.left_before, heard.left_early) == (before, early)


def test_hearing_it_again_adds_no_length(maker: Any) -> None:
    heard = judge(maker.again(6_000), 20_000)
    assert (heard.share, heard.repeats, heard.fate) == (1.0, 1, Fate.STAYED)


def test_the_whole_notice_in_one_of_two_plays_is_heard(maker: Any) -> None:
    listen = maker.listen(20_000, notice_ms=4_000)
    assert not judge(listen, 20_000).notice_whole
    assert judge(maker.listen(20_000, notice_ms=9_000), 20_000).notice_whole


def test_more_than_the_length_counts_as_the_length(maker: Any) -> None:
    assert judge(maker.listen(20_400), 20_000).share == 1.0
