"""Dialing: orders become calls, at the pace and within the limits of each trunk.

The move `claimed → dialing` is committed before Originate is sent; Originate is sent once. What is unknown then is
never sent again: `reconciling` asks the PBX.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ivr.adapters.ami import AmiClient, Originate
from ivr.adapters.store import Store
from ivr.errors import AmiDown, Permanent, StoreBusy, Uncertain
from ivr.rules.numbers import dialled
from ivr.rules.pacing import Pacer
from ivr.rules.records import Campaign, Dialable
from ivr.settings import Settings, Trunk
from ivr.usecases.asking import questions
from ivr.usecases.outcomes import LiveCall

log = logging.getLogger(__name__)

CONTEXT = "ivr-message"


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
    orders: asyncio.Queue[Order] = field(default_factory=asyncio.Queue)
    live: set[str] = field(default_factory=set)


class Dialer:
    """Sends the calls of one PBX. Knows its live calls; `freed` wakes it when one ends."""

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
        self.freed = asyncio.Event()
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
            line.orders.put_nowait(order)

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
        self.freed.set()

    def wanted(self, campaign: Campaign, ahead_s: float) -> int:
        """How many targets of the campaign to ask for now: the pace of the next seconds, within the free channels."""
        line = self.trunks.get(campaign.trunk)
        if line is None:
            return 0
        waiting = line.orders.qsize()
        free = min(line.trunk.channels - len(line.live), self._settings.pbx.channels - len(self.calls)) - waiting
        ahead = max(1, round(min(line.trunk.rate_cps, campaign.rate_cps) * ahead_s)) - waiting
        return max(0, min(free, ahead))

    def runs(self) -> list[Coroutine[Any, Any, None]]:
        """One loop per trunk, to be run as tasks."""
        return [self._dial(line) for line in self.trunks.values()]

    async def _dial(self, line: TrunkLine) -> None:
        while True:
            order = await line.orders.get()
            await self._turn(line, order)
            dialable = await self._commit(order)
            if dialable is None:
                continue
            await self._pace(line, order)  # the commit may have taken a moment: the pace is that of sending
            line.pacer.sent(time.monotonic())
            self._campaign_pacer(order).sent(time.monotonic())
            self._send(line, dialable)

    async def _turn(self, line: TrunkLine, order: Order) -> None:
        """Returns when the trunk has a channel, the link is up and the pace allows."""
        while True:
            self.freed.clear()
            busy = len(line.live) >= line.trunk.channels or len(self.calls) >= self._settings.pbx.channels
            if self.ready and self._ami.up and not busy:
                break
            try:
                await asyncio.wait_for(self.freed.wait(), 0.2)
            except TimeoutError:
                continue
        await self._pace(line, order)

    async def _pace(self, line: TrunkLine, order: Order) -> None:
        while True:
            now_s = time.monotonic()
            at_s = max(line.pacer.next_at(now_s), self._campaign_pacer(order).next_at(now_s))
            if at_s <= now_s:
                return
            await asyncio.sleep(at_s - now_s)

    def _campaign_pacer(self, order: Order) -> Pacer:
        return self._campaign_pacers.setdefault(order.campaign_id, Pacer(1.0, self._since_s))

    async def _commit(self, order: Order) -> Dialable | None:
        while True:
            now = datetime.now(UTC)
            ask = questions(self._settings, now)
            try:
                return await asyncio.to_thread(
                    self._store.attempts.begin_dialing, order.attempt, ask, int(now.timestamp() * 1000)
                )
            except StoreBusy as error:
                log.warning("database busy", extra={"action": "commit_waits", "why": str(error)})
                await asyncio.sleep(0.2)

    def _send(self, line: TrunkLine, dialable: Dialable) -> None:
        """Originate is under way; the call is live from this moment, whatever becomes of the answer."""
        attempt = dialable.attempt
        self.calls[attempt] = LiveCall(attempt, time.monotonic())
        line.live.add(attempt)
        self.originated += 1
        task = asyncio.create_task(self._originate(line, dialable))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _originate(self, line: TrunkLine, dialable: Dialable) -> None:
        attempt = dialable.attempt
        try:
            await self._ami.originate(_originate_of(self._settings, line, dialable))
        except AmiDown:
            await asyncio.to_thread(self._store.attempts.take_back, attempt)
            self.forget(attempt)
        except Uncertain as error:
            log.warning(
                "originate uncertain", extra={"action": "originate_uncertain", "attempt_id": attempt, "why": str(error)}
            )
        except Permanent as error:
            log.error(
                "originate refused", extra={"action": "originate_refused", "attempt_id": attempt, "why": str(error)}
            )
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
