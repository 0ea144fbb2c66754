from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ivr.rules.frequency import SponsorCall, free_at
from ivr.rules.gate import Kind
from ivr.rules.gate_facts import Source
from ivr.rules.pack import Frequency, Says
from tests.unit.lawful import CAMPAIGN, NOW, said, utc

DAY = timedelta(days=1)


def rule(**given: object) -> Frequency:
    words = Says(fr="au plus", en="at most")
    common = {"id": "X-1", "kind": "frequency", "source": "a test", "confidence": "P", "says": words}
    return Frequency.model_validate(common | given)


def call(days_ago: float, answered: bool = False, campaign_id: int = 1) -> SponsorCall:
    return SponsorCall(NOW - days_ago * DAY, campaign_id, answered)


def test_four_calls_in_thirty_days_whatever_the_campaign() -> None:
    calls = tuple(call(days, campaign_id=days) for days in (3, 9, 20, 29))
    verdict = said(calls=calls)
    assert (verdict.kind, verdict.rule) == (Kind.HOLD, "FR-FRQ-1")
    assert verdict.until == NOW + DAY, "the oldest is 30 days old then"
    assert said(calls=calls[:3]).kind is Kind.YES
    assert said(calls=(*calls[:3], call(30))).kind is Kind.YES


def test_two_heard_messages_in_thirty_days() -> None:
    verdict = said(calls=(call(3, answered=True), call(9, answered=True)))
    assert (verdict.rule, verdict.until) == ("FR-FRQ-2", NOW + 21 * DAY)


def test_a_day_between_two_calls() -> None:
    verdict = said(calls=(call(0.5),))
    assert (verdict.rule, verdict.until) == ("FR-FRQ-2B", NOW + DAY / 2)


def test_a_campaign_calls_twice_at_most() -> None:
    verdict = said(calls=tuple(call(days, campaign_id=CAMPAIGN) for days in (40, 50)))
    assert (verdict.kind, verdict.rule) == (Kind.NO, "FR-FRQ-2C")


def test_a_person_whom_a_friend_named_is_called_once_ever() -> None:
    referral = (Source("referral"), Source("direct_form"))
    assert said(sources=referral).kind is Kind.YES
    assert said(sources=referral, calls=(call(400),)).rule == "FR-FRQ-4"


def test_what_frees_only_after_the_campaign_expires_is_a_no() -> None:
    verdict = said(calls=(call(0.5),), expires=NOW + DAY / 2)
    assert (verdict.kind, verdict.rule) == (Kind.NO, "FR-FRQ-2B")


def test_a_landline_in_america_without_consent_is_called_three_times_in_thirty_days() -> None:
    calls = tuple(call(days) for days in (2, 3, 4))
    assert free_at(calls, rule(most=3, days=30), 1, NOW) == NOW + 26 * DAY


@given(
    st.lists(st.floats(-40, 90, allow_nan=False), max_size=12),
    st.integers(1, 5),
    st.integers(1, 40),
    st.integers(0, 72),
)
def test_no_rolling_span_has_more_calls_than_the_rule(ago: list[float], most: int, days: int, gap_hours: int) -> None:
    """Calling as soon as it is free, again and again, from any past."""
    calls = [call(days_ago) for days_ago in ago]
    limit = rule(most=most, days=days, gap_hours=gap_hours)
    now, made = NOW, list[datetime]()
    for _ in range(4):
        free = free_at(calls, limit, 1, now)
        assert free is not None
        assert free >= now
        assert free_at(calls, limit, 1, free) == free, "what is promised holds when it comes"
        within = [one.at for one in calls if free - timedelta(days=days) < one.at <= free]
        assert len(within) < most
        assert all(abs(free - one.at) >= timedelta(hours=gap_hours) for one in calls if one.at <= free)
        calls.append(SponsorCall(free, 2, False))
        made.append(free)
        now = free


def test_nothing_ever_counted_lets_the_first_call_out() -> None:
    assert free_at((), rule(most=1), 1, utc("2027-01-01T10:00")) == utc("2027-01-01T10:00")
