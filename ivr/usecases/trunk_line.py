"""One trunk as the dialer sees it: its pace, the orders that wait, the calls that have a channel."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from ivr.rules.pacing import Pacer
from ivr.rules.records import Campaign, Dialable
from ivr.rules.sharing import Turns
from ivr.settings import Trunk


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
class Committed:
    """An attempt that is `dialing` in the books and waits for the moment of its sending. asked_s: of its last yes."""

    dialable: Dialable
    asked_s: float


class CampaignPaces:
    """The own rate of each campaign, beside that of its trunk. A campaign never told of has one call a second."""

    def __init__(self, since_s: float) -> None:
        """since_s: until when another process may have sent."""
        self.since_s = since_s
        self._pacers: dict[int, Pacer] = {}

    def set(self, campaign: Campaign) -> None:
        """The campaign's rate holds from now on."""
        pacer = self._pacers.get(campaign.id)
        if pacer is None:
            self._pacers[campaign.id] = Pacer(campaign.rate_cps, self.since_s)
        elif pacer.rate_cps != campaign.rate_cps:
            pacer.set_rate(campaign.rate_cps)

    def of(self, campaign_id: int) -> Pacer:
        """The campaign's pacer."""
        return self._pacers.setdefault(campaign_id, Pacer(1.0, self.since_s))

    def turn_s(self, campaign_id: int, chosen: int, now_s: float) -> float:
        """When its next order may leave, after those of it that are chosen already."""
        pacer = self.of(campaign_id)
        return max(now_s, pacer.next_at(now_s)) + chosen * pacer.gap_s


@dataclass(slots=True)
class TrunkLine:
    """A channel is taken from the moment in which an order is chosen: `reserved` until it is sent, then `live`."""

    name: str
    trunk: Trunk
    pacer: Pacer
    waiting: dict[int, deque[Order]] = field(default_factory=dict)  # by campaign: a slow one holds up no other
    reserved: dict[str, int] = field(default_factory=dict)  # the campaign of each
    committed: deque[Committed] = field(default_factory=deque)
    live: set[str] = field(default_factory=set)
    turns: Turns = field(default_factory=Turns)
    news: asyncio.Event = field(default_factory=asyncio.Event)  # something to be committed, perhaps
    ready: asyncio.Event = field(default_factory=asyncio.Event)  # something to be sent

    def accept(self, order: Order) -> None:
        """The order waits for its turn."""
        self.waiting.setdefault(order.campaign_id, deque()).append(order)
        self.news.set()

    def orders(self) -> int:
        """How many orders wait."""
        return sum(map(len, self.waiting.values()))

    def free(self) -> int:
        """Channels that no call has and no order is about to have."""
        return self.trunk.channels - len(self.live) - len(self.reserved)

    def slot_s(self, now_s: float) -> float:
        """When an order chosen now could be sent: those chosen before it go first."""
        return max(now_s, self.pacer.next_at(now_s)) + len(self.reserved) * self.pacer.gap_s

    def reserved_for(self) -> Counter[int]:
        """How many chosen orders each campaign has."""
        return Counter(self.reserved.values())

    def take(self, campaign_id: int) -> Order:
        """The campaign's next order, which has its channel from now on."""
        order = self.waiting[campaign_id].popleft()
        if not self.waiting[campaign_id]:
            del self.waiting[campaign_id]
        self.reserved[order.attempt] = campaign_id
        return order

    def release(self, attempts: Iterable[str]) -> None:
        """Chosen orders that are not sent, after all: their channels are free."""
        for attempt in attempts:
            self.reserved.pop(attempt, None)
        self.news.set()

    def drop_waiting(self) -> list[str]:
        """The attempts whose orders waited; none waits any more."""
        dropped = [order.attempt for orders in self.waiting.values() for order in orders]
        self.waiting.clear()
        return dropped
