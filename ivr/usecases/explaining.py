"""Explaining: everything that the Gate says of one person in one campaign at one moment, and why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from ivr.adapters.rule_packs import names, pack_on
from ivr.adapters.store import Store
from ivr.errors import BadSetting, NotFound
from ivr.rules import numbers
from ivr.rules.again import instant_ms
from ivr.rules.gate import Facts, Kind, Verdict, decide, explain, pack_name
from ivr.rules.gate_law import Law
from ivr.rules.gate_words import answer, demand
from ivr.rules.pack import BASE, AnyRule, RulePack
from ivr.rules.records import Campaign
from ivr.settings import Settings
from ivr.usecases.asking import facts_as_of

IN_BOOKS = re.compile(r"\+[1-9][0-9]{6,14}")
"""As the books write numbers, those of the lab's people too, which no plan has."""
STANDS = {
    "fr": {"due": "à appeler", "in_progress": "en cours d'appel", "done": "appelée", "not_allowed": "non appelée"},
    "en": {"due": "to be called", "in_progress": "being called", "done": "called", "not_allowed": "not called"},
}
"""Where the person stands in the campaign."""


@dataclass(frozen=True, slots=True)
class Step:
    """One rule's answer. says: what it demands; unsure: what of the rule is not settled."""

    rule: str
    kind: Kind
    answer: str
    says: str
    source: str = ""
    unsure: str = ""
    until: datetime | None = None
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """The whole reasoning. number: masked. stands: where the person stands in the campaign, in words. at: aware."""

    number: str
    campaign: str
    at: datetime
    rules: str
    verdict: Verdict
    answer: str
    stands: str
    steps: tuple[Step, ...]
    language: str


def explained(
    store: Store, settings: Settings, number: str, campaign_name: str, at: str = "", language: str = ""
) -> Explanation:
    """What the Gate would say of a call to that number then. at: as `--expires`, "" now; NotFound: not in the campaign.

    The facts are those of now: what people agreed to, who asked to stop, how often they were called.
    """
    campaign = store.campaigns.named(campaign_name)
    moment, language = _moment(at, campaign), "fr" if (language or settings.language) == "fr" else "en"
    e164 = number if IN_BOOKS.fullmatch(number) else numbers.parse(number, settings.calls.country).e164
    found = store.attempts.looked_at(campaign, e164, instant_ms(moment))
    if found is None:
        raise NotFound(f"the number is in no list of campaign {campaign.name!r}: it would never be called")
    facts = facts_as_of(settings, moment)(found.dialable)
    verdict = decide(facts)
    stands = STANDS[language][found.state] + (f" ({found.told})" if found.told else "")
    steps = tuple(_steps(facts, language))
    said = answer(verdict, language)
    where = moment.astimezone(ZoneInfo(campaign.timezone))
    return Explanation(
        numbers.mask(e164), campaign.name, where, pack_name(facts), verdict, said, stands, steps, language
    )


def packs_on(day: datetime) -> list[RulePack]:
    """The packs there are, in the version that holds."""
    return [pack_on(name, day.date()) for name in names()]


def _steps(facts: Facts, language: str) -> Iterator[Step]:
    for name, verdict in explain(facts):
        rule = _rule(name, facts.law)
        source, unsure = (rule.source, rule.unsure) if rule else ("", "")
        said, says = answer(verdict, language), demand(name, facts.law, language)
        yield Step(name, verdict.kind, said, says, source, unsure, verdict.until, verdict.rule == "-unknown")


def _rule(name: str, law: Law | None) -> AnyRule | None:
    return next((rule for rule in law.pack.rules if rule.id == name), None) if law else None


def _moment(at: str, campaign: Campaign) -> datetime:
    if not at:
        return datetime.now(UTC)
    try:
        written = datetime.fromisoformat(at.strip())
    except ValueError:
        raise BadSetting(f"moment {at!r} cannot be read: write it as 2027-04-17T10:00") from None
    return written if written.tzinfo else written.replace(tzinfo=ZoneInfo(campaign.timezone))


def pack_choices() -> list[str]:
    """What a campaign may name as its rules."""
    return [BASE, *names()]
