"""Live pages: one reading a second of each campaign that somebody watches, shared by all who watch it.

Each viewer holds one connection over which the finished piece of page is sent; it ends after a while, so that the
browser asks again and its session is looked at again.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from fastapi.concurrency import run_in_threadpool

from ivr.adapters.store import Store
from ivr.errors import IvrError, NotReady
from ivr.settings import Settings
from ivr.usecases.gauging import Gauge, Reading

EVERY_S = 1.0
HELD_S = 30.0
SILENT_S = 30.0
"""Beyond that nothing is read any more: the browser asks again."""
MOST_VIEWERS = 500

Render = Callable[[Reading], str]


class _Watched:
    """One campaign. pages: of the last reading, by language."""

    def __init__(self, gauge: Gauge, forget: Callable[[], object]) -> None:
        self.gauge, self.viewers, self._forget = gauge, 1, forget
        self.reading: Reading | None = None
        self.pages: dict[str, str] = {}
        self.news = asyncio.Condition()

    async def run(self) -> None:
        """Reads while somebody watches."""
        try:
            while self.viewers:
                with contextlib.suppress(IvrError):  # the database is busy: the next second will do
                    self.reading = await run_in_threadpool(self.gauge.read)
                    self.pages = {}
                async with self.news:
                    self.news.notify_all()
                await asyncio.sleep(EVERY_S)
        finally:  # nothing else runs between the last look at `viewers` and here
            self._forget()
            self.gauge.close()

    def page(self, language: str, render: Render) -> str:
        """What everybody of that language is sent of the last reading; "" before the first."""
        if self.reading is None:
            return ""
        if language not in self.pages:
            lines = render(self.reading).splitlines()
            self.pages[language] = "".join(f"data: {line}\n" for line in lines) + "\n"
        return self.pages[language]


class Live:
    """What is watched. held_s: how long one connection is held."""

    def __init__(self, store: Store, settings: Settings, held_s: float = HELD_S) -> None:
        self._store, self._settings, self._held_s = store, settings, held_s
        self._watched: dict[int, _Watched] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def check_room(self) -> None:
        """Returns if one viewer more may watch."""
        if sum(one.viewers for one in self._watched.values()) >= MOST_VIEWERS:
            raise NotReady("too many people watch at this moment: reload the page in a minute")

    async def follow(self, campaign_id: int, language: str, render: Render) -> AsyncIterator[str]:
        """Events of the campaign, each a piece of page, as browsers read them (text/event-stream)."""
        watched, until = self._begin(campaign_id), time.monotonic() + self._held_s
        try:
            while True:
                async with asyncio.timeout(self._held_s + SILENT_S), watched.news:
                    await watched.news.wait()
                yield watched.page(language, render)
                if time.monotonic() >= until:
                    return
        except TimeoutError:
            return
        finally:
            watched.viewers -= 1

    def _begin(self, campaign_id: int) -> _Watched:
        """The campaign is watched by one more; by the first: its readings begin."""
        watched = self._watched.get(campaign_id)
        if watched is not None:
            watched.viewers += 1
            return watched
        gauge = Gauge(self._store, self._settings, campaign_id)
        watched = self._watched[campaign_id] = _Watched(gauge, lambda: self._watched.pop(campaign_id, None))
        task = asyncio.create_task(watched.run())
        self._tasks.add(task)  # the loop itself holds tasks weakly
        task.add_done_callback(self._tasks.discard)
        return watched
