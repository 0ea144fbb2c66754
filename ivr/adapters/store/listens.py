"""Listens, and the results that reports are made of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, func, insert, select, update

from ivr.adapters.store import ends as closing
from ivr.adapters.store import schema
from ivr.adapters.store.campaigns import books
from ivr.adapters.store.engine import Database
from ivr.adapters.store.lookups import rows_among
from ivr.rules.causes import ended_by
from ivr.rules.records import Books
from ivr.rules.segments import CallResult, EndedBy, Listen, Segment, from_plain, merge, plain
from ivr.rules.states import AttemptState

ATTEMPTS = schema.attempts
TARGETS = schema.targets
LISTENS = schema.listens


class Listens:
    """What was heard, exactly once per answered attempt."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, listens: list[Listen], ends: Sequence[Mapping[str, Any]]) -> None:
        """All of it is committed, or nothing; recording the same again changes nothing."""
        with self._database.write() as connection:
            given = {*(listen.attempt for listen in listens), *(end["attempt"] for end in ends)}
            lock = select(ATTEMPTS.c.id, ATTEMPTS.c.campaign_id).order_by(ATTEMPTS.c.id).with_for_update()
            campaign_of = {row.id: row.campaign_id for row in rows_among(connection, lock, ATTEMPTS.c.id, given)}
            known = {
                row["attempt_id"]: _listen(row)
                for row in (
                    row._mapping for row in rows_among(connection, select(LISTENS), LISTENS.c.attempt_id, given)
                )
            }
            now = _all_merged(known, [listen for listen in listens if listen.attempt in campaign_of])
            _keep(connection, known, now, campaign_of)
            closing.end(connection, ends, now.keys())

    def without_listen(self, ended_before_ms: int | None = None, campaign_id: int | None = None) -> list[str]:
        """Answered attempts (of one campaign) that ended (before that instant) and of which no listen came."""
        unheard = schema.unheard
        query = select(unheard.c.attempt_id)
        if ended_before_ms is not None:
            query = query.where(unheard.c.ended_at_ms < ended_before_ms)
        if campaign_id is not None:
            query = query.where(unheard.c.campaign_id == campaign_id)
        with self._database.read() as connection:
            return list(connection.execute(query).scalars())

    def live_sums(self, campaign_id: int) -> tuple[int, int]:
        """(listens, sum of heard milliseconds of the message) so far: the live listen rate."""
        with self._database.read() as connection:
            query = select(func.count(), func.coalesce(func.sum(LISTENS.c.message_ms), 0))
            row = connection.execute(query.where(LISTENS.c.campaign_id == campaign_id)).one()
            return int(row[0]), int(row[1])

    def snapshot(self, campaign_id: int) -> tuple[Books, list[CallResult]]:
        """The campaign's books and one result per target, in the order of the audience, all of one moment."""
        with self._database.read() as connection:
            rows = connection.execute(_results_query(campaign_id)).mappings()
            return books(connection, campaign_id), [_result(row) for row in rows]


def _all_merged(known: Mapping[str, Listen], more: Iterable[Listen]) -> dict[str, Listen]:
    """What is known by attempt once `more` came, in that order."""
    now = dict(known)
    for listen in more:
        now[listen.attempt] = merge(now[listen.attempt], listen) if listen.attempt in now else listen
    return now


def _keep(
    connection: Connection, before: Mapping[str, Listen], now: Mapping[str, Listen], campaign_of: Mapping[str, int]
) -> None:
    """The listens of `now` are kept; written only where they differ from those `before`."""
    fresh = [listen for attempt, listen in now.items() if attempt not in before]
    if fresh:
        rows = [{"attempt_id": one.attempt, "campaign_id": campaign_of[one.attempt], **_columns(one)} for one in fresh]
        connection.execute(insert(LISTENS), rows)
        closing.mark_answered(connection, {listen.attempt for listen in fresh})
    changed = [listen for attempt, listen in now.items() if attempt in before and listen != before[attempt]]
    for listen in changed:  # measured by two: rare
        connection.execute(update(LISTENS).where(LISTENS.c.attempt_id == listen.attempt).values(**_columns(listen)))


def _results_query(campaign_id: int) -> Select[Any]:
    last = (
        select(
            ATTEMPTS.c.target_id,
            func.max(ATTEMPTS.c.id).label("attempt_id"),
            func.count(ATTEMPTS.c.dialing_at_ms).label("dialled"),
        )
        .where(ATTEMPTS.c.campaign_id == campaign_id, ATTEMPTS.c.state != AttemptState.RELEASED.value)
        .group_by(ATTEMPTS.c.target_id)
        .subquery()
    )
    return (
        select(
            schema.contacts.c.number,
            TARGETS.c.state.label("target_state"),
            TARGETS.c.outcome.label("target_outcome"),
            TARGETS.c.rule,
            last.c.dialled,
            ATTEMPTS.c.dialing_at_ms,
            ATTEMPTS.c.ended_at_ms,
            ATTEMPTS.c.id.label("attempt"),
            ATTEMPTS.c.cause,
            LISTENS,
        )
        .select_from(TARGETS)
        .join(schema.contacts, schema.contacts.c.id == TARGETS.c.contact_id)
        .outerjoin(last, last.c.target_id == TARGETS.c.id)
        .outerjoin(ATTEMPTS, ATTEMPTS.c.id == last.c.attempt_id)
        .outerjoin(LISTENS, LISTENS.c.attempt_id == ATTEMPTS.c.id)
        .where(TARGETS.c.campaign_id == campaign_id)
        .order_by(TARGETS.c.id)
    )


def _columns(listen: Listen) -> dict[str, Any]:
    return {f"{segment.value}_ms": listen.heard_ms(segment) for segment in Segment} | plain(listen)


def _result(row: RowMapping) -> CallResult:
    return CallResult(
        number=row["number"],
        attempt=row["attempt"] or "",
        outcome=row["target_outcome"],
        state=row["target_state"],
        rule=row["rule"],
        dialled=row["dialled"] or 0,
        dialed_at_ms=row["dialing_at_ms"] or 0,
        ended_at_ms=row["ended_at_ms"] or 0,
        listen=_judged(_listen(row), row["cause"]) if row["attempt_id"] else None,
    )


def _judged(listen: Listen, cause: int | None) -> Listen:
    """A hang-up that the script saw is the network's if the cause says so."""
    if listen.ended_by is EndedBy.LISTENER and ended_by(cause) is EndedBy.NETWORK:
        return replace(listen, ended_by=EndedBy.NETWORK)
    return listen


def _listen(row: RowMapping) -> Listen:
    return from_plain(row["attempt_id"], {str(name): value for name, value in row.items()})
