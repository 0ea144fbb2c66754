"""What may not be kept any more is deleted: in pieces, each one transaction with its certificate, holds apart.

The books stay as they are: a contact's row remains, under a name from which the number cannot be told.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, exists, func, or_, select, true, update

from ivr.adapters.store import grants, held, locks, moves, pseudonyms, schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.journal import note
from ivr.adapters.store.lookups import pieces, rows_among
from ivr.adapters.store.persons import ERASED, under_way
from ivr.adapters.store.proofs import purpose_grants as GRANTS
from ivr.adapters.store.suppressions import Suppressions
from ivr.rules.lifetimes import Holds
from ivr.rules.states import TargetState

KIND = "data-deleted"
AT_ONCE = 500
CONTACTS, TARGETS, ATTEMPTS = schema.contacts, schema.targets, schema.attempts
BATCHES, IN_BATCH, CAMPAIGNS = schema.source_batches, schema.batch_contacts, schema.campaigns

Certify = Callable[[Mapping[str, Any]], Mapping[str, Any]]
"""Makes the certificate that the journal keeps of what was done."""


class Stage(StrEnum):
    """What becomes of a number that is not kept: hidden behind its keyed hash, later no link to it at all."""

    HIDDEN = "hidden"
    UNLINKED = "unlinked"

    def is_about(self, name: str) -> bool:
        """Whether a contact of that name can still come to this stage."""
        return pseudonyms.is_number(name) if self is Stage.HIDDEN else name.startswith(pseudonyms.KEYED)


@dataclass(frozen=True, slots=True)
class Run:
    """What holds for all pieces of one run. by: a login name."""

    holds: Holds
    certify: Certify
    by: str
    at_ms: int

    @property
    def signed_by(self) -> dict[str, Any]:
        """Who deletes and when, as a certificate says it."""
        return {"deleted_by": self.by, "deleted_at_ms": self.at_ms}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A delivery with people in it. used_by: pack and election of each campaign that called it or will."""

    id: int
    name: str
    source_type: str
    delete_at: date | None
    used_by: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """What one transaction did. last: where to go on. gone: people of whom nothing is known any more.

    left: people known from elsewhere, who left the delivery. held: people of whom something is kept, by why.
    busy: people who are being called, looked at again the next time.
    """

    last: Any
    gone: int = 0
    left: int = 0
    held: Mapping[str, int] = field(default_factory=dict)
    busy: int = 0


