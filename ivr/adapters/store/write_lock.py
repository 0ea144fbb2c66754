"""SQLite's write lock: had within a moment of its being free, in turn, by every process that wants it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection

STEP_S = 0.001
"""SQLite's own waiting goes up to 100 ms a step: a commit before Originate would last as long as many calls take."""
COURTESY_S = 0.25
"""Nobody waits longer than this for a turn: the one whose it is may have been suspended. The lock is SQLite's alone."""


class WriteLock:
    """Begins the transactions that write to one SQLite file."""

    def __init__(self, database: str | None, busy_timeout_s: float) -> None:
        is_file = database and database != ":memory:" and not database.startswith("file:")
        self._turn = f"{database}-turn" if is_file else None
        self._busy_timeout_s = busy_timeout_s

    def begin(self, connection: Connection) -> None:
        """The connection is in a transaction that holds the write lock; OperationalError when not to be had in time.

        Whoever waits holds the turn, and who comes back for another transaction waits for it like everybody else:
        without it a process that writes one batch after the other would hardly ever let the dialer in.
        """
        raw: Any = connection.connection.dbapi_connection
        limit_s = time.monotonic() + self._busy_timeout_s
        with _turn_of(self._turn, limit_s):
            raw.execute("PRAGMA busy_timeout = 0")
            try:
                _wait_while(lambda: _is_locked(raw), limit_s)
                if not raw.in_transaction:
                    connection.exec_driver_sql("BEGIN IMMEDIATE")  # the last try says why not, in SQLAlchemy's words
            finally:
                raw.execute(f"PRAGMA busy_timeout = {int(self._busy_timeout_s * 1000)}")


@contextmanager
def _turn_of(path: str | None, limit_s: float) -> Iterator[None]:
    try:
        file = -1 if path is None else os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:  # a full disk, a folder of another user: then without turns
        file = -1
    if file < 0:
        yield
        return
    try:
        _wait_while(lambda: _is_anothers_turn(file), min(limit_s, time.monotonic() + COURTESY_S))
        yield
    finally:
        os.close(file)  # gives the turn on


def _wait_while(true: Callable[[], bool], limit_s: float) -> None:
    while true() and time.monotonic() < limit_s:
        time.sleep(STEP_S)


def _is_anothers_turn(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks of files
        return False
    return False


def _is_locked(raw: Any) -> bool:
    """True while another writer holds the lock; else it is ours, or something is wrong that waiting does not mend."""
    try:
        raw.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
    except sqlite3.DatabaseError:
        return False
    return False
