import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.rules.breaker import Blame, Breaker, Limits, State, blame
from ivr.rules.causes import REASON_TIMEOUT

MOVES = {
    (State.CLOSED, State.SLOWED),
    (State.SLOWED, State.SLOWED),
    (State.SLOWED, State.CLOSED),
    (State.CLOSED, State.PARKED),
    (State.SLOWED, State.PARKED),
    (State.PARKED, State.PROBING),
    (State.PROBING, State.PARKED),
    (State.PROBING, State.CLOSED),
}


@dataclass
class Carrier:
    """A trunk in use: refusals come at once or at a time-out, people's ends late, as on a real one."""

    rate_cps: float
    failing: Callable[[float], float]  # at an instant, the share of calls that fail, at a factor of the rate below
    failure_after_s: float = 0.1
    capacity_cps: float = float("inf")
    seed: int = 1
    breaker: Breaker = field(default_factory=Breaker)
    sent: list[float] = field(default_factory=list)
    now_s: float = 1000.0

    def run(self, for_s: float) -> None:
        chance, ends, tick_s = random.Random(self.seed), list[tuple[float, int, Blame, int]](), 0.05
        saved, until_s = 0.0, self.now_s + for_s
        while self.now_s < until_s:
            self.now_s += tick_s
            while ends and ends[0][0] <= self.now_s:
                _, _, kind, era = heapq.heappop(ends)
                self.breaker.saw(kind, self.now_s, era, "503" if kind is Blame.CARRIER else "")
            rate_cps = self.rate_cps * self.breaker.rate_factor(self.now_s)
            saved = min(1.0, self.rate_cps * tick_s) if rate_cps == 0 else saved + rate_cps * tick_s
            while saved >= 1 and self.breaker.allows(self.now_s):
                saved -= 1
                era = self.breaker.sent(self.now_s)
                self.sent.append(self.now_s)
                over = max(0.0, 1 - self.capacity_cps / rate_cps)
                fails = chance.random() < max(over, self.failing(self.now_s))
                after_s = self.failure_after_s if fails else chance.choice([2, 5, 8, 12, 25])
                kind = Blame.CARRIER if fails else Blame.PERSON
                heapq.heappush(ends, (self.now_s + after_s, len(self.sent), kind, era))
            saved = min(saved, 1.0 + self.rate_cps * tick_s)

    def states(self) -> list[State]:
        return [change.after for change in self.breaker.history]


@pytest.mark.parametrize("failure_after_s", [0.1, 32.0])
@pytest.mark.parametrize("rate_cps", [0.2, 2, 20, 100])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_trunk_with_five_in_a_hundred_failing_stays_closed(
    rate_cps: float, failure_after_s: float, seed: int
) -> None:
    carrier = Carrier(rate_cps, lambda _: 0.05, failure_after_s, seed=seed)
    carrier.run(min(3600.0, 6_000 / rate_cps))
    assert not carrier.breaker.history
    assert carrier.breaker.rate_factor(carrier.now_s) == 1.0


@given(st.integers(0, 19), st.integers(1, 100))
def test_one_in_twenty_exactly_and_in_any_phase_stays_closed(phase: int, rate_cps: int) -> None:
    breaker = Breaker()
    for number in range(2000):
        now_s = number / rate_cps
        breaker.saw(Blame.CARRIER if number % 20 == phase else Blame.PERSON, now_s, breaker.sent(now_s))
    assert not breaker.history


@pytest.mark.parametrize("kind", [Blame.PERSON, Blame.NOBODY])
def test_people_say_nothing_against_a_carrier(kind: Blame) -> None:
    breaker = Breaker()
    for number in range(5000):
        breaker.saw(kind, number / 50, breaker.sent(number / 50))
    assert not breaker.history


@pytest.mark.parametrize(("rate_cps", "failure_after_s", "most"), [(20, 0.1, 25), (0.2, 0.1, 15), (20, 32.0, 850)])
def test_a_dead_trunk_is_parked_soon_and_costs_few_calls(rate_cps: float, failure_after_s: float, most: int) -> None:
    carrier = Carrier(rate_cps, lambda _: 1.0, failure_after_s)
    carrier.run(most / rate_cps)
    assert State.PARKED in carrier.states()
    carrier.run(4 * 3600 - most / rate_cps)
    assert set(carrier.states()) - {State.SLOWED} == {State.PARKED, State.PROBING}
    assert len(carrier.states()) < 80
    assert len(carrier.sent) <= most + 3 * carrier.states().count(State.PROBING) + 3
    parkings = [round(one.until_s - one.at_s, 6) for one in carrier.breaker.history if one.until_s is not None]
    assert parkings == sorted(parkings), "each is as long as the last or longer"
    assert parkings[-1] == Limits().longest_s
    assert "503" in carrier.breaker.history[0].reason


