"""How many contacts of a batch have the same facts: counted once, when the batch is whole, and written in their order.

Counted with each chunk, the cells of a national file would be written millions of times in no order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, literal, select

from ivr.adapters.store import bulk, schema
from ivr.adapters.store.engine import Database

CELLS, CONTACTS, MEMBERS = schema.batch_cells, schema.contacts.c, schema.batch_contacts
ROWS_AT_ONCE = 10_000
"""Cells written in one transaction: calls are recorded between any two."""
_FACTS = (
    *(func.coalesce(CONTACTS[name], "").label(name) for name in ("departement", "commune", "postcode")),
    CONTACTS.line_type,
    func.coalesce(CONTACTS.language, "").label("language"),
    func.coalesce(CONTACTS.birth_year, 0).label("birth_year"),
)
_COLUMNS = ("batch_id", *(column.name for column in _FACTS), "contacts")


def count_within(connection: Connection, batch_id: int) -> None:
    """The cells of a batch of few contacts are true, in this transaction."""
    connection.execute(insert(CELLS).from_select(_COLUMNS, _counted(batch_id)))


def count(database: Database, batch_id: int) -> Iterator[int]:
    """The cells of a batch are true when this ends; tells how many contacts are counted, from time to time.

    Whoever changes a fact of its contacts meanwhile marks the batch as not counted, as ever.
    """
    _forget(database, batch_id)
    done = 0
    for cells in _read(database, batch_id):
        with database.write() as connection:
            bulk.put(connection, CELLS.name, _COLUMNS, cells)
        done += sum(row.contacts for row in cells)
        yield done


def _forget(database: Database, batch_id: int) -> None:
    """What was written before a kill is gone, a département at a time."""
    of_batch = CELLS.c.batch_id == batch_id
    with database.read() as connection:
        places = connection.scalars(select(CELLS.c.departement).distinct().where(of_batch)).all()
    for place in places:
        with database.write() as connection:
            connection.execute(delete(CELLS).where(of_batch, CELLS.c.departement == place))


def _read(database: Database, batch_id: int) -> Iterator[Sequence[Row[Any]]]:
    with database.read() as connection:
        options = {"stream_results": True, "yield_per": ROWS_AT_ONCE}
        with connection.execute(_counted(batch_id), execution_options=options) as counted:
            yield from counted.partitions()


def _counted(batch_id: int) -> Select[Any]:
    """In the order of their key."""
    joined = MEMBERS.join(schema.contacts, CONTACTS.id == MEMBERS.c.contact_id)
    counts = select(literal(batch_id).label("batch_id"), *_FACTS, func.count().label("contacts"))
    return counts.select_from(joined).where(MEMBERS.c.batch_id == batch_id).group_by(*_FACTS).order_by(*_FACTS)
