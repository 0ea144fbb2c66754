"""Dialing: orders become calls, at the pace and within the limits of each trunk.

The move `claimed → dialing` is committed before Originate is sent; Originate is sent once. What is unknown then is
never sent again: `reconciling` asks the PBX.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ivr.adapters.ami import AmiClient, Originate
from ivr.adapters.store import Store
from ivr.errors import AmiDown, Permanent, Temporary, Uncertain
from ivr.rules.numbers import dialled
from ivr.rules.pacing import Pacer
from ivr.rules.records import Campaign, Dialable
from ivr.settings import Settings, Trunk
from ivr.usecases.asking import questions
from ivr.usecases.outcomes import LiveCall

log = logging.getLogger(__name__)

CONTEXT = "ivr-message"
LOOK_AGAIN_S = 0.2
STALE_S = 0.5
"""A yes older than this is asked for again: between it and sending we may have been stopped, and halted meanwhile."""


@dataclass(frozen=True, slots=True)
class Order:
    """An attempt to be dialled on a trunk."""

    trunk: str
    campaign_id: int
    attempt: str

    @classmethod
    def parse(cls, text: str) -> Order:
        """The order as it stands in Redis: trunk, campaign id, attempt id."""
        trunk, campaign_id, attempt = text.split(" ")
        return cls(trunk, int(campaign_id), attempt)


@dataclass(slots=True)
class TrunkLine:
    """One trunk's pace and calls."""

    name: str
    trunk: Trunk
    pacer: Pacer
    waiting: dict[int, deque[Order]] = field(default_factory=dict)  # by campaign: a slow one holds up no other
    live: set[str] = field(default_factory=set)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def orders(self) -> int:
        """How many orders wait."""
        return sum(map(len, self.waiting.values()))


