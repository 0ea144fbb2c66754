"""No order of events leads to a call that a rule forbids: events in any order, each call let out judged by other code.

The judge below is written from the sources, not from the Gate: days and hours by the clocks of nine territories, days
without work written out, silence as its table of instants.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from ivr.adapters.rule_packs import pack_on
from ivr.rules.frequency import SponsorCall
from ivr.rules.gate import Kind, decide
from ivr.rules.gate_facts import Source
from ivr.rules.gate_law import law_of
from ivr.rules.pack import MessageClass
from ivr.rules.permission import Grant
from ivr.rules.states import CampaignState
from ivr.rules.windows import Hours
from tests.unit.lawful import CAMPAIGN, GOOD, GRANT, SPONSOR, facts, utc

pytestmark = pytest.mark.timeout(240)

ZONES = {
    "FR": "Europe/Paris", "GP": "America/Guadeloupe", "GF": "America/Cayenne", "PM": "America/Miquelon",
    "PF": "Pacific/Tahiti", "RE": "Indian/Reunion", "YT": "Indian/Mayotte", "NC": "Pacific/Noumea",
    "WF": "Pacific/Wallis",
}  # fmt: skip
SILENT_FROM = {
    "FR": "2027-04-16T22:00", "GP": "2027-04-16T04:00", "GF": "2027-04-16T03:00", "PM": "2027-04-16T02:00",
    "PF": "2027-04-16T10:00", "RE": "2027-04-16T20:00", "YT": "2027-04-16T21:00", "NC": "2027-04-16T13:00",
    "WF": "2027-04-16T12:00",
}  # fmt: skip
SILENT_UNTIL = utc("2027-04-18T18:00")
FREE_DAYS = {date(2027, 3, 29), date(2027, 1, 1), date(2026, 12, 25)}
NEVER_CALLED = frozenset(
    {"hr_payroll", "patient", "customer_internal", "public_service", "civil_registry", "petition_other_purpose", "poll",
     "parrainage", "scraped", "other", "undeclared"}
)  # fmt: skip
DAY = timedelta(days=1)
NEXT_CAMPAIGN = CAMPAIGN + 1
"""Calls are of the sponsor's other campaigns: of one campaign the first that is answered is the last."""
WORDED = Hours.parse("10:00-20:00 mon-fri")
INSTANTS = [
    "2026-12-24T12:00", "2026-12-25T12:00", "2026-12-31T23:00", "2027-01-01T11:00", "2027-03-26T18:59",
    "2027-03-26T12:00", "2027-03-27T23:59", "2027-03-28T01:00", "2027-03-29T08:00", "2027-03-29T23:00",
    "2027-03-30T08:00", "2027-04-14T09:00", "2027-04-15T09:00", "2027-04-15T21:57", "2027-04-16T09:00",
    "2027-04-16T14:00", "2027-04-16T17:58", "2027-04-19T09:00", "2027-04-20T12:00",
]  # fmt: skip
"""Beside the hours, midnight, the step of the clocks on 28 March, Easter Monday and the silence."""


DAYS = [date(2027, 3, 26), date(2027, 3, 29), date(2027, 3, 30), *(date(2027, 4, day) for day in range(13, 20))]
MINUTES = [0, 599, 600, 700, 779, 780, 810, 839, 840, 1000, 1196, 1199, 1200, 1439]
"""Of the day; beside each edge of the hours."""


