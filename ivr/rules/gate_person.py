"""What is asked of the person: where their number came from, what they agreed to, their age, which line it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from ivr.rules.gate import NO, UNKNOWN, YES, Facts, Kind, Verdict
from ivr.rules.gate_facts import CampaignFacts, Person
from ivr.rules.pack import Age, Numbers, Permission, Places, RulePack, SourceLimit
from ivr.rules.permission import demand_of, opens_at

if TYPE_CHECKING:
    from ivr.rules.gate_checks import Answer

Grants = Sequence[Permission]


def source(rule: SourceLimit, _: RulePack, __: Grants) -> Answer:
    """Every delivery through which the campaign reaches the person is of a kind that may be used."""

    def answer(_: Facts, __: datetime, ___: CampaignFacts, person: Person) -> Verdict:
        if not person.sources:
            return UNKNOWN
        for one in person.sources:
            if rule.types and one.kind not in rule.types:
                continue
            if one.kind in rule.deny or (rule.allow and one.kind not in rule.allow):
                return NO
            if rule.disclosed and not one.disclosed:
                return NO
        return YES

    return answer


def permission(rule: Permission, _: RulePack, grants: Grants) -> Answer:
    """One grant meets this rule and every permission before it: two halves of a permission are none."""
    chain = [(one, demand_of(one)) for one in grants[: grants.index(rule) + 1]]
    of_every_line = not any(one.line_types for one, _ in chain)

    def answer(facts: Facts, now: datetime, about: CampaignFacts, person: Person) -> Verdict:
        if not _is_about(rule, person):
            return YES
        if person.grants is None:
            return UNKNOWN
        asked = chain if of_every_line else [(one, meets) for one, meets in chain if _is_about(one, person)]
        found = [grant for grant in person.grants if grant.holds(about.sponsor_id, now)]
        for _, meets in asked:
            found = [grant for grant in found if meets(grant, now)]
        if not found or not any([one.window for one, _ in asked]):
            return YES if found else NO
        opens = opens_at(found, now, facts.zones)
        if opens is None:
            return NO if facts.zones else UNKNOWN
        return YES if opens == now else Verdict(Kind.HOLD, until=opens)

    return answer


def _is_about(rule: Permission, person: Person) -> bool:
    """A line of which nobody knows what it is, is taken for one that needs the permission."""
    return not rule.line_types or person.line_type in {None, "unknown", *rule.line_types}


def age(rule: Age, _: RulePack, __: Grants) -> Answer:
    """Old enough even if their birthday is still to come this year; or else their source, or they themselves, say so.

    A known year of birth is believed before any word.
    """

    def answer(_: Facts, now: datetime, about: CampaignFacts, person: Person) -> Verdict:
        if person.birth_year is not None:
            return YES if now.year - person.birth_year > rule.least else NO
        attested = bool(person.sources) and all(one.adults for one in person.sources or ())
        return YES if attested or _said_so(about.sponsor_id, person, now) else UNKNOWN

    return answer


def _said_so(sponsor_id: int, person: Person, now: datetime) -> bool:
    """The person attested their age to this sponsor, in a consent that holds and can be shown whole."""
    return any(one.age_attested and one.strong and one.holds(sponsor_id, now) for one in person.grants or ())


def numbers(rule: Numbers, _: RulePack, __: Grants) -> Answer:
    """A number of the pack's countries, of a line that may be called."""
    deny = [re.compile(one) for one in rule.deny]

    def answer(_: Facts, __: datetime, ___: CampaignFacts, person: Person) -> Verdict:
        if person.number is None or person.country is None or person.line_type is None:
            return UNKNOWN
        if person.country not in rule.countries or person.line_type in rule.deny_line_types:
            return NO
        return NO if any(one.fullmatch(person.number) for one in deny) else YES

    return answer


def places(rule: Places, _: RulePack, __: Grants) -> Answer:
    """Somebody has reviewed the rules of where the person is."""

    def answer(_: Facts, __: datetime, ___: CampaignFacts, person: Person) -> Verdict:
        if person.territory is None:
            return UNKNOWN
        return YES if person.territory in rule.reviewed else NO

    return answer
