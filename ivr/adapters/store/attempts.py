"""Attempts: each move is a conditional UPDATE, committed before its effect; many at once in a handful of statements."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from types import MappingProxyType

from sqlalchemy import Connection, bindparam, or_, select, text, update

from ivr.adapters.store import campaigns, ends, locks, money, moves, schema
from ivr.adapters.store.claiming import Chooser, due
from ivr.adapters.store.counting import counted
from ivr.adapters.store.engine import Database
from ivr.adapters.store.facts import Ask, asked_of
from ivr.adapters.store.looking import LookedAt, look_at, look_at_some
from ivr.adapters.store.lookups import MOST_KEYS, rows_among
from ivr.adapters.store.suppressions import Suppressions
from ivr.rules.gate import Kind, Verdict
from ivr.rules.records import Campaign, Dialable, OpenAttempt, Way
from ivr.rules.states import AttemptState, CampaignState, Outcome

ATTEMPTS = schema.attempts

LOOKS = 10
"""At due targets within one claim, when many of those looked at may not be called, or not yet."""


NOBODY_ASKED: Mapping[str, str] = MappingProxyType({})


class Attempts:
    """The calls that were or may have been placed."""

    def __init__(self, database: Database, suppressions: Suppressions) -> None:
        self._database = database
        self._suppressions = suppressions

    def claim(self, campaign_id: int, way: Way, ids: Iterable[str], ask: Ask, at_ms: int) -> list[str]:
        """A due target per id becomes an attempt `claimed` for that way; one that may not be called, `not_allowed`.

        No more than the campaign's budget bears, if each call is as long as one can be.

        Returns the ids used. Two claims at once never get the same target: SQLite's write lock or PostgreSQL's row
        locks see to it, and the unique index behind them.
        """
        wanted = list(ids)
        used: list[str] = []
        with self._database.write() as connection:
            locks.asking(connection)
            campaign = campaigns.load(connection, campaign_id)
            if campaign.state is not CampaignState.RUNNING:
                return []
            money.claiming_alone(connection, campaign)
            del wanted[money.affordable(connection, campaign, len(wanted)) :]
            same = {"campaign_id": campaign_id, "pbx": way.pbx, "trunk": way.trunk, "claimed_at_ms": at_ms}
            chooser = Chooser(connection, self._suppressions, campaign, way.trunk, ask)
            for _ in range(LOOKS if wanted else 0):
                choice = chooser.choose(wanted[len(used) :], at_ms)
                moves.insert_claims(connection, choice.taken, same)
                moves.refuse(connection, choice.refused, "claiming", at_ms)
                moves.postpone(connection, choice.postponed)
                used += choice.taken
                if len(used) == len(wanted) or not (choice.refused or choice.postponed):
                    break
            return used

    def begin_dialing_many(
        self, attempts: Sequence[str], ask: Ask, at_ms: int, shown: Mapping[str, str] = NOBODY_ASKED
    ) -> list[Dialable]:
        """Those that may be sent, once each, are `dialing`, committed; in the order given.

        The last questions are asked in the same transaction, of the present state. An attempt that a rule forbids is
        released and its target `not_allowed`; one that must wait (hours, pause) is released and its target due again.
        One that is not claimed (any more) is left alone. shown: by trunk the number that people see; it is kept.
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
            moves.begin(connection, {one.attempt: shown.get(one.trunk, "") for one in begun}, at_ms)
            moves.release(connection, back, AttemptState.CLAIMED)
            moves.refuse(connection, refused, "dialing", at_ms)
            return begun

    def may_leave_many(self, attempts: Iterable[str], ask: Ask) -> set[str]:
        """Those that are `dialing`, but of which nothing was sent yet, and would still get a yes."""
        with self._database.read() as connection:
            asked = asked_of(connection, self._suppressions, attempts, AttemptState.DIALING)
            return {attempt for attempt, one in asked.items() if _may_leave(one.dialable, ask)}

    def looked_at(self, campaign: Campaign, number: str, at_ms: int) -> LookedAt | None:
        """What the Gate would be asked of that number (E.164) then; None: it is not in the campaign."""
        with self._database.read() as connection:
            return look_at(connection, self._suppressions, campaign, number, at_ms)

    def some_looked_at(self, campaign: Campaign, every: int, most: int, at_ms: int) -> list[Dialable]:
        """What the Gate would be asked then of every so many of those who are due, `most` at most."""
        with self._database.read() as connection:
            return look_at_some(connection, self._suppressions, campaign, every, most, at_ms)

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
        """Claims older than that, of which no Originate was sent, are given back: their targets are due again.

        So are those of the future: the clock was stepped back since, and they would not age for as long.
        """
        given = {"before_ms": claimed_before_ms, "future_ms": claimed_before_ms + schema.FUTURE_MS, "the_pbx": pbx}
        aged = _AGED_ON if pbx else _AGED
        with self._database.read() as connection:
            if connection.execute(aged, given).first() is None:  # nearly always: nobody waits for a lock to learn it
                return 0
        with self._database.write() as connection:
            return _release(connection, connection.execute(aged, given).scalars(), AttemptState.CLAIMED)

    def release_campaign(self, campaign_id: int) -> int:
        """Claims of a campaign that no longer runs are given back."""
        with self._database.write() as connection:
            found = connection.execute(_CLAIMED.where(ATTEMPTS.c.campaign_id == campaign_id)).scalars()
            return _release(connection, found, AttemptState.CLAIMED)

    def close_due(self, campaign_id: int, why: Verdict, at_ms: int, most: int) -> int:
        """Up to so many due targets are refused, for that reason, as if the Gate had said so. Returns how many."""
        with self._database.write() as connection:
            locks.asking(connection)  # as whoever refuses: what is sealed then has no row that comes later
            some = [row.id for row in due(connection, campaign_id, most)]
            moves.refuse(connection, dict.fromkeys(some, why), "closing", at_ms)
            return len(some)

    def close_waiting(self, campaign_id: int, most: int) -> int:
        """Up to so many targets that wait for a retry are done, with their last outcome. Returns how many."""
        with self._database.write() as connection:
            some = [row.id for row in due(connection, campaign_id, most, called=True)]
            moves.finish(connection, some)
            return len(some)

    def campaign_of(self, attempt: str) -> Campaign | None:
        """The campaign of an attempt as the person called hears it, or None if there is no such attempt."""
        targets = schema.targets
        query = select(ATTEMPTS.c.campaign_id, targets.c.version).join(targets, targets.c.id == ATTEMPTS.c.target_id)
        with self._database.read() as connection:
            row = connection.execute(query.where(ATTEMPTS.c.id == attempt)).first()
            return campaigns.load(connection, row.campaign_id).to(row.version) if row else None

    def open_on(self, pbx: str) -> dict[str, OpenAttempt]:
        """The attempts sent to `pbx` whose end is not known, by id."""
        with self._database.read() as connection:
            query = select(ATTEMPTS.c.id, ATTEMPTS.c.dialing_at_ms, ATTEMPTS.c.trunk, ATTEMPTS.c.campaign_id)
            rows = connection.execute(query.where(ATTEMPTS.c.pbx == pbx, ATTEMPTS.c.state.in_(_ON_A_PBX))).all()
            return {attempt: OpenAttempt(*rest) for attempt, *rest in rows}

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
                locks.asking(connection)
                found = list(connection.execute(query.limit(MOST_KEYS)).scalars())
                some = moves.locked(connection, found, AttemptState.DIALING, AttemptState.ANSWERED)
                with counted(connection, some):
                    ends.end(connection, [{"attempt": attempt, **same} for attempt in some], ())
            closed += len(some)
            if len(found) < MOST_KEYS:
                return closed


_CLAIMED = select(ATTEMPTS.c.id).where(ATTEMPTS.c.state == AttemptState.CLAIMED.value)
_AGED_ANYWHERE = _CLAIMED.where(
    or_(ATTEMPTS.c.claimed_at_ms < bindparam("before_ms"), ATTEMPTS.c.claimed_at_ms > bindparam("future_ms"))
)
_AGED_ON = _AGED_ANYWHERE.where(ATTEMPTS.c.pbx == bindparam("the_pbx"))
# Of every PBX: by the index of the open attempts, or it would be a scan of every call ever made.
_AGED = _AGED_ANYWHERE.where(text(schema.OPEN))
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
