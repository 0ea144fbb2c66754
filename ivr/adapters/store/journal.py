"""The journal: who decided, approved, started, stopped and changed what, in a chain of hashes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from ivr.adapters.store.chained import Chained, link_columns
from ivr.adapters.store.engine import Database
from ivr.adapters.store.proofs import journal as TABLE
from ivr.rules.chain import Break, Head, Link, read

ITSELF = "portevoix"
"""Who does what nobody asked for at that moment: a campaign is finished, data is due for deletion."""
INSTALLATION = "installation"
_CHAIN = Chained(TABLE)


class Journal:
    """What is written down is never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, kind: str, subject: str, by: str, at_ms: int, **said: Any) -> None:
        """One entry, committed."""
        with self._database.write() as connection:
            note(connection, kind, subject, by, at_ms, **said)

    def entries(self, *subjects: str) -> list[dict[str, Any]]:
        """All that is said, oldest first, each with `seq`; of those subjects alone if any are named."""
        return self._said(*([TABLE.c.subject.in_(subjects)] if subjects else []))

    def of_kinds(self, *kinds: str) -> list[dict[str, Any]]:
        """As `entries`, of those kinds alone, whatever they are about: nothing else is read."""
        return self._said(TABLE.c.kind.in_(kinds))

    def links(self, *subjects: str) -> list[Link]:
        """The entries about those subjects as they are sealed: each can be checked by itself."""
        with self._database.read() as connection:
            query = select(*link_columns(TABLE)).where(TABLE.c.subject.in_(subjects)).order_by(TABLE.c.seq)
            return [Link(*row) for row in connection.execute(query)]

    def verify(self, expected: Head | None = None) -> tuple[Head, Break | None]:
        """Its head, and the first entry that is not what was written."""
        with self._database.read() as connection:
            return _CHAIN.verify(connection, expected)

    def _said(self, *where: ColumnElement[bool]) -> list[dict[str, Any]]:
        query = select(TABLE.c.seq, TABLE.c.body).where(*where).order_by(TABLE.c.seq)
        with self._database.read() as connection:
            return [{"seq": row.seq} | (read(row.body) or {}) for row in connection.execute(query)]


def note(connection: Connection, kind: str, subject: str, by: str, at_ms: int, **said: Any) -> None:
    """One entry, in the transaction of what it tells of: neither is without the other.

    subject: what it is about, as `campaign:NAME`. No number of a person's is ever said.
    """
    _CHAIN.append(connection, [{"kind": kind, "subject": subject, "by": by, "at_ms": at_ms, "said": said}])
