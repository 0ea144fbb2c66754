"""The controller of one PBX: asks for work, dials it, hears how it ended, and keeps the books honest."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any, Protocol

from ivr.adapters.ami import LINK_DOWN, LINK_UP, LOGIN_REFUSED, AmiClient, AmiEvent
from ivr.adapters.pbx.cdr import CdrRecord
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.errors import AmiLoginRefused, IvrError, Temporary
from ivr.rules import causes
from ivr.rules.records import OpenAttempt, Way
from ivr.rules.segments import EndedBy
from ivr.settings import Settings
from ivr.usecases.campaigns import finish_done
from ivr.usecases.dialing import Dialer, Order
from ivr.usecases.dialplan_listens import DialplanStories, Story, as_listen
from ivr.usecases.reconciling import SETTLING_MS, lost_ends, missing_listens
from ivr.usecases.recording import Result, end_result, listen_result, stop_result

log = logging.getLogger(__name__)

FEED_EVERY_S = 0.1
KEEP_EVERY_S = 1.0
RECONCILE_EVERY_S = 10.0
AHEAD_S = 1.0
"""Orders are taken this many seconds ahead of the pace: little enough that a pause finds few of them."""
CLAIM_LIFE_S = 10.0
"""A claim that was not dialled for this long has lost its order: it is given back."""


SURE_S = 2.0
"""A call is gone when two looks this far apart do not find it: the news of its end may be under way at the first."""
PUBLISHED_LIFE_S = 60.0
AGAIN_S = 8.0
"""What we told and the books still lack after this long was lost by Redis: it is told again."""


class Witness(Protocol):
    """What the PBX wrote down by itself, whoever was listening."""

    def calls(self) -> Mapping[str, CdrRecord]:
        """The call detail records by attempt."""

    def stops(self) -> Mapping[str, int]:
        """Attempts in which the dialplan took a 9, with the instant in Unix milliseconds."""


class Controller:
    """Everything that happens beside one Asterisk."""

    def __init__(self, settings: Settings, store: Store, queues: Queues, ami: AmiClient, witness: Witness) -> None:
        self._settings = settings
        self._pbx = settings.pbx.name
        self._store = store
        self._queues = queues
        self._ami = ami
        self._witness = witness
        self._stops: set[str] = set()  # of the witness' stops, those known to be in force
        self._dialer = Dialer(settings, store, ami)
        self._stories = DialplanStories()
        self._results: asyncio.Queue[Result] = asyncio.Queue()
        self._published: dict[str, float] = {}
        self._told: dict[str, list[Result]] = {}  # of the published attempts
        self._reconcile = asyncio.Event()
        self._missing: dict[str, float] = {}
        self._untold: list[tuple[Story, EndedBy]] = []

    async def run(self) -> None:
        """Runs until cancelled. Raises AmiLoginRefused: then no call can be made until an engineer looks."""
        await self._begin()
        loops = [
            self._hear(),
            self._again("feed", self._feed, FEED_EVERY_S),
            self._again("keep", self._keep, KEEP_EVERY_S),
            self._publish(),
            self._reconciling(),
            *self._dialer.runs(),
        ]
        try:
            async with asyncio.TaskGroup() as group:
                for loop in loops:
                    group.create_task(loop)
        except* AmiLoginRefused:
            raise AmiLoginRefused from None

    async def _begin(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self._give_back)
            except Temporary as error:
                _warn("start_waits", error)
                await asyncio.sleep(1.0)
            else:
                return

    def _give_back(self) -> None:
        """Claims of the process before us: their orders are lost to us or late, and nothing was sent for them."""
        self._queues.drop_orders(self._pbx)
        released = self._store.attempts.release_claimed(self._pbx, int(time.time() * 1000))
        log.info("claims given back", extra={"action": "claims_released", "count": released})

    async def _again(self, name: str, step: Callable[[], Awaitable[None]], every_s: float) -> None:
        """A step again and again; what is wrong (Redis away, database locked, one bad row) is waited out."""
        while True:
            try:
                await step()
            except Exception as error:
                _warn(f"{name}_waits", error)
                await asyncio.sleep(1.0)
            await asyncio.sleep(every_s)

    async def _feed(self) -> None:
        """Each running campaign's trunk has orders for the next second, as far as it has room."""
        for text in await asyncio.to_thread(self._queues.take_orders, self._pbx, 1000):
            self._accept(text)
        if not self._dialer.ready:
            return
        for campaign in await asyncio.to_thread(self._store.campaigns.running):
            self._dialer.set_campaign_rate(campaign)
            wanted = self._dialer.wanted(campaign, AHEAD_S)
            if wanted > 0:
                way = Way(self._pbx, campaign.trunks[0])
                await asyncio.to_thread(self._queues.ask_originate, campaign.id, way, wanted)

    def _accept(self, text: str) -> None:
        try:
            self._dialer.accept(Order.parse(text))
        except ValueError:  # not of ours; what it stood for, if anything, is given back when its claim has aged
            log.error("order cannot be read", extra={"action": "order_unreadable", "length": len(text)})

    async def _keep(self) -> None:
        """Housekeeping: lost claims given back, missing listens found, finished campaigns finished, figures shown."""
        await asyncio.to_thread(self._queues.publish_live, self._pbx, self._figures())
        await asyncio.to_thread(self._keep_books, int(time.time() * 1000))

    def _keep_books(self, now_ms: int) -> None:
        # Of every PBX: one that was renamed or taken away gives nothing back by itself.
        self._store.attempts.release_claimed(None, now_ms - int(CLAIM_LIFE_S * 1000))
        lost = missing_listens(self._store, self._settings.var_dir / "outbox", now_ms)
        if lost:
            self._queues.publish_results(lost)
        if self._queues.waiting_results():
            self._queues.ring_record()
        finish_done(self._store, now_ms)

    def _figures(self) -> dict[str, Any]:
        lines = self._dialer.trunks.values()
        return {
            "at_ms": int(time.time() * 1000),
            "link": self._ami.up,
            "live": len(self._dialer.calls),
            "originated": self._dialer.originated,
            "waiting": sum(line.orders() for line in lines),
            "worst_second": {line.name: line.pacer.worst_second for line in lines},
            "events_dropped": self._ami.dropped,
        }

    async def _hear(self) -> None:
        """Events, one after the other."""
        while True:
            try:
                event = await asyncio.wait_for(self._ami.events.get(), 0.5)
            except TimeoutError:
                event = None
            try:
                if event:
                    await self._handle(event)
                await self._finish_calls()
            except AmiLoginRefused:
                raise
            except Exception as error:
                _warn("event_failed", error)

    async def _handle(self, event: AmiEvent) -> None:
        if event.name == LOGIN_REFUSED:
            raise AmiLoginRefused
        if event.name in {LINK_UP, LINK_DOWN}:
            self._dialer.ready = False  # until the PBX has been asked what it carries
            self._reconcile.set()
        elif event.name == "UserEvent":
            attempt = self._stories.event(event)
            if attempt:
                await self._stop(attempt)
        else:
            await self._note_call(event)

    async def _note_call(self, event: AmiEvent) -> None:
        response = event.name == "OriginateResponse"
        call = self._dialer.calls.get(event.get("ActionID" if response else "Uniqueid"))
        if call is None:
            return
        if response:
            call.response(event)
            if call.answered:
                await self._note_answer(call.attempt)
        elif event.name == "Hangup":
            call.hangup(event)

    async def _note_answer(self, attempt: str) -> None:
        try:
            await asyncio.to_thread(self._store.attempts.answer_many, {attempt: int(time.time() * 1000)})
        except Temporary as error:  # only the live view is late: the end will say it too
            log.warning("answer not noted", extra={"action": "answer_waits", "attempt_id": attempt, "why": str(error)})

    async def _stop(self, attempt: str) -> None:
        """A stop that the dialplan heard: in force now; if the database is locked, by way of the results."""
        now_ms = int(time.time() * 1000)
        try:
            await asyncio.to_thread(self._store.suppressions.stop_attempt, attempt, now_ms)
        except Exception as error:
            _warn("stop_waits", error)
            self._results.put_nowait(stop_result(attempt, now_ms))

    async def _finish_calls(self) -> None:
        now_s = time.monotonic()
        for call in [call for call in self._dialer.calls.values() if call.is_over(now_s)]:
            self._dialer.forget(call.attempt)
            if story := self._stories.hangup(call.attempt, _wall_ms(call.hung_up_s)):
                self._untold.append((story, causes.ended_by(call.cause)))
            if call.adopted and call.responded_s is None:
                continue  # whether it was answered is not known to us: the CDR tells at the next reconciling
            self._published[call.attempt] = now_s
            now_ms = int(time.time() * 1000)
            end = end_result(call.attempt, call.outcome.value, now_ms, cause=call.cause, tech_cause=call.sip)
            self._put(end)
        while self._untold:
            await self._tell(*self._untold[0])
            del self._untold[0]

    async def _tell(self, story: Story, ended_by: EndedBy) -> None:
        campaign = await asyncio.to_thread(self._store.attempts.campaign_of, story.attempt)
        if campaign:
            self._put(listen_result(as_listen(story, campaign, ended_by)))

    def _put(self, result: Result) -> None:
        self._told.setdefault(result["attempt"], []).append(result)
        self._results.put_nowait(result)

    async def _publish(self) -> None:
        """Results go to Redis in the order in which they came; while it is away they wait here."""
        while True:
            batch = [await self._results.get()]
            while not self._results.empty() and len(batch) < 200:
                batch.append(self._results.get_nowait())
            while True:
                try:
                    await asyncio.to_thread(self._queues.publish_results, batch)
                    await asyncio.to_thread(self._queues.ring_record)
                except Exception as error:
                    _warn("results_wait", error)
                    await asyncio.sleep(0.5)
                else:
                    break

    async def _reconciling(self) -> None:
        next_s = RECONCILE_EVERY_S
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._reconcile.wait(), next_s)
            self._reconcile.clear()
            if not self._ami.up:
                continue
            try:
                await self._ask_pbx()
                next_s = SURE_S if self._missing else RECONCILE_EVERY_S
            except Exception as error:
                _warn("reconcile_waits", error)
                next_s = 1.0

    async def _ask_pbx(self) -> None:
        """Open attempts are live on the PBX, or their end is found; stops that only the PBX heard are in force."""
        await self._take_stops()
        open_attempts = await asyncio.to_thread(self._store.attempts.open_on, self._pbx)
        channels = await self._ami.channels()
        now_s = time.monotonic()
        recent = now_s - PUBLISHED_LIFE_S
        self._published = {attempt: at_s for attempt, at_s in self._published.items() if at_s > recent}
        await self._tell_again(open_attempts, now_s)
        for attempt in (set(open_attempts) & channels) - set(self._published):
            self._dialer.adopt(attempt, open_attempts[attempt].trunk)
        self._forget_ghosts(set(open_attempts) | channels, now_s)
        self._dialer.ready = True
        ending = {call.attempt for call in self._dialer.calls.values() if call.hung_up_s is not None}
        gone = set(open_attempts) - channels - set(self._published) - ending
        self._missing = {attempt: self._missing.get(attempt, now_s) for attempt in gone}
        sure = {attempt: open_attempts[attempt] for attempt, at_s in self._missing.items() if now_s - at_s >= SURE_S}
        await self._end_lost(sure)

    async def _tell_again(self, open_attempts: Collection[str], now_s: float) -> None:
        self._told = {attempt: told for attempt, told in self._told.items() if attempt in self._published}
        unheard = await asyncio.to_thread(self._store.listens.without_listen, int(time.time() * 1000))
        for attempt in {*open_attempts, *unheard} & set(self._told):
            if now_s - self._published.get(attempt, now_s) > AGAIN_S:
                for result in self._told[attempt]:
                    self._results.put_nowait(result)

    async def _take_stops(self) -> None:
        for attempt, at_ms in (await asyncio.to_thread(self._witness.stops)).items():
            if attempt not in self._stops:
                await asyncio.to_thread(self._store.suppressions.stop_attempt, attempt, at_ms)
                self._stops.add(attempt)

    def _forget_ghosts(self, known: Collection[str], now_s: float) -> None:
        """Calls followed here that neither books nor PBX know any more take no channel; their end was missed."""
        for call in list(self._dialer.calls.values()):
            if call.attempt not in known and call.hung_up_s is None and now_s - call.sent_s > SETTLING_MS / 1000:
                self._dialer.forget(call.attempt)
        self._stories.forget_all_but({*known, *self._dialer.calls})

    async def _end_lost(self, gone: Mapping[str, OpenAttempt]) -> None:
        if not gone:
            return
        records = await asyncio.to_thread(self._witness.calls)
        for end in lost_ends(gone, (), records, int(time.time() * 1000)):
            attempt = end["attempt"]
            self._dialer.forget(attempt)
            self._published[attempt] = time.monotonic()
            self._missing.pop(attempt, None)
            self._put(end)
            record = records.get(attempt)
            if story := self._stories.hangup(attempt, record.ended_at_ms if record else None):
                self._untold.append((story, EndedBy.UNKNOWN))


def _wall_ms(moment_s: float | None) -> int | None:
    """A moment of the monotonic clock in Unix milliseconds."""
    return None if moment_s is None else int((time.time() - (time.monotonic() - moment_s)) * 1000)


def _warn(action: str, error: Exception) -> None:
    """What Portevoix can explain in its own words, anything else by its kind: its text may hold a number."""
    expected = isinstance(error, IvrError)
    why = str(error) if expected else type(error).__name__
    log.log(logging.WARNING if expected else logging.ERROR, "waiting", extra={"action": action, "why": why})
