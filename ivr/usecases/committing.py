"""Committing: orders become `dialing` in the books, several at once, a moment before their turn.

While one group is sent at the trunk's pace the next one is committed: the database holds up no call.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial

from ivr.adapters.store import Store
from ivr.errors import Temporary
from ivr.rules.records import Dialable
from ivr.settings import Settings
from ivr.usecases.asking import questions
from ivr.usecases.trunk_line import CampaignPaces, Committed, Order, TrunkLine

log = logging.getLogger(__name__)

GROUP_S = 0.2
"""Orders of less than that are committed together, at ten calls a second each by itself: a pause finds few of them."""
MOST_IN_GROUP = 25
LOOK_AGAIN_S = 0.2
LEAD_S, LONGEST_LEAD_S = 0.015, 0.04
"""A group's commit begins so long before its first turn, more when commits took longer lately."""


class Books:
    """What the dialer asks of the books, in threads, waiting while the database is busy."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings
        self._attempts = store.attempts
        self._shown = {name: trunk.caller_id for name, trunk in settings.trunks.items()}
        self._took_s: deque[float] = deque([0.01], maxlen=8)

    @property
    def lead_s(self) -> float:
        """How long before its turn a group is to be committed."""
        return min(LONGEST_LEAD_S, LEAD_S + 1.5 * max(self._took_s))

    async def begin(self, attempts: Sequence[str]) -> list[Dialable]:
        """Those of the attempts that may be sent, once, `dialing` in the books; nothing else will be sent.

        Cancelled, those that were committed meanwhile are taken back. So are those of a try that seemed to fail and was
        committed all the same: the database was lost while it answered.
        """
        in_doubt_ms: set[int] = set()
        while True:
            now, began_s = datetime.now(UTC), time.monotonic()
            ask, at_ms = questions(self._settings, now), int(now.timestamp() * 1000)
            begin = partial(self._attempts.begin_dialing_many, attempts, ask, at_ms, self._shown)
            begun = asyncio.ensure_future(asyncio.to_thread(begin))
            try:
                dialables = await asyncio.shield(begun)
            except asyncio.CancelledError:  # we are told to end: the thread commits all the same, and nothing is sent
                with contextlib.suppress(Temporary):
                    await self.take_back([dialable.attempt for dialable in await begun])
                raise
            except Temporary as error:
                log.warning("database busy", extra={"action": "commit_waits", "why": str(error)})
                in_doubt_ms.add(at_ms)
                await asyncio.sleep(LOOK_AGAIN_S)
            else:
                self._took_s.append(time.monotonic() - began_s)
                if in_doubt_ms:
                    others = set(attempts) - {dialable.attempt for dialable in dialables}
                    await self.take_back(sorted(others), in_doubt_ms)
                return dialables

    async def may_leave(self, attempts: Sequence[str]) -> set[str]:
        """Those of the attempts, `dialing` and not sent, that would still get a yes."""
        ask = questions(self._settings, datetime.now(UTC))
        try:
            return await asyncio.to_thread(self._attempts.may_leave_many, attempts, ask)
        except Temporary as error:
            log.warning("database busy", extra={"action": "yes_too_old", "count": len(attempts), "why": str(error)})
            return set()

    async def take_back(self, attempts: Sequence[str], begun_at_ms: Collection[int] = ()) -> None:
        """The attempts (those begun at such an instant, if any is given), of which nothing was sent, are due again."""
        while attempts:
            try:
                await asyncio.to_thread(self._attempts.take_back_many, attempts, begun_at_ms)
            except Temporary as error:
                log.warning("database busy", extra={"action": "take_back_waits", "why": str(error)})
                await asyncio.sleep(LOOK_AGAIN_S)
            else:
                return


class Committer:
    """Chooses the orders of one trunk whose turn comes, and commits them. One per trunk."""

    def __init__(self, line: TrunkLine, books: Books, paces: CampaignPaces, room: Callable[[], int]) -> None:
        """room: how many more calls may be begun now."""
        self._line, self._books, self._paces, self._room = line, books, paces, room

    async def run(self) -> None:
        """Runs until cancelled."""
        line = self._line
        while True:
            line.news.clear()
            now_s = time.monotonic()
            first_s = self._first_turn_s(now_s)
            line.starved = first_s is None and bool(line.waiting)
            if first_s is not None and first_s <= now_s + self._books.lead_s:
                await self._commit(self._choose(now_s))
            else:
                await self._wait(first_s, now_s)

    async def _wait(self, first_s: float | None, now_s: float) -> None:
        """Until something may have changed; while orders wait for room or a link, no longer than a moment."""
        wait_s = LOOK_AGAIN_S if self._line.waiting else None
        if first_s is not None:
            wait_s = min(LOOK_AGAIN_S, max(0.001, first_s - self._books.lead_s - now_s))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                await self._line.news.wait()

    def _turns(self, now_s: float, chosen: Counter[int]) -> dict[int, float]:
        """When each campaign with orders may send its next one, as far as its own rate goes."""
        return {one: self._paces.turn_s(one, chosen[one], now_s) for one in self._line.waiting}

    def _first_turn_s(self, now_s: float) -> float | None:
        """When the next order may leave; None while none waits or there is no room."""
        line = self._line
        if not line.waiting or self._room() <= 0:
            return None
        first_s = max(line.slot_s(now_s), min(self._turns(now_s, line.reserved_for()).values()))
        return first_s if first_s < math.inf else None

    def _choose(self, now_s: float) -> list[Order]:
        """The orders of the next turns: each of the campaign whose share says so, of those whose own rate allows it."""
        line, chosen = self._line, self._line.reserved_for()
        most, orders = min(self._room(), MOST_IN_GROUP), list[Order]()
        slot_s, until_s = line.slot_s(now_s), math.inf
        while line.waiting and len(orders) < most:
            turns = self._turns(now_s, chosen)
            slot_s = max(slot_s, min(turns.values()))
            ready = {one: len(line.waiting[one]) for one, at_s in turns.items() if at_s <= slot_s}
            campaign = line.turns.next_campaign(ready)
            gap_s = max(line.pacer.gap_s, self._paces.gap_s(campaign)) if campaign is not None else 0.0
            if campaign is None or slot_s > until_s - gap_s:
                break
            until_s = min(until_s, slot_s + GROUP_S)
            line.turns.took(campaign, ready)
            orders.append(line.take(campaign))
            chosen[campaign] += 1
            slot_s += line.pacer.gap_s
        return orders

    async def _commit(self, orders: Sequence[Order]) -> None:
        attempts = [order.attempt for order in orders]
        try:
            await self._begin(attempts)
        except asyncio.CancelledError:
            self._line.release(attempts)
            raise
        except Exception as error:
            if len(attempts) == 1:  # whatever became of this one: the others are still to be called
                why = {"action": "order_failed", "attempt_id": attempts[0], "why": type(error).__name__}
                log.error("order failed", extra=why)
                self._line.release(attempts)
                return
            for order in orders:
                await self._commit([order])

    async def _begin(self, attempts: Sequence[str]) -> None:
        asked_s = time.monotonic()
        begun = await self._books.begin(attempts)
        self._line.committed.extend(Committed(dialable, asked_s) for dialable in begun)
        self._line.release(set(attempts) - set(attempts_of(self._line.committed)))
        self._line.ready.set()


def attempts_of(committed: Iterable[Committed]) -> list[str]:
    """The attempts of what was committed."""
    return [one.dialable.attempt for one in committed]
