"""Looking at one person of one campaign as the Gate would be asked about them, without touching anything."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, select

from ivr.adapters.store import schema
from ivr.adapters.store.facts import sent_to
from ivr.adapters.store.halts import is_halted
from ivr.adapters.store.known import asker_of
from ivr.adapters.store.suppressions import Suppressions
from ivr.rules.records import Campaign, Dialable


@dataclass(frozen=True, slots=True)
class LookedAt:
    """What the Gate would be asked. state: of the target; told: its outcome or the rule that refused it, "" neither."""

    dialable: Dialable
    state: str
    told: str


def look_at(
    connection: Connection, suppressions: Suppressions, campaign: Campaign, number: str, at_ms: int
) -> LookedAt | None:
    """The person with that number (E.164) as of this transaction; None: not in the campaign."""
    found = connection.execute(_TARGET, {"the_campaign": campaign.id, "the_number": number}).first()
    if found is None:
        return None
    call = (number, campaign.sponsor_id)
    asker = asker_of(connection, campaign, at_ms)
    dialable = Dialable(
        attempt="",
        trunk=campaign.trunks[0] if campaign.trunks else "",
        number=number,
        campaign=campaign,
        suppressed=call in suppressions.blocked(connection, [call]),
        earlier=tuple(sent_to(connection, [found.id]).get(found.id, {}).values()),
        halted=is_halted(connection),
        known=asker.people([found.contact_id])[found.contact_id] if asker else None,
    )
    return LookedAt(dialable, found.state, found.rule or found.outcome)


_T = schema.targets.c
_TARGET = (
    select(_T.id, _T.contact_id, _T.state, _T.outcome, _T.rule)
    .select_from(schema.targets.join(schema.contacts))
    .where(_T.campaign_id == bindparam("the_campaign"), schema.contacts.c.number == bindparam("the_number"))
)
