"""PostgreSQL (psycopg 3): connections that are durable, that never wait for ever, and that are renewed when lost."""

from __future__ import annotations

import os
import socket
from importlib.metadata import version
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from ivr.errors import BadSetting, Permanent, StoreBusy

DRIVERS = frozenset({"postgresql", "postgres", "postgresql+psycopg"})
POOL, POOL_MORE = 5, 5
"""Connections that a process keeps, and more that it may open: ten processes stay within PostgreSQL's usual 100."""
CONNECT_TIMEOUT_S = 5
IDLE_S = 10
"""A transaction whose process says nothing for so long (suspended, or its machine gone) is ended by the server: others
wait for its locks. SQLite's waits for ever."""
STATEMENT_S = 900
"""What runs longer was forgotten: making the targets of 10 million people takes a few minutes."""
KEEPALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 20_000}
"""A server that vanished without a word is noticed within 25 s, not after TCP's two hours."""

_NO_DATABASE = ('database "', "base de données «")
_WRONG_LOGIN = ("authentication failed", "no password supplied", "pg_hba.conf", "mot de passe", "certificate")
"""What the server says while connecting, in English or French: libpq passes on no code."""
_BUSY = {
    "40001": "another transaction came in between",
    "40P01": "two transactions waited for one another",
    "55P03": "it stayed locked",
    "57014": "a question took too long",
    "25P03": "this process was silent too long within a transaction",
    "53100": "its disk is full: free some space there",
    "53300": "it has no free connection: raise its max_connections, or run fewer workers",
    "25006": "it is read-only: a standby does not take calls' results",
    "42P01": "its tables are not those of this version: `ivr db migrate` makes them so",
    "42703": "its tables are not those of this version: `ivr db migrate` makes them so",
}
"""What it says by SQLSTATE when trying again later is right."""


def open_engine(url: URL, busy_timeout_s: float) -> Engine:
    """An engine on that server; every commit is on its disk when it returns, whatever the server's own setting."""
    if url.drivername not in DRIVERS:
        raise BadSetting(f"setting database.url: its driver is not {url.get_driver_name()}; write postgresql://…")
    settings = {
        "synchronous_commit": "on",
        "lock_timeout": int(busy_timeout_s * 1000),
        "statement_timeout": STATEMENT_S * 1000,
        "idle_in_transaction_session_timeout": IDLE_S * 1000,
    }
    options = " ".join((*_told(url), *(f"-c {name}={value}" for name, value in settings.items())))
    connect: dict[str, Any] = {"application_name": _our_name(), "connect_timeout": CONNECT_TIMEOUT_S, **KEEPALIVE}
    return create_engine(
        url.set(drivername="postgresql+psycopg").difference_update_query(["options"]),
        connect_args={**connect, "options": options},
        pool_size=POOL,
        max_overflow=POOL_MORE,
        pool_timeout=busy_timeout_s,
        pool_pre_ping=True,  # after a restart of the server the first question is already one of the new connection
        hide_parameters=True,
    )


def _our_name() -> str:
    """What the server's list of sessions calls this process: version, machine and process id."""
    return f"portevoix {version('portevoix')} {socket.gethostname()[:30]}/{os.getpid()}"


def begin_read(connection: Connection) -> None:
    """Who only reads may take its time with what was read: it locks nothing that others wait for."""
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")


def _told(url: URL) -> tuple[str, ...]:
    """The URL's own options for the session; ours come after them and win."""
    told = url.query.get("options", ())
    return (told,) if isinstance(told, str) else told


def explain(error: DBAPIError) -> Exception:
    """What the database cannot do now is Temporary; what it never will, Permanent; a broken constraint is our bug."""
    state = error.orig.sqlstate if isinstance(error.orig, psycopg.Error) else None
    text = " ".join(str(error.orig).split())
    if state is None:
        return _without_code(error, text)
    if state in _BUSY:
        return StoreBusy(f"the database could not do it now ({_BUSY[state]}): {text}")
    if state == "42501":
        return Permanent(f"the database forbids it (setting database.url, or GRANT to its user): {text}")
    if state.startswith("XX00"):
        return Permanent(f"the database is damaged: {text}")
    if isinstance(error, OperationalError):
        return StoreBusy(f"the database cannot be used now: {text}")
    return error


def _without_code(error: DBAPIError, text: str) -> Exception:
    """There is no code: libpq passes none on while connecting, nor when the connection is lost, only words."""
    if "invalid connection option" in text:
        return BadSetting(f"setting database.url: {text}")
    if not isinstance(error, OperationalError | InterfaceError):
        return error
    unknown = "FATAL" in text and ("does not exist" in text or "existe pas" in text)  # the database, or the user
    if unknown and any(word in text for word in _NO_DATABASE):
        return BadSetting(f"setting database.url: {text}; create it (`createdb`), or name another")
    if unknown or any(word in text for word in _WRONG_LOGIN):
        return BadSetting(f"setting database.url: {text}; check its user and password, and the server's pg_hba.conf")
    return StoreBusy(f"the database cannot be reached (setting database.url): {text}")