class Calls(RuleBasedStateMachine):
    """One person, one sponsor, and everything that may happen before a call."""

    @initialize(territory=st.sampled_from(sorted(ZONES)), at=st.sampled_from(INSTANTS))
    def begin(self, territory: str, at: str) -> None:
        self.territory, self.zone = territory, ZoneInfo(ZONES[territory])
        self.now = utc(at)
        self.grants = [replace(GRANT, given_at=self.now - DAY, hours=WORDED)]
        self.sources = ["direct_form"]
        self.calls: list[datetime] = []
        self.stopped = self.halted = False
        self.state = CampaignState.RUNNING

    @rule(back_days=st.integers(0, 400), purpose=st.sampled_from(["political_advertising", "institutional_info"]))
    def agrees(self, back_days: int, purpose: str) -> None:
        self.grants.append(replace(GRANT, given_at=self.now - DAY * back_days, purpose=purpose, hours=WORDED))

    @rule(
        controller=st.sampled_from([SPONSOR, 8]),
        strong=st.booleans(),
        channel=st.sampled_from(["automated_voice", "sms"]),
    )
    def agrees_to_something_else(self, controller: int, strong: bool, channel: str) -> None:
        other = replace(GRANT, given_at=self.now - DAY, controller=controller, strong=strong, channel=channel)
        self.grants.append(replace(other, hours=WORDED))

    @rule()
    def withdraws(self) -> None:
        self.grants = [replace(one, ends_at=min(one.ends_at or self.now, self.now)) for one in self.grants]

    @rule()
    def objects(self) -> None:
        self.stopped = True

    @rule(kind=st.sampled_from(["direct_form", *sorted(NEVER_CALLED)]))
    def is_imported_again(self, kind: str) -> None:
        self.sources.append(kind)

    @rule(kind=st.sampled_from(sorted(NEVER_CALLED)))
    def is_known_from_there_alone(self, kind: str) -> None:
        self.sources = [kind]

    @rule(minutes=st.integers(1, 239))
    def is_called_and_it_is_almost_a_day_later(self, minutes: int) -> None:
        self.is_called_if_the_gate_says_so()
        self.now += DAY - timedelta(minutes=minutes)

    @rule(hours=st.sampled_from([-30, -1, 1, 21, 23, 24, 25, 48, 200, 24 * 30]))
    def the_clock_goes_or_is_stepped(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(at=st.sampled_from(INSTANTS))
    def some_other_instant(self, at: str) -> None:
        self.now = utc(at)

    @rule(day=st.sampled_from(DAYS), minute=st.sampled_from(MINUTES))
    def some_minute_where_they_are(self, day: date, minute: int) -> None:
        self.now = datetime(day.year, day.month, day.day, minute // 60, minute % 60, tzinfo=self.zone).astimezone(UTC)

    @rule(halted=st.booleans(), state=st.sampled_from(CampaignState))
    def people_halt_and_start(self, halted: bool, state: CampaignState) -> None:
        self.halted, self.state = halted, state

    @rule()
    def runs_again(self) -> None:
        self.halted, self.state = False, CampaignState.RUNNING

    @rule()
    def is_called_if_the_gate_says_so(self) -> None:
        if self.asked() is Kind.YES:
            self.calls.append(self.now)

    @invariant()
    def no_call_that_a_rule_forbids(self) -> None:
        if self.asked() is Kind.YES:
            assert self.forbidden() == [], (self.now, self.territory)

    def asked(self) -> Kind:
        law = law_of(pack_on("fr", self.now.date()), MessageClass.ELECTORAL)
        asked = facts(
            territory=self.territory,
            sources=tuple(Source(kind) for kind in self.sources),
            grants=tuple(self.grants),
            calls=tuple(SponsorCall(at, NEXT_CAMPAIGN, True) for at in self.calls),
        )
        asked = replace(
            asked, law=law, now=self.now, zones=(self.zone,), suppressed=self.stopped, halted=self.halted,
            campaign=self.state,
        )  # fmt: skip
        verdict = decide(asked)
        assert verdict.until is None or verdict.until > self.now, "held until a moment that is past"
        return verdict.kind

    def forbidden(self) -> list[str]:
        local = self.now.astimezone(self.zone)
        minute = local.hour * 60 + local.minute
        silent_from = utc(SILENT_FROM[self.territory]) - timedelta(seconds=120)
        told = {
            "objected": self.stopped,
            "halted": self.halted or self.state is not CampaignState.RUNNING,
            "no consent": not any(self.consents(one) for one in self.grants),
            "source": bool(NEVER_CALLED & set(self.sources)),
            "hours": not (600 <= minute < 780 or 840 <= minute < 1200),
            "weekend": local.weekday() >= 5,
            "free day": local.date() in FREE_DAYS,
            "silence": silent_from <= self.now < SILENT_UNTIL,
            "too soon": any(abs(self.now - at) < DAY for at in self.calls),
            "too often": sum(self.now - 30 * DAY < at for at in self.calls) >= 2,
        }
        return [name for name, holds in told.items() if holds]

    def consents(self, grant: Grant) -> bool:
        mine = (grant.controller, grant.channel, grant.purpose) == (SPONSOR, "automated_voice", "political_advertising")
        in_force = grant.given_at <= self.now and (grant.ends_at is None or self.now < grant.ends_at)
        return mine and grant.strong and in_force and self.now < grant.given_at + 365 * DAY


Calls.TestCase.settings = settings(
    max_examples=60, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
)
TestCalls = Calls.TestCase


def test_the_machine_does_reach_calls() -> None:
    """Or it would prove nothing: a person who agreed, at noon of a working day, is called in every territory."""
    for territory, zone in ZONES.items():
        noon = datetime(2027, 4, 14, 12, tzinfo=ZoneInfo(zone))
        grant = replace(GRANT, given_at=noon - DAY, hours=WORDED)
        asked = replace(facts(territory=territory, grants=(grant,)), now=noon, zones=(ZoneInfo(zone),))
        assert decide(asked).kind is Kind.YES, (territory, decide(asked).rule)
    assert GOOD.law is not None


def reachable() -> Calls:
    """A person who agreed, early in the afternoon of a working day, of whom the machine's Gate says yes."""
    machine = Calls()
    machine.begin("FR", "2027-04-14T09:00")
    machine.some_minute_where_they_are(date(2027, 4, 14), 16 * 60)
    assert machine.asked() is Kind.YES
    return machine


@pytest.mark.parametrize("minutes", [1, 59, 60, 119])
def test_the_machine_does_come_to_a_second_call_within_a_day(minutes: int) -> None:
    machine = reachable()
    machine.is_called_and_it_is_almost_a_day_later(minutes)
    assert len(machine.calls) == 1
    assert machine.forbidden() == ["too soon"], "nothing else may hide the gap"
    machine.no_call_that_a_rule_forbids()
    machine.now += timedelta(minutes=minutes)
    assert machine.asked() is Kind.YES, "a day later they may be called again"


@pytest.mark.parametrize("kind", sorted(NEVER_CALLED))
def test_the_machine_does_come_to_every_source_that_may_not_be_used(kind: str) -> None:
    machine = reachable()
    machine.is_known_from_there_alone(kind)
    assert machine.forbidden() == ["source"], "nothing else may hide the source"
    machine.no_call_that_a_rule_forbids()
