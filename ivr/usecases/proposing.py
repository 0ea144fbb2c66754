"""Drafting on the web: from what a sponsor's people may choose, and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from ivr.adapters.store import Store
from ivr.errors import Refused
from ivr.rules.pack import BASE, MessageClass
from ivr.rules.records import Campaign, Message, Review, SourceBatch
from ivr.rules.roles import User
from ivr.settings import Settings
from ivr.usecases import drafting
from ivr.usecases.asking import is_lab
from ivr.usecases.audience import batch_named
from ivr.usecases.campaigns import now_ms
from ivr.usecases.drafting import Draft, Rules
from ivr.usecases.explaining import pack_choices, packs_on
from ivr.usecases.prompts import Texts
from ivr.usecases.who import login_name

SPOKEN = ("role", "controller", "source", "website", "contact", "kind")
"""What is asked of the spoken texts; the sponsor's own name is not asked."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What there is to choose from. elections: id and the words for it in French and in English, by pack."""

    messages: Sequence[Message]
    lists: Sequence[SourceBatch]
    trunks: Sequence[str]
    packs: Sequence[str]
    classes: Sequence[str]
    elections: Sequence[tuple[str, str, str]]


def choices(store: Store, settings: Settings, user: User) -> Choices:
    """For a user of a sponsor: its messages that nobody refused, lists lent to it, trunks whose number it may show."""
    sponsor, now = store.sponsors.named(user.sponsor), datetime.now(UTC)
    lent = store.lending.lent_to(sponsor)
    trunks = [
        name
        for name, trunk in sorted(settings.trunks.items())
        if is_lab(trunk) or (trunk.caller_id and store.sponsors.may_show(sponsor, trunk.caller_id, now_ms()))
    ]
    return Choices(
        messages=[one for one in store.messages.seen_by(user.sponsor) if not one.refusal],
        lists=[one for one in store.contacts.batches() if one.id in lent and not one.loading],
        trunks=trunks,
        packs=pack_choices(),
        classes=list(MessageClass),
        elections=[(one.id, one.says.fr, one.says.en) for pack in packs_on(now) for one in pack.elections],
    )


def draft(store: Store, settings: Settings, user: User, given: Mapping[str, str]) -> Campaign:
    """A draft of that user's sponsor; Refused when something was chosen that is not among their choices."""
    may = choices(store, settings, user)
    chosen = {
        "message": [str(one.id) for one in may.messages],
        "list": [str(one.id) for one in may.lists],
        "trunk": may.trunks,
    }
    for what, there in chosen.items():
        if given.get(what) not in there:
            raise Refused(f"choose a {what}; where none can be chosen, ask whoever runs this installation for one")
    if not given.get("name"):
        raise Refused("give the campaign a name")
    message = next(one for one in may.messages if str(one.id) == given["message"])
    batch = next(one for one in may.lists if str(one.id) == given["list"])
    texts = Texts(user.sponsor, **{name: given.get(name, "") for name in SPOKEN})
    made = Draft(
        name=f"{user.sponsor}: {given['name']}",
        messages=(message.name,),
        contacts=batch.name,
        trunks=(given["trunk"],),
        texts=texts,
        language=given.get("language") or settings.language,
        hours=given.get("hours") or drafting.USUAL_HOURS,
        rules=_rules(given),
        budget=given.get("budget") or None,
    )
    return drafting.create(store, settings, made, user.name)


def lend(store: Store, batch_name: str, sponsor_name: str, back: bool = False) -> None:
    """The sponsor's people may choose that list on the web; back: no more."""
    batch, sponsor = batch_named(store, batch_name), store.sponsors.named(sponsor_name)
    (store.lending.take_back if back else store.lending.lend)(batch, sponsor, Review(login_name(), now_ms()))


def _rules(given: Mapping[str, str]) -> Rules:
    pack = given.get("pack") or BASE
    if pack == BASE:
        return Rules()
    return Rules(pack, given.get("class", ""), given.get("election", ""), given.get("territory", ""))
