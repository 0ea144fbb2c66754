from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.rules.gate import RULE_PACK, RULES, Facts, Kind, decide
from ivr.rules.retry import NEVER, Made
from ivr.rules.retry_policy import Ending, RetryPolicy
from ivr.rules.states import CampaignState
from ivr.rules.windows import Hours

PARIS = ZoneInfo("Europe/Paris")
NOW = datetime(2026, 11, 23, 11, tzinfo=PARIS)
BUSY = Made(NOW - timedelta(minutes=15), Ending.BUSY)
AGAIN = RetryPolicy.parse("busy=15m 1h; congestion=5m; most=3; per_day=2; spacing=15m")
GOOD = Facts(
    now=NOW,
    campaign=CampaignState.RUNNING,
    notice_present=True,
    suppressed=False,
    hours=Hours.parse("10:00-13:00,14:00-20:00 mon-fri"),
    zones=(PARIS,),
    expires=NEVER,
    earlier=(),
    caller_id="+33162123456",
    halted=False,
)


def test_yes_when_every_fact_is_good() -> None:
    verdict = decide(GOOD)
    assert (verdict.kind, verdict.rule, verdict.until, verdict.rule_pack) == (Kind.YES, "", None, RULE_PACK)


@pytest.mark.parametrize(
    ("changed", "kind", "rule"),
    [
        ({"halted": True}, Kind.HOLD, "installation-halted"),
        ({"campaign": CampaignState.PAUSED}, Kind.HOLD, "campaign-running"),
        ({"campaign": CampaignState.DRAFT}, Kind.NO, "campaign-running"),
        ({"campaign": CampaignState.STOPPED}, Kind.NO, "campaign-running"),
        ({"campaign": CampaignState.FINISHED}, Kind.NO, "campaign-running"),
        ({"notice_present": False}, Kind.HOLD, "notice-present"),
        ({"suppressed": True}, Kind.NO, "suppressed"),
        ({"now": datetime(2026, 11, 23, 9, tzinfo=PARIS)}, Kind.HOLD, "calling-hours"),
        ({"hours": Hours(())}, Kind.NO, "calling-hours"),
        ({"expires": datetime(2026, 11, 23, 11, tzinfo=PARIS)}, Kind.NO, "campaign-expired"),
        ({"earlier": (BUSY,)}, Kind.NO, "already-reached"),
        ({"caller_id": ""}, Kind.HOLD, "caller-id-granted"),
        ({"caller_id": "0162123456"}, Kind.HOLD, "caller-id-granted"),
        ({"halted": None}, Kind.HOLD, "installation-halted-unknown"),
        ({"campaign": None}, Kind.NO, "campaign-running-unknown"),
        ({"notice_present": None}, Kind.HOLD, "notice-present-unknown"),
        ({"suppressed": None}, Kind.NO, "suppressed-unknown"),
        ({"now": None}, Kind.NO, "campaign-expired-unknown"),
        ({"now": datetime(2026, 11, 23, 11)}, Kind.NO, "campaign-expired-unknown"),  # noqa: DTZ001 - what is tested
        ({"hours": None}, Kind.NO, "calling-hours-unknown"),
        ({"zones": ()}, Kind.NO, "calling-hours-unknown"),
        ({"expires": None}, Kind.NO, "campaign-expired-unknown"),
        ({"earlier": None}, Kind.NO, "already-reached-unknown"),
        ({"caller_id": None}, Kind.HOLD, "caller-id-granted-unknown"),
    ],
)
def test_each_rule_alone_stops_the_call_under_its_name(changed: dict[str, Any], kind: Kind, rule: str) -> None:
    verdict = decide(replace(GOOD, **changed))
    assert (verdict.kind, verdict.rule) == (kind, rule)


def test_nothing_known_is_no_yes() -> None:
    assert decide(Facts()).kind is not Kind.YES
    assert decide(Facts(halted=False)).kind is Kind.NO


def test_a_halt_is_asked_first_and_refuses_nobody_for_good() -> None:
    verdict = decide(replace(GOOD, halted=True, campaign=CampaignState.STOPPED, suppressed=True))
    assert (verdict.kind, verdict.rule, verdict.until) == (Kind.HOLD, "installation-halted", None)


def test_yes_in_the_hour_that_comes_twice() -> None:
    for fold in (0, 1):
        now = datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=PARIS)
        assert decide(replace(GOOD, hours=Hours.parse("00:00-24:00"), now=now)).kind is Kind.YES


def test_the_lab_needs_no_caller_id() -> None:
    assert decide(replace(GOOD, caller_id=None, lab=True)).kind is Kind.YES


def test_the_first_rule_in_the_order_answers() -> None:
    bad = replace(GOOD, campaign=CampaignState.STOPPED, notice_present=False, suppressed=True, caller_id="")
    assert decide(bad).rule == "campaign-running"
    assert decide(replace(bad, campaign=CampaignState.RUNNING)).rule == "notice-present"
    assert decide(replace(bad, campaign=CampaignState.RUNNING, notice_present=True)).rule == "suppressed"
    assert [name for name, _ in RULES][5:] == ["calling-hours", "already-reached", "caller-id-granted"]


