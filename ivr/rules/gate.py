"""The Gate: the one function that says yes to a call, not before a moment, or no with a rule's name.

Asked when claiming and again right before dialing. It knows only the facts it is given and fails closed: a fact that
is not known is a no, under `<rule>-unknown`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from typing import TYPE_CHECKING

from ivr.rules.retry import Bounds, Made, may_again_at
from ivr.rules.retry_policy import CALL_ONCE, RetryPolicy
from ivr.rules.states import CampaignState
from ivr.rules.windows import Hours

if TYPE_CHECKING:  # a pack's rules are compiled to functions of these facts, and are asked for only by what has a pack
    from ivr.rules.gate_facts import CampaignFacts, Person
    from ivr.rules.gate_law import Law

RULE_PACK = "base/3"
"""Name and version of the rules below, recorded with every decision; it changes with them."""


class Kind(StrEnum):
    """What the Gate says."""

    YES = "yes"
    HOLD = "hold"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of one call at one moment; None: not known.

    now: aware. expires: when the campaign does, NEVER if it does not. zones: every time zone in which the person may
    be. earlier: every other attempt of the campaign that was, or may have been, sent to this person; retry: when it may
    be followed by another. halted: somebody has halted the whole installation. lab: the trunk is the simulated
    carrier, on loopback. law: the campaign's rule pack, None: only the rules below; about, person: what it asks.
    """

    now: datetime | None = None
    campaign: CampaignState | None = None
    expires: datetime | None = None
    notice_present: bool | None = None
    suppressed: bool | None = None
    hours: Hours | None = None
    zones: tuple[tzinfo, ...] = ()
    earlier: tuple[Made, ...] | None = None
    retry: RetryPolicy = CALL_ONCE
    caller_id: str | None = None
    halted: bool | None = None
    lab: bool = False
    law: Law | None = None
    about: CampaignFacts | None = None
    person: Person | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer. rule: the one that decided, "" for a yes. until: when a hold may end; None: people end it."""

    kind: Kind
    rule: str = ""
    until: datetime | None = None
    rule_pack: str = RULE_PACK


Check = Callable[[Facts], Verdict]
"""One rule; the verdict's own `rule` is only what is added to the rule's name."""
Rules = tuple[tuple[str, Check], ...]
"""Name and function, in the order in which they are asked; of no name: one that answers for several names them."""

YES = Verdict(Kind.YES)
NO = Verdict(Kind.NO)
UNKNOWN = Verdict(Kind.NO, rule="-unknown")


def decide(facts: Facts) -> Verdict:
    """YES only if every rule says yes; else the answer of the first that does not, in their order."""
    law = facts.law
    for name, rule in RULES if law is None else law.left_to_ask(facts):
        verdict = rule(facts)
        if verdict.kind is not Kind.YES:
            return replace(verdict, rule=name + verdict.rule, rule_pack=pack_name(facts))
    return YES if law is None else law.yes


def explain(facts: Facts) -> list[tuple[str, Verdict]]:
    """What every rule says, in their order: the first that is no yes is what `decide` answers."""
    return [(name, rule(facts)) for name, rule in (RULES if facts.law is None else facts.law.rules)]


def pack_name(facts: Facts) -> str:
    """Name and version of the rules that are asked."""
    return RULE_PACK if facts.law is None else facts.law.name


def _installation_halted(facts: Facts) -> Verdict:
    return waiting_for_people(must_be(False, facts.halted))


def _campaign_running(facts: Facts) -> Verdict:
    if facts.campaign is None:
        return UNKNOWN
    if facts.campaign is CampaignState.PAUSED:
        return Verdict(Kind.HOLD)
    return YES if facts.campaign is CampaignState.RUNNING else NO


def _campaign_expired(facts: Facts) -> Verdict:
    if facts.expires is None or facts.now is None or facts.now.tzinfo is None:
        return UNKNOWN
    return YES if facts.now.astimezone(UTC) < facts.expires else NO


def _notice_present(facts: Facts) -> Verdict:
    return waiting_for_people(must_be(True, facts.notice_present))


def _suppressed(facts: Facts) -> Verdict:
    return must_be(False, facts.suppressed)


def _calling_hours(facts: Facts) -> Verdict:
    if facts.hours is None or not facts.zones or facts.now is None or facts.now.tzinfo is None:
        return UNKNOWN
    now = facts.now.astimezone(UTC)
    opens = facts.hours.next_open_everywhere(now, facts.zones)
    if opens is None:
        return NO
    return YES if opens == now else Verdict(Kind.HOLD, until=opens)


def _already_reached(facts: Facts) -> Verdict:
    """A person is called once, and again only as the retry policy says."""
    if facts.earlier is None:
        return UNKNOWN
    if not facts.earlier:
        return YES
    if facts.hours is None or facts.now is None or facts.expires is None:
        return UNKNOWN
    now = facts.now.astimezone(UTC)
    again = may_again_at(facts.earlier, facts.retry, now, Bounds(facts.hours, facts.zones, facts.expires))
    if again is None:
        return NO
    return YES if again == now else Verdict(Kind.HOLD, until=again)


def _caller_id_granted(facts: Facts) -> Verdict:
    if facts.lab is True:
        return YES
    if facts.caller_id is None:
        return waiting_for_people(UNKNOWN)
    return YES if re.fullmatch(r"\+[1-9][0-9]{6,14}", facts.caller_id) else waiting_for_people(NO)


RULES: Rules = (
    ("installation-halted", _installation_halted),
    ("campaign-running", _campaign_running),
    ("campaign-expired", _campaign_expired),
    ("notice-present", _notice_present),
    ("suppressed", _suppressed),
    ("calling-hours", _calling_hours),
    ("already-reached", _already_reached),
    ("caller-id-granted", _caller_id_granted),
)
"""In the order in which they are asked; a new rule is a new line, a new fact and a new RULE_PACK."""


def waiting_for_people(verdict: Verdict) -> Verdict:
    """What is wrong with the campaign or a setting is not the person's: they wait until somebody has mended it."""
    return replace(verdict, kind=Kind.HOLD) if verdict.kind is Kind.NO else verdict


def must_be(wanted: bool, fact: bool | None) -> Verdict:
    """A yes if the fact is as wanted."""
    if fact is None:
        return UNKNOWN
    return YES if fact is wanted else NO
