"""Listens, and one result per target as long as its listen is kept."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Row, RowMapping, Select, bindparam, insert, or_, select, update

from ivr.adapters.store import ends as closing
from ivr.adapters.store import locks, schema
from ivr.adapters.store.campaigns import books
from ivr.adapters.store.counting import counted
from ivr.adapters.store.engine import Database
from ivr.adapters.store.hearing import as_listen, judged
from ivr.adapters.store.lookups import rows_among
from ivr.rules.records import Books
from ivr.rules.segments import CallResult, Listen, Segment, merge, plain
from ivr.rules.states import AttemptState, Outcome

ATTEMPTS = schema.attempts
TARGETS = schema.targets
LISTENS = schema.listens


class Listens:
    """What was heard, exactly once per answered attempt."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, listens: list[Listen], ends: Sequence[Mapping[str, Any]]) -> None:
        """All of it is committed, or nothing; recording the same again changes nothing.

        What is told of an attempt that was forgotten is not heard: it is in the sums already.
        """
        with self._database.write() as connection:
            locks.asking(connection)
            given = {*(listen.attempt for listen in listens), *(end["attempt"] for end in ends)}
            rows = rows_among(connection, _LOCK, ATTEMPTS.c.id, given)
            campaign_of = {row.id: row.campaign_id for row in rows if row.forgotten_at_ms is None}
            known = {
                row["attempt_id"]: as_listen(row)
                for row in (row._mapping for row in rows_among(connection, _LISTENS, LISTENS.c.attempt_id, given))
            }
            now = _all_merged(known, [listen for listen in listens if listen.attempt in campaign_of])
            with counted(connection, campaign_of):
                _keep(connection, known, now, campaign_of)
                closing.end(connection, [end for end in ends if end["attempt"] in campaign_of], now.keys())

    def without_listen(self, ended_before_ms: int | None = None, campaign_id: int | None = None) -> list[str]:
        """Answered attempts (of one campaign) that ended (before that instant) and of which no listen came.

        Ends of the future are of a clock that was stepped back since: they are among them.
        """
        future_ms = None if ended_before_ms is None else ended_before_ms + schema.FUTURE_MS
        given = {"the_ms": ended_before_ms, "future_ms": future_ms, "the_campaign": campaign_id}
        query = _unheard(ended_before_ms is not None, campaign_id is not None)
        with self._database.read() as connection:
            return list(connection.execute(query, given).scalars())

    def snapshot(self, campaign_id: int, versions: int = 0) -> tuple[Books, list[CallResult]]:
        """The campaign's books and one result per target, in the order of the audience, all of one moment.

        versions: of so many versions of the message, the books of each too.
        """
        with self._database.read() as connection:
            calls = connection.execute(_calls_query(campaign_id)).mappings()
            by_target = {target: list(some) for target, some in groupby(calls, key=itemgetter("target_id"))}
            rows = connection.execute(_targets_query(campaign_id))
            results = [_result(row, by_target.get(row.id, ())) for row in rows]
            return books(connection, campaign_id, versions), results


_KEPT = (ATTEMPTS.c[name] for name in ("id", "campaign_id", "forgotten_at_ms"))
_LOCK = select(*_KEPT).order_by(ATTEMPTS.c.id).with_for_update()
_LISTENS = select(LISTENS)


@cache
def _unheard(by_instant: bool, by_campaign: bool) -> Select[Any]:
    unheard = schema.unheard
    query = select(unheard.c.attempt_id)
    if by_instant:
        at_ms = unheard.c.ended_at_ms
        query = query.where(or_(at_ms < bindparam("the_ms"), at_ms > bindparam("future_ms")))
    return query.where(unheard.c.campaign_id == bindparam("the_campaign")) if by_campaign else query


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


def _targets_query(campaign_id: int) -> Select[Any]:
    return (
        select(*(TARGETS.c[name] for name in ("id", "state", "outcome", "rule", "version")), schema.contacts.c.number)
        .join(schema.contacts, schema.contacts.c.id == TARGETS.c.contact_id)
        .where(TARGETS.c.campaign_id == campaign_id)
        .order_by(TARGETS.c.id)
    )


def _calls_query(campaign_id: int) -> Select[Any]:
    """The attempts that were not given back, by target, the first of each target first, with their listens."""
    columns = (ATTEMPTS.c[name] for name in ("target_id", "outcome", "dialing_at_ms", "ended_at_ms", "cause"))
    return (
        select(ATTEMPTS.c.id.label("call"), *columns, LISTENS)
        .outerjoin(LISTENS, LISTENS.c.attempt_id == ATTEMPTS.c.id)
        .where(ATTEMPTS.c.campaign_id == campaign_id, ATTEMPTS.c.state != AttemptState.RELEASED.value)
        .order_by(ATTEMPTS.c.target_id, ATTEMPTS.c.id)
    )


def _columns(listen: Listen) -> dict[str, Any]:
    return {f"{segment.value}_ms": listen.heard_ms(segment) for segment in Segment} | plain(listen)


def _result(target: Row[Any], calls: Sequence[RowMapping]) -> CallResult:
    """calls: to this target, the first one first."""
    answered = [call for call in calls if call["outcome"] == Outcome.ANSWERED]
    telling = next(reversed(answered or calls), None)
    return CallResult(
        number=target.number,
        attempt=telling["call"] if telling else "",
        outcome=target.outcome,
        state=target.state,
        rule=target.rule,
        dialled=sum(call["dialing_at_ms"] is not None for call in calls),
        dialed_at_ms=(telling and telling["dialing_at_ms"]) or 0,
        ended_at_ms=(telling and telling["ended_at_ms"]) or 0,
        listen=judged(telling) if telling else None,
        more=tuple(judged(call) for call in answered[:-1]),
        version=target.version,
    )
