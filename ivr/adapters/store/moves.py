"""The moves of attempts with their targets, many at once: conditional updates, in one order, of one transaction.

Everywhere attempts are locked before targets, and both by ascending id, so that two who move the same ones never wait
for one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import BindParameter, Connection, bindparam, case, insert, select, update

from ivr.adapters.store import schema
from ivr.adapters.store.lookups import pieces, rows_among
from ivr.rules.gate import Verdict
from ivr.rules.states import AttemptState, Outcome, TargetState

ATTEMPTS = schema.attempts
TARGETS = schema.targets


def insert_claims(connection: Connection, taken: Mapping[str, int], same: Mapping[str, Any]) -> None:
    """The targets, by the id of their new attempt, are in progress and the attempts claimed. same: their columns."""
    if not taken:
        return
    state = {"state": AttemptState.CLAIMED.value}
    connection.execute(insert(ATTEMPTS), [{"id": key, "target_id": taken[key], **same, **state} for key in taken])
    _set_targets(connection, taken.values(), TargetState.IN_PROGRESS)


def begin(connection: Connection, shown: Mapping[str, str], at_ms: int) -> None:
    """The attempts, which are claimed and locked, are dialing. shown: by attempt the number that the person sees."""
    for caller_id in sorted(set(shown.values())):
        mine = [attempt for attempt, number in shown.items() if number == caller_id]
        values = {"dialing_at_ms": at_ms, "caller_id": caller_id}
        _move(connection, mine, AttemptState.CLAIMED, AttemptState.DIALING, values)


def postpone(connection: Connection, postponed: Mapping[int, int]) -> None:
    """The due targets are not looked at before their instants."""
    if postponed:
        connection.execute(
            update(TARGETS).where(TARGETS.c.id == bindparam("the_id")).values(due_at_ms=bindparam("the_ms")),
            [{"the_id": target_id, "the_ms": at_ms} for target_id, at_ms in sorted(postponed.items())],
        )


def refuse(connection: Connection, refused: Mapping[int, Verdict], asked_when: str, at_ms: int) -> None:
    """The targets are not allowed, each under the rule that said so, and it is written down.

    Who was called before is not called again: done, with the outcome of the last call.
    """
    if not refused:
        return
    same = {"asked_when": asked_when, "at_ms": at_ms}
    rows = [
        {"target_id": target_id, "rule": verdict.rule, "rule_pack": verdict.rule_pack, **same}
        for target_id, verdict in sorted(refused.items())
    ]
    connection.execute(insert(schema.refusals), rows)
    then = case((TARGETS.c.outcome != "", TargetState.DONE.value), else_=TargetState.NOT_ALLOWED.value)
    connection.execute(
        update(TARGETS).where(TARGETS.c.id == bindparam("the_id")).values(state=then, rule=bindparam("the_rule")),
        [{"the_id": row["target_id"], "the_rule": row["rule"]} for row in rows],
    )


def locked(connection: Connection, attempts: Iterable[str], *states: AttemptState) -> dict[str, int]:
    """The targets of those in one of the states; nobody else moves them before this transaction ends."""
    found = rows_among(connection, _LOCKED, ATTEMPTS.c.id, attempts, the_states=[state.value for state in states])
    return {row.id: row.target_id for row in found}


def release(connection: Connection, attempts: Mapping[str, int], only_from: AttemptState) -> int:
    """The attempts (with their targets), which are in that state and locked, are released: their targets due again.

    But one that is known by now to have answered an earlier call is done.
    """
    _move(connection, attempts, only_from, AttemptState.RELEASED, {})
    then = case((TARGETS.c.outcome == Outcome.ANSWERED.value, TargetState.DONE.value), else_=TargetState.DUE.value)
    for some in pieces(attempts.values()):
        connection.execute(update(TARGETS).where(TARGETS.c.id.in_(some)).values(state=then))
    return len(attempts)


def finish(connection: Connection, targets: Iterable[int]) -> None:
    """The targets are done; their outcome stays."""
    _set_targets(connection, targets, TargetState.DONE)


def withdraw(connection: Connection, attempts: Iterable[str]) -> None:
    """The attempts, which are claimed and locked, are released; what becomes of their targets is said elsewhere."""
    _move(connection, attempts, AttemptState.CLAIMED, AttemptState.RELEASED, {})


def _move(
    connection: Connection, attempts: Iterable[str], now: AttemptState, then: AttemptState, values: Mapping[str, Any]
) -> None:
    given = {"the_state": now.value, "state": then.value, **values}
    for some in pieces(attempts):
        connection.execute(_MOVE, {**given, "the_keys": some})


def _set_targets(connection: Connection, targets: Iterable[int], then: TargetState) -> None:
    for some in pieces(targets):
        connection.execute(_SET_TARGETS, {"the_keys": some, "state": then.value})


_KEYS: BindParameter[Any] = bindparam("the_keys", expanding=True)
_LOCKED = (
    select(ATTEMPTS.c.id, ATTEMPTS.c.target_id)
    .where(ATTEMPTS.c.state.in_(bindparam("the_states", expanding=True)))
    .order_by(ATTEMPTS.c.id)
    .with_for_update(of=ATTEMPTS)
)
_MOVE = update(ATTEMPTS).where(ATTEMPTS.c.state == bindparam("the_state"), ATTEMPTS.c.id.in_(_KEYS))
_SET_TARGETS = update(TARGETS).where(TARGETS.c.id.in_(_KEYS))
