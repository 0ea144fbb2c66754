"""Refusals of the Gate, sealed in bulk: the journal keeps the hash of each range of them, and how many by rule."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, func, select

from ivr.adapters.store import locks, schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.journal import INSTALLATION, note
from ivr.adapters.store.proofs import journal as JOURNAL
from ivr.rules.chain import read

TABLE = schema.refusals
AT_ONCE = 5000
KIND = "refusals-sealed"
_SEALS = select(JOURNAL.c.body).where(JOURNAL.c.kind == KIND).order_by(JOURNAL.c.seq)


@dataclass
class _Range:
    """What is hashed of the rows after `first`, up to `last`."""

    rows: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    digest: Any = field(default_factory=hashlib.sha256)

    def add(self, row: Row[Any]) -> None:
        self.rows += 1
        self.rules[f"{row.rule} {row.rule_pack}"] += 1
        self.digest.update(("\t".join(str(value) for value in row) + "\n").encode())

    def told(self, after: int, last: int) -> dict[str, Any]:
        sha256 = self.digest.hexdigest()
        return {"after": after, "last": last, "rows": self.rows, "rules": dict(self.rules), "sha256": sha256}


class Refusals:
    """Each is written down when it is made; what is sealed cannot be changed unseen."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def seal(self, by: str, at_ms: int) -> int:
        """Every refusal made so far is covered by the journal. Returns how many that are more than before.

        The rows are read outside the transaction that writes: calls go on meanwhile, however many there are.
        """
        after, last = self._unsealed()
        if last <= after:
            return 0
        told = self._hashed(after, last)
        with self._database.write() as connection:
            locks.chaining(connection)
            if _sealed_to(connection) != after:
                return 0  # somebody else sealed them
            note(connection, KIND, INSTALLATION, by, at_ms, **told)
        return int(told["rows"])

    def broken(self) -> str:
        """Which sealed range is not what it was, with its first and last row; "" when all are."""
        with self._database.read() as connection:
            seals = [said["said"] for body in connection.scalars(_SEALS) if (said := read(body))]
        for seal in seals:
            if self._hashed(seal["after"], seal["last"]) != seal:
                return f"rows {seal['after'] + 1} to {seal['last']}: they are not those that were sealed"
        return ""

    def _unsealed(self) -> tuple[int, int]:
        """What is sealed already, and the last row; nobody who began before is still writing an earlier one."""
        with self._database.write() as connection:
            locks.changing_answers(connection)
            last = connection.execute(select(func.max(TABLE.c.id))).scalar() or 0
            return _sealed_to(connection), int(last)

    def _hashed(self, after: int, last: int) -> dict[str, Any]:
        found = _Range()
        with self._database.read() as connection:
            for row in _rows(connection, after, last):
                found.add(row)
        return found.told(after, last)


def _rows(connection: Connection, after: int, last: int) -> Iterator[Row[Any]]:
    query = select(TABLE).where(TABLE.c.id <= last).order_by(TABLE.c.id).limit(AT_ONCE)
    while rows := connection.execute(query.where(TABLE.c.id > after)).all():
        yield from rows
        after = rows[-1].id


def _sealed_to(connection: Connection) -> int:
    query = select(JOURNAL.c.body).where(JOURNAL.c.kind == KIND).order_by(JOURNAL.c.seq.desc()).limit(1)
    body = read(connection.execute(query).scalar() or "")
    return int(body["said"]["last"]) if body else 0
