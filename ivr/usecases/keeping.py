"""Keeping: what the controller does once a second beside the calls, so that nothing is lost and all is shown."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.rules.allotment import SILENT_S
from ivr.rules.records import Campaign
from ivr.settings import Settings
from ivr.usecases.allotting import Watch, steady_s
from ivr.usecases.called_back import take_waiting_stops
from ivr.usecases.dialing import Dialer
from ivr.usecases.finishing import finish_done
from ivr.usecases.protecting import pause_unwanted
from ivr.usecases.purging import Purger
from ivr.usecases.reconciling import missing_listens
from ivr.usecases.retaining import Retainer
from ivr.usecases.trunk_line import TrunkLine

KEEP_EVERY_S = 1.0
PROTECT_EVERY_MS = 5_000
CLAIM_LIFE_S = 10.0
"""A claim that was not dialled for this long has lost its order: it is given back."""


class Keeper:
    """Lost claims given back, listens found, campaigns ended or paused, old data deleted, figures shown."""

    def __init__(self, settings: Settings, store: Store, queues: Queues, dialer: Dialer, watch: Watch) -> None:
        self._settings, self._store, self._queues, self._dialer, self._watch = settings, store, queues, dialer, watch
        self._lost_s = longest_call_s(settings)
        self._protected_ms = 0
        self._purger = Purger(settings, store)
        self._retainer = Retainer(settings, store)

    async def step(self) -> None:
        """All of it, once."""
        running = list(self._dialer.running.values())
        await asyncio.to_thread(self._keep, self.figures(), running, int(time.time() * 1000))

    def _keep(self, figures: dict[str, Any], running: list[Campaign], now_ms: int) -> None:
        self._queues.publish_live(self._settings.pbx.name, figures)
        # Of every PBX: one that was renamed or taken away gives nothing back by itself.
        self._store.attempts.release_claimed(None, now_ms - int(CLAIM_LIFE_S * 1000))
        ours = {self._settings.pbx.name} | self._tend_silent(now_ms)
        lost = missing_listens(self._store, ours, self._settings.var_dir / "outbox", now_ms)
        if lost:
            self._queues.publish_results(lost)
        if self._queues.waiting_results():
            self._queues.ring_record()
        take_waiting_stops(self._store, self._settings)
        if running:
            finish_done(self._store, now_ms)
            self._protect(running, now_ms)
        self._purger.step(now_ms)
        self._retainer.step(now_ms)

    def _protect(self, running: list[Campaign], now_ms: int) -> None:
        if not 0 <= now_ms - self._protected_ms < PROTECT_EVERY_MS:  # also after a clock was set back
            self._protected_ms = now_ms
            pause_unwanted(self._store, self._settings, running)

    def _tend_silent(self, now_ms: int) -> set[str]:
        """What others had not dialled is given back; what they had is closed when it must be over. Returns the lost."""
        lost = set()
        for name, silent_s in self._watch.silent_s(steady_s()).items():
            if SILENT_S < silent_s < 3 * SILENT_S:
                self._store.attempts.release_claimed(name, now_ms)
            elif silent_s > self._lost_s:
                self._store.attempts.close_lost(name, now_ms - int(self._lost_s * 1000), now_ms)
                lost.add(name)
        return lost

    def figures(self) -> dict[str, Any]:
        """What is shown live, as JSON can hold it."""
        lines, now_s = self._dialer.trunks.values(), time.monotonic()
        return {
            "at_ms": int(time.time() * 1000),
            "link": self._dialer.ami.up,
            "live": len(self._dialer.calls),
            "originated": self._dialer.originated,
            "waiting": sum(line.orders() for line in lines),
            "worst_second": {line.name: line.pacer.worst_second for line in lines},
            "breakers": {line.name: self._breaker(line, now_s) for line in lines},
            "events_dropped": self._dialer.ami.dropped,
        }

    @staticmethod
    def _breaker(line: TrunkLine, now_s: float) -> dict[str, Any]:
        """Its state, since when it is tried again (Unix milliseconds) and why, as people read it."""
        until_s, history = line.breaker.until_s(), line.breaker.history
        until_ms = None if until_s is None else int((time.time() + until_s - now_s) * 1000)
        return {"state": line.breaker.state.value, "until_ms": until_ms, "why": history[-1].reason if history else ""}


def longest_call_s(settings: Settings) -> float:
    """No call lasts longer, from Originate to its end and the news of it."""
    spoken = settings.message.max_s * (1 + settings.calls.max_repeats)
    return spoken + settings.calls.ring_timeout_s + 240  # render.py's absolute limit, and a margin
