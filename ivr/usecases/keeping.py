"""Keeping: what the controller does once a second beside the calls, so that nothing is lost and all is shown."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ivr.adapters.ami import AmiClient
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.settings import Settings
from ivr.usecases.dialing import Dialer
from ivr.usecases.finishing import finish_done
from ivr.usecases.reconciling import missing_listens

KEEP_EVERY_S = 1.0
CLAIM_LIFE_S = 10.0
"""A claim that was not dialled for this long has lost its order: it is given back."""


class Keeper:
    """Lost claims given back, missing listens found, finished campaigns finished, figures shown."""

    def __init__(self, settings: Settings, store: Store, queues: Queues, ami: AmiClient, dialer: Dialer) -> None:
        self._settings, self._store, self._queues, self._ami, self._dialer = settings, store, queues, ami, dialer

    async def step(self) -> None:
        """All of it, once."""
        await asyncio.to_thread(self._keep, self.figures(), int(time.time() * 1000))

    def _keep(self, figures: dict[str, Any], now_ms: int) -> None:
        self._queues.publish_live(self._settings.pbx.name, figures)
        # Of every PBX: one that was renamed or taken away gives nothing back by itself.
        self._store.attempts.release_claimed(None, now_ms - int(CLAIM_LIFE_S * 1000))
        lost = missing_listens(self._store, self._settings.var_dir / "outbox", now_ms)
        if lost:
            self._queues.publish_results(lost)
        if self._queues.waiting_results():
            self._queues.ring_record()
        finish_done(self._store, now_ms)

    def figures(self) -> dict[str, Any]:
        """What is shown live, as JSON can hold it."""
        lines = self._dialer.trunks.values()
        return {
            "at_ms": int(time.time() * 1000),
            "link": self._ami.up,
            "live": len(self._dialer.calls),
            "originated": self._dialer.originated,
            "waiting": sum(line.orders() for line in lines),
            "worst_second": {line.name: line.pacer.worst_second for line in lines},
            "events_dropped": self._ami.dropped,
        }
