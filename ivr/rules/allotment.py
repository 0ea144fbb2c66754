"""Allotments: each PBX's part of a limit that several share. No I/O and no clock of its own.

Each PBX writes down, one transaction after the other, what it holds, having read what the others hold. Nobody takes
what another still holds: who is to give gives first, and who takes waits until what the giver sent has left the window.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ivr.rules.pacing import WINDOW_S
from ivr.rules.sharing import divide

SILENT_S = 6.0
"""A PBX whose beat did not change for this long holds nothing any more. Longer than the lease."""
MARGIN_S = 0.5
"""A giver sends by its new rate at most so long after it wrote it down."""


@dataclass(frozen=True, slots=True)
class Limit:
    """What a carrier, or a campaign, allows all PBXs together. channels: 0 where nobody counts them."""

    rate_cps: float
    channels: int = 0


@dataclass(frozen=True, slots=True)
class Held:
    """What one PBX has. wants: it could use more. live: calls that have a channel, or are about to."""

    wants: bool = False
    rate_cps: float = 0.0
    channels: int = 0
    live: int = 0


def units(rate_cps: float) -> int:
    """A rate in what is dealt out: whole calls per second; a rate below one is had whole, or not at all."""
    return 0 if rate_cps <= 0 else max(1, math.floor(rate_cps))


def settle_s(limit: Limit) -> float:
    """How long after an increase was written down it may be used."""
    return MARGIN_S + (WINDOW_S if limit.rate_cps >= 1 else max(WINDOW_S, 1 / limit.rate_cps))


def part_of(me: str, limit: Limit, mine: Held, others: Mapping[str, Held]) -> Held:
    """What `me` holds from now on. mine: its wants and its live calls. others: the PBXs that are alive, as written.

    Whatever the order in which PBXs ask, the parts never add up to more than the limit, and they come to be even
    among those who want: at once for one that is alone.
    """
    wanting = sorted(name for name, held in {**others, me: mine}.items() if held.wants) or sorted([*others, me])
    total = units(limit.rate_cps)
    rate = _mine(me, total, wanting, sum(units(held.rate_cps) for held in others.values()))
    busy = sum(max(held.channels, held.live) for held in others.values())
    channels = _mine(me, limit.channels, wanting, busy)
    return Held(mine.wants, limit.rate_cps if rate == total else float(rate), channels, mine.live)


def _mine(me: str, total: int, wanting: list[str], taken: int) -> int:
    shares = divide(total, dict.fromkeys(range(len(wanting)), total), {})
    target = shares[wanting.index(me)] if me in wanting else 0
    return max(0, min(target, total - taken))


@dataclass(slots=True)
class _Figure:
    """One number of a part. next_s: from when `more` may be used in its place."""

    value: float = 0.0
    more: float = 0.0
    next_s: float = math.inf

    def wrote(self, value: float, now_s: float, after_s: float) -> None:
        self.at(now_s)
        if value <= self.value:
            self.value, self.more, self.next_s = value, 0.0, math.inf
        elif value > self.more or self.next_s == math.inf:
            self.more, self.next_s = value, now_s + after_s
        else:  # less than was to come, and written down all the while
            self.more = value
        self.at(now_s)

    def at(self, now_s: float) -> float:
        if now_s >= self.next_s:
            self.value, self.more, self.next_s = self.more, 0.0, math.inf
        return self.value


class Part:
    """A part as it may be used: less at once, more only after the others' calls have left the window."""

    def __init__(self) -> None:
        self._rate_cps, self._channels = _Figure(), _Figure()

    def wrote(self, held: Held, now_s: float, after_s: float) -> None:
        """That was written down and committed; what is more than before may be used `after_s` later.

        Channels free themselves in the same moment everywhere: for them the giver's delay is enough.
        """
        self._rate_cps.wrote(held.rate_cps, now_s, after_s)
        self._channels.wrote(held.channels, now_s, min(after_s, MARGIN_S))

    def at(self, now_s: float) -> tuple[float, int]:
        """(calls per second, channels) at that moment."""
        return self._rate_cps.at(now_s), int(self._channels.at(now_s))

    def lapse(self) -> None:
        """Nothing may be used any more until something is written down again."""
        self._rate_cps, self._channels = _Figure(), _Figure()
