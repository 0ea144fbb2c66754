"""Numbers that must not be reached, kept as keyed HMACs: the list can be asked, not read."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select
from sqlalchemy.exc import IntegrityError

from ivr.adapters.store import locks, schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.lookups import rows_among

TABLE = schema.suppressions
PLATFORM = "platform"

_CALLED = (
    select(schema.attempts.c.id, schema.contacts.c.number, schema.campaigns.c.sponsor_id)
    .select_from(schema.attempts.join(schema.targets).join(schema.contacts))
    .join(schema.campaigns, schema.campaigns.c.id == schema.attempts.c.campaign_id)
)
_IN_FORCE = select(TABLE.c.number_hmac, TABLE.c.scope)
_IN_SCOPES = _IN_FORCE.where(TABLE.c.scope.in_(bindparam("the_scopes", expanding=True)))


def sponsor_scope(sponsor_id: int) -> str:
    """The scope of a stop asked of one sponsor."""
    return f"sponsor:{sponsor_id}"


def load_key(path: Path) -> bytes:
    """The installation's HMAC key, made at first use, readable by its owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    if not path.exists():
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
        try:
            os.link(temporary, path)  # two first uses at once: the first one's key stands for both
        except FileExistsError:
            pass
        finally:
            temporary.unlink()
    return path.read_bytes()


class Suppressions:
    """The suppression list."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._key = key

    def fingerprint(self, number: str) -> str:
        """The keyed HMAC under which a number (E.164) is kept."""
        return hmac.new(self._key, number.encode(), hashlib.sha256).hexdigest()

    def stop_attempt(self, attempt: str, at_ms: int) -> str | None:
        """The number that `attempt` called is suppressed for its sponsor, committed. Returns it; None if unknown."""
        return self.stop_attempts([(attempt, at_ms)]).get(attempt)

    def stop_attempts(self, stops: Sequence[tuple[str, int]]) -> dict[str, str]:
        """The numbers of those attempts (with their instants) are suppressed for their sponsors, committed together.

        Returns the numbers by attempt, those that are known. Stopping again changes nothing.
        """
        if not stops:
            return {}
        with self._database.write() as connection:
            locks.changing_answers(connection)
            called = {row.id: row for row in rows_among(connection, _CALLED, schema.attempts.c.id, dict(stops))}
            rows: dict[tuple[str, str], dict[str, Any]] = {}
            for attempt, at_ms in stops:
                if attempt in called:
                    row = self._row(called[attempt].number, sponsor_scope(called[attempt].sponsor_id), "key 9", at_ms)
                    rows.setdefault((row["number_hmac"], row["scope"]), row | {"attempt_id": attempt})
            self._insert_fresh(connection, rows)
            return {attempt: str(row.number) for attempt, row in called.items()}

    def add(self, number: str, scope: str, reason: str, at_ms: int) -> None:
        """The number is suppressed in that scope, committed; asking twice changes nothing."""
        row = self._row(number, scope, reason, at_ms)
        with self._database.write() as connection:
            locks.changing_answers(connection)
            self._insert_fresh(connection, {(row["number_hmac"], scope): row})

    def blocked(self, connection: Connection, calls: Iterable[tuple[str, int]]) -> set[tuple[str, int]]:
        """Of these (number, sponsor), those that may not be called, as of this transaction."""
        asked = set(calls)
        call_of = {(self.fingerprint(number), sponsor_id): (number, sponsor_id) for number, sponsor_id in asked}
        scopes = {sponsor_scope(sponsor_id): sponsor_id for _, sponsor_id in asked}
        fingerprints = {fingerprint for fingerprint, _ in call_of}
        of_scopes = [PLATFORM, *sorted(scopes)]
        found = rows_among(connection, _IN_SCOPES, TABLE.c.number_hmac, fingerprints, the_scopes=of_scopes)
        return {
            call_of[row.number_hmac, sponsor_id]
            for row in found
            for sponsor_id in (scopes.values() if row.scope == PLATFORM else (scopes[row.scope],))
            if (row.number_hmac, sponsor_id) in call_of
        }

    def blocked_among(self, numbers: list[str], sponsor_id: int) -> set[str]:
        """Those of `numbers` that may not be called for that sponsor."""
        with self._database.read() as connection:
            return {number for number, _ in self.blocked(connection, [(number, sponsor_id) for number in numbers])}

    def _row(self, number: str, scope: str, reason: str, at_ms: int) -> dict[str, Any]:
        given = {"scope": scope, "reason": reason, "attempt_id": None, "at_ms": at_ms}
        return {"number_hmac": self.fingerprint(number), **given}

    def _insert_fresh(self, connection: Connection, rows: Mapping[tuple[str, str], Mapping[str, Any]]) -> None:
        """Those rows (by fingerprint and scope) that are not in force yet are."""
        found = rows_among(connection, _IN_FORCE, TABLE.c.number_hmac, (fingerprint for fingerprint, _ in rows))
        known = {(row.number_hmac, row.scope) for row in found}
        for key in rows.keys() - known:
            try:
                with connection.begin_nested():
                    connection.execute(insert(TABLE).values(**rows[key]))
            except IntegrityError:  # somebody else's same stop came first: it is in force
                continue
