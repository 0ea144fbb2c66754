"""Looking at people of one campaign as the Gate would be asked about them, without touching anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, select

from ivr.adapters.store import schema
from ivr.adapters.store.facts import sent_to
from ivr.adapters.store.halts import is_halted
from ivr.adapters.store.known import asker_of
from ivr.adapters.store.suppressions import Suppressions
from ivr.rules.records import Campaign, Dialable
from ivr.rules.states import TargetState


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
    dialable = _dialables(connection, suppressions, campaign, [found], at_ms)[0]
    return LookedAt(dialable, found.state, found.rule or found.outcome)


def look_at_some(
    connection: Connection, suppressions: Suppressions, campaign: Campaign, every: int, most: int, at_ms: int
) -> list[Dialable]:
    """Of those who are due, each of whom it is `every`-th by their target's id, `most` of them at most."""
    asked = {"the_campaign": campaign.id, "the_step": every, "the_most": most}
    return _dialables(connection, suppressions, campaign, connection.execute(_SOME, asked).all(), at_ms)


def _dialables(
    connection: Connection, suppressions: Suppressions, campaign: Campaign, rows: Sequence[Any], at_ms: int
) -> list[Dialable]:
    """What the Gate would be asked of those targets, in their order."""
    blocked = suppressions.blocked(connection, [(row.number, campaign.sponsor_id) for row in rows])
    sent = sent_to(connection, [row.id for row in rows])
    asker, halted = asker_of(connection, campaign, at_ms), is_halted(connection)
    known = asker.people([row.contact_id for row in rows]) if asker else {}
    return [
        Dialable(
            attempt="",
            trunk=campaign.trunks[0] if campaign.trunks else "",
            number=row.number,
            campaign=campaign,
            suppressed=(row.number, campaign.sponsor_id) in blocked,
            earlier=tuple(sent.get(row.id, {}).values()),
            halted=halted,
            known=known.get(row.contact_id),
        )
        for row in rows
    ]


_T = schema.targets.c
_ANY = (
    select(_T.id, _T.contact_id, _T.state, _T.outcome, _T.rule, schema.contacts.c.number)
    .select_from(schema.targets.join(schema.contacts))
    .where(_T.campaign_id == bindparam("the_campaign"))
)
_TARGET = _ANY.where(schema.contacts.c.number == bindparam("the_number"))
_SOME = (
    _ANY.where(_T.state == TargetState.DUE.value, _T.id % bindparam("the_step") == 0)
    .order_by(_T.id)
    .limit(bindparam("the_most"))
)
