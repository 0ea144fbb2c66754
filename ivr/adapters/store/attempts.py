"""Attempts: each move is one conditional UPDATE, committed before its effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sqlalchemy import Connection, Select, insert, select, update

from ivr.adapters.store import campaigns, schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.halts import halted, is_halted
from ivr.adapters.store.suppressions import Suppressions
from ivr.rules.gate import Kind, Verdict
from ivr.rules.records import Campaign, Dialable, OpenAttempt
from ivr.rules.states import AttemptState, CampaignState, Outcome, TargetState, sources

ATTEMPTS = schema.attempts
TARGETS = schema.targets

Ask = Callable[[Dialable], Verdict]
"""The Gate, with the facts of the moment."""

SPARE = 100
"""Due targets looked at beyond those wanted, so that people who may not be called do not cost a round each."""


class Attempts:
    """The calls that were or may have been placed."""

    def __init__(self, database: Database, suppressions: Suppressions) -> None:
        self._database = database
        self._suppressions = suppressions

    def claim(self, campaign_id: int, pbx: str, ids: Iterable[str], ask: Ask, at_ms: int) -> tuple[list[str], str]:
        """A due target per id becomes an attempt `claimed` for `pbx`; one that may not be called, `not_allowed`.

        Returns the ids used and the campaign's trunk. Two claims at once never get the same target: the write lock
        sees to it, and the unique index behind it.
        """
        wanted = list(ids)
        with self._database.write() as connection:
            campaign = campaigns.load(connection, campaign_id)
            if campaign.state is not CampaignState.RUNNING:
                return [], campaign.trunk
            halt = is_halted(connection)
            claimed: list[str] = []
            for target_id, number in _due(connection, campaign_id, len(wanted) + SPARE):
                if len(claimed) == len(wanted):
                    break
                attempt = wanted[len(claimed)]
                verdict = ask(self._dialable(connection, attempt, (target_id, number), campaign, halt))
                if verdict.kind is Kind.YES:
                    _insert_claim(connection, attempt, target_id, campaign_id, pbx, at_ms)
                    claimed.append(attempt)
                elif verdict.kind is Kind.NO:
                    _refuse(connection, target_id, verdict, "claiming", at_ms)
            return claimed, campaign.trunk

    def begin_dialing(self, attempt: str, ask: Ask, at_ms: int) -> Dialable | None:
        """The attempt is `dialing`, committed, and may be sent once; None if it may not (any more).

        The last questions are asked in the same transaction, of the present state. An attempt that a rule forbids is
        released and its target `not_allowed`; one that must wait (hours, pause) is released and its target due again.
        """
        with self._database.write() as connection:
            row = connection.execute(_asked_of(attempt)).first()
            if row is None or row.state != AttemptState.CLAIMED:
                return None
            campaign = campaigns.load(connection, row.campaign_id)
            dialable = self._dialable(connection, attempt, (row.target_id, row.number), campaign, row.halted)
            verdict = ask(dialable)
            if verdict.kind is not Kind.YES or campaign.state is not CampaignState.RUNNING:
                released = _release(connection, attempt, row.target_id, AttemptState.CLAIMED)
                if released and verdict.kind is Kind.NO and campaign.state is CampaignState.RUNNING:
                    _refuse(connection, row.target_id, verdict, "dialing", at_ms)
                return None
            moved = _move(connection, attempt, AttemptState.DIALING, {"dialing_at_ms": at_ms})
            return dialable if moved else None

    def may_leave(self, attempt: str, ask: Ask) -> bool:
        """Whether an attempt that is `dialing`, but of which nothing was sent yet, would still get a yes."""
        with self._database.read() as connection:
            row = connection.execute(_asked_of(attempt)).first()
            if row is None or row.state != AttemptState.DIALING:
                return False
            campaign = campaigns.load(connection, row.campaign_id)
            dialable = self._dialable(connection, attempt, (row.target_id, row.number), campaign, row.halted)
            return campaign.state is CampaignState.RUNNING and ask(dialable).kind is Kind.YES

    def answer(self, attempt: str, at_ms: int) -> None:
        """The attempt is `answered` if it was dialing."""
        with self._database.write() as connection:
            _move(connection, attempt, AttemptState.ANSWERED, {"answered_at_ms": at_ms})

    def release_claimed(self, pbx: str | None, claimed_before_ms: int) -> int:
        """Claims older than that, of which no Originate was sent, are given back: their targets are due again."""
        with self._database.write() as connection:
            query = select(ATTEMPTS.c.id, ATTEMPTS.c.target_id).where(
                ATTEMPTS.c.state == AttemptState.CLAIMED.value, ATTEMPTS.c.claimed_at_ms < claimed_before_ms
            )
            rows = connection.execute(query.where(ATTEMPTS.c.pbx == pbx) if pbx else query).all()
            return sum(_release(connection, attempt, target_id, AttemptState.CLAIMED) for attempt, target_id in rows)

    def release_campaign(self, campaign_id: int) -> int:
        """Claims of a campaign that no longer runs are given back."""
        with self._database.write() as connection:
            query = select(ATTEMPTS.c.id, ATTEMPTS.c.target_id)
            claimed = ATTEMPTS.c.state == AttemptState.CLAIMED.value
            rows = connection.execute(query.where(claimed, ATTEMPTS.c.campaign_id == campaign_id)).all()
            return sum(_release(connection, attempt, target_id, AttemptState.CLAIMED) for attempt, target_id in rows)

    def take_back(self, attempt: str) -> None:
        """The attempt, of which it is certain that nothing was sent, is released and its target due again."""
        with self._database.write() as connection:
            target_id = connection.execute(select(ATTEMPTS.c.target_id).where(ATTEMPTS.c.id == attempt)).scalar()
            if target_id is not None:
                _release(connection, attempt, target_id, AttemptState.DIALING)

    def campaign_of(self, attempt: str) -> Campaign | None:
        """The campaign of an attempt, or None if there is no such attempt."""
        with self._database.read() as connection:
            campaign_id = connection.execute(select(ATTEMPTS.c.campaign_id).where(ATTEMPTS.c.id == attempt)).scalar()
            return None if campaign_id is None else campaigns.load(connection, campaign_id)

    def open_on(self, pbx: str) -> dict[str, OpenAttempt]:
        """The attempts sent to `pbx` whose end is not known, by id."""
        states = (AttemptState.DIALING.value, AttemptState.ANSWERED.value)
        with self._database.read() as connection:
            query = select(ATTEMPTS.c.id, ATTEMPTS.c.dialing_at_ms, schema.campaigns.c.trunk).join(schema.campaigns)
            rows = connection.execute(query.where(ATTEMPTS.c.pbx == pbx, ATTEMPTS.c.state.in_(states))).all()
            return {attempt: OpenAttempt(dialing_at_ms, trunk) for attempt, dialing_at_ms, trunk in rows}

    def end(self, connection: Connection, end: Mapping[str, Any]) -> None:
        """The attempt is `ended` with its outcome, and its target done; a second end changes nothing.

        end: attempt, outcome, cause, tech_cause, note, at_ms. With a listen it was answered, whatever the cause.
        """
        attempt = end["attempt"]
        heard = connection.execute(
            select(schema.listens.c.attempt_id).where(schema.listens.c.attempt_id == attempt)
        ).first()
        outcome = Outcome.ANSWERED if heard else Outcome(end["outcome"])
        values = {
            "outcome": outcome.value,
            "cause": end.get("cause"),
            "tech_cause": end.get("tech_cause"),
            "note": end.get("note", ""),
            "ended_at_ms": end["at_ms"],
        }
        if _move(connection, attempt, AttemptState.ENDED, values):
            _finish_target(connection, attempt, outcome)

    def _dialable(
        self, connection: Connection, attempt: str, target: tuple[int, str], campaign: Campaign, halt: bool
    ) -> Dialable:
        target_id, number = target
        suppressed = self._suppressions.blocks(connection, number, campaign.sponsor_id)
        return Dialable(attempt, number, campaign, suppressed, _was_reached(connection, attempt, target_id), halt)


def _asked_of(attempt: str) -> Select[Any]:
    return (
        select(ATTEMPTS.c.state, ATTEMPTS.c.campaign_id, ATTEMPTS.c.target_id, schema.contacts.c.number, halted())
        .select_from(ATTEMPTS.join(TARGETS, TARGETS.c.id == ATTEMPTS.c.target_id).join(schema.contacts))
        .where(ATTEMPTS.c.id == attempt)
    )


def _due(connection: Connection, campaign_id: int, most: int) -> list[tuple[int, str]]:
    query = (
        select(TARGETS.c.id, schema.contacts.c.number)
        .select_from(TARGETS.join(schema.contacts))
        .where(TARGETS.c.campaign_id == campaign_id, TARGETS.c.state == TargetState.DUE.value)
        .order_by(TARGETS.c.id)
        .limit(most)
        .with_for_update(skip_locked=True, of=TARGETS)
    )
    return [(row.id, row.number) for row in connection.execute(query)]


def _was_reached(connection: Connection, attempt: str, target_id: int) -> bool:
    """True when another attempt was, or may have been, sent to this target: in a campaign, a number is one target.

    Asked by target, whose index finds a handful of rows; by campaign it would be every call made so far.
    """
    states = [AttemptState.DIALING.value, AttemptState.ANSWERED.value, AttemptState.ENDED.value]
    same = (ATTEMPTS.c.target_id == target_id, ATTEMPTS.c.id != attempt, ATTEMPTS.c.state.in_(states))
    return connection.execute(select(ATTEMPTS.c.id).where(*same)).first() is not None


def mark_answered(connection: Connection, attempt: str) -> None:
    """The attempt's outcome is `answered` even if its end was recorded otherwise: a listen proves it."""
    where = (
        ATTEMPTS.c.id == attempt,
        ATTEMPTS.c.state == AttemptState.ENDED.value,
        ATTEMPTS.c.outcome != Outcome.ANSWERED.value,
    )
    if connection.execute(update(ATTEMPTS).where(*where).values(outcome=Outcome.ANSWERED.value)).rowcount:
        _finish_target(connection, attempt, Outcome.ANSWERED)


