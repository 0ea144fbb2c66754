"""Feeding: the dialer has orders for the next second or two of each running campaign, and few more."""

from __future__ import annotations

import asyncio
import logging
import time

from ivr.adapters.queues import Queues
from ivr.adapters.store import Pulse, Store
from ivr.rules.records import Campaign, Override, Way
from ivr.usecases.allotting import Allotter
from ivr.usecases.dialing import Dialer
from ivr.usecases.patience import until_tick_s
from ivr.usecases.trunk_line import Order

log = logging.getLogger(__name__)

FEED_EVERY_S = 0.1
CAMPAIGNS_EVERY_S = 0.5
"""How often it is asked which campaigns run; whether one still does is asked again in each commit."""
AHEAD_S = 1.5
"""Orders are asked for this many seconds ahead of the pace, when less than half of them are there: an RQ job costs much
more than an order."""
SOON_S = 0.15
DRY_S = 1.0
"""Who was asked for people so long ago and gave none holds back no other campaign."""
EXPECTED_S, EXPECTED_OF_DRY_S = 2.5, 0.3
"""How long orders that were asked for are looked for at every step."""
DRY_EVERY_S = 2.0
"""Who gave nobody is asked again so much later."""
RELEASED_MS = 3_600_000
"""No call lasts as long: an end that was asked for before that concerns nobody who is on the line now."""


class Feeder:
    """Takes orders, and asks for new ones."""

    def __init__(self, pbx: str, store: Store, queues: Queues, dialer: Dialer, allotter: Allotter) -> None:
        self._pbx, self._store, self._queues, self._dialer, self._allotter = pbx, store, queues, dialer, allotter
        self._look_s = self._expects_until_s = -1000.0  # when the books are looked into; until when orders may come
        self._unanswered_s: dict[int, float] = {}  # since when each campaign was asked for people that did not come
        self._asked_s: dict[tuple[int, str], float] = {}  # when each was asked last, for each trunk
        self.looked = asyncio.Event()
        self.pulse = Pulse()  # of the last look

    async def step(self) -> None:
        """Orders that came are accepted; each running campaign's trunk has what it needs, as far as it has room."""
        now_s = time.monotonic()
        look = now_s >= self._look_s
        texts, pulse = await asyncio.to_thread(self._read, look)
        for text in texts:
            self._accept(text)
        if texts:
            self._expects_until_s = now_s
        if pulse:
            self._look_s, self.pulse = now_s + until_tick_s(CAMPAIGNS_EVERY_S), pulse
            self.looked.set()
            self._note(pulse.running, pulse.overrides)
            await self._give_back(self._dialer.stuck())
            await self._feed(pulse)

    def pause_s(self) -> float:
        """How long nothing is to be done: until orders may have come that were asked for, else until the next look."""
        now_s = time.monotonic()
        look_s = max(0.0, self._look_s - now_s)
        return min(look_s, until_tick_s(FEED_EVERY_S)) if now_s < self._expects_until_s else look_s

    def _read(self, look: bool) -> tuple[list[str], Pulse | None]:
        texts, now_ms = self._queues.take_orders(self._pbx, 1000), int(time.time() * 1000)
        return texts, self._store.pulse(now_ms, now_ms - RELEASED_MS) if look else None

    def _accept(self, text: str) -> None:
        try:
            order = Order.parse(text)
        except ValueError:  # not of ours; what it stood for, if anything, is given back when its claim has aged
            log.error("order cannot be read", extra={"action": "order_unreadable", "length": len(text)})
        else:
            self._unanswered_s.pop(order.campaign_id, None)
            self._dialer.accept(order)

    def _note(self, running: list[Campaign], overrides: dict[str, Override]) -> None:
        """Who runs, at which rates; what is new gets its part soon, and is then looked at again."""
        before = {campaign.id: campaign.rate_cps for campaign in self._dialer.running.values()}
        self._dialer.set_campaigns(running)
        if before != {one.id: one.rate_cps for one in running} or overrides != self._allotter.overrides:
            self._allotter.overrides = overrides
            self._allotter.soon.set()
            self._look_s = time.monotonic() + SOON_S

    async def _give_back(self, attempts: list[str]) -> None:
        if attempts:
            released = await asyncio.to_thread(self._store.attempts.release, attempts)
            log.info("claims given back", extra={"action": "claims_released", "count": released})

    async def _feed(self, pulse: Pulse) -> None:
        """Each campaign with somebody due is asked for those that it lacks ahead, when less than half of them wait."""
        if not self._dialer.linked:
            return
        for campaign in pulse.running:
            if parked := self._dialer.parked(campaign):
                await asyncio.to_thread(self._queues.note_hold, campaign.id, *parked)
        dry, now_s = self._dry(pulse.running), time.monotonic()
        nobody = {one.id for one in pulse.running} - pulse.due
        for (campaign_id, trunk), most in self._dialer.orders_ahead(dry | nobody, AHEAD_S).items():
            if campaign_id in nobody:  # an RQ job to learn what the books have just said
                continue
            waiting = self._dialer.waiting(campaign_id, trunk)
            soon = campaign_id in dry and now_s - self._asked_s.get((campaign_id, trunk), -DRY_EVERY_S) < DRY_EVERY_S
            if most > waiting and most >= 2 * waiting and not soon:
                expected_s = EXPECTED_OF_DRY_S if campaign_id in dry else EXPECTED_S
                await self._ask(campaign_id, trunk, most - waiting, expected_s)

    async def _ask(self, campaign_id: int, trunk: str, count: int, expected_s: float) -> None:
        now_s = time.monotonic()
        self._unanswered_s.setdefault(campaign_id, now_s)
        if await asyncio.to_thread(self._queues.ask_originate, campaign_id, Way(self._pbx, trunk), count):
            self._asked_s[campaign_id, trunk] = now_s
            self._expects_until_s = max(self._expects_until_s, now_s + expected_s)

    def _dry(self, running: list[Campaign]) -> set[int]:
        """Campaigns that were asked for people a while ago, and none came: done but for the last calls, or held."""
        self._unanswered_s = {one.id: self._unanswered_s[one.id] for one in running if one.id in self._unanswered_s}
        self._asked_s = {way: at_s for way, at_s in self._asked_s.items() if way[0] in self._unanswered_s}
        return {one for one, since_s in self._unanswered_s.items() if time.monotonic() - since_s > DRY_S}
