"""Who is held among some people, and why: by a hold that somebody set, or by a law."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from sqlalchemy import Connection, bindparam, select

from ivr.adapters.store import schema
from ivr.adapters.store.lookups import rows_among
from ivr.rules.lifetimes import CALLED_MS, EVERYTHING, LAW, Holds

TARGETS, ATTEMPTS, CAMPAIGNS = schema.targets, schema.attempts, schema.campaigns
BATCHES, IN_BATCH = schema.source_batches, schema.batch_contacts
_TARGETED = select(TARGETS.c.contact_id, TARGETS.c.campaign_id)
_LISTED = select(IN_BATCH.c.contact_id, IN_BATCH.c.batch_id)
_CALLED = (
    select(TARGETS.c.contact_id)
    .join(ATTEMPTS, ATTEMPTS.c.target_id == TARGETS.c.id)
    .where(TARGETS.c.campaign_id.in_(bindparam("the_campaigns", expanding=True)))
    .where(ATTEMPTS.c.dialing_at_ms > bindparam("since_ms"))
)


def by_people(
    connection: Connection, people: Mapping[int, str], holds: Holds, fingerprint: Callable[[str], str]
) -> dict[int, str]:
    """Why each of those people (number by contact) must be kept as they are; whoever need not is not in it."""
    held = by_campaigns(connection, people, holds) | _by_batches(connection, people, holds)
    if numbers := holds.of_kind("number"):
        hashes = {id_: fingerprint(number) for id_, number in people.items()}
        held |= {id_: numbers[one] for id_, one in hashes.items() if one in numbers}
    return held


def by_campaigns(connection: Connection, ids: Iterable[int], holds: Holds) -> dict[int, str]:
    """Why each of those contacts must be kept: all are, or one that is held has them in its audience."""
    asked = sorted(ids)
    if why := holds.on(EVERYTHING):
        return dict.fromkeys(asked, why)
    names = holds.of_kind("campaign")
    if not names:
        return {}
    campaigns = connection.execute(select(CAMPAIGNS.c.id, CAMPAIGNS.c.name).where(CAMPAIGNS.c.name.in_(names)))
    whys = {row.id: names[row.name] for row in campaigns}
    rows = rows_among(connection, _TARGETED.where(TARGETS.c.campaign_id.in_(whys)), TARGETS.c.contact_id, asked)
    return {row.contact_id: whys[row.campaign_id] for row in rows}


def by_law(connection: Connection, ids: Iterable[int], now_ms: int) -> dict[int, str]:
    """Why the number of each of those contacts must be kept: it was called where that is the law."""
    texts = connection.execute(select(CAMPAIGNS.c.id, CAMPAIGNS.c.texts)).all()
    found: dict[int, str] = {}
    for jurisdiction, kept_ms in CALLED_MS.items():
        campaigns = [row.id for row in texts if (row.texts or {}).get("jurisdiction") == jurisdiction]
        asked = {"the_campaigns": campaigns, "since_ms": now_ms - kept_ms}
        found |= {row.contact_id: LAW for row in rows_among(connection, _CALLED, TARGETS.c.contact_id, ids, **asked)}
    return found


def _by_batches(connection: Connection, ids: Iterable[int], holds: Holds) -> dict[int, str]:
    names = holds.of_kind("batch")
    if not names:
        return {}
    batches = connection.execute(select(BATCHES.c.id, BATCHES.c.name).where(BATCHES.c.name.in_(names)))
    whys = {row.id: names[row.name] for row in batches}
    rows = rows_among(connection, _LISTED.where(IN_BATCH.c.batch_id.in_(whys)), IN_BATCH.c.contact_id, ids)
    return {row.contact_id: whys[row.batch_id] for row in rows}
