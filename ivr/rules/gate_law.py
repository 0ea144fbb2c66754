"""A rule pack as the Gate asks it: for one class of message, a list of functions of the facts, in the order of asking.

The order: who may call at all, the pack itself, who asked to stop, ballots, the sponsor's papers, where the number came
from, what the person agreed to, their age, their line, the number shown, hours, how often.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from ivr.rules import gate
from ivr.rules.gate import UNKNOWN, YES, Check, Facts, Kind, Rules, Verdict, waiting_for_people
from ivr.rules.gate_batch import Left, all_in_one, left_to_ask
from ivr.rules.gate_checks import OF_CAMPAIGN, check_of
from ivr.rules.pack import AnyRule, MessageClass, Permission, RulePack

FIRST = ("installation-halted", "campaign-running", "campaign-expired", "notice-present")
BALLOTS = ("silence", "period", "class_limit", "exclusive", "dossier")
PERSON = ("source", "grant", "age", "numbers", "places")
ABOUT_NOBODY = (*FIRST, "pack-effective", "message-class", "caller-id-granted")
"""Rules of every pack that ask nothing of the person."""


@dataclass(frozen=True, slots=True)
class Law:
    """The rules of one pack for one class of message. yes: its yes, with its name.

    left_to_ask: which of them decide about one person of a batch.
    """

    name: str
    pack: RulePack
    rules: Rules
    left_to_ask: Left
    yes: Verdict


def law_of(pack: RulePack, message_class: MessageClass | None) -> Law:
    """The pack's rules for messages of that class; of a class that nobody declared, none is a yes."""
    of_pack = [rule for rule in pack.rules if message_class is not None and rule.is_about(message_class)]
    asked: list[tuple[str, Check]] = [
        *_base(*FIRST),
        ("pack-effective", _effective(pack)),
        *([("message-class", _nobody_declared)] if message_class is None else []),
        *_base("suppressed"),
        *_checks(pack, of_pack, *BALLOTS),
        *_checks(pack, of_pack, *PERSON),
        *_base("caller-id-granted"),
        *_checks(pack, of_pack, "caller_id"),
        *_base("calling-hours"),
        *_checks(pack, of_pack, "hours"),
        *_base("already-reached"),
        *_checks(pack, of_pack, "frequency"),
    ]
    of_campaign = {*ABOUT_NOBODY, *(rule.id for rule in of_pack if rule.kind in OF_CAMPAIGN)}
    left = left_to_ask(_in_bulk(asked, of_pack), of_campaign)
    return Law(pack.name, pack, tuple(asked), left, Verdict(Kind.YES, rule_pack=pack.name))


def _in_bulk(asked: list[tuple[str, Check]], rules: list[AnyRule]) -> Rules:
    """Those rules, with the permissions in one where all of them are about every line."""
    permissions = {rule.id: rule for rule in rules if isinstance(rule, Permission)}
    if not permissions or any(rule.line_types for rule in permissions.values()):
        return tuple(asked)
    together = tuple((name, rule) for name, rule in asked if name in permissions)
    first = asked.index(together[0])
    return (*asked[:first], ("", all_in_one(together)), *asked[first + len(together) :])


def _base(*names: str) -> list[tuple[str, Check]]:
    return [(name, rule) for name, rule in gate.RULES if name in names]


def _checks(pack: RulePack, rules: list[AnyRule], *kinds: str) -> list[tuple[str, Check]]:
    """Those of these kinds, kind by kind; each permission together with those before it."""
    found = [rule for kind in kinds for rule in rules if rule.kind == kind]
    grants = [rule for rule in rules if isinstance(rule, Permission)]
    return [(rule.id, check_of(rule, pack, grants)) for rule in found]


def _effective(pack: RulePack) -> Check:
    """A pack that does not hold yet, or any more, lets nobody out until somebody has chosen another."""

    def check(facts: Facts) -> Verdict:
        if facts.now is None or facts.now.tzinfo is None:
            return UNKNOWN
        day = _day(facts.now, pack.zone)
        holds = pack.effective_from <= day and (pack.effective_to is None or day <= pack.effective_to)
        return YES if holds else waiting_for_people(gate.NO)

    return check


def _day(now: datetime, zone: str) -> date:
    return now.astimezone(UTC).astimezone(ZoneInfo(zone)).date()


def _nobody_declared(_: Facts) -> Verdict:
    return waiting_for_people(UNKNOWN)