@pytest.mark.parametrize("sick_s", [5, 60, 600, 7200])
@pytest.mark.parametrize("share", [0.4, 1.0])
def test_a_trunk_that_is_well_again_has_its_full_rate_by_itself(sick_s: float, share: float) -> None:
    carrier = Carrier(10, lambda now_s: share if now_s < 1030 + sick_s else 0.02)
    carrier.run(30 + sick_s)
    assert carrier.states(), "it was noticed"
    carrier.run(Limits().longest_s * 4)
    assert carrier.breaker.state is State.CLOSED
    assert carrier.breaker.rate_factor(carrier.now_s) == 1.0


def test_partial_trouble_slows_and_does_not_park() -> None:
    carrier = Carrier(20, lambda _: 0.4)
    carrier.run(600)
    assert set(carrier.states()) == {State.SLOWED}
    steps = [change.at_s for change in carrier.breaker.history]
    assert all(then - at_s >= Limits().slow_s for at_s, then in pairwise(steps)), "each step is given time to help"
    assert carrier.breaker.rate_factor(carrier.now_s) == Limits().slowest
    assert len(carrier.sent) > 600 * 20 * Limits().slowest * 0.9, "slowed is not starved"


def test_a_carrier_with_less_capacity_than_the_rate_is_found_and_not_flapped_at() -> None:
    carrier = Carrier(20, lambda _: 0.0, capacity_cps=11)
    carrier.run(3600)
    assert set(carrier.states()) <= {State.SLOWED, State.CLOSED}
    assert len(carrier.states()) < 40
    assert len(carrier.sent) > 3600 * 5


@pytest.mark.parametrize("period_s", [7.0, 40.0, 300.0])
def test_a_trunk_that_comes_and_goes_makes_no_flapping(period_s: float) -> None:
    carrier = Carrier(20, lambda now_s: float(now_s % (2 * period_s) < period_s))
    carrier.run(2 * 3600)
    changes = [change.at_s for change in carrier.breaker.history]
    assert len(changes) < 120
    assert all(sum(1 for at_s in changes if start <= at_s < start + 60) <= 9 for start in changes)
    late = sum(1 for at_s in changes if at_s > carrier.now_s - 3600)
    assert late < 60
    assert carrier.sent[-1] > carrier.now_s - 2 * Limits().longest_s


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["send", "carrier", "person", "nobody", "old", "stranger", "ask"]),
        st.sampled_from([0.0, 0.01, 0.1, 1.0, 16.0, 100.0, 1000.0, -3600.0]),
    ),
    max_size=300,
)
EAGER = Limits(window=20, least=4, least_dead=3, park_s=15)


@settings(max_examples=400, deadline=None)
@given(STEPS)
def test_whatever_happens(steps: list[tuple[str, float]]) -> None:
    breaker, now_s, out = Breaker(EAGER), 0.0, list[int]()
    for what, passed_s in steps:
        now_s += passed_s
        allowed, factor = breaker.allows(now_s), breaker.rate_factor(now_s)
        assert (factor == 0) == (breaker.state is State.PARKED)
        assert factor == 0 or EAGER.slowest <= factor <= 1
        assert (factor == 1) == (breaker.state is State.CLOSED)
        if breaker.state is State.PARKED:
            assert not allowed
        if what == "send" and allowed:
            out.append(breaker.sent(now_s))
            if breaker.state is State.PROBING:
                assert not breaker.allows(now_s + 0.5), "one at a time"
        elif what in set(Blame):
            breaker.saw(Blame(what), now_s, out.pop() if out else None)
        elif what == "old" and breaker.state is State.PROBING:
            before = len(breaker.history)
            for _ in range(5):
                breaker.saw(Blame.CARRIER, now_s, -1)
                breaker.saw(Blame.CARRIER, now_s, None)
            assert len(breaker.history) == before, "a call sent before the parking says nothing of the trunk after it"
    chain = list(breaker.history)
    assert all((one.before, one.after) in MOVES and one.reason for one in chain)
    assert all(one.after is then.before and one.at_s <= then.at_s for one, then in pairwise(chain))
    assert all(
        one.until_s is not None and EAGER.park_s - 1e-6 <= one.until_s - one.at_s <= EAGER.longest_s + 1e-6
        for one in chain
        if one.after is State.PARKED
    )
    assert_it_recovers(breaker, max(now_s, chain[-1].at_s if chain else 0) + 3600)


def assert_it_recovers(breaker: Breaker, now_s: float) -> None:
    """From wherever it is, a trunk that is well is closed within some calls and the longest parking."""
    for _ in range(200):
        now_s += 20
        if breaker.allows(now_s):
            breaker.saw(Blame.PERSON, now_s, breaker.sent(now_s))
    assert breaker.state is State.CLOSED
    assert breaker.rate_factor(now_s) == 1


def parked() -> Breaker:
    breaker = Breaker()
    for number in range(10):
        breaker.saw(Blame.CARRIER, number / 10, breaker.sent(number / 10), "503")
    assert breaker.state is State.PARKED
    return breaker