class Deletions:
    """Asked for again from where the piece before ended, until there is none."""

    def __init__(self, database: Database, suppressions: Suppressions) -> None:
        self._database, self._suppressions = database, suppressions

    def deliveries(self) -> list[Delivery]:
        """Those that still have people in them."""
        uses: dict[int, list[tuple[str, str]]] = {}
        with self._database.read() as connection:
            for row in connection.execute(select(CAMPAIGNS.c.batch_id, CAMPAIGNS.c.pack, CAMPAIGNS.c.election)):
                uses.setdefault(row.batch_id, []).append((row.pack, row.election))
            return [Delivery(*row, used_by=tuple(uses.get(row.id, ()))) for row in connection.execute(_DELIVERIES)]

    def people_in(self, batch_id: int) -> int:
        """How many contacts are in the delivery."""
        with self._database.read() as connection:
            return int(connection.execute(_PEOPLE_IN, {"the_batch": batch_id}).scalar_one())

    def called_before(self, before: str, stage: Stage) -> int:
        """How many people that stage is about were called before that attempt; some may have been called since."""
        like = {"before": before, "name": "+%" if stage is Stage.HIDDEN else f"{pseudonyms.KEYED}%"}
        with self._database.read() as connection:
            return int(connection.execute(_CALLED_COUNT, like).scalar_one())

    def why_held(self, number: str, holds: Holds) -> str:
        """Why what is kept of that number must be kept, "" when no hold wants it."""
        with self._database.read() as connection:
            ids = connection.scalars(select(CONTACTS.c.id).where(CONTACTS.c.number == number))
            people = {id_: number for id_ in ids}
            found = held.by_people(connection, people, holds, self._suppressions.fingerprint)
        return next(iter(found.values()), "")

    def leave(self, one: Delivery, after: int, run: Run) -> Piece | None:
        """Some people, after that contact, are in the delivery no more; nothing is known of whoever is in no other.

        None: there are no more.
        """
        with self._database.write() as connection:
            locks.importing(connection)
            locks.changing_answers(connection)
            rows = connection.execute(_MEMBERS, {"the_batch": one.id, "after": after, "most": AT_ONCE}).all()
            if not rows:
                return None
            people = {row.id: row.number for row in rows}
            kept = self._kept(connection, people, run)
            busy = under_way(connection, people.keys() - kept.keys())
            leaving = people.keys() - kept.keys() - busy
            elsewhere = _in_other_batches(connection, one.id, leaving)
            unknown = {id_: people[id_] for id_ in leaving - elsewhere}
            law = self._forget(connection, unknown, Stage.HIDDEN, run.at_ms)
            _refuse_due(connection, elsewhere, CAMPAIGNS.c.batch_id == one.id, run.at_ms)
            _take_out(connection, one.id, leaving)
            why = Counter(kept.values()) + Counter(law.values())
            done = Piece(rows[-1].id, len(unknown) - len(law), len(elsewhere), why, len(busy))
            _certify(connection, f"batch:{one.name}", done, run)
            return done

    def fade(self, after: str, before: str, stage: Stage, run: Run) -> Piece | None:
        """Of some people called after that attempt, and last before that other, the number is not kept.

        Whoever agreed to be called, or waits to be, stays as they are. None: there are no more.
        """
        with self._database.write() as connection:
            locks.importing(connection)
            locks.changing_answers(connection)
            rows = connection.execute(_CALLED, {"after": after, "before": before, "most": AT_ONCE}).all()
            if not rows:
                return None
            people = {row.contact_id: row.number for row in rows if stage.is_about(row.number)}
            old = people.keys() - _called_since(connection, people, before) - _wanted(connection, people, run.at_ms)
            kept = self._kept(connection, {id_: people[id_] for id_ in old}, run)
            law = self._forget(connection, {id_: people[id_] for id_ in old - kept.keys()}, stage, run.at_ms)
            gone = old - kept.keys() - law.keys()
            _leave_all(connection, gone)
            done = Piece(rows[-1].id, len(gone), 0, Counter(kept.values()) + Counter(law.values()))
            _certify(connection, f"numbers:{stage}", done, run)
            return done

    def _kept(self, connection: Connection, people: Mapping[int, str], run: Run) -> dict[int, str]:
        return held.by_people(connection, people, run.holds, self._suppressions.fingerprint)

    def _forget(self, connection: Connection, people: Mapping[int, str], stage: Stage, at_ms: int) -> dict[int, str]:
        """Nothing is known of them any more, nobody calls them. Returns whose number a law wants kept, and why."""
        ids = sorted(people)
        law = held.by_law(connection, ids, at_ms)
        _refuse_due(connection, ids, true(), at_ms)
        grants.revoke(connection, ids, at_ms)
        pseudonyms.forget_facts(connection, sorted(law))
        hidden = {id_: number for id_, number in people.items() if id_ not in law}
        linked = _with_targets(connection, hidden) if stage is Stage.HIDDEN else ()
        pseudonyms.hide(connection, hidden, self._suppressions.fingerprint, linked)
        return law


def _certify(connection: Connection, subject: str, done: Piece, run: Run) -> None:
    """What was deleted is in the journal, in the same transaction."""
    if done.gone or done.left:
        told = {"object": subject, "gone": done.gone, "left": done.left, "held": dict(done.held)}
        note(connection, KIND, subject, run.by, run.at_ms, **run.certify(told | run.signed_by))


def _leave_all(connection: Connection, ids: Iterable[int]) -> None:
    """No audience has those contacts any more."""
    for some in pieces(ids):
        theirs = _BATCHES_OF.where(IN_BATCH.c.contact_id.in_(some))
        connection.execute(update(BATCHES).where(BATCHES.c.id.in_(theirs)).values(counted_at_ms=None))
        connection.execute(delete(IN_BATCH).where(IN_BATCH.c.contact_id.in_(some), _ANY_BATCH))


def _take_out(connection: Connection, batch_id: int, ids: Iterable[int]) -> None:
    """Those contacts are not in the delivery any more, nor counted in it."""
    connection.execute(update(BATCHES).where(BATCHES.c.id == batch_id).values(counted_at_ms=None))
    connection.execute(delete(schema.batch_cells).where(schema.batch_cells.c.batch_id == batch_id))
    for some in pieces(ids):
        connection.execute(delete(IN_BATCH).where(IN_BATCH.c.batch_id == batch_id, IN_BATCH.c.contact_id.in_(some)))


def _in_other_batches(connection: Connection, batch_id: int, ids: Iterable[int]) -> set[int]:
    rows = rows_among(connection, _ELSEWHERE, IN_BATCH.c.contact_id, ids, the_batch=batch_id)
    return {row.contact_id for row in rows}


