"""Asking the Gate: the facts of one call at one moment, from the books, the settings and the campaign's rule pack."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from ivr.adapters.rule_packs import pack_on
from ivr.rules.again import expires_at, hours_of, policy_of, zones_of
from ivr.rules.gate import Facts, Verdict, decide
from ivr.rules.gate_law import Law, law_of
from ivr.rules.pack import BASE, MessageClass
from ivr.rules.records import Campaign, Dialable
from ivr.settings import Settings, Trunk


def is_lab(trunk: Trunk) -> bool:
    """True when nothing but this machine can be reached through the trunk."""
    ways = (*trunk.hosts, trunk.outbound_proxy or trunk.host)
    return all(way.partition(":")[0] in {"127.0.0.1", "localhost"} for way in ways)


def questions(settings: Settings, now: datetime) -> Callable[[Dialable], Verdict]:
    """The Gate as of `now` (aware), to be asked of one dialable after another."""
    facts = facts_as_of(settings, now)
    return lambda dialable: decide(facts(dialable))


def facts_as_of(settings: Settings, now: datetime) -> Callable[[Dialable], Facts]:
    """What the Gate is asked as of `now` (aware), of one dialable after another.

    Good for one batch: what is the same for everybody whom a campaign calls through a trunk is gathered once.
    """
    gathered: dict[tuple[int, str], tuple[Campaign, Facts]] = {}

    def facts(dialable: Dialable) -> Facts:
        campaign, known = dialable.campaign, dialable.known
        key = (id(campaign), dialable.trunk)
        if key not in gathered:  # with the campaign: once it were gone, its id could be another's
            gathered[key] = (campaign, _facts_of_all(settings, now, campaign, dialable.trunk))
        of_all = gathered[key][1]
        return Facts(
            now=now,
            campaign=of_all.campaign,
            expires=of_all.expires,
            notice_present=of_all.notice_present,
            suppressed=dialable.suppressed,
            hours=of_all.hours,
            zones=_zones(dialable, of_all.law, campaign),
            earlier=dialable.earlier,
            retry=of_all.retry,
            caller_id=of_all.caller_id,
            halted=dialable.halted,
            lab=of_all.lab,
            law=of_all.law,
            about=known.about if known else None,
            person=known.person_but(dialable.attempt) if known else None,
        )

    return facts


def _facts_of_all(settings: Settings, now: datetime, campaign: Campaign, trunk_name: str) -> Facts:
    """What is not the person's: of the campaign, of the trunk and of the settings."""
    trunk = settings.trunks.get(trunk_name)
    return Facts(
        campaign=campaign.state,
        expires=expires_at(campaign),
        notice_present=(settings.sounds_dir / f"{campaign.notice.sound}.alaw").is_file(),
        hours=hours_of(campaign.hours),
        retry=policy_of(campaign.retry),
        caller_id=trunk.caller_id if trunk else None,
        lab=trunk is not None and is_lab(trunk),
        law=law_on(campaign.pack, campaign.message_class, now.date()) if campaign.pack != BASE else None,
    )


@lru_cache(maxsize=256)
def law_on(pack: str, message_class: str, day: date) -> Law:
    """The rules of that pack for messages of that class, in the version that holds on the day."""
    return law_of(pack_on(pack, day), MessageClass(message_class) if message_class else None)


def _zones(dialable: Dialable, law: Law | None, campaign: Campaign) -> tuple[tzinfo, ...]:
    """Where the person is: by their commune, by where they vote, else every zone that the number may be of."""
    known = dialable.known
    if law is None or known is None:
        return zones_of(dialable.number, campaign)
    if known.zone:
        return (ZoneInfo(known.zone),)
    of_territory = law.pack.zone_of(known.person.territory)
    return (of_territory,) if of_territory else zones_of(dialable.number, campaign)