def test_tried_again_gently_one_call_at_a_time() -> None:
    breaker = parked()
    until_s = breaker.until_s()
    assert until_s == 0.9 + Limits().park_s
    assert not breaker.allows(until_s - 0.1)
    now_s = until_s
    for _ in range(Limits().probes):
        assert breaker.allows(now_s)
        era = breaker.sent(now_s)
        assert not breaker.allows(now_s + 60), "until its end is known"
        breaker.saw(Blame.PERSON, now_s + 60, era)
        now_s += 60
        assert breaker.allows(now_s)
    assert breaker.state is State.CLOSED
    assert [change.after for change in breaker.history] == [State.PARKED, State.PROBING, State.CLOSED]
    assert breaker.history[0].reason == "10 of the last 10 calls failed at the carrier, mostly with 503"


def test_a_clock_that_goes_back_costs_none_of_the_hour() -> None:
    breaker = parked()
    assert not breaker.allows(0.9 - 3600)
    assert not breaker.allows(0.8 - 3600 + Limits().park_s)
    assert breaker.allows(0.91 - 3600 + Limits().park_s)


def test_a_probe_that_nobody_tells_of_or_that_was_never_sent_holds_nothing_up() -> None:
    breaker = parked()
    breaker.sent(100.0)
    assert not breaker.allows(100.0 + Limits().probe_patience_s)
    assert breaker.allows(100.1 + Limits().probe_patience_s)
    breaker.saw(Blame.NOBODY, 201.0, breaker.sent(200.0))
    assert breaker.allows(202.0)
    assert breaker.state is State.PROBING


@pytest.mark.parametrize("era", [0, None])
def test_a_call_sent_before_the_parking_says_nothing_of_the_trunk_after_it(era: int | None) -> None:
    breaker = parked()
    assert breaker.allows(100.0)
    now = breaker.sent(100.0)
    for kind in (Blame.CARRIER, Blame.PERSON) * 5:
        breaker.saw(kind, 101.0, era)
    assert breaker.state is State.PROBING
    assert not breaker.allows(150.0), "the try is still out"
    breaker.saw(Blame.PERSON, 151.0, now)
    assert breaker.allows(152.0)


@pytest.mark.parametrize("every_s", [100.0, 5000.0])
def test_a_slowed_trunk_with_little_to_do_has_its_rate_back_all_the_same(every_s: float) -> None:
    breaker = Breaker()
    for number in range(60):
        breaker.saw(Blame.CARRIER if number % 3 == 0 else Blame.PERSON, number / 10, breaker.sent(number / 10))
    assert breaker.rate_factor(6.0) == 0.5
    now_s = 6.0
    while now_s < 20_000:
        now_s += every_s
        breaker.saw(Blame.PERSON, now_s, breaker.sent(now_s))
    assert breaker.state is State.CLOSED


def test_a_relapse_is_forgiven_after_a_long_calm() -> None:
    def park(breaker: Breaker, now_s: float) -> float:
        while breaker.state is not State.PARKED:
            breaker.saw(Blame.CARRIER, now_s, breaker.sent(now_s))
        return (breaker.until_s() or 0) - now_s

    def heal(breaker: Breaker, now_s: float) -> None:
        while breaker.state is not State.CLOSED:
            now_s += 2
            if breaker.allows(now_s):
                breaker.saw(Blame.PERSON, now_s, breaker.sent(now_s))

    breaker = Breaker()
    assert park(breaker, 0.0) == 15
    heal(breaker, 0.0)
    assert park(breaker, 100.0) == 30
    heal(breaker, 100.0)
    breaker.allows(3000.0)
    assert park(breaker, 3000.0) == 15


@pytest.mark.parametrize(
    ("facts", "whose"),
    [
        ({"sip": 403}, Blame.CARRIER), ({"sip": 407}, Blame.CARRIER), ({"sip": 500}, Blame.CARRIER),
        ({"sip": 503}, Blame.CARRIER), ({"sip": 488}, Blame.CARRIER), ({"sip": 502, "cause": 27}, Blame.CARRIER),
        ({"cause": 34}, Blame.CARRIER), ({"cause": 38}, Blame.CARRIER), ({"cause": 41}, Blame.CARRIER),
        ({"cause": 42}, Blame.CARRIER), ({"cause": 18}, Blame.CARRIER), ({"cause": 3}, Blame.CARRIER),
        ({"reason": 0}, Blame.CARRIER), ({"reason": REASON_TIMEOUT, "rang": False}, Blame.CARRIER),
        ({"reason": REASON_TIMEOUT, "cause": 19}, Blame.PERSON),
        ({"reason": REASON_TIMEOUT, "rang": True}, Blame.PERSON),
        ({"sip": 408, "cause": 18}, Blame.PERSON), ({"sip": 486}, Blame.PERSON), ({"sip": 480}, Blame.PERSON),
        ({"sip": 480, "rang": False}, Blame.PERSON), ({"sip": 404}, Blame.PERSON), ({"sip": 603}, Blame.PERSON),
        ({"sip": 608}, Blame.PERSON), ({"cause": 27}, Blame.PERSON), ({"cause": 17}, Blame.PERSON),
        ({}, Blame.NOBODY),
    ],
)  # fmt: skip
def test_whose_fault_it_is(facts: dict[str, int], whose: Blame) -> None:
    assert blame(False, **facts) is whose  # type: ignore[arg-type]
    assert blame(True, **facts) is Blame.PERSON  # type: ignore[arg-type]
