"""Purging: what single people heard is deleted some days after their calls; reports are of sums, and stay as they are.

In pieces, each committed for itself: calls are recorded in between, and whoever is killed goes on where they were.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator

from ivr.adapters.store import Store
from ivr.adapters.store.journal import ITSELF
from ivr.rules.findings import Finding, ok, wrong
from ivr.settings import Settings
from ivr.usecases.campaigns import now_ms
from ivr.usecases.originating import first_id_of

log = logging.getLogger(__name__)

DAY_MS = 86_400_000
PIECE = 1_000
"""Attempts forgotten in one transaction: some hundredths of a second."""
LOOK_EVERY_MS = 3_600_000
"""How often a controller looks whether anything is due."""
LATE_MS = DAY_MS
"""What is due for so long was forgotten by nobody, though a controller should have."""


def limit_ms(settings: Settings, at_ms: int) -> int:
    """What was heard in calls made before that instant is not kept any more."""
    return at_ms - settings.retention.listens_days * DAY_MS


def due(store: Store, settings: Settings, at_ms: int) -> dict[str, int]:
    """By campaign, the calls of which what was heard is to be deleted now."""
    return store.forgetting.due(first_id_of(limit_ms(settings, at_ms)))


def examine(store: Store, settings: Settings) -> Iterator[Finding]:
    """Whether what single people heard is kept longer than it may be."""
    days = settings.retention.listens_days
    late = sum(due(store, settings, now_ms() - LATE_MS).values())
    if late:
        says = f"what single people heard in {late:,} calls is kept longer than {days} days"
        yield wrong("listens-kept", says, "`ivr report purge` deletes it; a controller that is up does it by itself")
    else:
        yield ok("listens-kept", f"nothing that single people heard is kept longer than {days} days")


def purge(store: Store, settings: Settings, at_ms: int, by: str, progress: Callable[[int], None]) -> int:
    """Nothing is due any more. Returns of how many calls it was, which `progress` hears meanwhile."""
    purged = 0
    while piece := _piece(store, settings, by, at_ms):
        purged += piece
        progress(purged)
    return purged


class Purger:
    """Purges by itself: a piece at each step until nothing is due, and looks again an hour later."""

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings, self._store = settings, store
        self._next_ms = 0

    def step(self, at_ms: int) -> None:
        """One piece of what is due, if it is time to look."""
        if 0 < self._next_ms - at_ms <= LOOK_EVERY_MS:  # further off: the clock was stepped back since
            return
        piece = _piece(self._store, self._settings, ITSELF, at_ms)
        if piece:
            log.info("what single people heard was deleted", extra={"action": "listens_purged", "count": piece})
        if piece < PIECE:
            self._next_ms = at_ms + LOOK_EVERY_MS


def _piece(store: Store, settings: Settings, by: str, at_ms: int) -> int:
    return store.forgetting.some(first_id_of(limit_ms(settings, at_ms)), PIECE, by, at_ms)