def _insert_claim(connection: Connection, attempt: str, target_id: int, campaign_id: int, pbx: str, at_ms: int) -> None:
    values = {"id": attempt, "target_id": target_id, "campaign_id": campaign_id, "pbx": pbx, "claimed_at_ms": at_ms}
    connection.execute(insert(ATTEMPTS).values(**values, state=AttemptState.CLAIMED.value))
    connection.execute(update(TARGETS).where(TARGETS.c.id == target_id).values(state=TargetState.IN_PROGRESS.value))


def _refuse(connection: Connection, target_id: int, verdict: Verdict, asked_when: str, at_ms: int) -> None:
    refusal = {"target_id": target_id, "rule": verdict.rule, "rule_pack": verdict.rule_pack}
    connection.execute(insert(schema.refusals).values(**refusal, asked_when=asked_when, at_ms=at_ms))
    values = {"state": TargetState.NOT_ALLOWED.value, "rule": verdict.rule}
    connection.execute(update(TARGETS).where(TARGETS.c.id == target_id).values(**values))


def _move(connection: Connection, attempt: str, then: AttemptState, values: dict[str, Any]) -> bool:
    allowed = [state.value for state in sources(then)]
    where = (ATTEMPTS.c.id == attempt, ATTEMPTS.c.state.in_(allowed))
    return connection.execute(update(ATTEMPTS).where(*where).values(state=then.value, **values)).rowcount == 1


def _release(connection: Connection, attempt: str, target_id: int, only_from: AttemptState) -> int:
    """1 if the attempt was in that state and is released; a claim that began to be dialled meanwhile is left alone."""
    where = (ATTEMPTS.c.id == attempt, ATTEMPTS.c.state == only_from.value)
    if not connection.execute(update(ATTEMPTS).where(*where).values(state=AttemptState.RELEASED.value)).rowcount:
        return 0
    connection.execute(update(TARGETS).where(TARGETS.c.id == target_id).values(state=TargetState.DUE.value))
    return 1


def _finish_target(connection: Connection, attempt: str, outcome: Outcome) -> None:
    target = select(ATTEMPTS.c.target_id).where(ATTEMPTS.c.id == attempt).scalar_subquery()
    values = {"state": TargetState.DONE.value, "outcome": outcome.value}
    connection.execute(update(TARGETS).where(TARGETS.c.id == target).values(**values))
