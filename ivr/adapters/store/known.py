"""What a rule pack asks of a campaign and of people, as it stands in one transaction: a handful of queries for a batch.

Only campaigns that name a pack are asked; the others cost nothing more than before.
"""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Row, bindparam, or_, select

from ivr.adapters.store import schema
from ivr.adapters.store.lookups import rows_among
from ivr.adapters.store.proofs import purpose_grants
from ivr.adapters.store.sponsors import granted_to
from ivr.rules.again import hours_of, moment
from ivr.rules.breaker import Blame
from ivr.rules.consent import Basis
from ivr.rules.dossier import Dossier
from ivr.rules.frequency import SponsorCall
from ivr.rules.gate_facts import CampaignFacts, Known, Person, Source
from ivr.rules.number_country import country_of
from ivr.rules.pack import BASE, MessageClass, Sender
from ivr.rules.permission import VOICE, Grant
from ivr.rules.records import Campaign
from ivr.rules.retry import NEVER
from ivr.rules.states import AttemptState, CampaignState, Outcome
from ivr.rules.voting import territory_of

SENDERS: Mapping[str, Sender] = {
    "candidate": Sender.CANDIDATE,
    "party": Sender.PARTY,
    "group": Sender.PARTY,
    "public_body": Sender.PUBLIC_BODY,
    "association": Sender.OTHER,
    "company": Sender.OTHER,
}
"""By the type in the sponsor's dossier."""
DIRECT = frozenset({"direct_form", "member", "regular_contact", "event"})
"""Sources that the sponsor collected from the people themselves."""
ADULTS = frozenset({"electoral_roll"})
RINGING_S = 45
"""A call rings no longer before it is answered."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Knows what was read of one campaign, and reads what is asked of people."""

    connection: Connection
    campaign: Campaign
    about: CampaignFacts
    sources: tuple[Source, ...]

    def people(self, contact_ids: Iterable[int]) -> dict[int, Known]:
        """What is known, by contact."""
        wanted = set(contact_ids)
        grants = self._grants(wanted)
        calls = self._calls(wanted)
        rows = rows_among(self.connection, _CONTACTS, schema.contacts.c.id, wanted)
        return {row.id: self._known(row, grants.get(row.id, ()), calls.get(row.id, ())) for row in rows}

    def _known(self, row: Row[Any], grants: Iterable[Grant], calls: Iterable[SponsorCall]) -> Known:
        person = Person(
            number=row.number,
            country=country_of(row.number),
            line_type=row.line_type or None,
            territory=territory_of(row.departement),
            department=row.departement or "",
            birth_year=row.birth_year,
            sources=self.sources,
            grants=tuple(grants),
            calls=tuple(calls),
        )
        return Known(self.about, person, row.zone or "")

    def _grants(self, contact_ids: Iterable[int]) -> dict[int, list[Grant]]:
        found: dict[int, list[Grant]] = defaultdict(list)
        direct = all(one.kind in DIRECT for one in self.sources)
        asked = {"the_sponsor": self.campaign.sponsor_id, "the_election": self.campaign.election}
        for row in rows_among(self.connection, _GRANTS, purpose_grants.c.contact_id, contact_ids, **asked):
            found[row.contact_id].append(_grant(row, direct))
        return found

    def _calls(self, contact_ids: Iterable[int]) -> dict[int, list[SponsorCall]]:
        """Every call of the sponsor's to them that was, or may have been, sent and was not the carrier's to fail."""
        found: dict[int, list[SponsorCall]] = defaultdict(list)
        of_sponsor = list(self.connection.execute(_CAMPAIGNS, {"the_sponsor": self.campaign.sponsor_id}).scalars())
        asked = {"the_campaigns": of_sponsor}
        for row in rows_among(self.connection, _CALLS, schema.targets.c.contact_id, contact_ids, **asked):
            if row.state == AttemptState.ENDED and row.blame == Blame.CARRIER:
                continue
            at = moment(row.claimed_at_ms if row.dialing_at_ms is None else row.dialing_at_ms)
            answered = row.outcome == Outcome.ANSWERED or row.state == AttemptState.ANSWERED
            found[row.contact_id].append(SponsorCall(at, row.campaign_id, answered, row.id))
        return found


