"""What PostgreSQL's writers, who work side by side, must not do at the same time, locked by name.

SQLite has one writer: there each of these holds anyhow. Whoever locks does so before the first question, since each
statement sees what was committed when it began. The server queues them fairly: who waits to change holds up those who
ask after him. All end with their transaction.
"""

from __future__ import annotations

from sqlalchemy import Connection, text

_OURS = 0x1F3
"""The first half of each lock's number, so that another program in the same database has others."""
_ANSWERS, _NAMES, _IMPORTS, _TABLES, _PARTS, _CHAINS, _COUNTS, _CALLS = range(1, 9)
_ALONE = text("SELECT pg_advisory_xact_lock(:ours, :which)")
_AT_ONCE = text("SELECT pg_try_advisory_xact_lock(:ours, :which)")
_SHARED = text("SELECT pg_advisory_xact_lock_shared(:ours, :which)")


def asking(connection: Connection) -> None:
    """Until this transaction ends nothing changes that the Gate is asked of: campaigns, stops, halts.

    Without it a call could be let out by a transaction that asked before a stop, and was held up until long after it.
    """
    _lock(connection, _ANSWERS, shared=True)


def changing_answers(connection: Connection) -> None:
    """Nobody is between the Gate's yes and the commit: what is changed now holds for every later question."""
    _lock(connection, _ANSWERS)


def counting(connection: Connection) -> None:
    """Nobody else lets out a call that is counted against others of its sponsor: what is read next is all there are."""
    _lock(connection, _CALLS)


def naming(connection: Connection) -> None:
    """No other transaction gives a name to a campaign, message, sponsor or limit, nor judges a message."""
    _lock(connection, _NAMES)


def importing(connection: Connection) -> None:
    """No other import is under way: the same number is not added by two."""
    _lock(connection, _IMPORTS)


def allotting(connection: Connection) -> None:
    """No other PBX takes or leaves its part of what they share."""
    _lock(connection, _PARTS)


def chaining(connection: Connection) -> None:
    """Nobody else adds to a chain. Taken after every other lock by name: what is added follows what was done."""
    _lock(connection, _CHAINS)


def migrating(connection: Connection) -> None:
    """No other process changes the tables."""
    _lock(connection, _TABLES)


def may_fold(connection: Connection) -> bool:
    """Nobody else brings the counts of targets together, until this transaction ends; False: somebody does."""
    return bool(connection.execute(_AT_ONCE, {"ours": _OURS, "which": _COUNTS}).scalar_one())


def _lock(connection: Connection, which: int, shared: bool = False) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(_SHARED if shared else _ALONE, {"ours": _OURS, "which": which})
