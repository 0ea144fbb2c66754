"""Ends of attempts: each has one outcome, and its target is done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, or_, select, update

from ivr.adapters.store import schema
from ivr.adapters.store.lookups import rows_among
from ivr.rules.states import AttemptState, Outcome, TargetState, sources

ATTEMPTS = schema.attempts
TARGETS = schema.targets


def end(connection: Connection, ends: Sequence[Mapping[str, Any]], heard: Collection[str]) -> None:
    """The attempts are `ended` with their outcomes, and their targets done; a second end changes nothing.

    ends: attempt, outcome, cause, tech_cause, blame, note, at_ms. heard: of which attempts there is a listen: those
    were answered, whatever the cause. Called with those attempts locked.
    """
    allowed = [state.value for state in sources(AttemptState.ENDED)]
    query = select(ATTEMPTS.c.id, ATTEMPTS.c.target_id, ATTEMPTS.c.campaign_id).where(ATTEMPTS.c.state.in_(allowed))
    open_ = {row.id: row for row in rows_among(connection, query, ATTEMPTS.c.id, (end["attempt"] for end in ends))}
    moved: list[dict[str, Any]] = []
    outcomes: dict[int, Outcome] = {}
    unheard: list[dict[str, Any]] = []
    for one in ends:
        attempt = one["attempt"]
        outcome = Outcome.ANSWERED if attempt in heard else Outcome(one["outcome"])
        moved.append(_end_values(one, outcome))  # also a second end, which moves nothing, must be one that could
        if (row := open_.pop(attempt, None)) is None:
            continue
        outcomes[row.target_id] = outcome
        if outcome is Outcome.ANSWERED and attempt not in heard:
            unheard.append({"attempt_id": attempt, "campaign_id": row.campaign_id, "ended_at_ms": one["at_ms"]})
    if moved:
        connection.execute(_END, moved)
    if outcomes:
        _finish_targets(connection, outcomes)
    if unheard:
        connection.execute(insert(schema.unheard), unheard)


def mark_answered(connection: Connection, attempts: Collection[str]) -> None:
    """Of these, which have a listen, those that ended are `answered` even if recorded otherwise, and not unheard."""
    wrong = (ATTEMPTS.c.state == AttemptState.ENDED.value, ATTEMPTS.c.outcome != Outcome.ANSWERED.value)
    query = select(ATTEMPTS.c.id, ATTEMPTS.c.target_id).where(*wrong)
    targets = {row.id: row.target_id for row in rows_among(connection, query, ATTEMPTS.c.id, attempts)}
    if targets:
        values = [{"the_id": attempt, "the_outcome": Outcome.ANSWERED.value} for attempt in targets]
        right = update(ATTEMPTS).where(ATTEMPTS.c.id == bindparam("the_id"), *wrong)
        connection.execute(right.values(outcome=bindparam("the_outcome")), values)
        _finish_targets(connection, dict.fromkeys(targets.values(), Outcome.ANSWERED))
    query = select(schema.unheard.c.attempt_id)
    found = [row.attempt_id for row in rows_among(connection, query, schema.unheard.c.attempt_id, attempts)]
    if found:
        gone = delete(schema.unheard).where(schema.unheard.c.attempt_id == bindparam("the_id"))
        connection.execute(gone, [{"the_id": attempt} for attempt in found])


_END = (
    update(ATTEMPTS)
    .where(
        ATTEMPTS.c.id == bindparam("the_id"),
        or_(*(ATTEMPTS.c.state == state.value for state in sources(AttemptState.ENDED))),  # executemany takes no IN
    )
    .values(
        state=AttemptState.ENDED.value,
        outcome=bindparam("the_outcome"),
        cause=bindparam("the_cause"),
        tech_cause=bindparam("the_tech_cause"),
        blame=bindparam("the_blame"),
        note=bindparam("the_note"),
        ended_at_ms=bindparam("the_end_ms"),
    )
)


def _end_values(end: Mapping[str, Any], outcome: Outcome) -> dict[str, Any]:
    return {
        "the_id": end["attempt"],
        "the_outcome": outcome.value,
        "the_cause": end.get("cause"),
        "the_tech_cause": end.get("tech_cause"),
        "the_blame": end.get("blame", ""),
        "the_note": end.get("note", ""),
        "the_end_ms": end["at_ms"],
    }


def _finish_targets(connection: Connection, outcomes: Mapping[int, Outcome]) -> None:
    connection.execute(
        update(TARGETS)
        .where(TARGETS.c.id == bindparam("the_id"))
        .values(state=TargetState.DONE.value, outcome=bindparam("the_outcome")),
        [{"the_id": target_id, "the_outcome": outcome.value} for target_id, outcome in sorted(outcomes.items())],
    )
