"""Numbers that must not be reached, kept as keyed HMACs: the list can be asked, not read."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select
from sqlalchemy.exc import IntegrityError

from ivr.adapters.files import kept_secret
from ivr.adapters.store import grants, locks, schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.journal import note
from ivr.adapters.store.lookups import rows_among
from ivr.rules.consent import Channel
from ivr.rules.suppression import PLATFORM, Suppression, channels_in, merged, written

TABLE = schema.suppressions
NINE = "key 9"

_CALLED = (
    select(schema.attempts.c.id, schema.contacts.c.number, schema.campaigns.c.sponsor_id)
    .select_from(schema.attempts.join(schema.targets).join(schema.contacts))
    .join(schema.campaigns, schema.campaigns.c.id == schema.attempts.c.campaign_id)
)
_THERE = select(TABLE)
_IN_SCOPES = (
    select(TABLE.c.number_hmac, TABLE.c.scope)
    .where(TABLE.c.scope.in_(bindparam("the_scopes", expanding=True)))
    .where(or_(TABLE.c.channels == "", TABLE.c.channels.like(bindparam("the_channel"))))
    .where(or_(TABLE.c.expires_at_ms.is_(None), TABLE.c.expires_at_ms > bindparam("the_now")))
)


def sponsor_scope(sponsor_id: int) -> str:
    """The scope of a stop asked of one sponsor."""
    return f"sponsor:{sponsor_id}"


def load_key(path: Path) -> bytes:
    """The installation's HMAC key, made at first use, readable by its owner alone."""
    return kept_secret(path, lambda: secrets.token_bytes(32))


