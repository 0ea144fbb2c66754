"""What is asked of the call itself: the number shown, the hours where the person is, how often they were called."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import TYPE_CHECKING

from ivr.rules.frequency import free_at
from ivr.rules.gate import NO, UNKNOWN, YES, Facts, Kind, Verdict, must_be, waiting_for_people
from ivr.rules.gate_facts import CampaignFacts, Person
from ivr.rules.holidays import is_holiday
from ivr.rules.pack import CallerId, Frequency, HolidayTable, HoursRule, Permission, RulePack
from ivr.rules.windows import Hours

if TYPE_CHECKING:
    from ivr.rules.gate_checks import Answer

Grants = Sequence[Permission]
LONGEST_SEARCH = timedelta(days=21)


def caller_id(rule: CallerId, _: RulePack, __: Grants) -> Answer:
    """The number shown is one that may be; the simulated carrier shows nobody any."""
    allow, deny = ([re.compile(one) for one in listed] for listed in (rule.allow, rule.deny))

    def answer(facts: Facts, _: datetime, about: CampaignFacts, __: Person) -> Verdict:
        shown = facts.caller_id
        if facts.lab is True:
            return YES
        if shown is None:
            return waiting_for_people(UNKNOWN)
        if any(one.fullmatch(shown) for one in deny) or (allow and not any(one.fullmatch(shown) for one in allow)):
            return waiting_for_people(NO)
        if not rule.granted:
            return YES
        return waiting_for_people(must_be(True, None if about.caller_ids is None else shown in about.caller_ids))

    return answer


def hours(rule: HoursRule, pack: RulePack, _: Grants) -> Answer:
    """Within the hours, on no holiday, in every zone in which the person may be."""
    slots, table = Hours.parse(rule.hours), pack.holidays.get(rule.holidays)
    at: tuple[datetime, dict[tuple[object, ...], Verdict]] | None = None

    def answer(facts: Facts, now: datetime, _: CampaignFacts, person: Person) -> Verdict:
        nonlocal at
        if not facts.zones:
            return UNKNOWN
        kept = at
        if kept is None or kept[0] != now:
            at = kept = (now, {})  # people of one place are asked about together
        known, place = kept[1], (facts.zones, person.territory, person.department)
        if place not in known:
            opens = _opens(slots, table, now, facts.zones, (person.territory or "", person.department))
            known[place] = NO if opens is None else YES if opens == now else Verdict(Kind.HOLD, until=opens)
        return known[place]

    return answer


def _opens(
    slots: Hours, table: HolidayTable | None, now: datetime, zones: tuple[tzinfo, ...], places: Sequence[str]
) -> datetime | None:
    """The first moment from now on within the hours and on no holiday; None: not soon."""
    opens = slots.next_open_everywhere(now, zones)
    while opens is not None and table is not None and opens - now < LONGEST_SEARCH:
        after = _after_holidays(opens, zones, table, places)
        if after == opens:
            break
        opens = slots.next_open_everywhere(after, zones)
    return opens if opens is not None and opens - now < LONGEST_SEARCH else None


def _after_holidays(moment: datetime, zones: Sequence[tzinfo], table: HolidayTable, places: Sequence[str]) -> datetime:
    """The moment, or when the next day begins where it is a holiday."""
    for zone in zones:
        day = moment.astimezone(zone).date()
        if is_holiday(day, table, *places):
            next_day = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
            moment = max(moment, next_day)
    return moment


def frequency(rule: Frequency, _: RulePack, __: Grants) -> Answer:
    """No more calls in so many days than that, by this sponsor or this campaign."""

    def answer(facts: Facts, now: datetime, about: CampaignFacts, person: Person) -> Verdict:
        if not _is_about(rule, person, about, now):
            return YES
        if person.calls is None:
            return UNKNOWN
        free = free_at(person.calls, rule, about.campaign_id, now)
        if free is None or (facts.expires is not None and free >= facts.expires):
            return NO
        return YES if free == now else Verdict(Kind.HOLD, until=free)

    return answer


def _is_about(rule: Frequency, person: Person, about: CampaignFacts, now: datetime) -> bool:
    """Who is not known to be left out is not."""
    if rule.line_types and person.line_type is not None and person.line_type not in rule.line_types:
        return False
    if rule.sources and person.sources is not None and not any(one.kind in rule.sources for one in person.sources):
        return False
    held = (grant for grant in person.grants or () if grant.holds(about.sponsor_id, now))
    return not (rule.unless_basis and any(grant.basis == rule.unless_basis for grant in held))
