"""Consents and their withdrawals, in a chain of hashes; numbers are kept as keyed HMACs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from ivr.adapters.store import grants, locks, schema
from ivr.adapters.store.chained import Chained, link_columns
from ivr.adapters.store.engine import Database
from ivr.adapters.store.lookups import rows_among
from ivr.adapters.store.proofs import consent_events as TABLE
from ivr.adapters.store.proofs import purpose_grants as GRANTS
from ivr.adapters.store.suppressions import Suppressions, sponsor_scope
from ivr.rules.chain import Break, Head, Link, canonical, read
from ivr.rules.consent import Basis, Channel, Consent, Grant, end_ms, permitted, weaknesses

_NUMBER = schema.contacts.c.number
GIVEN, WITHDRAWN = "given", "withdrawn"
_CHAIN = Chained(TABLE)
_CONTACTS = select(schema.contacts.c.id, schema.contacts.c.number)
_CONTACT = select(schema.contacts.c.id).where(schema.contacts.c.number == bindparam("the_number"))
_EVENTS = select(TABLE.c.seq, TABLE.c.kind, TABLE.c.body, TABLE.c.hash).order_by(TABLE.c.seq)
_WITHDRAWN = select(TABLE.c.number_hmac, TABLE.c.sponsor_id, TABLE.c.body).where(TABLE.c.kind == WITHDRAWN)
_PROOFS = select(TABLE.c.proof)
_RESTS_ON = (
    select(GRANTS.c.basis_ref)
    .distinct()
    .join(schema.targets, schema.targets.c.contact_id == GRANTS.c.contact_id)
    .where(schema.targets.c.campaign_id == bindparam("the_campaign"), GRANTS.c.sponsor_id == bindparam("the_sponsor"))
    .where(GRANTS.c.basis == Basis.CONSENT.value)
    .order_by(GRANTS.c.basis_ref)
    .limit(bindparam("most"))
)


@dataclass(frozen=True, slots=True)
class Given:
    """A consent of a number (E.164) as it is to be recorded, in favour of a sponsor."""

    number: str
    line_type: str
    sponsor_id: int
    sponsor: str
    consent: Consent


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of one. weak: what is missing. channels: those it opened. known: it was recorded before."""

    weak: tuple[str, ...] = ()
    channels: tuple[Channel, ...] = ()
    known: bool = False
    withdrawn: bool = False