def test_a_hold_says_until_when() -> None:
    verdict = decide(replace(GOOD, now=datetime(2026, 11, 27, 21, tzinfo=PARIS)))
    assert verdict.until == datetime(2026, 11, 30, 10, tzinfo=PARIS)
    assert decide(replace(GOOD, now=verdict.until)).kind is Kind.YES


def test_calling_hours_must_hold_in_every_zone_in_which_the_person_may_be() -> None:
    zones = (ZoneInfo("America/New_York"), ZoneInfo("America/Los_Angeles"))
    verdict = decide(replace(GOOD, zones=zones, now=datetime(2026, 11, 23, 15, 30, tzinfo=UTC)))
    assert verdict.kind is Kind.HOLD
    assert verdict.until == datetime(2026, 11, 23, 19, tzinfo=UTC)  # 14:00 in New York, 11:00 in Los Angeles
    narrow = replace(GOOD, hours=Hours.parse("10:00-11:00"), zones=zones)
    assert decide(narrow).kind is Kind.NO, "an hour that is never shared is not waited for"


UNKNOWN_OR_BAD: dict[str, list[Any]] = {
    "now": [None, datetime(2026, 11, 22, 11, tzinfo=PARIS)],
    "campaign": [None, CampaignState.DRAFT, CampaignState.PAUSED, CampaignState.STOPPED, CampaignState.FINISHED],
    "notice_present": [None, False],
    "suppressed": [None, True],
    "hours": [None, Hours(())],
    "zones": [()],
    "expires": [None, datetime(2026, 11, 23, 10, 59, tzinfo=PARIS)],
    "earlier": [None, (BUSY,), (BUSY, Made(NOW - timedelta(hours=3), Ending.OPEN))],
    "caller_id": [None, "", "anonymous"],
    "halted": [None, True],
}


@settings(deadline=None)
@given(st.data())
def test_no_combination_with_a_bad_fact_is_a_yes(data: st.DataObject) -> None:
    names = data.draw(st.sets(st.sampled_from(sorted(UNKNOWN_OR_BAD)), min_size=1))
    changed = {name: data.draw(st.sampled_from(UNKNOWN_OR_BAD[name])) for name in names}
    assert decide(replace(GOOD, **changed)).kind is not Kind.YES


OF_A_PACK = ("law", "about", "person")  # tests/unit/test_gate_packs.py


def test_every_fact_can_be_bad_in_the_test_above() -> None:
    assert {field.name for field in fields(Facts)} == {*UNKNOWN_OR_BAD, "lab", "retry", *OF_A_PACK}


def ago(ending: Ending, **span: float) -> Made:
    return Made(NOW - timedelta(**span), ending)


@pytest.mark.parametrize(
    ("earlier", "kind", "until"),
    [
        ([BUSY], Kind.YES, None),
        ([ago(Ending.BUSY, minutes=14)], Kind.HOLD, NOW + timedelta(minutes=1)),
        ([ago(Ending.CONGESTION, minutes=6)], Kind.YES, None),
        ([ago(Ending.CONGESTION, minutes=6), ago(Ending.BUSY, minutes=14)], Kind.HOLD, NOW + timedelta(minutes=1)),
        ([ago(Ending.BUSY, minutes=80), ago(Ending.BUSY, minutes=61)], Kind.HOLD, NOW + timedelta(hours=23)),
        ([ago(Ending.BUSY, days=2), ago(Ending.BUSY, days=1)], Kind.YES, None),
        ([ago(Ending.BUSY, days=3), ago(Ending.BUSY, days=2), ago(Ending.BUSY, days=1)], Kind.NO, None),
        ([ago(Ending.NO_ANSWER, days=1)], Kind.NO, None),
        ([ago(Ending.BUSY, days=1), ago(Ending.REACHED, days=2)], Kind.NO, None),
        ([ago(Ending.BUSY, days=1), ago(Ending.INVALID_NUMBER, days=2)], Kind.NO, None),
        ([ago(Ending.BUSY, days=1), ago(Ending.UNKNOWN, days=2)], Kind.NO, None),
        ([ago(Ending.BUSY, days=1), ago(Ending.OPEN, minutes=1)], Kind.NO, None),
    ],
)
def test_a_retry_is_let_through_as_its_policy_says_and_nothing_else(
    earlier: list[Made], kind: Kind, until: datetime | None
) -> None:
    verdict = decide(replace(GOOD, retry=AGAIN, earlier=tuple(earlier)))
    assert (verdict.kind, verdict.until) == (kind, until)
    assert verdict.rule == ("" if kind is Kind.YES else "already-reached")


def test_what_is_only_a_wish_of_the_policy_stops_no_call() -> None:
    wish = replace(AGAIN, hours_apart=timedelta(hours=6), jitter=1.0)
    assert decide(replace(GOOD, retry=wish, earlier=(ago(Ending.BUSY, days=1),))).kind is Kind.YES


def test_a_campaign_ends_at_the_moment_it_expires() -> None:
    assert decide(replace(GOOD, expires=NOW + timedelta(microseconds=1))).kind is Kind.YES
    verdict = decide(replace(GOOD, expires=NOW, suppressed=True))
    assert (verdict.kind, verdict.rule) == (Kind.NO, "campaign-expired")
