"""What is known of one person, by number; and what of it is erased or put right."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, select, update

from ivr.adapters.store import grants, locks, moves, pseudonyms, schema
from ivr.adapters.store.consents import Consents
from ivr.adapters.store.engine import Database
from ivr.adapters.store.grants import Grants
from ivr.adapters.store.lookups import rows_among
from ivr.adapters.store.suppressions import Suppressions
from ivr.errors import NotFound, NotReady
from ivr.rules.gate import Kind, Verdict
from ivr.rules.states import TargetState
from ivr.rules.suppression import PLATFORM

CONTACTS, TARGETS, ATTEMPTS, LISTENS = schema.contacts, schema.targets, schema.attempts, schema.listens
BATCHES, IN_BATCH = schema.source_batches, schema.batch_contacts
ERASED = Verdict(Kind.NO, "erased")
_SOURCES = (
    select(BATCHES, IN_BATCH.c.first_seen_at_ms)
    .join(IN_BATCH, IN_BATCH.c.batch_id == BATCHES.c.id)
    .order_by(BATCHES.c.id)
)
_NOT_TOLD = ("accepted", "rejected", "rows_by_reason", "counted_at_ms", "loaded_to", "state", "id")
_UNHEARD = select(schema.unheard.c.attempt_id)
_UNDER_WAY = (
    select(TARGETS.c.contact_id)
    .join(ATTEMPTS, ATTEMPTS.c.target_id == TARGETS.c.id)
    .where(TARGETS.c.campaign_id.in_(select(schema.campaigns.c.id)))  # so that a target is found by its contact
    .where(ATTEMPTS.c.state.in_(("claimed", "dialing", "answered")) | ATTEMPTS.c.id.in_(_UNHEARD))
)
_CALLS = (
    select(
        ATTEMPTS.c.id, ATTEMPTS.c.state, ATTEMPTS.c.outcome, ATTEMPTS.c.dialing_at_ms, ATTEMPTS.c.answered_at_ms,
        schema.campaigns.c.name.label("campaign"), schema.sponsors.c.name.label("sponsor"), schema.campaigns.c.texts,
        LISTENS.c.message_ms, LISTENS.c.notice_ms, LISTENS.c["keys"], ATTEMPTS.c.forgotten_at_ms,
    )
    .select_from(ATTEMPTS.join(TARGETS, TARGETS.c.id == ATTEMPTS.c.target_id))
    .join(schema.campaigns, schema.campaigns.c.id == ATTEMPTS.c.campaign_id)
    .join(schema.sponsors, schema.sponsors.c.id == schema.campaigns.c.sponsor_id)
    .outerjoin(LISTENS, LISTENS.c.attempt_id == ATTEMPTS.c.id)
    .where(ATTEMPTS.c.dialing_at_ms.is_not(None))
    .order_by(ATTEMPTS.c.id)
)  # fmt: skip


class Persons:
    """By number (E.164)."""

    def __init__(self, database: Database, suppressions: Suppressions, consents: Consents) -> None:
        self._database, self._suppressions, self._consents = database, suppressions, consents

    def sources(self, number: str) -> list[dict[str, Any]]:
        """Every delivery that the number came in, with all that was declared of it."""
        with self._database.read() as connection:
            contact = _contact(connection, number)
            if contact is None:
                return []
            rows = connection.execute(_SOURCES.where(IN_BATCH.c.contact_id == contact["id"])).mappings()
            return [_plain(row, _NOT_TOLD) for row in rows]

    def known(self, number: str) -> dict[str, Any]:
        """All that is kept of the number: facts, sources, consents, permissions, stops, calls."""
        with self._database.read() as connection:
            contact, calls = _contact(connection, number), self._calls(connection, number)
        told: dict[str, Any] = {"number": number, "kept": contact is not None}
        if contact is not None:
            told |= {"line_type": contact["line_type"], "facts": {name: contact[name] for name in pseudonyms.FACTS}}
            told["since_ms"] = contact["imported_at_ms"]
        return told | {
            "sources": self.sources(number),
            "consents": self._consents.of_number(number),
            "permissions": Grants(self._database).of_contact(contact["id"]) if contact else [],
            "stops": [asdict(stop) for stop in self._suppressions.of_number(number)],
            "calls": [{key: value for key, value in call.items() if key != "texts"} for call in calls],
        }

    def called_by_rules_of(self, number: str) -> list[tuple[str, str, int]]:
        """Campaign, jurisdiction and instant of each call to the number: what a hold may rest on."""
        with self._database.read() as connection:
            calls = self._calls(connection, number)
        return [(one["campaign"], (one["texts"] or {}).get("jurisdiction", ""), one["dialing_at_ms"]) for one in calls]

    def erase(self, number: str, keep_number: bool, why: str, at_ms: int) -> None:
        """What is known of the person is gone; nobody calls the number again, whoever brings it.

        The row stays for the books, under a name from which the number cannot be told; keep_number: a hold wants it.
        NotReady while a call is under way.
        """
        self._suppressions.add(number, PLATFORM, "erasure", at_ms, evidence=why)  # also when the rest must wait
        with self._database.write() as connection:
            locks.changing_answers(connection)
            contact = _contact(connection, number)
            if contact is None:
                return
            self._end_calls(connection, contact["id"], at_ms)
            grants.revoke(connection, [contact["id"]], at_ms)
            _leave_batches(connection, contact["id"])
            if keep_number:
                pseudonyms.forget_facts(connection, [contact["id"]])
            else:
                hidden = {contact["id"]: number}
                pseudonyms.hide(connection, hidden, self._suppressions.fingerprint, linked=hidden)

    def rectify(self, number: str, facts: Mapping[str, Any]) -> None:
        """Those facts are what the person says; NotFound when nothing is known of the number."""
        with self._database.write() as connection:
            contact = _contact(connection, number)
            if contact is None:
                raise NotFound("nothing is kept of that number")
            connection.execute(update(CONTACTS).where(CONTACTS.c.id == contact["id"]).values(**facts))
            _recount(connection, contact["id"])

    def _calls(self, connection: Connection, number: str) -> list[dict[str, Any]]:
        """Every call to the number, also those from before it was hidden."""
        contact = _contact(connection, number)
        ids = pseudonyms.contacts_of(connection, self._suppressions.fingerprint(number))
        ids += [contact["id"]] if contact else []
        return [dict(row) for row in connection.execute(_CALLS.where(TARGETS.c.contact_id.in_(ids))).mappings()]

    def _end_calls(self, connection: Connection, contact_id: int, at_ms: int) -> None:
        mine = select(TARGETS.c.id).where(TARGETS.c.contact_id == contact_id)
        if under_way(connection, [contact_id]):
            raise NotReady(
                "the number is being called at this moment: try again in a few minutes; it is called no more"
            )
        due = connection.scalars(mine.where(TARGETS.c.state == TargetState.DUE.value)).all()
        moves.refuse(connection, dict.fromkeys(due, ERASED), "closing", at_ms)


def under_way(connection: Connection, contact_ids: Iterable[int]) -> set[int]:
    """Whoever of them is being called, or was, and what they heard is not in the books yet."""
    return {row.contact_id for row in rows_among(connection, _UNDER_WAY, TARGETS.c.contact_id, contact_ids)}


def _contact(connection: Connection, number: str) -> Mapping[str, Any] | None:
    row = connection.execute(select(CONTACTS).where(CONTACTS.c.number == number)).mappings().first()
    return dict(row) if row else None


def _leave_batches(connection: Connection, contact_id: int) -> None:
    """No audience has the contact any more."""
    _recount(connection, contact_id)
    connection.execute(delete(IN_BATCH).where(IN_BATCH.c.contact_id == contact_id))


def _recount(connection: Connection, contact_id: int) -> None:
    """The counts of its batches are not true any more: contacts are asked themselves."""
    mine = select(IN_BATCH.c.batch_id).where(IN_BATCH.c.contact_id == contact_id)
    connection.execute(update(BATCHES).where(BATCHES.c.id.in_(mine)).values(counted_at_ms=None))


def _plain(row: Mapping[Any, Any], without: Iterable[str]) -> dict[str, Any]:
    """As JSON knows it."""
    kept = {key: value for key, value in row.items() if key not in without}
    return {key: value.isoformat() if hasattr(value, "isoformat") else value for key, value in kept.items()}
