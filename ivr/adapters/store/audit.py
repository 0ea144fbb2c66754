"""The books as an examiner reads them: every attempt with its state, since when, and whether it was measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Row, RowMapping, func, or_, select

from ivr.adapters.store import schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.facts import SENT
from ivr.adapters.store.hearing import as_listen
from ivr.rules.again import policy_of
from ivr.rules.auditing import BookedCall
from ivr.rules.doctor import Booked
from ivr.rules.states import AttemptState, Outcome

ATTEMPTS = schema.attempts
OPEN = (AttemptState.CLAIMED, AttemptState.DIALING, AttemptState.ANSWERED)
CAME_INTO = {
    AttemptState.DIALING: ATTEMPTS.c.dialing_at_ms.name,
    AttemptState.ANSWERED: ATTEMPTS.c.answered_at_ms.name,
    AttemptState.ENDED: ATTEMPTS.c.ended_at_ms.name,
}
"""Where it is written when an attempt came into that state; of the others only the claim has an instant."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the books know of one attempt, but not what was heard. number: E.164. cause: Q.850; tech_cause: SIP code.

    measured_by, ended_by: of its listen, "" without one. note: what reconciliation wrote down.
    """

    attempt: str
    campaign: str
    number: str
    pbx: str
    trunk: str
    state: AttemptState
    outcome: str
    blame: str
    claimed_at_ms: int
    dialing_at_ms: int | None
    answered_at_ms: int | None
    ended_at_ms: int | None
    cause: int | None
    tech_cause: int | None
    note: str
    measured_by: str
    ended_by: str


class Audit:
    """Reads many attempts at once, of one moment, and changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def booked(self, pbx: str, first_id: str) -> dict[str, tuple[str, Booked]]:
        """By attempt id its PBX and how it stands: all from `first_id` on, and those open on `pbx` however old."""
        still_open = (ATTEMPTS.c.pbx == pbx, ATTEMPTS.c.state.in_([state.value for state in OPEN]))
        with self._database.read() as connection:
            rows = [*connection.execute(_query(*still_open)), *connection.execute(_query(ATTEMPTS.c.id >= first_id))]
        return {row.id: (row.pbx, _booked(row)) for row in rows}

    def called_too_often(self, first_id: str) -> list[str]:
        """The last attempt of each target that got more of them, from `first_id` on, than its campaign allows."""
        calls = (ATTEMPTS.c.id >= first_id, ATTEMPTS.c.state.in_(SENT))
        last = func.max(ATTEMPTS.c.id).label("last")
        query = (
            select(last, func.count().label("calls"), schema.campaigns.c.retry)
            .join(schema.campaigns, schema.campaigns.c.id == ATTEMPTS.c.campaign_id)
            .where(*calls)
            .group_by(ATTEMPTS.c.target_id, schema.campaigns.c.retry)
            .having(func.count() > 1)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return sorted(row.last for row in rows if row.calls > policy_of(row.retry).most_attempts)

    def told(self, attempt: str) -> Told | None:
        """What the books know of that attempt; None: they know no such one."""
        with self._database.read() as connection:
            row = connection.execute(_TOLD.where(ATTEMPTS.c.id == attempt)).mappings().first()
        if row is None:
            return None
        known = {name: value if value is not None else "" for name, value in row.items() if name in LISTENED}
        return Told(**{**row, **known, "state": AttemptState(row["state"])})

    def calls_of(self, campaign_id: int) -> list[BookedCall]:
        """Every call of the campaign that is over, with how long something was heard in it."""
        with self._database.read() as connection:
            rows = connection.execute(_CALLS.where(ATTEMPTS.c.campaign_id == campaign_id)).mappings()
            return [_call(row) for row in rows]

    def newest(self) -> str | None:
        """The id that sorts last, None when nobody was ever called."""
        with self._database.read() as connection:
            return connection.execute(select(func.max(ATTEMPTS.c.id))).scalar()


LISTENED = ("measured_by", "ended_by")
_PLAINLY = (
    "pbx", "trunk", "state", "outcome", "blame", "claimed_at_ms", "dialing_at_ms", "answered_at_ms", "ended_at_ms",
    "cause", "tech_cause", "note",
)  # fmt: skip
_TOLD = (
    select(
        ATTEMPTS.c.id.label("attempt"),
        schema.campaigns.c.name.label("campaign"),
        schema.contacts.c.number,
        *(ATTEMPTS.c[name] for name in _PLAINLY),
        *(schema.listens.c[name] for name in LISTENED),
    )
    .join(schema.campaigns, schema.campaigns.c.id == ATTEMPTS.c.campaign_id)
    .join(schema.targets, schema.targets.c.id == ATTEMPTS.c.target_id)
    .join(schema.contacts, schema.contacts.c.id == schema.targets.c.contact_id)
    .outerjoin(schema.listens, schema.listens.c.attempt_id == ATTEMPTS.c.id)
)


_CALLS = (
    select(
        ATTEMPTS.c.id.label("attempt"),
        *(ATTEMPTS.c[name] for name in ("pbx", "trunk", "outcome", "claimed_at_ms", "dialing_at_ms")),
        schema.contacts.c.number,
        schema.listens,
    )
    .join(schema.targets, schema.targets.c.id == ATTEMPTS.c.target_id)
    .join(schema.contacts, schema.contacts.c.id == schema.targets.c.contact_id)
    .outerjoin(schema.listens, schema.listens.c.attempt_id == ATTEMPTS.c.id)
    .where(ATTEMPTS.c.state == AttemptState.ENDED.value)
    .order_by(ATTEMPTS.c.id)
)


def _call(row: RowMapping) -> BookedCall:
    sent_at_ms = row["claimed_at_ms"] if row["dialing_at_ms"] is None else row["dialing_at_ms"]
    heard_ms = as_listen(row).until_ms if row["attempt_id"] else None
    answered = row["outcome"] == Outcome.ANSWERED
    return BookedCall(row["attempt"], row["number"], row["pbx"], row["trunk"], sent_at_ms, answered, heard_ms)


def _query(*where: ColumnElement[bool]) -> Any:
    columns = ("id", "pbx", "state", "outcome", "claimed_at_ms", "dialing_at_ms", "answered_at_ms", "ended_at_ms")
    measured = or_(schema.listens.c.attempt_id.is_not(None), ATTEMPTS.c.forgotten_at_ms.is_not(None))
    joined = ATTEMPTS.outerjoin(schema.listens, schema.listens.c.attempt_id == ATTEMPTS.c.id)
    return (
        select(*(ATTEMPTS.c[name] for name in columns), measured.label("has_listen")).select_from(joined).where(*where)
    )


def _booked(row: Row[Any]) -> Booked:
    state = AttemptState(row.state)
    since_ms = getattr(row, CAME_INTO.get(state, "claimed_at_ms"))
    outcome = Outcome(row.outcome) if row.outcome else None
    return Booked(state, row.claimed_at_ms if since_ms is None else since_ms, outcome, row.has_listen)
