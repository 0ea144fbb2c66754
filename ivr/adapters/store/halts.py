"""The halt of the whole installation: asked in the transactions that claim and that begin dialing."""

from __future__ import annotations

from sqlalchemy import Connection, exists, insert, select, update

from ivr.adapters.store import locks, schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.journal import INSTALLATION, note
from ivr.rules.records import Halt

TABLE = schema.halts
IN_FORCE = TABLE.c.ended_at_ms.is_(None)
_IS_HALTED = select(exists().where(IN_FORCE))
_RELEASE = select(TABLE.c.release_at_ms).where(IN_FORCE).order_by(TABLE.c.id)


class Halts:
    """Every halt there was; at most one is in force."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, halt: Halt) -> Halt:
        """A halt is in force, committed: this one, or the one that was already. Returns it."""
        with self._database.write() as connection:
            locks.changing_answers(connection)
            there = _in_force(connection)
            if there is None:
                values = {"at_ms": halt.since_ms, "halted_by": halt.by, "reason": halt.reason}
                connection.execute(insert(TABLE).values(**values))
                note(connection, "halted", INSTALLATION, halt.by, halt.since_ms, reason=halt.reason)
            return there or halt

    def end(self, by: str, at_ms: int) -> Halt | None:
        """No halt is in force, committed. Returns the one that was, None if there was none."""
        with self._database.write() as connection:
            locks.changing_answers(connection)
            there = _in_force(connection)
            connection.execute(update(TABLE).where(IN_FORCE).values(ended_at_ms=at_ms, ended_by=by))
            if there is not None:
                note(connection, "unhalted", INSTALLATION, by, at_ms)
            return there

    def release_calls(self, at_ms: int) -> None:
        """Calls sent before that instant are to be ended at once, with the notice, as part of the halt in force."""
        with self._database.write() as connection:
            connection.execute(update(TABLE).where(IN_FORCE).values(release_at_ms=at_ms))

    def release_at_ms(self) -> int | None:
        """Calls sent before then are to be ended at once; None when no halt in force asks for it."""
        with self._database.read() as connection:
            return release_at_ms(connection)

    def in_force(self) -> Halt | None:
        """The halt that is in force, None if calls may leave."""
        with self._database.read() as connection:
            return _in_force(connection)


def is_halted(connection: Connection) -> bool:
    """Whether a halt is in force in this transaction."""
    return bool(connection.execute(_IS_HALTED).scalar())


def release_at_ms(connection: Connection) -> int | None:
    """Calls sent before then are to be ended at once, as it stands in this transaction."""
    return connection.execute(_RELEASE).scalar()


def _in_force(connection: Connection) -> Halt | None:
    query = select(TABLE.c.at_ms, TABLE.c.halted_by, TABLE.c.reason).where(IN_FORCE).order_by(TABLE.c.id)
    row = connection.execute(query).first()
    return None if row is None else Halt(*row)
