"""Allotting: each controller beats once a second, and holds its part of every limit that PBXs share.

Between two beats it may send by what it wrote down last; when its beats fail, it soon sends nothing: the others will
take what it had. No clock is compared with another machine's.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection
from dataclasses import dataclass

from ivr.adapters.store import Store
from ivr.errors import NameTaken, Temporary
from ivr.rules.allotment import SILENT_S, Held, Limit, Part, part_of, settle_s
from ivr.rules.breaker import State
from ivr.rules.records import Allotted, Campaign, Override, PbxBeat
from ivr.settings import Settings
from ivr.usecases.dialing import Dialer
from ivr.usecases.patience import until_tick_s, warn
from ivr.usecases.pbx_name import PbxName
from ivr.usecases.trunk_line import TrunkLine

log = logging.getLogger(__name__)

BEAT_EVERY_S = 1.0
SOON_S = 0.1
"""A beat that cannot wait comes so long after the last one."""
LEASE_S = 4.0
"""Nothing is sent so long after the last committed beat."""
LATE_S = 0.4
"""While others share, a beat under way for so long stops our sending until what it wrote is known."""
FULL_S = 3.0
"""A trunk without a free channel for this long needs no more of the rate."""


def steady_s() -> float:
    """Seconds of a clock that goes on while the machine sleeps: others may have taken our part meanwhile."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(slots=True)
class _Worst:
    """The worst rolling second of one scope, and when it was, as people read it."""

    count: int = 0
    at_ms: int = 0

    def see(self, count: int, now_ms: int) -> None:
        if count > self.count:
            self.count, self.at_ms = count, now_ms


@dataclass(frozen=True, slots=True)
class _Wish:
    """What one beat wants to write of a scope."""

    limit: Limit
    wants: bool
    live: int
    worst: _Worst
    breaker: str = ""


