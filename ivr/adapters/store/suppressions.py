"""Numbers that must not be reached, kept as keyed HMACs: the list can be asked, not read."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from sqlalchemy import Connection, insert, select
from sqlalchemy.exc import IntegrityError

from ivr.adapters.store import schema
from ivr.adapters.store.engine import Database

PLATFORM = "platform"


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
        with self._database.write() as connection:
            row = connection.execute(
                select(schema.contacts.c.number, schema.campaigns.c.sponsor_id)
                .select_from(schema.attempts.join(schema.targets).join(schema.contacts))
                .join(schema.campaigns, schema.campaigns.c.id == schema.attempts.c.campaign_id)
                .where(schema.attempts.c.id == attempt)
            ).first()
            if row is None:
                return None
            scope = sponsor_scope(row.sponsor_id)
            if not self.covers(connection, row.number, scope):
                self._insert(connection, row.number, scope, "key 9", attempt, at_ms)
            return str(row.number)

    def add(self, number: str, scope: str, reason: str, at_ms: int) -> None:
        """The number is suppressed in that scope, committed; asking twice changes nothing."""
        with self._database.write() as connection:
            if not self.covers(connection, number, scope):
                self._insert(connection, number, scope, reason, None, at_ms)

    def covers(self, connection: Connection, number: str, scope: str) -> bool:
        """True when the number is suppressed in exactly that scope."""
        table = schema.suppressions
        query = select(table.c.id).where(table.c.number_hmac == self.fingerprint(number), table.c.scope == scope)
        return connection.execute(query).first() is not None

    def blocks(self, connection: Connection, number: str, sponsor_id: int) -> bool:
        """True when the number may not be called for that sponsor."""
        table = schema.suppressions
        scopes = (PLATFORM, sponsor_scope(sponsor_id))
        query = select(table.c.id).where(table.c.number_hmac == self.fingerprint(number), table.c.scope.in_(scopes))
        return connection.execute(query).first() is not None

    def blocked_among(self, numbers: list[str], sponsor_id: int) -> set[str]:
        """Those of `numbers` that may not be called for that sponsor."""
        with self._database.read() as connection:
            return {number for number in numbers if self.blocks(connection, number, sponsor_id)}

    def _insert(
        self, connection: Connection, number: str, scope: str, reason: str, attempt: str | None, at_ms: int
    ) -> None:
        values = {
            "number_hmac": self.fingerprint(number),
            "scope": scope,
            "reason": reason,
            "attempt_id": attempt,
            "at_ms": at_ms,
        }
        try:
            with connection.begin_nested():
                connection.execute(insert(schema.suppressions).values(**values))
        except IntegrityError:  # somebody else's same stop came first: it is in force
            return
