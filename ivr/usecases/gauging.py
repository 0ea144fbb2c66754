"""A campaign under way as it stands now: read from the books and the controller's figures, never changed."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.errors import NotReady
from ivr.rules.alarm import OptOuts, opt_outs, stopped_of_heard
from ivr.rules.billing import Spending
from ivr.rules.records import Books, Campaign, Halt
from ivr.rules.tally import Sums
from ivr.settings import Settings


@dataclass(frozen=True, slots=True)
class Reading:
    """One moment. called: who was called, or is. channels: of this PBX. sums: of what was heard, by version."""

    campaign: Campaign
    books: Books
    called: int
    rate_cps: float
    channels: int
    sums: Mapping[int, Sums]
    opt_outs: OptOuts | None
    spending: Spending | None
    halt: Halt | None


class Gauge:
    """Reads one campaign again and again, and keeps the last readings for the rate."""

    def __init__(self, store: Store, settings: Settings, campaign_id: int) -> None:
        self._store, self._settings, self._campaign_id = store, settings, campaign_id
        self.queues = Queues(settings.redis_url)
        self._called: deque[tuple[float, int]] = deque(maxlen=20)

    def close(self) -> None:
        """No connection is left open."""
        self.queues.close()

    def read(self) -> Reading:
        """The campaign as it stands now."""
        store = self._store
        campaign, books = store.campaigns.by_id(self._campaign_id), store.campaigns.books(self._campaign_id)
        called = sum(books.outcomes.values()) + books.in_progress + books.waiting
        self._called.append((time.monotonic(), called))
        sums = store.tallies.whole(campaign.id)
        return Reading(
            campaign=campaign,
            books=books,
            called=called,
            rate_cps=self._rate_cps(),
            channels=self._channels(),
            sums=sums,
            opt_outs=opt_outs(*stopped_of_heard(sums.values()), self._settings.calls.opt_out_alarm_per_thousand),
            spending=store.money.spending(campaign),
            halt=store.halts.in_force(),
        )

    def _rate_cps(self) -> float:
        (first_s, first), (last_s, last) = self._called[0], self._called[-1]
        return max(0.0, (last - first) / (last_s - first_s)) if last_s > first_s else 0.0

    def _channels(self) -> int:
        try:
            return int((self.queues.live(self._settings.pbx.name) or {}).get("live", 0))
        except NotReady:
            return 0
