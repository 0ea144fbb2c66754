"""Sponsors: their dossiers, the caller IDs granted to them, and what a start still lacks."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ivr.adapters.store import Store
from ivr.adapters.store.sponsors import CallerId, Sponsor
from ivr.errors import BadSetting, NotFound, Refused
from ivr.rules import numbers
from ivr.rules.dossier import (
    CALLER_ID_GRANTED,
    DEMANDS,
    MEANINGS,
    NAMES,
    SOURCE_LABEL,
    TWO_APPROVALS,
    TYPES,
    Dossier,
    lacking,
)
from ivr.rules.records import Campaign, Message
from ivr.settings import Settings
from ivr.usecases.asking import is_lab
from ivr.usecases.who import login_name

LONGEST = 500
PACKS = tuple(DEMANDS)


@dataclass(frozen=True, slots=True)
class Lack:
    """Something that a start still lacks. name: short, for programs; what: for people."""

    name: str
    what: str


def add(store: Store, name: str, given: Mapping[str, str]) -> Sponsor:
    """A sponsor with what is known of it; what is not given can be given later."""
    if not name.strip() or not name.isprintable() or len(name) > 200:
        raise Refused("a sponsor's name is 1 to 200 printable characters")
    return store.sponsors.add(name, Dossier(**_checked(given)), login_name(), _now_ms())


def change(store: Store, name: str, given: Mapping[str, str]) -> Sponsor:
    """Those fields of the sponsor's dossier are what is given."""
    if not given:
        raise Refused("nothing to change: give a field of the dossier")
    return store.sponsors.change(name, _checked(given), login_name(), _now_ms())


def grant_caller_id(
    store: Store, settings: Settings, name: str, number: str, evidence: str, period: tuple[str, str] = ("", "")
) -> CallerId:
    """The sponsor may show that number. evidence: a file, whose hash is kept, or where the grant can be read.

    period: first day and last day, as 2026-12-31; "": from now on, without end.
    """
    if not _fits(evidence) or not evidence.strip():
        raise Refused("say where the operator's grant can be read: a file or a reference on one line")
    file = Path(evidence)
    digest = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else ""
    e164 = numbers.parse(number, settings.calls.country).e164
    from_ms = _day_ms(period[0]) if period[0] else _now_ms()
    to_ms = _day_ms(period[1]) + 86_400_000 if period[1] else None
    granted = CallerId(e164, evidence, digest, from_ms, to_ms, login_name())
    store.sponsors.grant_caller_id(store.sponsors.named(name), granted, _now_ms())
    return granted


def revoke_caller_id(store: Store, settings: Settings, name: str, number: str) -> None:
    """The sponsor may not show that number any more; NotFound when it might not before."""
    e164 = numbers.parse(number, settings.calls.country).e164
    if not store.sponsors.revoke_caller_id(store.sponsors.named(name), e164, login_name(), _now_ms()):
        raise NotFound("that caller ID is not granted to this sponsor")


def lacks(store: Store, settings: Settings, name: str, pack: str, campaign: str = "") -> list[Lack]:
    """What a start under that rule pack still lacks: of the sponsor, and of the campaign if one is named."""
    sponsor = store.sponsors.named(name)
    found = [Lack(field, MEANINGS[field]) for field in lacking(sponsor.dossier, pack)]
    if not campaign:
        return found
    named = store.campaigns.named(campaign)
    if named.sponsor_id != sponsor.id:
        raise Refused(f"campaign {campaign!r} is not this sponsor's, but {named.sponsor!r}'s")
    found += _caller_ids(store, settings, sponsor, pack, named)
    return [*found, *_approvals(store, pack, named), *_source_label(store, pack, named)]


def require(store: Store, settings: Settings, campaign: Campaign, pack: str) -> None:
    """Returns when nothing is lacking for a start of the campaign under that pack; else Refused, which names it all."""
    found = lacks(store, settings, campaign.sponsor, pack, campaign.name)
    if found:
        told = "; ".join(f"{lack.name} ({lack.what})" for lack in found)
        raise Refused(f"campaign {campaign.name!r} cannot start under the rules {pack!r}: it lacks {told}")


def _caller_ids(store: Store, settings: Settings, sponsor: Sponsor, pack: str, campaign: Campaign) -> list[Lack]:
    if pack not in CALLER_ID_GRANTED:
        return []
    found = []
    for name in campaign.trunks:
        trunk = settings.trunks.get(name)
        if trunk is not None and is_lab(trunk):
            continue
        shown = trunk.caller_id if trunk else ""
        if not shown or not store.sponsors.may_show(sponsor, shown, _now_ms()):
            what = f"the grant of the number that trunk {name} shows: `ivr sponsor caller-id`"
            found.append(Lack("caller_id_grant", what))
    return found


def _approvals(store: Store, pack: str, campaign: Campaign) -> list[Lack]:
    if pack not in TWO_APPROVALS:
        return []
    lacking = [one.name for one in store.messages.of_campaign(campaign.id) if not _approved_by_two(one)]
    if not lacking:
        return []
    return [Lack("approvals", f"two people's approval of message {', '.join(lacking)}: `ivr message approve`")]


def _source_label(store: Store, pack: str, campaign: Campaign) -> list[Lack]:
    """The notice says where the numbers come from in the words that were declared with them."""
    if pack not in SOURCE_LABEL:
        return []
    label = _words(store.contacts.source_label(campaign.batch_id, campaign.language))
    if label and label in _words(str(campaign.texts.get("notice", ""))):
        return []
    told = f"the notice says where the numbers come from as their batch declares it: «{label}»"
    missing = f"what the notice says of the batch in its language: source_label_{campaign.language} of its provenance"
    return [Lack("source_label", told if label else missing)]


def _words(text: str) -> str:
    return " ".join(text.casefold().split()).strip(" .;,")


def _approved_by_two(message: Message) -> bool:
    people = {approval.by for approval in message.approvals}
    return len(people) >= 2 and bool(people - {message.uploaded_by})


def _checked(given: Mapping[str, str]) -> dict[str, str]:
    for name, text in given.items():
        if name not in NAMES or not _fits(text):
            raise Refused(f"{name[:40]} cannot be kept: a field of the dossier is one line of at most {LONGEST}")
    if given.get("type", "") not in {"", *TYPES}:
        raise Refused(f"a sponsor's type is one of {', '.join(TYPES)}")
    return dict(given)


def _fits(text: str) -> bool:
    return len(text) <= LONGEST and (not text or text.isprintable())


def _day_ms(text: str) -> int:
    try:
        return round(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        raise BadSetting(f"{text[:40]!r} is no day: write it as 2026-12-31") from None


def _now_ms() -> int:
    return int(time.time() * 1000)