class Suppressions:
    """The suppression list."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._key = key

    def fingerprint(self, number: str) -> str:
        """The keyed HMAC under which a number (E.164) is kept."""
        return hmac.new(self._key, number.encode(), hashlib.sha256).hexdigest()

    def stop_attempt(self, attempt: str, at_ms: int, of_all: bool = False) -> str | None:
        """The number that `attempt` called is suppressed for its sponsor, committed. Returns it; None if unknown.

        of_all: for everybody.
        """
        return self.stop_attempts([(attempt, at_ms)], {attempt} if of_all else ()).get(attempt)

    def stop_attempts(self, stops: Sequence[tuple[str, int]], of_all: Container[str] = ()) -> dict[str, str]:
        """The numbers of those attempts (with their instants) are suppressed for their sponsors, committed together.

        Who has told two sponsors to stop, or all of them in one of the calls `of_all`, is reached by nobody any more.
        Returns the numbers by attempt, those that are known. Stopping again changes nothing.
        """
        if not stops:
            return {}
        with self._database.write() as connection:
            locks.changing_answers(connection)
            called = {row.id: row for row in rows_among(connection, _CALLED, schema.attempts.c.id, dict(stops))}
            asked = [
                self._asked(called[attempt].number, sponsor_scope(called[attempt].sponsor_id), NINE, at_ms, attempt)
                for attempt, at_ms in stops
                if attempt in called
            ]
            self._widen(connection, asked, self._put(connection, asked), of_all)
            return {attempt: str(row.number) for attempt, row in called.items()}

    def add(
        self, number: str, scope: str, reason: str, at_ms: int, channels: Sequence[Channel] = (), evidence: str = ""
    ) -> None:
        """The number is suppressed in that scope, committed, by those channels or by all.

        What was suppressed there before stays so; asking twice changes nothing.
        """
        with self._database.write() as connection:
            locks.changing_answers(connection)
            self.put(connection, number, scope, reason, at_ms, channels=channels, evidence=evidence)

    def put(self, connection: Connection, number: str, scope: str, reason: str, at_ms: int, **said: Any) -> None:
        """As `add`, in a transaction that holds `locks.changing_answers`. said: channels, evidence, expires_at_ms."""
        asked = self._asked(number, scope, reason, at_ms)
        self._put(connection, [asked | said | {"channels": written(said.get("channels", ()))}])

    def lift(self, number: str, scope: str, by: str, at_ms: int, because: str) -> bool:
        """The number is not suppressed in that scope any more; the journal has who and why. False: it was not.

        Only the person's own new consent is a reason (usecases/consenting.py); nothing else calls this.
        """
        fingerprint = self.fingerprint(number)
        with self._database.write() as connection:
            locks.changing_answers(connection)
            where = (TABLE.c.number_hmac == fingerprint, TABLE.c.scope == scope)
            there = connection.execute(_THERE.where(*where)).mappings().first()
            if there is None:
                return False
            connection.execute(delete(TABLE).where(*where))
            self._end_older(connection, number, scope, at_ms=there["at_ms"], now_ms=at_ms)
            was = {"reason": there["reason"], "since_ms": there["at_ms"], "number_hmac": fingerprint}
            note(connection, "stop-lifted", scope, by, at_ms, because=because, **was)
            return True

    def of_number(self, number: str) -> list[Suppression]:
        """Every suppression of that number, oldest first."""
        query = _THERE.where(TABLE.c.number_hmac == self.fingerprint(number)).order_by(TABLE.c.at_ms)
        with self._database.read() as connection:
            return [_suppression(row) for row in connection.execute(query).mappings()]

    def blocked(
        self,
        connection: Connection,
        calls: Iterable[tuple[str, int]],
        channel: Channel = Channel.AUTOMATED_VOICE,
    ) -> set[tuple[str, int]]:
        """Of these (number, sponsor), those that may not be reached by that channel, as of this transaction."""
        asked = set(calls)
        call_of = {(self.fingerprint(number), sponsor_id): (number, sponsor_id) for number, sponsor_id in asked}
        scopes = {sponsor_scope(sponsor_id): sponsor_id for _, sponsor_id in asked}
        fingerprints = {fingerprint for fingerprint, _ in call_of}
        asks = {
            "the_scopes": [PLATFORM, *sorted(scopes)],
            "the_channel": f"% {channel} %",
            "the_now": int(time.time() * 1000),
        }
        found = rows_among(connection, _IN_SCOPES, TABLE.c.number_hmac, fingerprints, **asks)
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

    def _end_older(self, connection: Connection, number: str, scope: str, at_ms: int, now_ms: int) -> None:
        """What was agreed to with that sponsor before the stop does not come back with the stop's end."""
        contact_ids = list(connection.scalars(select(schema.contacts.c.id).where(schema.contacts.c.number == number)))
        grants.revoke(connection, contact_ids, now_ms, int(scope.partition(":")[2]), given_until_ms=at_ms)

    def _asked(self, number: str, scope: str, reason: str, at_ms: int, attempt: str | None = None) -> dict[str, Any]:
        given = {"scope": scope, "reason": reason, "attempt_id": attempt, "at_ms": at_ms}
        more = {"channels": "", "evidence": "", "expires_at_ms": None}
        return {"number_hmac": self.fingerprint(number), **given, **more}

    def _widen(
        self,
        connection: Connection,
        asked: Sequence[Mapping[str, Any]],
        there: Mapping[tuple[str, str], Suppression],
        of_all: Container[str],
    ) -> None:
        """Of those who just pressed 9, whoever has pressed it twice in a call, or in calls of two sponsors: for all."""
        pressed = Counter(number for (number, _), one in there.items() if one.reason == NINE)
        whole = {number for (number, scope), one in there.items() if scope == PLATFORM and one.covers_all}
        twice = [one for one in asked if pressed[one["number_hmac"]] > 1 or one["attempt_id"] in of_all]
        twice = [one for one in twice if one["number_hmac"] not in whole]
        if twice:
            self._put(connection, [dict(one) | {"scope": PLATFORM} for one in twice])

    def _put(self, connection: Connection, asked: Sequence[Mapping[str, Any]]) -> dict[tuple[str, str], Suppression]:
        """Those suppressions are in force: new ones as they are; one that is there already never becomes less.

        Returns, by number's HMAC and scope, all that there are of these numbers.
        """
        found = rows_among(connection, _THERE, TABLE.c.number_hmac, (one["number_hmac"] for one in asked))
        there = {(row.number_hmac, row.scope): _suppression(row._mapping) for row in found}
        for one in asked:
            key = (one["number_hmac"], one["scope"])
            if key not in there and self._is_new(connection, one):
                there[key] = _suppression(one)
                continue
            there[key] = self._extend(connection, key, there.get(key), _suppression(one))
        return there

    def _is_new(self, connection: Connection, one: Mapping[str, Any]) -> bool:
        try:
            with connection.begin_nested():
                connection.execute(insert(TABLE).values(**one))
        except IntegrityError:  # somebody else's same stop came first
            return False
        return True

    def _extend(
        self, connection: Connection, key: tuple[str, str], there: Suppression | None, more: Suppression
    ) -> Suppression:
        where = (TABLE.c.number_hmac == key[0], TABLE.c.scope == key[1])
        if there is None:
            there = _suppression(connection.execute(_THERE.where(*where)).mappings().one())
        both = merged(there, more)
        if both != there:
            values = {"channels": written(both.channels), "expires_at_ms": both.expires_at_ms}
            connection.execute(TABLE.update().where(*where).values(**values))
        return both


def _suppression(row: Mapping[Any, Any]) -> Suppression:
    names = ("scope", "reason", "at_ms", "evidence", "expires_at_ms")
    return Suppression(**{name: row[name] for name in names}, channels=channels_in(row["channels"]))
