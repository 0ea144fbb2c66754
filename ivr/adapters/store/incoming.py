"""Contacts on their way into the books: each step is one statement for all of them.

Where none of them can be known they go to their tables directly; else by a temporary table, which finds the known ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection, text

from ivr.adapters.store import bulk


class Arrival(NamedTuple):
    """A contact of a delivery. number: E.164. What is None is not known."""

    number: str
    line_type: str
    departement: str | None = None
    commune: str | None = None
    postcode: str | None = None
    birth_year: int | None = None
    language: str | None = None
    zone: str | None = None
    row_hash: int | None = None


_CREATE = """CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
    number VARCHAR(16) PRIMARY KEY, line_type VARCHAR(16) NOT NULL, departement VARCHAR(3), commune VARCHAR(5),
    postcode VARCHAR(10), birth_year INTEGER, language VARCHAR(8), zone VARCHAR(64), row_hash BIGINT
)"""
_EMPTY = "DELETE FROM incoming"
_BETWEEN = text("SELECT 1 FROM contacts WHERE number BETWEEN :first AND :last ORDER BY number LIMIT 1")
"""Ordered, so that PostgreSQL takes the index also while it has no statistics of a table that grows."""
_LAST_ID = text("SELECT coalesce(max(id), 0) FROM contacts")
_NEXT_IDS = text("SELECT nextval(pg_get_serial_sequence('contacts', 'id')) FROM generate_series(1, :count)")
_CONTACT = ("id", "imported_at_ms", *Arrival._fields[:-1])
_MEMBER = ("batch_id", "contact_id", "row_hash", "first_seen_at_ms")
_FACTS = "line_type, departement, commune, postcode, birth_year, language, zone"
_UNKNOWN = text(
    f"INSERT INTO contacts (number, imported_at_ms, {_FACTS}) "
    f"SELECT number, :at_ms, {_FACTS} FROM incoming WHERE true ORDER BY number ON CONFLICT (number) DO NOTHING"
)
_NO_PLACE = "contacts.departement IS NULL AND contacts.postcode IS NULL"
_GAPS = text(
    f"""UPDATE contacts SET
    departement = CASE WHEN {_NO_PLACE} THEN incoming.departement ELSE contacts.departement END,
    commune = CASE WHEN {_NO_PLACE} THEN incoming.commune ELSE contacts.commune END,
    zone = CASE WHEN {_NO_PLACE} THEN incoming.zone ELSE contacts.zone END,
    postcode = CASE WHEN {_NO_PLACE} THEN incoming.postcode ELSE contacts.postcode END,
    birth_year = coalesce(contacts.birth_year, incoming.birth_year),
    language = coalesce(contacts.language, incoming.language)
FROM incoming WHERE contacts.number = incoming.number AND (
    {_NO_PLACE} AND (incoming.departement IS NOT NULL OR incoming.postcode IS NOT NULL)
    OR contacts.birth_year IS NULL AND incoming.birth_year IS NOT NULL
    OR contacts.language IS NULL AND incoming.language IS NOT NULL
)"""
)
"""A place is taken whole: half of one delivery's and half of another's would be nowhere."""
_UNCOUNTED = text(
    """UPDATE source_batches SET counted_at_ms = NULL WHERE id <> :batch AND counted_at_ms IS NOT NULL AND EXISTS (
    SELECT 1 FROM incoming JOIN contacts ON contacts.number = incoming.number
    JOIN batch_contacts ON batch_contacts.contact_id = contacts.id AND batch_contacts.batch_id = source_batches.id
)"""
)
_MEMBERS = text(
    f"INSERT INTO batch_contacts ({', '.join(_MEMBER)}) "
    "SELECT :batch, contacts.id, incoming.row_hash, :at_ms "
    "FROM incoming JOIN contacts ON contacts.number = incoming.number ORDER BY contacts.id"
)


def add(connection: Connection, batch_id: int, arrivals: Sequence[Arrival], at_ms: int) -> None:
    """The contacts, no number twice, are known and in the batch; of known ones only gaps are filled.

    In a transaction that holds `locks.importing`.
    """
    numbers = [arrival.number for arrival in arrivals]
    if connection.execute(_BETWEEN, {"first": min(numbers), "last": max(numbers)}).first():
        _add_among_known(connection, batch_id, arrivals, at_ms)
    else:
        _add_new(connection, batch_id, arrivals, at_ms)


def _add_new(connection: Connection, batch_id: int, arrivals: Sequence[Arrival], at_ms: int) -> None:
    ids = _new_ids(connection, len(arrivals))
    contacts = [(id_, at_ms, *one[:-1]) for id_, one in zip(ids, arrivals, strict=True)]
    bulk.put(connection, "contacts", _CONTACT, contacts)
    members = [(batch_id, id_, one.row_hash, at_ms) for id_, one in zip(ids, arrivals, strict=True)]
    bulk.put(connection, "batch_contacts", _MEMBER, members)


def _add_among_known(connection: Connection, batch_id: int, arrivals: Sequence[Arrival], at_ms: int) -> None:
    connection.exec_driver_sql(_CREATE if bulk.is_sqlite(connection) else f"{_CREATE} ON COMMIT DROP")
    connection.exec_driver_sql(_EMPTY)
    bulk.put(connection, "incoming", Arrival._fields, arrivals)
    if connection.execute(_UNKNOWN, {"at_ms": at_ms}).rowcount < len(arrivals) and connection.execute(_GAPS).rowcount:
        connection.execute(_UNCOUNTED, {"batch": batch_id})
    connection.execute(_MEMBERS, {"batch": batch_id, "at_ms": at_ms})


def _new_ids(connection: Connection, count: int) -> Sequence[int]:
    """Ids of contacts to be, one after the other: whoever adds contacts holds the same lock."""
    if bulk.is_sqlite(connection):
        last = int(connection.execute(_LAST_ID).scalar_one())
        return range(last + 1, last + 1 + count)
    return connection.scalars(_NEXT_IDS, {"count": count}).all()
