"""What hangs on a ballot and on the sponsor's papers. Silence is a no; missing papers hold until they are there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ivr.rules.gate import NO, UNKNOWN, YES, Facts, Kind, Verdict, must_be, waiting_for_people
from ivr.rules.gate_facts import CampaignFacts, Person
from ivr.rules.pack import ClassLimit, Dossier, Exclusive, MessageClass, Period, Permission, RulePack, Silence
from ivr.rules.silence import Span, limited, opening, silences

if TYPE_CHECKING:
    from ivr.rules.gate_checks import Answer

Grants = Sequence[Permission]


def silence(rule: Silence, pack: RulePack, _: Grants) -> Answer:
    """No call that could still be heard when silence begins; what urges a vote must name its election."""
    spans: dict[str | None, list[Span]] = {}

    def answer(_: Facts, now: datetime, about: CampaignFacts, person: Person) -> Verdict:
        if not _election_known(pack, about):
            return UNKNOWN
        territory = person.territory if person.territory in pack.territories else None
        if territory not in spans:
            spans[territory] = silences(pack, rule, territory)
        lasting = timedelta(seconds=max(pack.longest_call_s, about.longest_call_s))
        return NO if any(span.holds(now, lasting) for span in spans[territory]) else YES

    return answer


def period(rule: Period, pack: RulePack, _: Grants) -> Answer:
    """Not in the quiet time before the campaign opens, nor once it is over."""

    def answer(_: Facts, now: datetime, about: CampaignFacts, __: Person) -> Verdict:
        election = pack.election(about.election or "")
        if election is None:
            return YES if _election_known(pack, about) else UNKNOWN
        open_, quiet = opening(pack, rule, election)
        if now >= open_.end:
            return NO
        return Verdict(Kind.HOLD, until=open_.start) if quiet.holds(now) else YES

    return answer


def class_limit(rule: ClassLimit, pack: RulePack, _: Grants) -> Answer:
    """Who may send what: always, or while an election is near."""
    always = not rule.months_before and not rule.days_before
    spans = [limited(pack, rule, election) for election in pack.elections]

    def answer(_: Facts, now: datetime, about: CampaignFacts, __: Person) -> Verdict:
        if about.sender is None or about.message_class is None:
            return waiting_for_people(UNKNOWN)
        if about.sender not in rule.senders or about.message_class in rule.allowed:
            return YES
        return NO if always or any(span.holds(now) for span in spans) else YES

    return answer


def exclusive(_: Exclusive, __: RulePack, ___: Grants) -> Answer:
    """No other sponsor has the election there."""
    return lambda _, __, about, ___: waiting_for_people(must_be(True, about.exclusive))


def dossier(rule: Dossier, _: RulePack, __: Grants) -> Answer:
    """The sponsor's papers are there, or need not be yet."""
    grace = timedelta(hours=rule.within_hours)

    def answer(_: Facts, now: datetime, about: CampaignFacts, __: Person) -> Verdict:
        if rule.senders and about.sender is not None and about.sender not in rule.senders:
            return YES
        if rule.within_hours and about.first_call_at is not None and now - grace < about.first_call_at:
            return YES
        if about.dossier is None:
            return waiting_for_people(UNKNOWN)
        return YES if about.dossier.issuperset(rule.needs) else waiting_for_people(NO)

    return answer


def _election_known(pack: RulePack, about: CampaignFacts) -> bool:
    """What urges a vote is for an election of the calendar; other messages may be about none."""
    if about.election is None or (about.election and pack.election(about.election) is None):
        return False
    return bool(about.election) or about.message_class is not MessageClass.ELECTORAL
