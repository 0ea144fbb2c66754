"""Telling: results on their way from the controller to the workers that record them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterable

from ivr.adapters.queues import Queues
from ivr.usecases.patience import warn
from ivr.usecases.recording import Result

PUBLISHED_LIFE_S = 60.0
AGAIN_S = 8.0
"""What we told and the books still lack after this long was lost by Redis: it is told again."""
LINGER_S = 0.4
"""Results of so long travel together."""
RING_EVERY_S = 1.0
"""What comes between two bells is found by the next one, or by the housekeeping's."""

log = logging.getLogger(__name__)


class Teller:
    """Results go to Redis in the order in which they came; while it is away they wait here."""

    def __init__(self, queues: Queues) -> None:
        self._queues = queues
        self._waiting: asyncio.Queue[Result] = asyncio.Queue()
        self._published: dict[str, float] = {}  # attempts whose end was told, and when
        self._told: dict[str, list[Result]] = {}  # of the published attempts
        self._rang_s = -RING_EVERY_S

    def put(self, result: Result) -> None:
        """The result is told, and again if Redis loses it."""
        self._told.setdefault(result["attempt"], []).append(result)
        self._waiting.put_nowait(result)

    def put_once(self, result: Result) -> None:
        """The result is told; who put it has it elsewhere too."""
        self._waiting.put_nowait(result)

    def note_end(self, attempt: str) -> None:
        """The end of the attempt is known and being told: it is not asked for any more."""
        self._published[attempt] = time.monotonic()

    def ended(self) -> set[str]:
        """The attempts whose end was told lately."""
        return set(self._published)

    def tell_again(self, open_attempts: Iterable[str], unheard: Iterable[str], now_s: float) -> None:
        """What was told of these, and is still not in the books, is told once more."""
        recent_s = now_s - PUBLISHED_LIFE_S
        self._published = {attempt: at_s for attempt, at_s in self._published.items() if at_s > recent_s}
        self._told = {attempt: told for attempt, told in self._told.items() if attempt in self._published}
        for attempt in {*open_attempts, *unheard} & set(self._told):
            if now_s - self._published[attempt] > AGAIN_S:
                for result in self._told[attempt]:
                    self._waiting.put_nowait(result)

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            batch = [await self._waiting.get()]
            await asyncio.sleep(LINGER_S)
            while not self._waiting.empty() and len(batch) < 200:
                batch.append(self._waiting.get_nowait())
            await self._publish(batch)

    async def _publish(self, batch: Collection[Result]) -> None:
        while True:
            try:
                await asyncio.to_thread(self._send, batch)
            except Exception as error:
                warn("results_wait", error)
                await asyncio.sleep(0.5)
            else:
                return

    def _send(self, batch: Collection[Result]) -> None:
        self._queues.publish_results(batch)
        if time.monotonic() - self._rang_s >= RING_EVERY_S:
            self._rang_s = time.monotonic()
            self._queues.ring_record()