def asker_of(connection: Connection, campaign: Campaign, at_ms: int | None = None) -> Asker | None:
    """Who knows what the campaign's pack asks, as of this transaction; None: it has no pack.

    at_ms: which caller IDs are granted then; None: now.
    """
    if campaign.pack == BASE:
        return None
    at_ms = int(time.time() * 1000) if at_ms is None else at_ms
    dossier = Dossier.read(connection.execute(_DOSSIER, {"the_sponsor": campaign.sponsor_id}).scalar_one() or {})
    message = max([campaign.message, *(one.sound for one in campaign.versions)], key=lambda sound: sound.length_ms)
    spoken = (campaign.preroll, message, campaign.notice, campaign.confirmation)
    batch = connection.execute(_BATCH, {"the_batch": campaign.batch_id}).one()
    about = CampaignFacts(
        sponsor_id=campaign.sponsor_id,
        campaign_id=campaign.id,
        message_class=MessageClass(campaign.message_class) if campaign.message_class else None,
        sender=SENDERS.get(dossier.type),
        election=campaign.election,
        dossier=frozenset(name for name in Dossier.__slots__ if str(getattr(dossier, name)).strip()),
        first_call_at=NEVER if campaign.started_at_ms is None else moment(campaign.started_at_ms),
        exclusive=_is_exclusive(connection, campaign),
        caller_ids=frozenset(granted_to(connection, [campaign.sponsor_id], at_ms).get(campaign.sponsor_id, ())),
        longest_call_s=RINGING_S + math.ceil(sum(one.length_ms for one in spoken) / 1000),
    )
    disclosed = batch.political_reuse_disclosed is True
    source = Source(batch.source_type, disclosed, adults=batch.source_type in ADULTS)
    return Asker(connection, campaign, about, (source,))


def _is_exclusive(connection: Connection, campaign: Campaign) -> bool:
    """No other sponsor had started a campaign for that election and territory before this one started."""
    started_ms = campaign.started_at_ms
    return not any(
        (not row.territory or not campaign.territory or row.territory == campaign.territory)
        and (started_ms is None or (row.started_at_ms, row.id) < (started_ms, campaign.id))
        for row in connection.execute(_RIVALS, {"the_election": campaign.election, "the_sponsor": campaign.sponsor_id})
    )


def _grant(row: Row[Any], direct: bool) -> Grant:
    """As the Gate asks of it: a consent that opened an automated channel can be shown whole, and was explicit."""
    consent = row.basis == Basis.CONSENT
    return Grant(
        controller=row.sponsor_id,
        purpose=row.purpose,
        channel=row.channel,
        basis=row.basis,
        given_at=moment(row.from_ms),
        ends_at=None if row.to_ms is None else moment(row.to_ms),
        strong=consent,
        explicit=consent,
        direct=consent and direct,
        hours=hours_of(row.hours) if row.hours else None,
        zone=ZoneInfo(row.timezone) if row.timezone else None,
        age_attested=consent and row.age_attested,
    )


_C, _T, _A = schema.contacts.c, schema.targets.c, schema.attempts.c
_SENT = tuple(state.value for state in (AttemptState.DIALING, AttemptState.ANSWERED, AttemptState.ENDED))
_CONTACTS = select(_C.id, _C.number, _C.line_type, _C.departement, _C.birth_year, _C.zone)
_GRANTS = select(purpose_grants).where(
    purpose_grants.c.sponsor_id == bindparam("the_sponsor"),
    purpose_grants.c.channel == VOICE,
    purpose_grants.c.revoked_at_ms.is_(None),
    or_(purpose_grants.c.scope == "", purpose_grants.c.scope == bindparam("the_election")),
)
_CAMPAIGNS = select(schema.campaigns.c.id).where(schema.campaigns.c.sponsor_id == bindparam("the_sponsor"))
_CALLS = (
    select(
        _T.contact_id, _A.id, _A.campaign_id, _A.state, _A.outcome, _A.blame, _A.claimed_at_ms, _A.dialing_at_ms
    )
    .select_from(schema.targets.join(schema.attempts, _A.target_id == _T.id))
    .where(_T.campaign_id.in_(bindparam("the_campaigns", expanding=True)), _A.state.in_(_SENT))
)  # fmt: skip
_DOSSIER = select(schema.sponsors.c.dossier).where(schema.sponsors.c.id == bindparam("the_sponsor"))
_BATCH = select(schema.source_batches.c.source_type, schema.source_batches.c.political_reuse_disclosed).where(
    schema.source_batches.c.id == bindparam("the_batch")
)
_RIVALS = select(schema.campaigns.c.id, schema.campaigns.c.territory, schema.campaigns.c.started_at_ms).where(
    schema.campaigns.c.election == bindparam("the_election"),
    schema.campaigns.c.election != "",
    schema.campaigns.c.sponsor_id != bindparam("the_sponsor"),
    schema.campaigns.c.started_at_ms.is_not(None),
    schema.campaigns.c.state != CampaignState.DRAFT.value,
)