class Dialer:
    """Sends the calls of one PBX, and knows its live calls. Everything here happens in one event loop."""

    def __init__(self, settings: Settings, store: Store, ami: AmiClient) -> None:
        self._settings = settings
        self._store = store
        self._ami = ami
        # The process before us may have sent until this moment, and its sends count in the carrier's rolling second.
        self._since_s = time.monotonic()
        self.trunks = {
            name: TrunkLine(name, trunk, Pacer(trunk.rate_cps, self._since_s))
            for name, trunk in settings.trunks.items()
        }
        self.calls: dict[str, LiveCall] = {}
        self._reserved: set[str] = set()  # orders that have their channel but are not sent yet
        self.ready = False  # true once the calls that the PBX carries already are known
        self.originated = 0
        self._campaign_pacers: dict[int, Pacer] = {}
        self._sending: set[asyncio.Task[None]] = set()

    def accept(self, order: Order) -> None:
        """The order waits for its turn; one for a trunk that this installation has not is left to be given back."""
        line = self.trunks.get(order.trunk)
        if line is None:
            log.error("order for an unknown trunk", extra={"action": "order_refused", "attempt_id": order.attempt})
        else:
            line.waiting.setdefault(order.campaign_id, deque()).append(order)
            line.news.set()

    def set_campaign_rate(self, campaign: Campaign) -> None:
        """The campaign's own rate holds beside its trunk's."""
        pacer = self._campaign_pacers.get(campaign.id)
        if pacer is None:
            self._campaign_pacers[campaign.id] = Pacer(campaign.rate_cps, self._since_s)
        elif pacer.rate_cps != campaign.rate_cps:
            pacer.set_rate(campaign.rate_cps)

    def adopt(self, attempt: str, trunk: str) -> None:
        """A call that is alive on the PBX, sent before this process began, is followed to its end."""
        if attempt not in self.calls:
            self.calls[attempt] = LiveCall(attempt, time.monotonic(), adopted=True)
            if trunk in self.trunks:
                self.trunks[trunk].live.add(attempt)

    def forget(self, attempt: str) -> None:
        """The call is over: its channel is free."""
        self.calls.pop(attempt, None)
        for line in self.trunks.values():
            line.live.discard(attempt)
            line.news.set()

    def wanted(self, campaign: Campaign, ahead_s: float) -> int:
        """How many targets of the campaign to ask for now: the pace of the next seconds, within the free channels."""
        line = self.trunks.get(campaign.trunks[0])
        if line is None:
            return 0
        waiting = len(line.waiting.get(campaign.id, ()))
        free = min(line.trunk.channels - len(line.live), self._settings.pbx.channels - len(self.calls)) - line.orders()
        ahead = max(1, round(min(line.trunk.rate_cps, campaign.rate_cps) * ahead_s)) - waiting
        return max(0, min(free, ahead))

    def runs(self) -> list[Coroutine[Any, Any, None]]:
        """One loop per trunk, to be run as tasks."""
        return [self._dial(line) for line in self.trunks.values()]

    async def _dial(self, line: TrunkLine) -> None:
        while True:
            order = await self._next(line)
            self._reserved.add(order.attempt)
            try:
                await self._dial_one(line, order)
            except Exception as error:  # whatever became of this one: the others are still to be called
                why = {"action": "order_failed", "attempt_id": order.attempt, "why": type(error).__name__}
                log.error("order failed", extra=why)
            finally:
                self._reserved.discard(order.attempt)

    async def _dial_one(self, line: TrunkLine, order: Order) -> None:
        asked_s = time.monotonic()
        if not (dialable := await self._commit(order)):
            return
        try:
            await self._pace(line, order)  # the commit may have taken a moment: the pace is that of sending
            fresh = time.monotonic() - asked_s <= STALE_S or await self._may_leave(order.attempt)
        except asyncio.CancelledError:
            await self._take_back(order.attempt)
            raise
        if not (fresh and self.ready and self._ami.up):
            await self._take_back(order.attempt)
            return
        await self._send(line, dialable)

    async def _next(self, line: TrunkLine) -> Order:
        """The order whose campaign's turn is first, once it has a channel, the link is up and the pace allows."""
        while True:
            line.news.clear()
            now_s = time.monotonic()
            turns = {campaign: self._turn_s(line, campaign, now_s) for campaign, some in line.waiting.items() if some}
            first = min(turns, key=lambda campaign: turns[campaign], default=None)
            if first is not None and turns[first] <= now_s and self._has_room(line):
                order = line.waiting[first].popleft()
                if not line.waiting[first]:
                    del line.waiting[first]
                return order
            wait_s = None if first is None else min(LOOK_AGAIN_S, max(0.001, turns[first] - now_s))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(line.news.wait(), wait_s)

    def _has_room(self, line: TrunkLine) -> bool:
        busy = len(line.live) >= line.trunk.channels
        full = len(self.calls) + len(self._reserved) >= self._settings.pbx.channels
        return self.ready and self._ami.up and not busy and not full

    def _turn_s(self, line: TrunkLine, campaign_id: int, now_s: float) -> float:
        return max(line.pacer.next_at(now_s), self._campaign_pacer(campaign_id).next_at(now_s))

    async def _pace(self, line: TrunkLine, order: Order) -> None:
        while True:
            now_s = time.monotonic()
            at_s = self._turn_s(line, order.campaign_id, now_s)
            if at_s <= now_s:
                return
            await asyncio.sleep(at_s - now_s)

    def _campaign_pacer(self, campaign_id: int) -> Pacer:
        return self._campaign_pacers.setdefault(campaign_id, Pacer(1.0, self._since_s))

    async def _commit(self, order: Order) -> Dialable | None:
        while True:
            now = datetime.now(UTC)
            begin, ask = self._store.attempts.begin_dialing_many, questions(self._settings, now)
            asked = asyncio.ensure_future(asyncio.to_thread(begin, [order.attempt], ask, int(now.timestamp() * 1000)))
            try:
                return next(iter(await asyncio.shield(asked)), None)
            except asyncio.CancelledError:  # we are told to end: the thread commits all the same, and nothing is sent
                with contextlib.suppress(Temporary):
                    if await asked:
                        await self._take_back(order.attempt)
                raise
            except Temporary as error:
                log.warning("database busy", extra={"action": "commit_waits", "why": str(error)})
                await asyncio.sleep(LOOK_AGAIN_S)

    async def _may_leave(self, attempt: str) -> bool:
        ask = questions(self._settings, datetime.now(UTC))
        try:
            return attempt in await asyncio.to_thread(self._store.attempts.may_leave_many, [attempt], ask)
        except Temporary as error:
            log.warning("database busy", extra={"action": "yes_too_old", "attempt_id": attempt, "why": str(error)})
            return False

    async def _take_back(self, attempt: str) -> None:
        """The attempt, of which nothing was sent, is released: its target is due again."""
        while True:
            try:
                await asyncio.to_thread(self._store.attempts.take_back_many, [attempt])
            except Temporary as error:
                log.warning("database busy", extra={"action": "take_back_waits", "why": str(error)})
                await asyncio.sleep(LOOK_AGAIN_S)
            else:
                return

    async def _send(self, line: TrunkLine, dialable: Dialable) -> None:
        """Originate has left, at an instant that the pace knows; the call is live, whatever becomes of the answer."""
        attempt = dialable.attempt
        try:
            reply = self._ami.send_originate(_originate_of(self._settings, line, dialable))
        except AmiDown:
            await self._take_back(attempt)
            return
        except Permanent as error:
            self._begin_call(line, dialable)
            self._refused(attempt, error)
            return
        self._begin_call(line, dialable)
        task = asyncio.create_task(self._hear_reply(attempt, reply))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    def _begin_call(self, line: TrunkLine, dialable: Dialable) -> None:
        now_s = time.monotonic()
        line.pacer.sent(now_s)
        self._campaign_pacer(dialable.campaign.id).sent(now_s)
        self.calls[dialable.attempt] = LiveCall(dialable.attempt, now_s)
        line.live.add(dialable.attempt)
        self.originated += 1

    async def _hear_reply(self, attempt: str, reply: Coroutine[Any, Any, Any]) -> None:
        try:
            await reply
        except Uncertain as error:
            why = {"action": "originate_uncertain", "attempt_id": attempt, "why": str(error)}
            log.warning("originate uncertain", extra=why)
        except Permanent as error:
            self._refused(attempt, error)
        except Exception as error:  # reconciling finds out what became of it
            why = {"action": "originate_failed", "attempt_id": attempt, "why": type(error).__name__}
            log.error("originate failed", extra=why)

    def _refused(self, attempt: str, error: Permanent) -> None:
        log.error("originate refused", extra={"action": "originate_refused", "attempt_id": attempt, "why": str(error)})
        call = self.calls.get(attempt)
        if call:
            call.responded_s, call.reason = time.monotonic(), 0


def _originate_of(settings: Settings, line: TrunkLine, dialable: Dialable) -> Originate:
    campaign = dialable.campaign
    number = dialled(dialable.number, line.trunk.number_format, settings.calls.country)
    return Originate(
        channel_id=dialable.attempt,
        channel=f"PJSIP/{number}@{line.name}",
        context=CONTEXT,
        extension="s",
        caller_id=line.trunk.caller_id,
        ring_timeout_s=settings.calls.ring_timeout_s,
        variables={
            "IVR_ATTEMPT": dialable.attempt,
            "IVR_PREROLL": campaign.preroll.sound,
            "IVR_MESSAGE": campaign.message.sound,
            "IVR_NOTICE": campaign.notice.sound,
            "IVR_CONFIRMATION": campaign.confirmation.sound,
        },
    )
