import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.errors import BadSetting
from ivr.rules.sharing import Share, Turns, divide

WEIGHTS = st.lists(st.one_of(st.integers(1, 10).map(float), st.floats(0.01, 100)), min_size=1, max_size=8)


def turns_of(weights: list[float]) -> Turns:
    turns = Turns()
    for campaign, weight in enumerate(weights):
        turns.set_share(campaign, Share(weight))
    return turns


def take(turns: Turns, waiting: dict[int, int]) -> int:
    campaign = turns.next_campaign(waiting)
    assert campaign is not None
    turns.took(campaign, waiting)
    return campaign


@settings(max_examples=100, deadline=None)
@given(WEIGHTS, st.integers(1, 250))
def test_each_has_its_share_within_one_call_at_any_moment(weights: list[float], calls: int) -> None:
    turns, had, waiting = turns_of(weights), Counter[int](), dict.fromkeys(range(len(weights)), 1000)
    for number in range(1, calls + 1):
        had[take(turns, waiting)] += 1
        for campaign, weight in enumerate(weights):
            assert abs(had[campaign] - number * weight / sum(weights)) < 1 + 1e-6


@settings(max_examples=80, deadline=None)
@given(WEIGHTS, st.integers(0, 200), st.integers(1, 200))
def test_each_has_its_share_within_two_calls_over_any_span(weights: list[float], first: int, span: int) -> None:
    turns, waiting = turns_of(weights), dict.fromkeys(range(len(weights)), 1000)
    calls = [take(turns, waiting) for _ in range(first + span)][first:]
    for campaign, weight in enumerate(weights):
        assert abs(calls.count(campaign) - span * weight / sum(weights)) < 2 + 1e-6


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 5).map(float), min_size=2, max_size=6), st.integers(0, 10**9))
def test_one_that_always_waits_loses_nothing_to_those_that_come_and_go(weights: list[float], seed: int) -> None:
    turns, others, mine = turns_of(weights), range(1, len(weights)), 0
    chance = random.Random(seed)
    for number in range(1, 151):
        waiting = {0: 1} | {campaign: 1 for campaign in others if chance.random() < 0.5}
        mine += take(turns, waiting) == 0
        assert mine > number * weights[0] / sum(weights) - 2
        assert abs(sum(turns._owed.values())) < 1e-6, "what one is owed, another has had: nothing is made or lost"


@settings(max_examples=100, deadline=None)
@given(WEIGHTS, st.data())
def test_a_turn_is_always_of_one_that_waits_and_of_the_highest_priority(
    weights: list[float], data: st.DataObject
) -> None:
    turns = Turns()
    priorities = [data.draw(st.integers(0, 2)) for _ in weights]
    for campaign, weight in enumerate(weights):
        turns.set_share(campaign, Share(weight, priorities[campaign]))
    for _ in range(30):
        waiting = {campaign: data.draw(st.integers(0, 2)) for campaign in range(len(weights))}
        ready = [campaign for campaign, count in waiting.items() if count]
        chosen = turns.next_campaign(waiting)
        assert (chosen is None) == (not ready)
        if chosen is not None:
            assert waiting[chosen]
            assert priorities[chosen] == max(priorities[one] for one in ready)
            turns.took(chosen, waiting)


def test_an_idle_time_is_not_saved_up_and_a_campaign_that_comes_back_gets_no_burst() -> None:
    turns = turns_of([1.0, 1.0])
    for _ in range(1000):
        assert take(turns, {0: 5, 1: 0}) == 0
    calls = [take(turns, {0: 5, 1: 5}) for _ in range(20)]
    assert calls.count(1) in {10, 11}
    assert "111" not in "".join(map(str, calls))


def test_one_that_was_ahead_and_then_idle_waits_no_turn_longer_for_it() -> None:
    turns = turns_of([1000.0, 1.0])
    turns.took(1, {0: 5, 1: 5})
    for _ in range(2000):
        take(turns, {0: 5})
    assert 1 in [take(turns, {0: 5, 1: 5}) for _ in range(1002)]


def test_turns_are_smooth() -> None:
    turns = turns_of([5.0, 1.0, 1.0])
    calls = "".join(str(take(turns, {0: 9, 1: 9, 2: 9})) for _ in range(70))
    assert "00000" not in calls, calls
    assert all("1" in calls[start : start + 13] for start in range(57)), calls


def test_the_same_questions_give_the_same_turns_whatever_the_order_of_the_mapping() -> None:
    one, two = turns_of([2.0, 3.0, 5.0]), turns_of([2.0, 3.0, 5.0])
    for _ in range(100):
        assert take(one, {0: 1, 1: 1, 2: 1}) == take(two, {2: 1, 0: 1, 1: 1})


def test_the_second_round_goes_first_and_leaves_what_it_does_not_use() -> None:
    turns = Turns()
    turns.set_share(7, Share(priority=1))
    assert [take(turns, {1: 5, 7: left}) for left in (2, 1, 0)] == [7, 7, 1]


def test_a_campaign_that_is_over_is_forgotten() -> None:
    turns = turns_of([9.0, 1.0])
    for _ in range(7):
        take(turns, {0: 1, 1: 1})
    turns.forget(0)
    turns.forget(0)
    assert [take(turns, {0: 1, 1: 1}) for _ in range(10)].count(0) in {4, 5, 6}, "as new, with weight 1"


@settings(max_examples=100, deadline=None)
@given(
    st.integers(0, 500),
    st.dictionaries(st.integers(0, 9), st.integers(0, 200), max_size=8),
    st.dictionaries(st.integers(0, 9), st.builds(Share, st.floats(0.01, 50), st.integers(0, 2)), max_size=8),
)
def test_channels_are_divided_without_rest_and_nobody_gets_more_than_wanted(
    total: int, wanted: dict[int, int], shares: dict[int, Share]
) -> None:
    given_ = divide(total, wanted, shares)
    assert set(given_) == set(wanted)
    assert all(0 <= given_[one] <= wanted[one] for one in wanted)
    assert sum(given_.values()) == min(total, sum(wanted.values()))
    for one, two in ((one, two) for one in wanted for two in wanted):
        mine, yours = shares.get(one, Share()), shares.get(two, Share())
        if given_[one] < wanted[one] and yours.priority < mine.priority:
            assert given_[two] == 0
        if given_[one] < wanted[one] and yours.priority == mine.priority:
            assert (given_[two] - 1) / yours.weight <= (given_[one] + 1) / mine.weight + 1e-6


def test_what_one_does_not_want_goes_to_the_others_by_weight() -> None:
    shares = {1: Share(1), 2: Share(2), 3: Share(1)}
    assert divide(40, {1: 100, 2: 100, 3: 0}, shares) == {1: 13, 2: 27, 3: 0}
    assert divide(40, {1: 100, 2: 100, 3: 4}, shares) == {1: 12, 2: 24, 3: 4}
    assert divide(-3, {1: 5}, shares) == {1: 0}


@pytest.mark.parametrize("weight", [0, -1, float("nan"), float("inf"), 1e300])
def test_a_weight_that_is_none(weight: float) -> None:
    with pytest.raises(BadSetting, match="weight"):
        Share(weight)
