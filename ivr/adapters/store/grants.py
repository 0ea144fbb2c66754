"""Grants: the only permissions that the dialer looks at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, insert, or_, select, update

from ivr.adapters.store.engine import Database
from ivr.adapters.store.lookups import rows_among
from ivr.adapters.store.proofs import purpose_grants as TABLE
from ivr.rules.consent import Basis, Channel, Grant, Purpose

_COLUMNS = (
    "contact_id", "sponsor_id", "purpose", "channel", "basis", "basis_ref", "from_ms", "to_ms", "scope", "hours",
    "timezone", "age_attested",
)  # fmt: skip
_IN_FORCE = and_(
    TABLE.c.revoked_at_ms.is_(None),
    TABLE.c.from_ms <= bindparam("the_now"),
    or_(TABLE.c.to_ms.is_(None), TABLE.c.to_ms > bindparam("the_now")),
)
_QUERY = (
    select(*(TABLE.c[name] for name in _COLUMNS))
    .where(_IN_FORCE, TABLE.c.sponsor_id == bindparam("the_sponsor"), TABLE.c.channel == bindparam("the_channel"))
    .order_by(TABLE.c.id)
)
_OF_CONTACT = select(TABLE).order_by(TABLE.c.id)


class Grants:
    """By contact."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def in_force(
        self, contact_ids: Iterable[int], sponsor_id: int, channel: Channel, now_ms: int
    ) -> dict[int, list[Grant]]:
        """By contact, what permits that sponsor to reach it by that channel now."""
        with self._database.read() as connection:
            return granted(connection, contact_ids, sponsor_id, channel, now_ms)

    def of_contact(self, contact_id: int) -> list[dict[str, Any]]:
        """Every grant there ever was, for the person who asks."""
        with self._database.read() as connection:
            rows = connection.execute(_OF_CONTACT.where(TABLE.c.contact_id == contact_id)).mappings()
            return [dict(row) for row in rows]


def granted(
    connection: Connection, contact_ids: Iterable[int], sponsor_id: int, channel: Channel, now_ms: int
) -> dict[int, list[Grant]]:
    """As `Grants.in_force`, as of this transaction: a handful of queries for a batch."""
    found: dict[int, list[Grant]] = {}
    asked = {"the_sponsor": sponsor_id, "the_channel": channel.value, "the_now": now_ms}
    for row in rows_among(connection, _QUERY, TABLE.c.contact_id, contact_ids, **asked):
        found.setdefault(row.contact_id, []).append(_grant(row))
    return found


def give(connection: Connection, grants: Sequence[Grant]) -> None:
    """Those grants are in force."""
    if grants:
        connection.execute(insert(TABLE), [{name: getattr(grant, name) for name in _COLUMNS} for grant in grants])


def revoke(
    connection: Connection,
    contact_ids: Sequence[int],
    at_ms: int,
    sponsor_id: int | None = None,
    channels: Sequence[Channel] = (),
    given_until_ms: int | None = None,
) -> int:
    """What was granted for those contacts ends now; returns how many grants.

    Of that sponsor or of all, for those channels or for all, given until that instant or whenever.
    """
    where: list[ColumnElement[bool]] = [TABLE.c.contact_id.in_(contact_ids), TABLE.c.revoked_at_ms.is_(None)]
    if sponsor_id is not None:
        where.append(TABLE.c.sponsor_id == sponsor_id)
    if channels:
        where.append(TABLE.c.channel.in_([channel.value for channel in channels]))
    if given_until_ms is not None:
        where.append(TABLE.c.from_ms <= given_until_ms)
    return connection.execute(update(TABLE).where(*where).values(revoked_at_ms=at_ms)).rowcount


def _grant(row: Row[Any]) -> Grant:
    given = dict(row._mapping)
    typed = {"purpose": Purpose(row.purpose), "channel": Channel(row.channel), "basis": Basis(row.basis)}
    return Grant(**(given | typed))
