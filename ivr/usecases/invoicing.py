"""Invoices: what a campaign's calls cost, tied to what was played; made anew from the books whenever it is asked for.

Before a campaign is over its invoice is provisional: the same lines, of what was billed so far.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ivr.adapters import price_lists
from ivr.adapters.store import Store
from ivr.errors import Refused
from ivr.rules.dossier import Dossier
from ivr.rules.invoice import Bill, bill
from ivr.rules.measures import SMALL
from ivr.rules.price_list import PriceList
from ivr.rules.records import Books, Campaign, Message
from ivr.rules.states import CampaignState
from ivr.rules.tally import Tally
from ivr.usecases.campaigns import now_ms

SCHEMA = "portevoix.invoice/1"
OVER = (CampaignState.STOPPED, CampaignState.FINISHED)


@dataclass(frozen=True, slots=True)
class Played:
    """A recording and its calls. sha256: of the file as it was sent in; sound: of what was played.

    loaded: numbers that were to hear it. completed: None where it would speak of fewer than twenty people.
    """

    name: str
    sha256: str
    sound: str
    length_ms: int
    loaded: int
    attempted: int
    answered: int
    completed: int | None
    billed_s: int


@dataclass(frozen=True, slots=True)
class Place:
    """The calls to people of one département; "": not known."""

    departement: str
    attempted: int
    answered: int
    billed_s: int


@dataclass(frozen=True, slots=True)
class Invoice:
    """Everything that it says. number: of the campaign, the same however often it is made. said: texts spoken around.

    started_ms, finished_ms: of the calls, None while there are none. sha256: of all the rest, as `content` has it.
    """

    schema: str
    number: str
    final: bool
    made_at_ms: int
    campaign: str
    campaign_id: int
    sponsor: str
    buyer: Dossier
    election: str
    territory: str
    channel: str
    timezone: str
    hours: str
    language: str
    started_ms: int | None
    finished_ms: int | None
    prices: PriceList
    played: tuple[Played, ...]
    places: tuple[Place, ...]
    said: tuple[tuple[str, str], ...]
    bill: Bill

    @property
    def sha256(self) -> str:
        """Of what it says, but not of when it was made: the same books give the same."""
        text = json.dumps(content(self), ensure_ascii=False, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()


def content(made: Invoice) -> dict[str, Any]:
    """What it says, as plain data."""
    plain = {name: getattr(made, name) for name in Invoice.__slots__ if name != "made_at_ms"}
    parts = {"played": [asdict(one) for one in made.played], "places": [asdict(one) for one in made.places]}
    sums = {name: getattr(made.bill, name) for name in ("net_cents", "vat_cents", "gross_cents")}
    told = {"buyer": asdict(made.buyer), "prices": made.prices.name, "bill": asdict(made.bill) | sums}
    return plain | parts | told | {"said": dict(made.said)}


def invoice_of(store: Store, name: str) -> Invoice:
    """The campaign's invoice as of now; Refused of one that was made before there were prices."""
    campaign = store.campaigns.named(name)
    if campaign.terms is None:
        raise Refused(f"campaign {name!r} was made before there were prices: nothing of it is invoiced")
    books, tallies = store.tallies.snapshot(campaign.id, len(campaign.versions))
    prices = price_lists.named(campaign.terms.prices)
    billed_s = sum(tally.whole["billed_s"] for tally in tallies)
    said = (part for part in ("preroll", "notice", "confirmation") if campaign.texts.get(part))
    started = campaign.started_at_ms
    year = 1970 if started is None else _year(started)
    return Invoice(
        schema=SCHEMA,
        number=f"PV-{year}-{campaign.id:06d}",
        final=campaign.state in OVER and not (books.in_progress or any(tally.open for tally in tallies)),
        made_at_ms=now_ms(),
        campaign=campaign.name,
        campaign_id=campaign.id,
        sponsor=campaign.sponsor,
        buyer=store.sponsors.named(campaign.sponsor).dossier,
        election=campaign.election,
        territory=campaign.territory,
        channel="voice",
        timezone=campaign.timezone,
        hours=campaign.hours,
        language=campaign.language,
        started_ms=started,
        finished_ms=campaign.finished_at_ms,
        prices=prices,
        played=_played(store, campaign, books, tallies),
        places=_places(tallies),
        said=tuple((part, str(campaign.texts[part])) for part in said),
        bill=bill(prices, campaign.terms.work(billed_s)),
    )


def _played(store: Store, campaign: Campaign, books: Books, tallies: Sequence[Tally]) -> tuple[Played, ...]:
    messages = {message.sound: message for message in store.messages.of_campaign(campaign.id)}
    sounds = [campaign.to(number).message.sound for number in range(len(tallies))]
    loaded = [one.targets for one in books.versions] or [books.targets]
    told = all(tally.whole["heard"] >= SMALL for tally in tallies)
    return tuple(
        _of(messages[sound], count, tally, told) for sound, count, tally in zip(sounds, loaded, tallies, strict=True)
    )


def _of(message: Message, loaded: int, tally: Tally, told: bool) -> Played:
    whole = tally.whole
    return Played(
        name=message.name,
        sha256=message.original_sha256,
        sound=message.sound,
        length_ms=message.length_ms,
        loaded=loaded,
        attempted=whole["calls"] + tally.open,
        answered=whole["answered"],
        completed=whole["stayed"] if told else None,
        billed_s=whole["billed_s"],
    )


def _places(tallies: Sequence[Tally]) -> tuple[Place, ...]:
    counts: dict[str, Counter[str]] = {}
    for tally in tallies:
        for departement, sums in tally.values("departement").items():
            added = {name: sums[name] for name in ("calls", "answered", "billed_s")}
            counts.setdefault(departement, Counter()).update(added)
    return tuple(
        Place(departement, count["calls"], count["answered"], count["billed_s"])
        for departement, count in sorted(counts.items())
        if count["calls"]
    )


def _year(at_ms: int) -> int:
    return time.gmtime(at_ms / 1000).tm_year
