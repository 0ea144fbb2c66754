"""How often somebody may guess a password: an address that failed too often waits, a stranger locks nobody out."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict

MOST_FAILURES = 5
MOST_FROM_ONE_ADDRESS = 50
WAIT_S = 900.0
MOST_KEPT = 10_000


class Guesses:
    """The failures of the last quarter of an hour, in this process."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, list[float]] = OrderedDict()
        self._lock = threading.Lock()

    def may_try(self, name: str, address: str) -> bool:
        """Whether another try is heard; it counts as a failure until `forget` says that it was none."""
        now = time.monotonic()
        with self._lock:
            by_name, by_address = self._recent(f"{address} {name}", now), self._recent(address, now)
            if len(by_name) >= MOST_FAILURES or len(by_address) >= MOST_FROM_ONE_ADDRESS:
                return False
            by_name.append(now)
            by_address.append(now)
            return True

    def forget(self, name: str, address: str) -> None:
        """That name was signed in with from there: its failures are over."""
        with self._lock:
            self._failures.pop(f"{address} {name}", None)

    def _recent(self, key: str, now: float) -> list[float]:
        kept = [at for at in self._failures.pop(key, []) if now - at < WAIT_S]
        self._failures[key] = kept
        while len(self._failures) > MOST_KEPT:
            self._failures.popitem(last=False)
        return kept
