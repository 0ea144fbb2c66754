"""What can be told of a database whatever its tables mean: where it is, its server, how large, who else is on it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from sqlalchemy import func, select, text

from ivr.adapters.store import schema
from ivr.adapters.store.engine import Database

OLDEST_POSTGRESQL = 13
"""Major version."""
COUNTED = ("contacts", "campaigns", "targets", "attempts", "listens", "suppressions")

_BYTES = {
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
    "postgresql": "SELECT pg_database_size(current_database())",
}
_OTHERS = text(
    "SELECT DISTINCT application_name FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name LIKE 'portevoix%' AND application_name <> current_setting('application_name')"
)


@dataclass(frozen=True, slots=True)
class Server:
    """The program that keeps the database. clock_ahead_ms: of this machine's clock; None when it is the same one."""

    name: str
    version: str
    supported: bool
    clock_ahead_ms: int | None


@dataclass(frozen=True, slots=True)
class Contents:
    """How much is in it. first, last: the ids of the first and the last attempt, None when nobody was called."""

    size_bytes: int
    rows: dict[str, int]
    first: str | None
    last: str | None


def shown_url(database: Database) -> str:
    """The database's URL without password or other secret."""
    url = database.engine.url
    kept = {key: value for key, value in url.query.items() if key in {"host", "port", "sslmode"}}
    return url.set(drivername=url.get_backend_name(), query=kept).render_as_string(hide_password=True)


def server(database: Database) -> Server:
    """Who keeps the database."""
    if database.engine.dialect.name == "sqlite":
        with database.read() as connection:
            told = str(connection.execute(text("SELECT sqlite_version()")).scalar_one())
        return Server("SQLite", told, True, None)
    query = text("SELECT current_setting('server_version'), extract(epoch FROM clock_timestamp())")
    with database.read() as connection:
        connection.execute(text("SELECT 1"))  # the connection is made: what follows takes no time
        before_s = time.time()
        version, now_s = connection.execute(query).one()
        ahead_s = float(now_s) - (before_s + time.time()) / 2
    major = int(version.split(".")[0]) if version.split(".")[0].isdigit() else OLDEST_POSTGRESQL
    return Server("PostgreSQL", version.split()[0], major >= OLDEST_POSTGRESQL, round(ahead_s * 1000))


def contents(database: Database) -> Contents:
    """How much is in it, at one moment. Every row is counted: with ten million of them it takes seconds."""
    ids = schema.attempts.c.id
    with database.read() as connection:
        size = int(connection.execute(text(_BYTES[database.engine.dialect.name])).scalar_one())
        rows = {
            name: int(connection.execute(select(func.count()).select_from(schema.metadata.tables[name])).scalar_one())
            for name in COUNTED
        }
        first, last = (
            connection.execute(select(func.min(ids))).scalar(),
            connection.execute(select(func.max(ids))).scalar(),
        )
    return Contents(size, rows, first, last)


def others(database: Database) -> list[str]:
    """The other processes of Portevoix that are connected, as they call themselves; SQLite does not tell."""
    if database.engine.dialect.name == "sqlite":
        return []
    with database.read() as connection:
        return sorted(connection.execute(_OTHERS).scalars())
