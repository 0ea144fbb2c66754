"""Each rule of a pack as a function of the facts: yes, hold until, or no; a fact that is not known is a no."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ivr.rules import gate_ballots, gate_calls, gate_person
from ivr.rules.gate import UNKNOWN, Check, Facts, Verdict
from ivr.rules.gate_facts import CampaignFacts, Person
from ivr.rules.pack import AnyRule, Permission, RulePack

Answer = Callable[[Facts, datetime, CampaignFacts, Person], Verdict]
"""A rule's, at that moment (UTC)."""
MAKERS: Mapping[str, Callable[[Any, RulePack, Sequence[Permission]], Answer]] = {
    "silence": gate_ballots.silence,
    "period": gate_ballots.period,
    "class_limit": gate_ballots.class_limit,
    "exclusive": gate_ballots.exclusive,
    "dossier": gate_ballots.dossier,
    "source": gate_person.source,
    "grant": gate_person.permission,
    "age": gate_person.age,
    "numbers": gate_person.numbers,
    "places": gate_person.places,
    "caller_id": gate_calls.caller_id,
    "hours": gate_calls.hours,
    "frequency": gate_calls.frequency,
}


OF_CAMPAIGN = frozenset({"period", "class_limit", "exclusive", "dossier", "caller_id"})
"""Kinds that ask nothing of the person: their answer is the same for everybody of one batch."""


def check_of(rule: AnyRule, pack: RulePack, grants: Sequence[Permission]) -> Check:
    """The rule's function. grants: every permission that the pack demands of such a message, in its order."""
    answer = MAKERS[rule.kind](rule, pack, grants)

    def check(facts: Facts) -> Verdict:
        now = facts.now
        if now is None or now.tzinfo is None or facts.about is None or facts.person is None:
            return UNKNOWN
        return answer(facts, now if now.tzinfo is UTC else now.astimezone(UTC), facts.about, facts.person)

    return check