def _refuse_due(connection: Connection, ids: Iterable[int], of: ColumnElement[bool], at_ms: int) -> None:
    """Nobody of them waits any more to be called by such a campaign."""
    due = _DUE.where(TARGETS.c.campaign_id.in_(select(CAMPAIGNS.c.id).where(of)))
    targets = [row.id for row in rows_among(connection, due, TARGETS.c.contact_id, ids)]
    moves.refuse(connection, dict.fromkeys(targets, ERASED), "closing", at_ms)


def _with_targets(connection: Connection, ids: Iterable[int]) -> set[int]:
    return {row.contact_id for row in rows_among(connection, _TARGETED, TARGETS.c.contact_id, ids)}


def _called_since(connection: Connection, ids: Iterable[int], from_id: str) -> set[int]:
    rows = rows_among(connection, _CALLED_SINCE, TARGETS.c.contact_id, ids, from_id=from_id)
    return {row.contact_id for row in rows}


def _wanted(connection: Connection, ids: Iterable[int], at_ms: int) -> set[int]:
    """Whoever agreed to be called and may be, or waits to be."""
    asked = sorted(ids)
    granted = {row.contact_id for row in rows_among(connection, _GRANTED, GRANTS.c.contact_id, asked, now_ms=at_ms)}
    return granted | {row.contact_id for row in rows_among(connection, _WAITING, TARGETS.c.contact_id, asked)}


_ANY_CAMPAIGN = TARGETS.c.campaign_id.in_(select(CAMPAIGNS.c.id))
"""Said so that a target is found by its contact: the index begins with the campaign."""
_ANY_BATCH: ColumnElement[bool] = IN_BATCH.c.batch_id.in_(select(BATCHES.c.id))
_DELIVERIES = (
    select(BATCHES.c.id, BATCHES.c.name, BATCHES.c.source_type, BATCHES.c.delete_at)
    .where(exists().where(IN_BATCH.c.batch_id == BATCHES.c.id))
    .order_by(BATCHES.c.id)
)
_PEOPLE_IN = select(func.count()).where(IN_BATCH.c.batch_id == bindparam("the_batch"))
_MEMBERS = (
    select(CONTACTS.c.id, CONTACTS.c.number)
    .join(IN_BATCH, IN_BATCH.c.contact_id == CONTACTS.c.id)
    .where(IN_BATCH.c.batch_id == bindparam("the_batch"), IN_BATCH.c.contact_id > bindparam("after"))
    .order_by(IN_BATCH.c.contact_id)
    .limit(bindparam("most"))
)
_CALLS = ATTEMPTS.join(TARGETS, TARGETS.c.id == ATTEMPTS.c.target_id)
_CALLED_BEFORE = (ATTEMPTS.c.id < bindparam("before"), ATTEMPTS.c.dialing_at_ms.is_not(None))
_CALLED = (
    select(ATTEMPTS.c.id, TARGETS.c.contact_id, CONTACTS.c.number)
    .select_from(_CALLS.join(CONTACTS, CONTACTS.c.id == TARGETS.c.contact_id))
    .where(ATTEMPTS.c.id > bindparam("after"), *_CALLED_BEFORE)
    .order_by(ATTEMPTS.c.id)
    .limit(bindparam("most"))
)
_CALLED_COUNT = (
    select(func.count(TARGETS.c.contact_id.distinct()))
    .select_from(_CALLS.join(CONTACTS, CONTACTS.c.id == TARGETS.c.contact_id))
    .where(*_CALLED_BEFORE, CONTACTS.c.number.like(bindparam("name")))
)
_CALLED_SINCE = select(TARGETS.c.contact_id).select_from(_CALLS).where(
    _ANY_CAMPAIGN, ATTEMPTS.c.id >= bindparam("from_id"), ATTEMPTS.c.dialing_at_ms.is_not(None)
)  # fmt: skip
_TARGETED = select(TARGETS.c.contact_id).where(_ANY_CAMPAIGN)
_DUE = select(TARGETS.c.id).where(TARGETS.c.state == TargetState.DUE.value)
_WAITING = select(TARGETS.c.contact_id).where(
    _ANY_CAMPAIGN, TARGETS.c.state.in_((TargetState.DUE.value, TargetState.IN_PROGRESS.value))
)
_GRANTED = select(GRANTS.c.contact_id).where(
    GRANTS.c.revoked_at_ms.is_(None), or_(GRANTS.c.to_ms.is_(None), GRANTS.c.to_ms > bindparam("now_ms"))
)
_ELSEWHERE = select(IN_BATCH.c.contact_id).where(_ANY_BATCH, IN_BATCH.c.batch_id != bindparam("the_batch"))
_BATCHES_OF = select(IN_BATCH.c.batch_id).where(_ANY_BATCH)
