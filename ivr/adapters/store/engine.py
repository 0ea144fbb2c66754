"""Opening the database: SQLite with the settings that keep a committed `dialing` through a power cut, or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ivr.adapters.store.write_lock import WriteLock
from ivr.errors import BadSetting, Permanent, StoreBusy

MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """An engine whose `write()` takes the write lock at once and whose `read()` never blocks a writer."""

    def __init__(self, url: str, busy_timeout_s: float = 10.0) -> None:
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise BadSetting(
                "setting database.url is not a database URL; an example is sqlite:////srv/ivr.db"
            ) from None
        self.url = url
        if parsed.get_backend_name() == "sqlite":
            if parsed.database and parsed.database != ":memory:":
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            self.engine = create_engine(url, connect_args={"timeout": busy_timeout_s}, hide_parameters=True)
            _tune_sqlite(self.engine, busy_timeout_s)
        elif parsed.get_backend_name() == "postgresql":
            try:
                self.engine = create_engine(url, pool_pre_ping=True, hide_parameters=True)
            except (ImportError, NoSuchModuleError) as error:
                raise BadSetting(f"setting database.url: its driver is not installed ({error})") from None
        else:
            raise BadSetting(
                f"setting database.url: {parsed.get_backend_name()} is not supported; use sqlite or postgresql"
            )

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction that commits at the end of the block; StoreBusy when the lock cannot be had in time."""
        try:
            with self.engine.connect() as connection, connection.execution_options(ivr_write=True).begin():
                yield connection
        except (DatabaseError, PoolTimeout) as error:
            raise _translate(error) from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A transaction that sees one moment of the database and changes nothing."""
        try:
            with self.engine.connect() as connection:
                yield connection
        except (DatabaseError, PoolTimeout) as error:
            raise _translate(error) from error

    def migrate(self) -> None:
        """The tables are those of this version; what was in them is kept. Permanent if a later version made them."""
        try:
            command.upgrade(_alembic(self.url), "head")
        except CommandError as error:
            raise Permanent(f"the database was made by another version of Portevoix: {error}") from None

    def is_current(self) -> bool:
        """True when no migration is missing."""
        head = ScriptDirectory.from_config(_alembic(self.url)).get_current_head()
        with self.read() as connection:
            return MigrationContext.configure(connection).get_current_revision() == head

    def close(self) -> None:
        """No connection is left open."""
        self.engine.dispose()


def is_there(url: str) -> bool:
    """Whether there is a database to open: False only for an SQLite file that nobody has made yet."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        return True  # opening it says what is wrong
    return parsed.get_backend_name() != "sqlite" or not parsed.database or Path(parsed.database).is_file()


def _translate(error: DatabaseError | PoolTimeout) -> Exception:
    """What the database cannot do now is Temporary; what it never will, Permanent; a broken constraint is our bug."""
    if isinstance(error, PoolTimeout):
        return StoreBusy("the database has no free connection")
    text = str(error.orig)
    if "not a database" in text or "malformed" in text:
        return Permanent(f"the database is damaged or is none (setting database.url): {text}")
    if not isinstance(error, OperationalError):
        return error
    if "locked" in text or "busy" in text:
        return StoreBusy(f"the database stayed locked: {text}")
    if "disk is full" in text or "disk I/O" in text:
        return StoreBusy(f"the database cannot be written: {text}; free some disk space")
    return StoreBusy(f"the database cannot be used now: {text}")


def _alembic(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%"))
    return config


def _tune_sqlite(engine: Engine, busy_timeout_s: float) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # we say BEGIN ourselves
        cursor = dbapi.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout_s * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # NORMAL may lose the last commits of `dialing` in a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    lock = WriteLock(engine.url.database, busy_timeout_s)

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        if connection.get_execution_options().get("ivr_write", False):
            lock.begin(connection)
        else:
            connection.exec_driver_sql("BEGIN")
