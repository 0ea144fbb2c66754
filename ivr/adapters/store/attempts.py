"""Attempts: each move is a conditional UPDATE, committed before its effect; many at once in a handful of statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import Connection, bindparam, select, text, update

from ivr.adapters.store import campaigns, ends, locks, moves, schema
from ivr.adapters.store.engine import Database
from ivr.adapters.store.facts import Ask, asked_of, reached
from ivr.adapters.store.halts import is_halted
from ivr.adapters.store.lookups import MOST_KEYS, rows_among
from ivr.adapters.store.suppressions import Suppressions
from ivr.rules.gate import Kind, Verdict
from ivr.rules.records import Campaign, Dialable, OpenAttempt, Way
from ivr.rules.states import AttemptState, CampaignState, Outcome, TargetState

ATTEMPTS = schema.attempts
TARGETS = schema.targets

SPARE = 100
"""Due targets looked at beyond those wanted, so that people who may not be called do not cost a round each."""


class Attempts:
    """The calls that were or may have been placed."""

    def __init__(self, database: Database, suppressions: Suppressions) -> None:
        self._database = database
        self._suppressions = suppressions

    def claim(self, campaign_id: int, way: Way, ids: Iterable[str], ask: Ask, at_ms: int) -> list[str]:
        """A due target per id becomes an attempt `claimed` for that way; one that may not be called, `not_allowed`.

        Returns the ids used. Two claims at once never get the same target: SQLite's write lock or PostgreSQL's row
        locks see to it, and the unique index behind them.
        """
        wanted = list(ids)
        with self._database.write() as connection:
            locks.asking(connection)
            campaign = campaigns.load(connection, campaign_id)
            if campaign.state is not CampaignState.RUNNING:
                return []
            taken, refused = self._choose(connection, campaign, way.trunk, wanted, ask)
            same = {"campaign_id": campaign_id, "pbx": way.pbx, "trunk": way.trunk, "claimed_at_ms": at_ms}
            moves.insert_claims(connection, taken, same)
            moves.refuse(connection, refused, "claiming", at_ms)
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
            sponsor_id = campaign.sponsor_id
            suppressed = self._suppressions.blocked(connection, [(number, sponsor_id) for _, number in some])
            called = reached(connection, [target_id for target_id, _ in some])
            for target_id, number in some:
                if len(taken) == len(wanted):
                    return taken, refused
                attempt = wanted[len(taken)]
                facts = ((number, sponsor_id) in suppressed, target_id in called, halt)
                verdict = ask(Dialable(attempt, trunk, number, campaign, *facts))
                if verdict.kind is Kind.YES:
                    taken[attempt] = target_id
                elif verdict.kind is Kind.NO:
                    refused[target_id] = verdict
        return taken, refused

    def begin_dialing_many(self, attempts: Sequence[str], ask: Ask, at_ms: int) -> list[Dialable]:
        """Those that may be sent, once each, are `dialing`, committed; in the order given.

        The last questions are asked in the same transaction, of the present state. An attempt that a rule forbids is
        released and its target `not_allowed`; one that must wait (hours, pause) is released and its target due again.
        One that is not claimed (any more) is left alone.
        """
        with self._database.write() as connection:
            locks.asking(connection)
            asked = asked_of(connection, self._suppressions, attempts, AttemptState.CLAIMED, lock=True)
            begun: list[Dialable] = []
            back: dict[str, int] = {}
            refused: dict[int, Verdict] = {}
            for attempt in dict.fromkeys(attempt for attempt in attempts if attempt in asked):
                target_id, dialable = asked[attempt].target_id, asked[attempt].dialable
                running = dialable.campaign.state is CampaignState.RUNNING
                verdict = ask(dialable)
                if running and verdict.kind is Kind.YES:
                    begun.append(dialable)
                    continue
                back[attempt] = target_id
                if running and verdict.kind is Kind.NO:
                    refused[target_id] = verdict
            moves.begin(connection, (dialable.attempt for dialable in begun), at_ms)
            moves.release(connection, back, AttemptState.CLAIMED)
            moves.refuse(connection, refused, "dialing", at_ms)
            return begun

    def may_leave_many(self, attempts: Iterable[str], ask: Ask) -> set[str]:
        """Those that are `dialing`, but of which nothing was sent yet, and would still get a yes."""
        with self._database.read() as connection:
            asked = asked_of(connection, self._suppressions, attempts, AttemptState.DIALING)
            return {attempt for attempt, one in asked.items() if _may_leave(one.dialable, ask)}

    def take_back_many(self, attempts: Iterable[str], begun_at_ms: Collection[int] = ()) -> None:
        """Those that are `dialing`, of which it is certain that nothing was sent, are released: their targets due.

        begun_at_ms: if any, only those that were begun at one of these instants.
        """
        with self._database.write() as connection:
            if begun_at_ms:
                query = select(ATTEMPTS.c.id).where(ATTEMPTS.c.dialing_at_ms.in_(begun_at_ms))
                attempts = [row.id for row in rows_among(connection, query, ATTEMPTS.c.id, attempts)]
            _release(connection, attempts, AttemptState.DIALING)

    def release(self, attempts: Iterable[str]) -> int:
        """The claims, of which no Originate was sent, are given back: their targets are due again. Returns how many."""
        with self._database.write() as connection:
            return _release(connection, attempts, AttemptState.CLAIMED)

    def answer_many(self, answers: Mapping[str, int]) -> None:
        """The attempts are `answered` at their instants, those that were dialing."""
        if answers:
            values = [{"the_id": attempt, "the_ms": at_ms} for attempt, at_ms in sorted(answers.items())]
            with self._database.write() as connection:
                connection.execute(_ANSWER, values)

    def release_claimed(self, pbx: str | None, claimed_before_ms: int) -> int:
        """Claims older than that, of which no Originate was sent, are given back: their targets are due again."""
        aged = _CLAIMED.where(ATTEMPTS.c.claimed_at_ms < claimed_before_ms)
        with self._database.write() as connection:
            # Of every PBX: by the index of the open attempts, or it would be a scan of every call ever made.
            found = connection.execute(aged.where(ATTEMPTS.c.pbx == pbx if pbx else text(schema.OPEN))).scalars()
            return _release(connection, found, AttemptState.CLAIMED)

    def release_campaign(self, campaign_id: int) -> int:
        """Claims of a campaign that no longer runs are given back."""
        with self._database.write() as connection:
            found = connection.execute(_CLAIMED.where(ATTEMPTS.c.campaign_id == campaign_id)).scalars()
            return _release(connection, found, AttemptState.CLAIMED)

    def campaign_of(self, attempt: str) -> Campaign | None:
        """The campaign of an attempt, or None if there is no such attempt."""
        with self._database.read() as connection:
            campaign_id = connection.execute(select(ATTEMPTS.c.campaign_id).where(ATTEMPTS.c.id == attempt)).scalar()
            return None if campaign_id is None else campaigns.load(connection, campaign_id)

    def open_on(self, pbx: str) -> dict[str, OpenAttempt]:
        """The attempts sent to `pbx` whose end is not known, by id."""
        with self._database.read() as connection:
            query = select(ATTEMPTS.c.id, ATTEMPTS.c.dialing_at_ms, ATTEMPTS.c.trunk)
            rows = connection.execute(query.where(ATTEMPTS.c.pbx == pbx, ATTEMPTS.c.state.in_(_ON_A_PBX))).all()
            return {attempt: OpenAttempt(dialing_at_ms, trunk) for attempt, dialing_at_ms, trunk in rows}

    def close_lost(self, pbx: str, sent_before_ms: int, at_ms: int) -> int:
        """Attempts sent before that to a PBX that is lost for good are ended as `unknown`: they may have rung.

        Returns how many. In several transactions when there are many: each is committed for itself.
        """
        query = select(ATTEMPTS.c.id).where(
            ATTEMPTS.c.pbx == pbx, ATTEMPTS.c.state.in_(_ON_A_PBX), ATTEMPTS.c.dialing_at_ms < sent_before_ms
        )
        same = {"outcome": Outcome.UNKNOWN.value, "at_ms": at_ms, "note": "its PBX is lost: it may have rung"}
        closed = 0
        while True:
            with self._database.write() as connection:
                found = list(connection.execute(query.limit(MOST_KEYS)).scalars())
                some = moves.locked(connection, found, AttemptState.DIALING, AttemptState.ANSWERED)
                ends.end(connection, [{"attempt": attempt, **same} for attempt in some], ())
            closed += len(some)
            if len(found) < MOST_KEYS:
                return closed


_CLAIMED = select(ATTEMPTS.c.id).where(ATTEMPTS.c.state == AttemptState.CLAIMED.value)
_ON_A_PBX = (AttemptState.DIALING.value, AttemptState.ANSWERED.value)
_ANSWER = (
    update(ATTEMPTS)
    .where(ATTEMPTS.c.id == bindparam("the_id"), ATTEMPTS.c.state == AttemptState.DIALING.value)
    .values(state=AttemptState.ANSWERED.value, answered_at_ms=bindparam("the_ms"))
)


def _release(connection: Connection, attempts: Iterable[str], only_from: AttemptState) -> int:
    return moves.release(connection, moves.locked(connection, attempts, only_from), only_from)


def _may_leave(dialable: Dialable, ask: Ask) -> bool:
    return dialable.campaign.state is CampaignState.RUNNING and ask(dialable).kind is Kind.YES


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
