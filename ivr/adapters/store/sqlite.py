"""SQLite, with the settings that keep a committed `dialing` through a power cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError, OperationalError

from ivr.adapters.store import places
from ivr.adapters.store.write_lock import WriteLock
from ivr.errors import Permanent, StoreBusy
from ivr.rules import versions


def open_engine(url: URL, busy_timeout_s: float) -> Engine:
    """An engine whose writing transactions hold the write lock from their first word."""
    pool = {}
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        pool = {"pool_use_lifo": True}  # the connection used last: what it has cached is the freshest
    engine = create_engine(url, connect_args={"timeout": busy_timeout_s}, hide_parameters=True, **pool)
    _tune(engine, busy_timeout_s)
    return engine


def begin_read(connection: Connection) -> None:
    """There is nothing to say to it."""


def explain(error: DBAPIError) -> Exception:
    """What the database cannot do now is Temporary; what it never will, Permanent; a broken constraint is our bug."""
    text = str(error.orig)
    if "not a database" in text or "malformed" in text:
        return Permanent(f"the database is damaged or is none (setting database.url): {text}")
    if not isinstance(error, OperationalError):
        return error
    if "locked" in text or "busy" in text:
        return StoreBusy(f"the database stayed locked: {text}")
    if "disk is full" in text or "disk I/O" in text:
        return StoreBusy(f"the database cannot be written: {text}; free some disk space")
    if "no such table" in text or "no such column" in text:
        return StoreBusy(f"the database is not that of this version ({text}): `ivr db migrate` makes it so")
    return StoreBusy(f"the database cannot be used now: {text}")


def _tune(engine: Engine, busy_timeout_s: float) -> None:
    @event.listens_for(engine, "connect")
    def _on_connect(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # we say BEGIN ourselves
        cursor = dbapi.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(busy_timeout_s * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")  # NORMAL may lose the last commits of `dialing` in a power cut
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute("PRAGMA secure_delete = ON")  # what is deleted of people is not left in the file
        cursor.close()
        dbapi.create_function(places.NAME, 2, versions.place, deterministic=True)

    lock = WriteLock(engine.url.database, busy_timeout_s)

    @event.listens_for(engine, "begin")
    def _on_begin(connection: Connection) -> None:
        if connection.get_execution_options().get("ivr_write", False):
            lock.begin(connection)
        else:
            connection.exec_driver_sql("BEGIN")
