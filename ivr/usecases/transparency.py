"""The transparency notice of a campaign (Regulation (EU) 2024/900, articles 11, 12 and 19): as data, for a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from ivr.adapters import notice_page, rule_packs
from ivr.adapters.store import Store
from ivr.errors import NotFound
from ivr.rules import audience, transparency_words
from ivr.rules.dossier import Dossier
from ivr.rules.measures import SMALL
from ivr.rules.pack import Election
from ivr.rules.records import Campaign, Message, Origin
from ivr.rules.states import CampaignState
from ivr.usecases.invoicing import invoice_of

SCHEMA = "portevoix.transparency/1"
OFFICIAL = {"fr": "https://www.elections.interieur.gouv.fr", "eu": "https://elections.europa.eu"}
"""By rule pack, where the State says how to vote."""
OWED = ("legal_name", "address", "email", "controlling_entity", "payer", "funding_origin", "declaration")
"""What the notice must show of the sponsor's dossier."""
STATUS = {
    CampaignState.DRAFT: "announced", CampaignState.RUNNING: "published", CampaignState.PAUSED: "suspended",
    CampaignState.STOPPED: "ended", CampaignState.FINISHED: "ended",
}  # fmt: skip


def notice(store: Store, campaign: Campaign, at_ms: int) -> dict[str, Any]:
    """What the notice says at that instant, in no language. What nobody gave is None, and named in `missing`."""
    dossier = store.sponsors.named(campaign.sponsor).dossier
    messages = store.messages.of_campaign(campaign.id)
    told: dict[str, Any] = {
        "schema": SCHEMA,
        "modified_at_ms": at_ms,
        "advertisement": _advertisement(campaign, messages),
        "sponsor": _sponsor(campaign, dossier),
        "funding": _funding(store, campaign, dossier),
        "targeting": _targeting(store, campaign, messages),
        "official_information": OFFICIAL.get(campaign.pack),
        "complaints": {"contact": dossier.data_protection_contact or None, "key": "9"},
    }
    missing = [name for name in OWED if not getattr(dossier, name).strip()]
    missing += ["price"] if told["funding"]["gross_cents"] is None else []
    return told | {"missing": missing}


def _advertisement(campaign: Campaign, messages: Sequence[Message]) -> dict[str, Any]:
    election = _election(campaign)
    recordings = [
        {
            "name": one.name,
            "sha256": one.original_sha256,
            "seconds": round(one.length_ms / 1000, 1),
            "origin": one.origin,
        }
        for one in messages
    ]
    return {
        "identifier": campaign.name,
        "channel": "voice",
        "status": STATUS[campaign.state],
        "begin_at_ms": campaign.started_at_ms,
        "end_at_ms": campaign.finished_at_ms,
        "timezone": campaign.timezone,
        "message_class": campaign.message_class or None,
        "election": election.model_dump(mode="json", include={"id", "says", "rounds"}) if election else None,
        "territory": campaign.territory or None,
        "recordings": recordings,
        "artificial_voice": any(one.origin in {Origin.SYNTHETIC, Origin.CLONED} for one in messages),
    }


def _sponsor(campaign: Campaign, dossier: Dossier) -> dict[str, Any]:
    named = ("legal_name", "type", "address", "email", "controlling_entity", "declaration", "eu_eligibility")
    return {"name": campaign.sponsor} | {name: getattr(dossier, name) or None for name in named}


def _funding(store: Store, campaign: Campaign, dossier: Dossier) -> dict[str, Any]:
    """What the campaign cost so far, by the function that makes its invoice."""
    who = {"payer": dossier.payer or None, "origin": dossier.funding_origin or None}
    if campaign.terms is None:
        return who | dict.fromkeys(("gross_cents", "net_cents", "currency", "price_list", "invoice", "final"))
    made = invoice_of(store, campaign.name)
    sums = {"gross_cents": made.bill.gross_cents, "net_cents": made.bill.net_cents}
    listed = {"currency": made.prices.currency, "price_list": made.prices.name}
    return who | sums | listed | {"invoice": made.number, "final": made.final}


def _targeting(store: Store, campaign: Campaign, messages: Sequence[Message]) -> dict[str, Any]:
    """Who was chosen and by what; nothing is told of fewer than twenty people."""
    chosen = audience.parse(store.audiences.of_campaign(campaign.id))
    books, tallies = store.tallies.snapshot(campaign.id, len(campaign.versions))
    reached = sum(tally.whole["answered"] for tally in tallies)
    labels = {language: store.contacts.source_label(campaign.batch_id, language) or None for language in ("fr", "en")}
    return {
        "controller": campaign.sponsor,
        "selected_by": {
            "territory": [f"{kind}:{code}" for kind, code in chosen.territories],
            "age": [ages.text() for ages in chosen.ages],
            "line": [line.value for line in chosen.line_types],
            "language": list(chosen.languages),
        },
        "personal_data": ["telephone_number", *(["territory"] if chosen.territories else []),
                          *(["age"] if chosen.ages else []), *(["language"] if chosen.languages else [])],
        "source": labels,
        "people": books.targets if books.targets >= SMALL else None,
        "reached": reached if reached >= SMALL else None,
        "special_categories": False,
        "chosen_by_artificial_intelligence": False,
        "versions_by_chance": len(messages) > 1,
    }  # fmt: skip


def _election(campaign: Campaign) -> Election | None:
    """As its pack knows it."""
    try:
        return rule_packs.pack_on(campaign.pack, datetime.now(UTC).date()).election(campaign.election)
    except NotFound:
        return None


def html(told: Mapping[str, Any], language: str) -> str:
    """The notice as a page by itself, in that language."""
    say = transparency_words.WORDS[language]
    ad = told["advertisement"]
    title = f"{say['title']} · {ad['identifier']}"
    note = say["law"].format(day=transparency_words.day(told["modified_at_ms"], ad["timezone"]))
    return notice_page.page(language, title, say["label"], note, transparency_words.parts(told, language))
