"""Limits that an engineer changed while everything runs, in place of those of the settings."""

from __future__ import annotations

from sqlalchemy import Connection, delete, insert, select

from ivr.adapters.store import locks, schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.journal import note
from ivr.rules.records import Override

TABLE = schema.limits
_ALL = select(TABLE)


class Limits:
    """By scope: `trunk:NAME`, `pbx:NAME`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> dict[str, Override]:
        """Every limit that is not as in the settings, by scope."""
        with self._database.read() as connection:
            return every(connection)

    def set(self, override: Override) -> None:
        """That holds from now on for its scope; with neither a rate nor channels the settings hold again."""
        values = {name: getattr(override, name) for name in Override.__slots__}
        with self._database.write() as connection:
            locks.naming(connection)
            connection.execute(delete(TABLE).where(TABLE.c.scope == override.scope))
            if override.rate_cps is not None or override.channels is not None:
                connection.execute(insert(TABLE).values(**values))
            now = {"rate_cps": override.rate_cps, "channels": override.channels}
            note(connection, "limit-changed", override.scope, override.changed_by, override.changed_at_ms, **now)


def every(connection: Connection) -> dict[str, Override]:
    """The same, as it stands in this transaction."""
    return {row.scope: Override(*row) for row in connection.execute(_ALL)}
