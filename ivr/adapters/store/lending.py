"""Which lists of contacts a sponsor's people may choose on the web; an engineer on the command line chooses any."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKey, Table, delete, insert, select

from ivr.adapters.store import locks
from ivr.adapters.store.engine import Database
from ivr.adapters.store.journal import note
from ivr.adapters.store.schema import metadata
from ivr.adapters.store.sponsors import Sponsor
from ivr.rules.records import Review, SourceBatch

TABLE = Table(
    "sponsor_batches",
    metadata,
    Column("sponsor_id", ForeignKey("sponsors.id"), primary_key=True),
    Column("batch_id", ForeignKey("source_batches.id"), primary_key=True, index=True),
    Column("lent_at_ms", BigInteger, nullable=False),
)


class Lending:
    """The lists by sponsor."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def lend(self, batch: SourceBatch, sponsor: Sponsor, asked: Review) -> None:
        """The sponsor's people may choose that list; once more changes nothing."""
        key = {"sponsor_id": sponsor.id, "batch_id": batch.id}
        with self._database.write() as connection:
            locks.naming(connection)
            if connection.execute(select(TABLE.c.batch_id).filter_by(**key)).first() is None:
                connection.execute(insert(TABLE).values(**key, lent_at_ms=asked.at_ms))
                note(connection, "list-lent", f"sponsor:{sponsor.name}", asked.by, asked.at_ms, batch=batch.name)

    def take_back(self, batch: SourceBatch, sponsor: Sponsor, asked: Review) -> None:
        """No new campaign of theirs is made of that list; those that there are stay as they are."""
        where = (TABLE.c.sponsor_id == sponsor.id, TABLE.c.batch_id == batch.id)
        with self._database.write() as connection:
            if connection.execute(delete(TABLE).where(*where)).rowcount:
                note(connection, "list-taken-back", f"sponsor:{sponsor.name}", asked.by, asked.at_ms, batch=batch.name)

    def lent_to(self, sponsor: Sponsor) -> set[int]:
        """The ids of the lists that the sponsor's people may choose."""
        with self._database.read() as connection:
            return set(connection.scalars(select(TABLE.c.batch_id).where(TABLE.c.sponsor_id == sponsor.id)))
