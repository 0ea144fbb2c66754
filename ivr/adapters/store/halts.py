"""The halt of the whole installation: asked in the transactions that claim and that begin dialing."""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, exists, insert, select, update

from ivr.adapters.store import schema
from ivr.adapters.store.engine import Database
from ivr.rules.records import Halt

TABLE = schema.halts
IN_FORCE = TABLE.c.ended_at_ms.is_(None)
HALTED: ColumnElement[bool] = exists().where(IN_FORCE).label("halted")
"""Whether a halt is in force, as a column of a query that asks for something else too: it costs no round trip."""


class Halts:
    """Every halt there was; at most one is in force."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, halt: Halt) -> Halt:
        """A halt is in force, committed: this one, or the one that was already. Returns it."""
        with self._database.write() as connection:
            there = _in_force(connection)
            if there is None:
                values = {"at_ms": halt.since_ms, "halted_by": halt.by, "reason": halt.reason}
                connection.execute(insert(TABLE).values(**values))
            return there or halt

    def end(self, by: str, at_ms: int) -> Halt | None:
        """No halt is in force, committed. Returns the one that was, None if there was none."""
        with self._database.write() as connection:
            there = _in_force(connection)
            connection.execute(update(TABLE).where(IN_FORCE).values(ended_at_ms=at_ms, ended_by=by))
            return there

    def in_force(self) -> Halt | None:
        """The halt that is in force, None if calls may leave."""
        with self._database.read() as connection:
            return _in_force(connection)


def is_halted(connection: Connection) -> bool:
    """Whether a halt is in force in this transaction."""
    return bool(connection.execute(select(HALTED)).scalar())


def _in_force(connection: Connection) -> Halt | None:
    query = select(TABLE.c.at_ms, TABLE.c.halted_by, TABLE.c.reason).where(IN_FORCE).order_by(TABLE.c.id)
    row = connection.execute(query).first()
    return None if row is None else Halt(*row)
