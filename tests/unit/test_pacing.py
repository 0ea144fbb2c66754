from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.rules.pacing import Pacer

RATES = st.one_of(st.floats(0.05, 0.99), st.floats(1, 60), st.integers(1, 200).map(float))
LATENESS_S = st.one_of(st.just(0.0), st.floats(0, 0.02), st.floats(0, 5))


def worst(sends_s: list[float], window_s: float = 1.0) -> int:
    """Most sends in any rolling window: each window of interest ends with a send."""
    return max((sum(1 for at in sends_s if end - window_s < at <= end) for end in sends_s), default=0)


def send_when_due(pacer: Pacer, now_s: float, lateness_s: float = 0.0) -> float:
    at_s = max(now_s, pacer.next_at(now_s)) + lateness_s
    assert pacer.next_at(at_s) <= at_s
    pacer.sent(at_s)
    return at_s


@settings(max_examples=300, deadline=None)
@given(RATES, st.floats(0, 1e6), st.lists(LATENESS_S, min_size=2, max_size=150))
def test_no_rolling_second_has_more_than_the_rate(rate_cps: float, now_s: float, lateness: list[float]) -> None:
    pacer, sends = Pacer(rate_cps), []
    for late_s in lateness:
        now_s = send_when_due(pacer, now_s, late_s)
        sends.append(now_s)
    if rate_cps >= 1:
        assert worst(sends) <= int(rate_cps)
    else:
        assert all(then - first >= 1 / rate_cps - 1e-6 for first, then in pairwise(sends))
    assert pacer.worst_second == worst(sends)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(RATES, st.lists(LATENESS_S, max_size=40)), min_size=1, max_size=6))
def test_a_change_of_rate_holds_for_every_second_that_ends_after_it(phases: list[tuple[float, list[float]]]) -> None:
    pacer, now_s, sends = Pacer(phases[0][0]), 0.0, []
    for rate_cps, lateness in phases:
        pacer.set_rate(rate_cps)
        for late_s in lateness:
            now_s = send_when_due(pacer, now_s, late_s)
            sends.append(now_s)
            assert sum(1 for at in sends if now_s - 1 < at <= now_s) <= max(1, int(rate_cps))
            if rate_cps < 1 and len(sends) > 1:
                assert sends[-1] - sends[-2] >= 1 / rate_cps - 1e-6


@settings(max_examples=300, deadline=None)
@given(
    RATES, st.lists(st.tuples(st.floats(0, 3), st.sampled_from([0.0, 0.0, 0.0, -7200.0, -0.5, 86400.0])), max_size=120)
)
def test_a_clock_that_jumps_lets_no_burst_out(rate_cps: float, moments: list[tuple[float, float]]) -> None:
    """The pacer sees a clock that jumps; the sends are judged by a true one."""
    pacer, true_s, jumped_s, sends = Pacer(rate_cps), 0.0, 0.0, []
    for waited_s, jump_s in moments:
        true_s += waited_s
        jumped_s += min(jump_s, 0)  # a jump ahead is true time that was slept through
        true_s += max(jump_s, 0)
        seen_s = true_s + jumped_s
        if pacer.next_at(seen_s) <= seen_s:
            pacer.sent(seen_s)
            sends.append(true_s)
    assert worst(sends) <= max(1, int(rate_cps))
    if rate_cps < 1:
        assert all(then - first >= 1 / rate_cps - 1e-6 for first, then in pairwise(sends))


@settings(max_examples=200, deadline=None)
@given(RATES, st.floats(0, 1e5), st.floats(-2, 2))
def test_the_first_send_leaves_a_second_to_the_process_before(
    rate_cps: float, not_before_s: float, offset_s: float
) -> None:
    pacer = Pacer(rate_cps, not_before_s)
    assert send_when_due(pacer, not_before_s + offset_s) >= not_before_s + 1


@settings(deadline=None)
@given(st.floats(1, 200), st.floats(10, 10_000))
def test_an_idle_time_is_not_saved_up(rate_cps: float, idle_s: float) -> None:
    pacer = Pacer(rate_cps)
    gap_s = 1 / int(rate_cps)
    for _ in range(5):
        now_s = send_when_due(pacer, 0.0)
    sends = [send_when_due(pacer, now_s + idle_s)]
    for _ in range(int(rate_cps)):
        sends.append(send_when_due(pacer, sends[-1]))
    assert min(then - first for first, then in pairwise(sends)) >= gap_s / 2
    assert all(at_s - sends[0] >= (number - 1) * gap_s for number, at_s in enumerate(sends))


@pytest.mark.parametrize("rate_cps", [1, 10, 50, 200])
def test_the_rate_is_reached_with_timers_that_are_late(rate_cps: float) -> None:
    pacer, now_s, sends = Pacer(rate_cps), 0.0, []
    for number in range(int(rate_cps) * 20):
        now_s = send_when_due(pacer, now_s, (number * 7 % 11) / 10_000)  # 0 to 1 ms
        sends.append(now_s)
    assert (len(sends) - 1) / (sends[-1] - sends[0]) >= 0.975 * rate_cps
    assert 0.975 * rate_cps <= pacer.worst_second <= rate_cps


@pytest.mark.parametrize("rate_cps", [0.2, 1, 50])
def test_a_clock_that_went_back_costs_one_window_not_the_jump(rate_cps: float) -> None:
    pacer = Pacer(rate_cps, 10_000.0)
    before_s = send_when_due(pacer, 20_000.0)
    assert pacer.next_at(before_s - 7200) <= before_s - 7200 + max(1.03, 1 / rate_cps)


def test_the_worst_second_shows_a_caller_that_did_not_wait() -> None:
    pacer = Pacer(2)
    for number in range(5):
        pacer.sent(number / 100)
    assert pacer.worst_second == 5


@pytest.mark.parametrize("rate_cps", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_none(rate_cps: float) -> None:
    with pytest.raises(ValueError, match="rate"):
        Pacer(rate_cps)
