"""A call that the French pack lets out, for tests to spoil one fact at a time."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ivr.adapters.rule_packs import pack_on
from ivr.rules.gate import Facts, Verdict, decide
from ivr.rules.gate_facts import CampaignFacts, Person, Source
from ivr.rules.gate_law import law_of
from ivr.rules.pack import MessageClass, RulePack, Sender
from ivr.rules.permission import Grant
from ivr.rules.retry import NEVER
from ivr.rules.states import CampaignState
from ivr.rules.windows import Hours

PARIS = ZoneInfo("Europe/Paris")
TODAY = date(2026, 11, 25)
NOW = datetime(2026, 11, 25, 11, tzinfo=PARIS)  # a Wednesday
SPONSOR = 7
CAMPAIGN = 70
GRANT = Grant(
    controller=SPONSOR, purpose="political_advertising", channel="automated_voice", basis="consent",
    given_at=NOW - timedelta(days=30), strong=True, explicit=True, direct=True, hours=Hours.parse("09:00-21:00"),
)  # fmt: skip
ABOUT = CampaignFacts(
    sponsor_id=SPONSOR,
    campaign_id=CAMPAIGN,
    message_class=MessageClass.ELECTORAL,
    sender=Sender.CANDIDATE,
    election="fr-presidential-2027",
    dossier=frozenset(
        {
            "legal_name",
            "controlling_entity",
            "payer",
            "data_protection_contact",
            "declaration",
            "mandate",
            "impact_assessment",
            "processor_contract",
            "eu_eligibility",
        }
    ),
    first_call_at=NEVER,
    exclusive=True,
    caller_ids=frozenset({"+33162123456"}),
)
PERSON = Person(
    number="+33639980001",
    country="FR",
    line_type="mobile",
    territory="FR",
    birth_year=1980,
    sources=(Source("direct_form"),),
    grants=(GRANT,),
    calls=(),
)
EVERY_HOUR = Hours.parse("00:00-24:00")
GOOD = Facts(
    now=NOW,
    campaign=CampaignState.RUNNING,
    notice_present=True,
    suppressed=False,
    hours=EVERY_HOUR,
    zones=(PARIS,),
    expires=NEVER,
    earlier=(),
    caller_id="+33162123456",
    halted=False,
    law=law_of(pack_on("fr", TODAY), MessageClass.ELECTORAL),
    about=ABOUT,
    person=PERSON,
)


def pack(name: str) -> RulePack:
    return pack_on(name, TODAY)


def facts(pack_name: str = "fr", /, base: Facts = GOOD, **changed: Any) -> Facts:
    """The good facts under that pack, with some of the campaign, the person or the call changed, by field name."""
    about = {key: changed.pop(key) for key in list(changed) if key in CampaignFacts.__slots__}
    person = {key: changed.pop(key) for key in list(changed) if key in Person.__slots__}
    assert base.about is not None
    assert base.person is not None
    of_campaign = replace(base.about, **about)
    law = law_of(pack(pack_name), of_campaign.message_class)
    return replace(base, law=law, about=of_campaign, person=replace(base.person, **person), **changed)


def said(pack_name: str = "fr", /, base: Facts = GOOD, **changed: Any) -> Verdict:
    return decide(facts(pack_name, base, **changed))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