class Consents:
    """What people agreed to, and took back."""

    def __init__(self, database: Database, suppressions: Suppressions) -> None:
        self._database = database
        self._suppressions = suppressions

    def record(self, given: Sequence[Given], by: str, now_ms: int) -> list[Recorded]:
        """Each is an event of the chain with the grants that follow from it, committed together.

        The same consent recorded again changes nothing, whatever became of it since; one that was given before the
        person took it back opens no channel, and a stop stands above every grant.
        """
        with self._database.write() as connection:
            locks.importing(connection)  # contacts are added
            locks.changing_answers(connection)
            return self._record(connection, given, by, now_ms)

    def withdraw(self, number: str, sponsor_id: int, channels: Sequence[Channel], how: str, by: str, at_ms: int) -> int:
        """What the person agreed to with that sponsor ends, for those channels or, none named, for all of them.

        The number is suppressed there as well: no other list of that sponsor reaches it. Returns how many grants ended.
        """
        body = {
            "kind": WITHDRAWN, "at_ms": at_ms, "number_hmac": self._suppressions.fingerprint(number),
            "sponsor_id": sponsor_id, "channels": sorted(channels), "how": how, "by": by,
        }  # fmt: skip
        with self._database.write() as connection:
            locks.changing_answers(connection)
            contact_ids = list(connection.scalars(_CONTACT, {"the_number": number}))
            ended = grants.revoke(connection, contact_ids, at_ms, sponsor_id, channels)
            said = {"channels": channels, "evidence": how}
            self._suppressions.put(connection, number, sponsor_scope(sponsor_id), "withdrawal", at_ms, **said)
            _CHAIN.append(connection, [body | {"proof": _digest(body)}])
            return ended

    def of_number(self, number: str) -> list[dict[str, Any]]:
        """Every event of that number, oldest first, each with its place and hash in the chain."""
        query = _EVENTS.where(TABLE.c.number_hmac == self._suppressions.fingerprint(number))
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [{"seq": row.seq, "hash": row.hash} | (read(row.body) or {}) for row in rows]

    def sample(self, campaign_id: int, sponsor_id: int, most: int, also: Iterable[str] = ()) -> list[Link]:
        """The consents on which the permissions of some of the campaign's targets rest, as they are sealed.

        also: what other permissions rest on, as they name it.
        """
        with self._database.read() as connection:
            asked = {"the_campaign": campaign_id, "the_sponsor": sponsor_id, "most": most}
            refs = {ref.partition(":")[2] for ref in (*connection.scalars(_RESTS_ON, asked), *also)}
            query = select(*link_columns(TABLE))
            rows = rows_among(connection, query, TABLE.c.proof, refs)
            return sorted((Link(row.seq, row.body, row.prev_hash, row.hash) for row in rows), key=_place)

    def verify(self, expected: Head | None = None) -> tuple[Head, Break | None]:
        """The chain's head, and the first event that is not what was written."""
        with self._database.read() as connection:
            return _CHAIN.verify(connection, expected)

    def _record(self, connection: Connection, given: Sequence[Given], by: str, now_ms: int) -> list[Recorded]:
        bodies = [self._body(one, by, now_ms) for one in given]
        known = {row.proof for row in rows_among(connection, _PROOFS, TABLE.c.proof, (b["proof"] for b in bodies))}
        withdrawn = self._withdrawals(connection, {body["number_hmac"] for body in bodies})
        contact_ids = _contact_ids(connection, given, now_ms)
        fresh: dict[str, dict[str, Any]] = {}
        done, opened = [], []
        for one, body in zip(given, bodies, strict=True):
            if body["proof"] in known | fresh.keys():
                done.append(Recorded(tuple(body["weak"]), known=True))
                continue
            fresh[body["proof"]] = body
            taken_back = withdrawn.get((body["number_hmac"], one.sponsor_id), {})
            channels = permitted(one.consent, bool(body["weak"]))
            kept = tuple(channel for channel in channels if not _later(taken_back, channel, one.consent))
            done.append(Recorded(tuple(body["weak"]), kept, withdrawn=kept != channels))
            opened.append((contact_ids[one.number], one, kept, body["proof"]))
        _CHAIN.append(connection, list(fresh.values()))
        grants.give(connection, [grant for group in opened for grant in _grants(*group)])
        return done

    def _body(self, one: Given, by: str, now_ms: int) -> dict[str, Any]:
        said: dict[str, Any] = {
            "kind": GIVEN, "number_hmac": self._suppressions.fingerprint(one.number), "sponsor_id": one.sponsor_id,
            "consent": one.consent.body(),
        }  # fmt: skip
        weak = list(weaknesses(one.consent, one.sponsor, now_ms))
        return said | {"proof": _digest(said), "at_ms": now_ms, "by": by, "weak": weak}

    def _withdrawals(self, connection: Connection, hmacs: Iterable[str]) -> dict[tuple[str, int], dict[str, int]]:
        """By number and sponsor, when each channel was taken back last; "": all of them."""
        found: dict[tuple[str, int], dict[str, int]] = {}
        for row in rows_among(connection, _WITHDRAWN, TABLE.c.number_hmac, hmacs):
            body = read(row.body) or {}
            at = found.setdefault((row.number_hmac, row.sponsor_id), {})
            for channel in body.get("channels") or [""]:
                at[channel] = max(at.get(channel, 0), body["at_ms"])
        return found


def _contact_ids(connection: Connection, given: Sequence[Given], now_ms: int) -> dict[str, int]:
    """Whoever consents is a contact."""
    line_types = {one.number: one.line_type for one in given}
    known = {row.number for row in rows_among(connection, _CONTACTS, _NUMBER, line_types)}
    fresh = [
        {"number": number, "line_type": line_type, "imported_at_ms": now_ms}
        for number, line_type in line_types.items()
        if number not in known
    ]
    if fresh:
        connection.execute(insert(schema.contacts), fresh)
    return {row.number: row.id for row in rows_among(connection, _CONTACTS, _NUMBER, line_types)}


def _grants(contact_id: int, one: Given, channels: Sequence[Channel], proof: str) -> list[Grant]:
    consent = one.consent
    if consent.purpose is None or consent.captured_at_ms is None:
        return []
    of_all = (Basis.CONSENT, f"consent:{proof}", consent.captured_at_ms, end_ms(consent), consent.election)
    limits = (consent.hours, consent.timezone, consent.age_attested is True)
    return [Grant(contact_id, one.sponsor_id, consent.purpose, channel, *of_all, *limits) for channel in channels]


def _later(taken_back: dict[str, int], channel: Channel, consent: Consent) -> bool:
    """Whether the person took that back after they had agreed to it."""
    return max(taken_back.get("", 0), taken_back.get(channel, 0)) >= (consent.captured_at_ms or 0)


def _place(link: Link) -> int:
    return link.seq


def _digest(body: dict[str, Any]) -> str:
    return hashlib.sha256(canonical(body).encode()).hexdigest()
