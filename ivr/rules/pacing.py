"""Pacing: in any rolling second, no more calls are started than the carrier's rate allows. No clock of its own."""

from __future__ import annotations

import math
from collections import deque

WINDOW_S = 1.02
"""A second and a margin: the carrier counts what reaches it, and calls do not all take the same time to get there."""


class Pacer:
    """When the next call of one trunk may start; call `next_at`, wait, start the call, say `sent`.

    Holds whatever the caller's timers do: at a rate r ≥ 1, at most floor(r) sends in any rolling second, evenly spaced,
    and what was not used is not saved up; at a rate below 1, at least 1/r seconds between two sends.
    """

    def __init__(self, rate_cps: float, not_before_s: float = -math.inf) -> None:
        """not_before_s: until when another process may have sent; the first send is one full window later."""
        self._sends: deque[float] = deque()
        self._clock_s = -math.inf
        self._due_s = -math.inf
        self._barrier_s = not_before_s
        self.worst_second = 0  # most sends in any rolling second so far
        self.set_rate(rate_cps)

    def set_rate(self, rate_cps: float) -> None:
        """The new rate (calls per second, above 0) holds at once, also against what was sent under the old one."""
        if not (rate_cps > 0 and math.isfinite(rate_cps)):
            raise ValueError(f"a rate must be a number above 0, not {rate_cps}")
        self.rate_cps = rate_cps
        self._most = max(1, math.floor(rate_cps))
        self._window_s = WINDOW_S if rate_cps >= 1 else max(WINDOW_S, 1 / rate_cps)
        self._gap_s = self._window_s / self._most
        if self._sends:
            self._due_s = self._sends[-1] + self._gap_s

    def next_at(self, now_s: float) -> float:
        """The earliest moment at which a call may start; at or before `now_s` means now. Same clock as `now_s`."""
        self._follow(now_s)
        earliest_s = max(self._due_s, self._barrier_s + self._window_s)
        if self._sends:
            earliest_s = max(earliest_s, self._sends[-1] + self._gap_s / 2)
        if len(self._sends) >= self._most:
            earliest_s = max(earliest_s, self._sends[-self._most] + self._window_s)
        return earliest_s

    @property
    def gap_s(self) -> float:
        """Seconds between two sends of an even pace."""
        return self._gap_s

    def recent(self, now_s: float) -> int:
        """How many were sent in the second before `now_s`."""
        return sum(1 for at_s in self._sends if at_s > now_s - 1)

    def sent(self, now_s: float) -> None:
        """A call was started at `now_s`."""
        self._follow(now_s)
        # A late timer may be made up for by one half-gap, never by a burst: the grid restarts at most one gap behind.
        self._due_s = max(self._due_s, now_s - self._gap_s / 2) + self._gap_s
        self._sends.append(now_s)
        self._forget(now_s)
        worse = self.worst_second + 1  # one send cannot raise the count by more than one
        if len(self._sends) >= worse and self._sends[-worse] > now_s - 1:
            self.worst_second = worse

    def _forget(self, now_s: float) -> None:
        """Drop what no window can reach; the last send stays, for slow rates."""
        while len(self._sends) > 1 and self._sends[0] < now_s - 2 * WINDOW_S:
            self._sends.popleft()

    def _follow(self, now_s: float) -> None:
        """A clock that went back says nothing of the time since: take it that none has passed."""
        back_s = self._clock_s - now_s
        if back_s > 0 and math.isfinite(back_s):
            self._sends = deque(at_s - back_s for at_s in self._sends)
            self._due_s -= back_s
            self._barrier_s -= back_s
        self._clock_s = now_s
