"""Somebody who looks at the books all the time while a campaign runs, whatever dies meanwhile."""

from __future__ import annotations

import threading
from types import TracebackType

from ivr.adapters.store import Store
from ivr.errors import Temporary
from ivr.rules.records import Books
from ivr.settings import Settings

EVERY_S = 0.05


class Looks:
    """`wrong` holds every look at which the books of the campaign did not balance; `count` how often it was looked."""

    def __init__(self, settings: Settings, campaign_id: int, targets: int) -> None:
        self._settings, self._campaign_id, self._targets = settings, campaign_id, targets
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="looks", daemon=True)
        self.wrong: list[Books] = []
        self.count = self.refused = 0

    def __enter__(self) -> Looks:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, what: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join(15)

    def _look(self) -> None:
        store = Store(self._settings)
        while not self._over.wait(EVERY_S):
            try:
                books = store.campaigns.books(self._campaign_id)
            except Temporary:  # a database that is away shows nothing wrong
                self.refused += 1
                continue
            self.count += 1
            if not books.balance or books.targets != self._targets:
                self.wrong.append(books)
        store.close()
