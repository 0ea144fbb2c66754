"""Ends of attempts: each has one outcome; its target is done, or due again as the campaign's retry policy says."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, or_, select, update

from ivr.adapters.store import campaigns, moves, schema
from ivr.adapters.store.facts import sent_to
from ivr.adapters.store.lookups import pieces, rows_among
from ivr.rules.again import due_again_ms, policy_of
from ivr.rules.breaker import Blame
from ivr.rules.records import Campaign
from ivr.rules.retry import Made, ending
from ivr.rules.retry_policy import Ending
from ivr.rules.segments import Segment
from ivr.rules.states import AttemptState, CampaignState, Outcome, TargetState, sources

ATTEMPTS = schema.attempts
TARGETS = schema.targets
OPEN = tuple(state.value for state in (AttemptState.CLAIMED, AttemptState.DIALING, AttemptState.ANSWERED))
CALLING = frozenset({CampaignState.RUNNING, CampaignState.PAUSED})
"""The states in which a campaign calls again, now or later."""


@dataclass(frozen=True, slots=True)
class _End:
    """One end that moves its attempt, and whose it is."""

    given: Mapping[str, Any]
    outcome: Outcome
    row: Row[Any]

    @property
    def talk_ms(self) -> int | None:
        """From the answer to the end; None where nobody saw both."""
        if self.row.answered_at_ms is None or Outcome(self.given["outcome"]) is Outcome.UNKNOWN:
            return None
        return int(self.given["at_ms"] - self.row.answered_at_ms)

    @property
    def ending(self) -> Ending:
        return ending(self.outcome, self.given.get("blame") == Blame.CARRIER)


def end(connection: Connection, ends: Sequence[Mapping[str, Any]], heard: Collection[str]) -> None:
    """The attempts are `ended` with their outcomes; their targets done or due again; a second end changes nothing.

    But what a second end says of an answer, or of an attempt whose outcome was unknown, counts: see `_correct`.
    ends: attempt, outcome, cause, tech_cause, blame, note, at_ms. heard: of which attempts there is a listen: those
    were answered, whatever the cause. Called with `locks.asking`, so that a campaign that is stopped meanwhile calls
    nobody again, and then those attempts locked.
    """
    given = {one["attempt"]: one for one in reversed(ends)}  # the first of several
    open_ = {row.id: row for row in rows_among(connection, _NOT_ENDED, _ID, given)}
    moved = [_End(given[key], _outcome(given[key], row, heard), row) for key, row in open_.items()]
    # Also a second end, which moves nothing, must be one that could.
    rest = [one for one in ends if Outcome(one["outcome"]) and one["attempt"] not in open_]
    if moved:
        running = campaigns.load_all(connection, {one.row.campaign_id for one in moved})
        billed_s = _billed_s(connection, moved, running, heard)
        connection.execute(_END, [_end_values(one) | {"the_billed_s": billed_s[one.row.id]} for one in moved])
        _settle(connection, moved, running)
        _note_unheard(connection, [one for one in moved if one.outcome is Outcome.ANSWERED], heard)
    if rest:
        _correct(connection, rest, heard)


def mark_answered(connection: Connection, attempts: Collection[str]) -> None:
    """Of these, which have a listen, those that ended are `answered` even if recorded otherwise, and not unheard."""
    _set_answered(connection, attempts)
    found = [row.attempt_id for row in rows_among(connection, _UNHEARD, schema.unheard.c.attempt_id, attempts)]
    if found:
        connection.execute(_HEARD, [{"the_id": attempt} for attempt in found])


def _outcome(end: Mapping[str, Any], row: Row[Any], heard: Collection[str]) -> Outcome:
    """What was answered stays so, also when nobody knows how it ended."""
    said = Outcome(end["outcome"])
    known = row.state == AttemptState.ANSWERED and said is Outcome.UNKNOWN
    return Outcome.ANSWERED if end["attempt"] in heard or known else said


def _billed_s(
    connection: Connection, moved: Sequence[_End], running: Mapping[int, Campaign], heard: Collection[str]
) -> dict[str, int]:
    """Seconds billed of each: from its answer to its end; what was heard, where one of these is not known.

    It is said once: what comes to light of a call later is not billed, so that a budget stays kept.
    """
    answered = [one for one in moved if one.outcome is Outcome.ANSWERED and running[one.row.campaign_id].terms]
    talk_ms = {one.row.id: one.talk_ms for one in answered}
    unknown = {attempt for attempt, lasted_ms in talk_ms.items() if lasted_ms is None}
    told = {row.attempt_id: row.all_ms for row in rows_among(connection, _TOLD, _LISTEN, unknown & set(heard))}
    found = dict.fromkeys((one.row.id for one in moved), 0)
    for one in answered:
        lasted_ms, terms = talk_ms[one.row.id], running[one.row.campaign_id].terms
        if terms is not None:
            found[one.row.id] = terms.billed_s(told.get(one.row.id, 0) if lasted_ms is None else lasted_ms)
    return found


def _settle(connection: Connection, moved: Sequence[_End], running: Mapping[int, Campaign]) -> None:
    """The targets of attempts that just ended are done, or due again."""
    again = [one for one in moved if _may_matter(one, running[one.row.campaign_id])]
    sent = sent_to(connection, {one.row.target_id for one in again}) if again else {}
    values = []
    for one in moved:
        made = sent.get(one.row.target_id, {})
        due_ms = _due_ms(one, running[one.row.campaign_id], list(made.values()))
        answered = any(call.ending is Ending.REACHED for call in made.values())
        outcome = Outcome.ANSWERED if answered else one.outcome
        state = TargetState.DONE if due_ms is None else TargetState.DUE
        given = {"the_state": state.value, "the_outcome": outcome.value, "the_due_ms": due_ms or 0}
        values.append({"the_id": one.row.target_id, **given})
    connection.execute(_SETTLE, sorted(values, key=lambda row: row["the_id"]))


def _may_matter(one: _End, campaign: Campaign) -> bool:
    """Whether the earlier calls to this person have to be looked at."""
    if one.outcome is Outcome.ANSWERED:
        return False
    return one.row.outcome != "" or one.ending in policy_of(campaign.retry).again


def _due_ms(one: _End, campaign: Campaign, made: Sequence[Made]) -> int | None:
    if not made or campaign.state not in CALLING:
        return None
    return due_again_ms(campaign, one.row.number, made, one.row.id, one.given["at_ms"])


def _note_unheard(connection: Connection, answered: Sequence[_End], heard: Collection[str]) -> None:
    lost = [
        {"attempt_id": one.row.id, "campaign_id": one.row.campaign_id, "ended_at_ms": one.given["at_ms"]}
        for one in answered
        if one.row.id not in heard
    ]
    if lost:
        connection.execute(insert(schema.unheard), lost)


def _correct(connection: Connection, ends: Sequence[Mapping[str, Any]], heard: Collection[str]) -> None:
    """Of attempts that ended before: one of which this says that it was answered, was; an unknown one is known."""
    said = {one["attempt"]: one for one in reversed(ends)}
    known: list[_End] = []
    answered: list[_End] = []
    for row in rows_among(connection, _ENDED_OTHERWISE, _ID, said):
        one = _End(said[row.id], Outcome(said[row.id]["outcome"]), row)
        if one.outcome is Outcome.ANSWERED:
            answered.append(one)
        elif row.attempt_outcome == Outcome.UNKNOWN and one.outcome is not Outcome.UNKNOWN:
            known.append(one)
    if answered:
        _set_answered(connection, [one.row.id for one in answered])
        _note_unheard(connection, answered, heard)
    if known:
        connection.execute(_KNOW, [_end_values(one) for one in known])
        values = [{"the_id": one.row.target_id, "the_outcome": one.outcome.value} for one in known]
        connection.execute(_RENAME, sorted(values, key=lambda row: row["the_id"]))


def _set_answered(connection: Connection, attempts: Collection[str]) -> None:
    """Of these, those that ended otherwise were answered: whoever was to be called again for it is not any more."""
    target_of = {row.id: row.target_id for row in rows_among(connection, _NOT_ANSWERED, _ID, attempts)}
    if not target_of:
        return
    for some in pieces(target_of):
        right = update(ATTEMPTS).where(_ID.in_(some), *_WRONG)
        connection.execute(right.values(outcome=Outcome.ANSWERED.value, blame=Blame.PERSON.value))
    _take_back_retries(connection, set(target_of.values()))


def _take_back_retries(connection: Connection, targets: Iterable[int]) -> None:
    """The targets are answered, their claims given up, and done; one whose retry was sent is so when that has ended."""
    targets = set(targets)
    of_targets = select(ATTEMPTS.c.id, ATTEMPTS.c.target_id)
    claimed = of_targets.where(ATTEMPTS.c.state == AttemptState.CLAIMED.value)
    found = [row.id for row in rows_among(connection, claimed, ATTEMPTS.c.target_id, targets)]
    moves.withdraw(connection, moves.locked(connection, found, AttemptState.CLAIMED))
    # From here on nobody can claim them; what was claimed in between is refused by the Gate before it is sent.
    lock = select(TARGETS.c.id).order_by(TARGETS.c.id).with_for_update()
    locked = {row.id for row in rows_among(connection, lock, TARGETS.c.id, targets)}
    open_ = rows_among(connection, of_targets.where(ATTEMPTS.c.state.in_(OPEN)), ATTEMPTS.c.target_id, targets)
    under_way = {row.target_id for row in open_}
    answered = update(TARGETS).values(outcome=Outcome.ANSWERED.value, due_at_ms=0)
    for some in pieces(locked & under_way):
        connection.execute(answered.where(TARGETS.c.id.in_(some)))
    for some in pieces(locked - under_way):
        connection.execute(answered.where(TARGETS.c.id.in_(some)).values(state=TargetState.DONE.value))


_ID = ATTEMPTS.c.id
_OPEN = select(
    *(ATTEMPTS.c[name] for name in ("id", "state", "target_id", "campaign_id", "answered_at_ms")),
    ATTEMPTS.c.outcome.label("attempt_outcome"),
    TARGETS.c.outcome,
    schema.contacts.c.number,
).select_from(ATTEMPTS.join(TARGETS, TARGETS.c.id == ATTEMPTS.c.target_id).join(schema.contacts))
_NOT_ENDED = _OPEN.where(ATTEMPTS.c.state.in_([state.value for state in sources(AttemptState.ENDED)]))
_WRONG = (ATTEMPTS.c.state == AttemptState.ENDED.value, ATTEMPTS.c.outcome != Outcome.ANSWERED.value)
_ENDED_OTHERWISE = _OPEN.where(*_WRONG)
_NOT_ANSWERED = select(ATTEMPTS.c.id, ATTEMPTS.c.target_id).where(*_WRONG)
_UNHEARD = select(schema.unheard.c.attempt_id)
_HEARD = delete(schema.unheard).where(schema.unheard.c.attempt_id == bindparam("the_id"))
_SAID: dict[str, Any] = {
    "outcome": bindparam("the_outcome"),
    "cause": bindparam("the_cause"),
    "tech_cause": bindparam("the_tech_cause"),
    "blame": bindparam("the_blame"),
    "note": bindparam("the_note"),
}
_END = (
    update(ATTEMPTS)
    .where(
        ATTEMPTS.c.id == bindparam("the_id"),
        or_(*(ATTEMPTS.c.state == state.value for state in sources(AttemptState.ENDED))),  # executemany takes no IN
    )
    .values(
        state=AttemptState.ENDED.value, ended_at_ms=bindparam("the_end_ms"), billed_s=bindparam("the_billed_s"), **_SAID
    )
)
_LISTEN = schema.listens.c.attempt_id
_HEARD_MS = reduce(add, (schema.listens.c[f"{segment.value}_ms"] for segment in Segment))
_TOLD = select(_LISTEN, _HEARD_MS.label("all_ms"))
_KNOW = (
    update(ATTEMPTS)
    .where(ATTEMPTS.c.id == bindparam("the_id"), ATTEMPTS.c.outcome == Outcome.UNKNOWN.value)
    .values(ended_at_ms=bindparam("the_end_ms"), **_SAID)
)
_SETTLE = (
    update(TARGETS)
    .where(TARGETS.c.id == bindparam("the_id"))
    .values(state=bindparam("the_state"), outcome=bindparam("the_outcome"), due_at_ms=bindparam("the_due_ms"))
)
_RENAME = (
    update(TARGETS)
    .where(TARGETS.c.id == bindparam("the_id"), TARGETS.c.outcome == Outcome.UNKNOWN.value)
    .values(outcome=bindparam("the_outcome"))
)


def _end_values(one: _End) -> dict[str, Any]:
    end = one.given
    return {
        "the_id": end["attempt"],
        "the_outcome": one.outcome.value,
        "the_cause": end.get("cause"),
        "the_tech_cause": end.get("tech_cause"),
        "the_blame": end.get("blame", ""),
        "the_note": end.get("note", ""),
        "the_end_ms": end["at_ms"],
    }
