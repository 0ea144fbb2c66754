"""Contacts on their way into the books: by a temporary table, so that each step is one statement for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from sqlalchemy import Connection, text


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


_COLUMNS = ", ".join(Arrival._fields)
_CREATE = """CREATE TEMPORARY TABLE IF NOT EXISTS incoming (
    number VARCHAR(16) PRIMARY KEY, line_type VARCHAR(16) NOT NULL, departement VARCHAR(3), commune VARCHAR(5),
    postcode VARCHAR(10), birth_year INTEGER, language VARCHAR(8), zone VARCHAR(64), row_hash BIGINT
)"""
_EMPTY = "DELETE FROM incoming"
_COPY = f"COPY incoming ({_COLUMNS}) FROM STDIN"
_INSERT = f"INSERT INTO incoming ({_COLUMNS}) VALUES ({', '.join('?' * len(Arrival._fields))})"
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
    "INSERT INTO batch_contacts (batch_id, contact_id, row_hash, first_seen_at_ms) "
    "SELECT :batch, contacts.id, incoming.row_hash, :at_ms "
    "FROM incoming JOIN contacts ON contacts.number = incoming.number ORDER BY contacts.id"
)
_CELL = "coalesce(c.departement, ''), coalesce(c.commune, ''), coalesce(c.postcode, ''), c.line_type, " \
    "coalesce(c.language, ''), coalesce(c.birth_year, 0)"  # fmt: skip
_KEY = "batch_id, departement, commune, postcode, line_type, language, birth_year"
_CELLS = text(
    f"INSERT INTO batch_cells ({_KEY}, contacts) SELECT :batch, {_CELL}, count(*) "
    f"FROM incoming JOIN contacts c ON c.number = incoming.number WHERE true GROUP BY {_CELL} "
    f"ON CONFLICT ({_KEY}) DO UPDATE SET contacts = batch_cells.contacts + excluded.contacts"
)


def add(connection: Connection, batch_id: int, arrivals: Sequence[Arrival], at_ms: int) -> None:
    """The contacts, no number twice, are known, in the batch and in its counts; of known ones only gaps are filled."""
    _fill(connection, arrivals)
    values = {"batch": batch_id, "at_ms": at_ms}
    if connection.execute(_UNKNOWN, {"at_ms": at_ms}).rowcount < len(arrivals) and connection.execute(_GAPS).rowcount:
        connection.execute(_UNCOUNTED, {"batch": batch_id})
    connection.execute(_MEMBERS, values)
    connection.execute(_CELLS, {"batch": batch_id})


def _fill(connection: Connection, arrivals: Sequence[Arrival]) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql(_CREATE)
        connection.exec_driver_sql(_EMPTY)
        connection.exec_driver_sql(_INSERT, [tuple(arrival) for arrival in arrivals])
        return
    connection.exec_driver_sql(f"{_CREATE} ON COMMIT DROP")
    connection.exec_driver_sql(_EMPTY)
    raw: Any = connection.connection.driver_connection
    with raw.cursor() as cursor, cursor.copy(_COPY) as copy:
        for arrival in arrivals:
            copy.write_row(arrival)