class Watch:
    """Which other PBXs are alive, by the changes of their beats as seen here."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._seen: dict[str, tuple[int, float]] = {}

    def look(self, every: dict[str, PbxBeat], now_s: float) -> None:
        """Their beats at that moment."""
        for name, row in every.items():
            if name != self._me and self._seen.get(name, (None, 0.0))[0] != row.beat:
                self._seen[name] = (row.beat, now_s)

    def silent_s(self, now_s: float) -> dict[str, float]:
        """For how long each has not changed."""
        return {name: now_s - since_s for name, (_, since_s) in self._seen.items()}

    def alive(self, now_s: float) -> set[str]:
        """Those that hold what is written of them."""
        return {name for name, silent_s in self.silent_s(now_s).items() if silent_s <= SILENT_S}


class Allotter:
    """The beat of one PBX, and its parts."""

    def __init__(self, settings: Settings, store: Store, dialer: Dialer) -> None:
        self._settings, self._store, self._dialer = settings, store, dialer
        self._name = PbxName(settings, store.pbxs)
        self.overrides: dict[str, Override] = {}
        self.watch = Watch(settings.pbx.name)
        self.soon = asyncio.Event()  # something has changed that a beat tells the others, or us
        self._parts: dict[str, Part] = {}
        self._worst: dict[str, _Worst] = {}
        self._free_s: dict[str, float] = {}
        self._lease_s = -LEASE_S - 1
        self._began_s: float | None = None  # of the beat under way
        self._alone = True
        dialer.allowed = self.allows

    def allows(self) -> bool:
        """Whether what was written down last may still be used."""
        now_s = steady_s()
        late = self._began_s is not None and not self._alone and now_s - self._began_s > LATE_S
        return now_s - self._lease_s < LEASE_S and not late

    @property
    def alone(self) -> bool:
        """Whether no other PBX was alive at the last beat."""
        return self._alone

    async def begin(self) -> None:
        """The PBX's name is ours. Raises NameTaken."""
        await self._name.take()

    async def end(self) -> None:
        """The others may have our part; nothing is sent any more."""
        self._lease_s = -LEASE_S - 1
        try:
            await asyncio.to_thread(self._name.leave)
        except Temporary as error:  # they find out by our silence
            warn("leaving_untold", error)

    async def run(self) -> None:
        """Beats until cancelled. Raises NameTaken when another controller took the name."""
        while True:
            try:
                await self.step()
            except NameTaken:
                raise
            except Exception as error:
                warn("beat_waits", error)
            await self._wait()

    async def step(self) -> None:
        """One beat, and what it gave holds."""
        self.soon.clear()
        now_s = steady_s()
        if now_s - self._lease_s >= LEASE_S:
            self._parts.clear()
        wishes, self._began_s = self._wishes(), now_s
        dialer = self._dialer  # what it says of itself is asked here: its link is the event loop's alone
        me = PbxBeat(self._settings.pbx.name, 0, _now_ms(), dialer.linked, dialer.channels, len(dialer.calls))
        try:
            held = await asyncio.to_thread(self._beat, me, wishes, now_s)
        except BaseException:
            if not self._alone:  # whether it was written down is not known: what we had may be another's by now
                self._lease_s = now_s - LEASE_S
            raise
        finally:
            self._began_s = None
        self._parts = {scope: self._parts.get(scope) or Part() for scope in held}
        for scope, part in self._parts.items():
            part.wrote(held[scope], steady_s(), 0.0 if self._alone else settle_s(wishes[scope].limit))
        self._lease_s = now_s
        self.apply()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(until_tick_s(BEAT_EVERY_S)):
                await self.soon.wait()
        except TimeoutError:
            return
        await asyncio.sleep(SOON_S)

    def apply(self) -> None:
        """What may be used by now is used."""
        now_s = steady_s()
        for line in self._dialer.trunks.values():
            part = self._parts.get(f"trunk:{line.name}")
            line.limit(*(part.at(now_s) if part else (0.0, 0)))
            for change in line.new_transitions():
                why = {"action": f"trunk_{change.after.value}", "trunk": line.name, "why": change.reason}
                log.warning("trunk %s: %s", line.name, change.after.value, extra=why)
        for campaign_id in self._dialer.running:
            part = self._parts.get(f"campaign:{campaign_id}")
            self._dialer.paces.set(campaign_id, part.at(now_s)[0] if part else 0.0)
        pbx = self.overrides.get(f"pbx:{self._settings.pbx.name}")
        self._dialer.channels = pbx.channels if pbx and pbx.channels is not None else self._settings.pbx.channels

    def limit_of(self, line: TrunkLine) -> Limit:
        """The carrier's limit: as an engineer changed it, else as in the settings."""
        override = self.overrides.get(f"trunk:{line.name}")
        rate = override.rate_cps if override and override.rate_cps is not None else line.trunk.rate_cps
        channels = override.channels if override and override.channels is not None else line.trunk.channels
        return Limit(rate, channels)

    def _wishes(self) -> dict[str, _Wish]:
        now_s, now_ms = steady_s(), _now_ms()
        wanting = {line.name for line in self._dialer.trunks.values() if self._wants(line, now_s)}
        wishes = {}
        for line in self._dialer.trunks.values():
            worst = self._worst.setdefault(f"trunk:{line.name}", _Worst())
            worst.see(line.pacer.worst_second, now_ms)
            live = len(line.live) + len(line.reserved)
            wanted, breaker = line.name in wanting, line.breaker.state.value
            wishes[f"trunk:{line.name}"] = _Wish(self.limit_of(line), wanted, live, worst, breaker)
        for campaign in self._dialer.running.values():
            wishes[f"campaign:{campaign.id}"] = self._campaigns_wish(campaign, wanting, now_ms)
        return wishes

    def _campaigns_wish(self, campaign: Campaign, wanting: Collection[str], now_ms: int) -> _Wish:
        worst = self._worst.setdefault(f"campaign:{campaign.id}", _Worst())
        worst.see(self._dialer.paces.worst_second(campaign.id), now_ms)
        return _Wish(Limit(campaign.rate_cps), any(name in wanting for name in campaign.trunks), 0, worst)

    def _wants(self, line: TrunkLine, now_s: float) -> bool:
        used = any(line.name in campaign.trunks for campaign in self._dialer.running.values())
        if min(self.limit_of(line).channels - len(line.live), self._dialer.free()) > 0:
            self._free_s[line.name] = now_s
        parked = line.breaker.state is State.PARKED
        return used and not parked and self._dialer.linked and now_s - self._free_s.get(line.name, -FULL_S) < FULL_S

    def _beat(self, beat: PbxBeat, wishes: dict[str, _Wish], now_s: float) -> dict[str, Held]:
        """In a thread: what is held from now on, committed."""
        held: dict[str, Held] = {}
        me = beat.name
        open_calls = self._store.pbxs.open_calls(
            [name for name, silent_s in self.watch.silent_s(now_s).items() if silent_s > SILENT_S]
            + ([] if self._dialer.ready else [me])
        )

        def decide(every: dict[str, PbxBeat], rows: list[Allotted]) -> tuple[list[Allotted], Collection[str]]:
            self.watch.look(every, now_s)
            alive = self.watch.alive(now_s)
            for scope, wish in wishes.items():
                trunk = scope.removeprefix("trunk:")
                others = {row.pbx: _held(row) for row in rows if row.scope == scope and row.pbx in alive}
                # Of one that is silent, calls may be on the line all the same.
                gone = sum(n for (name, of), n in open_calls.items() if of == trunk and name not in {*alive, me})
                limit = Limit(wish.limit.rate_cps, max(0, wish.limit.channels - gone))
                mine = Held(wish.wants, live=max(wish.live, open_calls.get((me, trunk), 0)))
                held[scope] = part_of(me, limit, mine, others)
            silent = [name for name in every if name not in alive and name != me]
            self._alone = not alive
            return [_row(scope, me, held[scope], self._kept(scope, wishes[scope], rows)) for scope in held], silent

        self._name.beat(beat, wishes, decide)
        return held

    def _kept(self, scope: str, wish: _Wish, rows: list[Allotted]) -> _Wish:
        """The worst second of the processes before this one counts too."""
        for row in rows:
            if row.scope == scope and row.pbx == self._settings.pbx.name and row.worst_second > wish.worst.count:
                wish.worst.count, wish.worst.at_ms = row.worst_second, row.worst_at_ms
        return wish


def _now_ms() -> int:
    return int(time.time() * 1000)


def _held(row: Allotted) -> Held:
    return Held(row.wants, row.rate_cps, row.channels, row.live)


def _row(scope: str, pbx: str, held: Held, wish: _Wish) -> Allotted:
    worst = wish.worst
    return Allotted(
        scope, pbx, held.wants, held.rate_cps, held.channels, held.live, worst.count, worst.at_ms, wish.breaker
    )
