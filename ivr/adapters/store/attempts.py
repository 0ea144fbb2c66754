"""Attempts: each move is one conditional UPDATE, committed before its effect."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, delete, insert, or_, select, text, update

from ivr.adapters.store import campaigns, schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.halts import HALTED, is_halted
from ivr.adapters.store.lookups import rows_among
from ivr.adapters.store.suppressions import Suppressions
from ivr.rules.gate import Kind, Verdict
from ivr.rules.records import Campaign, Dialable, OpenAttempt, Way
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

    def claim(self, campaign_id: int, way: Way, ids: Iterable[str], ask: Ask, at_ms: int) -> list[str]:
        """A due target per id becomes an attempt `claimed` for that way; one that may not be called, `not_allowed`.

        Returns the ids used. Two claims at once never get the same target: the write lock
        sees to it, and the unique index behind it.
        """
        wanted = list(ids)
        with self._database.write() as connection:
            campaign = campaigns.load(connection, campaign_id)
            if campaign.state is not CampaignState.RUNNING:
                return []
            taken, refused = self._choose(connection, campaign, way.trunk, wanted, ask)
            same = {"campaign_id": campaign_id, "pbx": way.pbx, "trunk": way.trunk, "claimed_at_ms": at_ms}
            _insert_claims(connection, taken, same)
            _refuse(connection, refused, "claiming", at_ms)
            return list(taken)

    def _choose(
        self, connection: Connection, campaign: Campaign, trunk: str, wanted: list[str], ask: Ask
    ) -> tuple[dict[str, int], dict[int, Verdict]]:
        """(due targets that may be called, by the id of `wanted` that they get; those that may not, with the rule)."""
        halt = is_halted(connection)
        due = _due(connection, campaign.id, len(wanted) + SPARE)
        taken: dict[str, int] = {}
        refused: dict[int, Verdict] = {}
        look = max(len(wanted), SPARE)  # nearly always enough: one look-up
        for some in (due[first : first + look] for first in range(0, len(due), look)):
            suppressed = self._suppressions.blocked(connection, [number for _, number in some], campaign.sponsor_id)
            reached = _reached(connection, [target_id for target_id, _ in some])
            for target_id, number in some:
                if len(taken) == len(wanted):
                    return taken, refused
                attempt = wanted[len(taken)]
                facts = (number in suppressed, target_id in reached, halt)
                verdict = ask(Dialable(attempt, trunk, number, campaign, *facts))
                if verdict.kind is Kind.YES:
                    taken[attempt] = target_id
                elif verdict.kind is Kind.NO:
                    refused[target_id] = verdict
        return taken, refused

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
            dialable = self._dialable(connection, row, campaign)
            verdict = ask(dialable)
            if verdict.kind is not Kind.YES or campaign.state is not CampaignState.RUNNING:
                released = _release(connection, attempt, row.target_id, AttemptState.CLAIMED)
                if released and verdict.kind is Kind.NO and campaign.state is CampaignState.RUNNING:
                    _refuse(connection, {row.target_id: verdict}, "dialing", at_ms)
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
            dialable = self._dialable(connection, row, campaign)
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
            # Of every PBX: by the index of the open attempts, or it would be a scan of every call ever made.
            rows = connection.execute(query.where(ATTEMPTS.c.pbx == pbx if pbx else text(schema.OPEN))).all()
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
            query = select(ATTEMPTS.c.id, ATTEMPTS.c.dialing_at_ms, ATTEMPTS.c.trunk)
            rows = connection.execute(query.where(ATTEMPTS.c.pbx == pbx, ATTEMPTS.c.state.in_(states))).all()
            return {attempt: OpenAttempt(dialing_at_ms, trunk) for attempt, dialing_at_ms, trunk in rows}

    def end(self, connection: Connection, ends: Sequence[Mapping[str, Any]], heard: Collection[str]) -> None:
        """The attempts are `ended` with their outcomes, and their targets done; a second end changes nothing.

        ends: attempt, outcome, cause, tech_cause, note, at_ms. heard: of which attempts there is a listen: those were
        answered, whatever the cause. Called with those attempts locked.
        """
        allowed = [state.value for state in sources(AttemptState.ENDED)]
        query = select(ATTEMPTS.c.id, ATTEMPTS.c.target_id, ATTEMPTS.c.campaign_id).where(ATTEMPTS.c.state.in_(allowed))
        open_ = {row.id: row for row in rows_among(connection, query, ATTEMPTS.c.id, (end["attempt"] for end in ends))}
        moved: list[dict[str, Any]] = []
        outcomes: dict[int, Outcome] = {}
        unheard: list[dict[str, Any]] = []
        for end in ends:
            attempt = end["attempt"]
            outcome = Outcome.ANSWERED if attempt in heard else Outcome(end["outcome"])
            moved.append(_end_values(end, outcome))  # also a second end, which moves nothing, must be one that could
            if (row := open_.pop(attempt, None)) is None:
                continue
            outcomes[row.target_id] = outcome
            if outcome is Outcome.ANSWERED and attempt not in heard:
                lost = {"attempt_id": attempt, "campaign_id": row.campaign_id, "ended_at_ms": end["at_ms"]}
                unheard.append(lost)
        if moved:
            connection.execute(_END, moved)
        if outcomes:
            _finish_targets(connection, outcomes)
        if unheard:
            connection.execute(insert(schema.unheard), unheard)

    def _dialable(self, connection: Connection, row: Row[Any], campaign: Campaign) -> Dialable:
        """row: of `_asked_of`."""
        suppressed = self._suppressions.blocks(connection, row.number, campaign.sponsor_id)
        reached = _was_reached(connection, row.id, row.target_id)
        return Dialable(row.id, row.trunk, row.number, campaign, suppressed, reached, row.halted)


def _asked_of(attempt: str) -> Select[Any]:
    columns = (ATTEMPTS.c.id, ATTEMPTS.c.state, ATTEMPTS.c.campaign_id, ATTEMPTS.c.target_id, ATTEMPTS.c.trunk)
    return (
        select(*columns, schema.contacts.c.number, HALTED)
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
    """True when another attempt was, or may have been, sent to this target."""
    return bool(_reached(connection, [target_id], but=attempt))


def _reached(connection: Connection, target_ids: Iterable[int], but: str = "") -> set[int]:
    """The targets to which an attempt (other than `but`) was, or may have been, sent: a number is one target.

    Asked by target, whose index finds a handful of rows each; by campaign it would be every call made so far.
    """
    states = [AttemptState.DIALING.value, AttemptState.ANSWERED.value, AttemptState.ENDED.value]
    query = select(ATTEMPTS.c.target_id).where(ATTEMPTS.c.id != but, ATTEMPTS.c.state.in_(states))
    return {row.target_id for row in rows_among(connection, query, ATTEMPTS.c.target_id, target_ids)}


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


def _insert_claims(connection: Connection, taken: Mapping[str, int], same: Mapping[str, Any]) -> None:
    if not taken:
        return
    state = {"state": AttemptState.CLAIMED.value}
    connection.execute(insert(ATTEMPTS), [{"id": key, "target_id": taken[key], **same, **state} for key in taken])
    connection.execute(
        update(TARGETS).where(TARGETS.c.id == bindparam("the_id")).values(state=TargetState.IN_PROGRESS.value),
        [{"the_id": target_id} for target_id in taken.values()],
    )


def _refuse(connection: Connection, refused: Mapping[int, Verdict], asked_when: str, at_ms: int) -> None:
    if not refused:
        return
    same = {"asked_when": asked_when, "at_ms": at_ms}
    rows = [
        {"target_id": target_id, "rule": verdict.rule, "rule_pack": verdict.rule_pack, **same}
        for target_id, verdict in refused.items()
    ]
    connection.execute(insert(schema.refusals), rows)
    connection.execute(
        update(TARGETS)
        .where(TARGETS.c.id == bindparam("the_id"))
        .values(state=TargetState.NOT_ALLOWED.value, rule=bindparam("the_rule")),
        [{"the_id": target_id, "the_rule": verdict.rule} for target_id, verdict in refused.items()],
    )


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
        "the_note": end.get("note", ""),
        "the_end_ms": end["at_ms"],
    }


def _finish_targets(connection: Connection, outcomes: Mapping[int, Outcome]) -> None:
    connection.execute(
        update(TARGETS)
        .where(TARGETS.c.id == bindparam("the_id"))
        .values(state=TargetState.DONE.value, outcome=bindparam("the_outcome")),
        [{"the_id": target_id, "the_outcome": outcome.value} for target_id, outcome in outcomes.items()],
    )
