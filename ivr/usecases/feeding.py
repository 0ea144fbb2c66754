"""Feeding: the dialer has orders for the next second or two of each running campaign, and few more."""

from __future__ import annotations

import asyncio
import logging
import time

from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.rules.records import Campaign, Way
from ivr.usecases.dialing import Dialer
from ivr.usecases.trunk_line import Order

log = logging.getLogger(__name__)

FEED_EVERY_S = 0.1
CAMPAIGNS_EVERY_S = 0.5
"""How often it is asked which campaigns run; whether one still does is asked again in each commit."""
AHEAD_S = 1.5
"""Orders are asked for this many seconds ahead of the pace, when less than half of them are there: an RQ job costs much
more than an order."""
EXPECTED_S = 2.5
"""How long orders that were asked for are looked for at every step."""


class Feeder:
    """Takes orders, and asks for new ones."""

    def __init__(self, pbx: str, store: Store, queues: Queues, dialer: Dialer) -> None:
        self._pbx, self._store, self._queues, self._dialer = pbx, store, queues, dialer
        self._looked_s = self._asked_s = -1000.0

    async def step(self) -> None:
        """Orders that came are accepted; each running campaign's trunk has what it needs, as far as it has room."""
        now_s = time.monotonic()
        look = now_s - self._looked_s >= CAMPAIGNS_EVERY_S
        if not look and now_s - self._asked_s > EXPECTED_S:
            return
        texts, campaigns = await asyncio.to_thread(self._read, look)
        for text in texts:
            self._accept(text)
        if texts:
            self._asked_s = now_s - EXPECTED_S
        if look:
            self._looked_s = now_s
            await self._feed(campaigns)

    def _read(self, look: bool) -> tuple[list[str], list[Campaign]]:
        texts = self._queues.take_orders(self._pbx, 1000)
        return texts, self._store.campaigns.running() if look else []

    def _accept(self, text: str) -> None:
        try:
            self._dialer.accept(Order.parse(text))
        except ValueError:  # not of ours; what it stood for, if anything, is given back when its claim has aged
            log.error("order cannot be read", extra={"action": "order_unreadable", "length": len(text)})

    async def _feed(self, campaigns: list[Campaign]) -> None:
        self._dialer.set_campaigns(campaigns)
        if not self._dialer.ready:
            return
        for campaign in campaigns:
            wanted = self._dialer.wanted(campaign, AHEAD_S)
            if wanted > self._dialer.waiting(campaign):
                way = Way(self._pbx, campaign.trunks[0])
                if await asyncio.to_thread(self._queues.ask_originate, campaign.id, way, wanted):
                    self._asked_s = time.monotonic()
