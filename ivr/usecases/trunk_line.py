"""One trunk as the dialer sees it: its pace, the orders that wait, the calls that have a channel."""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field

from ivr.rules.breaker import Blame, Breaker, State, Transition
from ivr.rules.pacing import Pacer
from ivr.rules.ramp import Ramp
from ivr.rules.records import Dialable
from ivr.rules.sharing import Turns
from ivr.settings import Trunk

IDLE_S = 60.0
"""After so long without a call a carrier is not met with the full rate at once."""


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
    """The own rate of each campaign, beside that of its trunk. One never told of has no call."""

    def __init__(self, since_s: float) -> None:
        """since_s: until when another process may have sent."""
        self.since_s = since_s
        self._pacers: dict[int, Pacer] = {}
        self._held: set[int] = set()

    def set(self, campaign_id: int, rate_cps: float) -> None:
        """The campaign has this rate from now on; with 0 none of its calls leaves."""
        if rate_cps <= 0:
            self._held.add(campaign_id)
            return
        self._held.discard(campaign_id)
        pacer = self._pacers.get(campaign_id)
        if pacer is None:
            self._pacers[campaign_id] = Pacer(rate_cps, self.since_s)
        elif pacer.rate_cps != rate_cps:
            pacer.set_rate(rate_cps)

    def rate_cps(self, campaign_id: int) -> float:
        """The campaign's rate."""
        pacer = self._pacers.get(campaign_id)
        return 0.0 if pacer is None or campaign_id in self._held else pacer.rate_cps

    def gap_s(self, campaign_id: int) -> float:
        """Seconds between two of its calls."""
        return self._pacers[campaign_id].gap_s if campaign_id in self._pacers else math.inf

    def next_at(self, campaign_id: int, now_s: float) -> float:
        """When its next call may leave; infinity while none may."""
        pacer = self._pacers.get(campaign_id)
        return math.inf if pacer is None or campaign_id in self._held else pacer.next_at(now_s)

    def sent(self, campaign_id: int, now_s: float) -> None:
        """A call of the campaign has left."""
        if campaign_id in self._pacers:
            self._pacers[campaign_id].sent(now_s)

    def worst_second(self, campaign_id: int) -> int:
        """The most of its calls in any rolling second so far."""
        return self._pacers[campaign_id].worst_second if campaign_id in self._pacers else 0

    def turn_s(self, campaign_id: int, chosen: int, now_s: float) -> float:
        """When its next order may leave, after those of it that are chosen already."""
        at_s = self.next_at(campaign_id, now_s)
        return math.inf if at_s == math.inf else max(now_s, at_s) + chosen * self.gap_s(campaign_id)

    def forget(self, campaign_id: int) -> None:
        """The campaign is over."""
        self._pacers.pop(campaign_id, None)
        self._held.discard(campaign_id)


@dataclass(slots=True)
class TrunkLine:
    """A channel is taken from the moment in which an order is chosen: `reserved` until it is sent, then `live`."""

    name: str
    trunk: Trunk
    pacer: Pacer
    rate_cps: float  # of this PBX, now; 0: nothing leaves
    channels: int
    waiting: dict[int, deque[Order]] = field(default_factory=dict)  # by campaign: a slow one holds up no other
    reserved: dict[str, int] = field(default_factory=dict)  # the campaign of each
    committed: deque[Committed] = field(default_factory=deque)
    live: set[str] = field(default_factory=set)
    sent_s: float = -math.inf  # when the last call left
    ramp_began_s: float = -math.inf
    _told_s: float = -math.inf
    breaker: Breaker = field(default_factory=Breaker)
    turns: Turns = field(default_factory=Turns)
    news: asyncio.Event = field(default_factory=asyncio.Event)  # something to be committed, perhaps
    starved: bool = False  # orders wait and nothing may be committed: a channel that becomes free is news
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
        return self.channels - len(self.live) - len(self.reserved)

    def limit(self, rate_cps: float, channels: int) -> None:
        """These hold from now on, also against what was sent before; less while the rate grows, or the breaker says."""
        now_s = time.monotonic()
        if rate_cps > 0 and self.trunk.ramp_s > 0:
            rate_cps = self._ramped(rate_cps, now_s)
        rate_cps *= self.breaker.rate_factor(now_s)
        if rate_cps > 0 and rate_cps != self.pacer.rate_cps:
            self.pacer.set_rate(rate_cps)
        if (rate_cps, channels) != (self.rate_cps, self.channels):
            self.rate_cps, self.channels = rate_cps, channels
            self.news.set()

    def allows(self, now_s: float) -> bool:
        """Whether the breaker lets another call be chosen: a trunk that is tried again has one at a time."""
        if self.breaker.state in {State.CLOSED, State.SLOWED}:
            return True
        return self.breaker.allows(now_s) and not self.reserved

    def saw(self, kind: Blame, now_s: float, era: int | None, why: str) -> None:
        """A call was answered, or ended, so."""
        before = self.breaker.state
        self.breaker.saw(kind, now_s, era, why)
        if before is State.PROBING and self.breaker.state is State.CLOSED:
            self.ramp_began_s = now_s

    def new_transitions(self) -> list[Transition]:
        """What changed in the breaker's state since the last time this was asked."""
        new = [one for one in self.breaker.history if one.at_s > self._told_s]
        self._told_s = new[-1].at_s if new else self._told_s
        return new

    def _ramped(self, rate_cps: float, now_s: float) -> float:
        if now_s - self.sent_s >= IDLE_S:
            return min(1.0, rate_cps)
        return Ramp(rate_cps, min(1.0, rate_cps), self.trunk.ramp_s, self.ramp_began_s).rate_at(now_s)

    def sent(self, now_s: float) -> None:
        """A call has left."""
        if now_s - self.sent_s >= IDLE_S:
            self.ramp_began_s = now_s
        self.sent_s = now_s
        self.pacer.sent(now_s)

    def next_at(self, now_s: float) -> float:
        """When the next call may leave; infinity while none may."""
        return self.pacer.next_at(now_s) if self.rate_cps > 0 else math.inf

    def slot_s(self, now_s: float) -> float:
        """When an order chosen now could be sent: those chosen before it go first."""
        return max(now_s, self.next_at(now_s)) + len(self.reserved) * self.pacer.gap_s

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
        self.freed()

    def freed(self) -> None:
        """A channel may be free: whoever waits for one looks again; who waits for a turn has nothing to look for."""
        if self.starved:
            self.news.set()

    def drop_waiting(self) -> list[str]:
        """The attempts whose orders waited; none waits any more."""
        dropped = [order.attempt for orders in self.waiting.values() for order in orders]
        self.waiting.clear()
        return dropped
