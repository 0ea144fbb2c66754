"""Stopping: a 9 is stored before it is confirmed, and confirmed within a moment, whatever the database does."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from ivr.usecases.recording import Result, stop_result

log = logging.getLogger(__name__)

PATIENCE_S = 1.0
"""So long the database may take; the person who pressed 9 hears nothing meanwhile."""
AT_ONCE = 16
"""Stops that may wait for the database at the same time; others do not wait for their turn longer than for it."""


class Stops:
    """Where the 9s of the calls go: into the database, or, while that cannot be, onto their way to it."""

    def __init__(self, store: Callable[[str, int, bool], object], put: Callable[[Result], None]) -> None:
        """store: commits a stop. put: writes a result to a file, and sends it again and again until it is recorded."""
        self._store, self._put = store, put
        self._threads = ThreadPoolExecutor(AT_ONCE, "stops")

    def take(self, attempt: str, at_ms: int, of_all: bool) -> None:
        """The stop, of one sponsor or of all, is committed, or in the outbox.

        Where the database was late it may be both, and counts once.
        """
        stored = self._threads.submit(self._store, attempt, at_ms, of_all)
        try:
            stored.result(PATIENCE_S)
        except Exception as error:  # whatever the database has: the 9 counts
            stored.cancel()
            why = {"action": "stop_waits", "attempt_id": attempt, "why": type(error).__name__}
            log.error("stop waits in the outbox", extra=why)
            self._put(stop_result(attempt, at_ms, of_all))

    def close(self) -> None:
        """What still waits for the database is left to the outbox."""
        self._threads.shutdown(wait=False, cancel_futures=True)
