"""The controller of one PBX: asks for work, dials it, hears how it ended, and keeps the books honest."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ivr.adapters.ami import LINK_DOWN, LINK_UP, LOGIN_REFUSED, AmiClient, AmiEvent
from ivr.adapters.pbx.cdr import CdrRecord
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.errors import AmiLoginRefused, IvrError, NotReady, Temporary
from ivr.rules import causes
from ivr.settings import Settings
from ivr.usecases.campaigns import finish_done
from ivr.usecases.dialing import Dialer, Order
from ivr.usecases.dialplan_listens import DialplanStories, as_listen
from ivr.usecases.reconciling import lost_ends, missing_listens
from ivr.usecases.recording import Result, end_result, listen_result, stop_result

log = logging.getLogger(__name__)

FEED_EVERY_S = 0.1
KEEP_EVERY_S = 1.0
RECONCILE_EVERY_S = 10.0
AHEAD_S = 1.0
"""Orders are taken this many seconds ahead of the pace: little enough that a pause finds few of them."""
CLAIM_LIFE_S = 30.0
"""A claim that was not dialled for this long has lost its order: it is given back."""
STOP_FAMILY = "ivr_stop"


class Controller:
    """Everything that happens beside one Asterisk."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        queues: Queues,
        ami: AmiClient,
        read_cdr: Callable[[], Mapping[str, CdrRecord]],
    ) -> None:
        self._settings = settings
        self._pbx = settings.pbx.name
        self._store = store
        self._queues = queues
        self._ami = ami
        self._read_cdr = read_cdr
        self._dialer = Dialer(settings, store, ami)
        self._stories = DialplanStories()
        self._results: asyncio.Queue[Result] = asyncio.Queue()
        self._published: dict[str, float] = {}
        self._reconcile = asyncio.Event()

    async def run(self) -> None:
        """Runs until cancelled. Raises AmiLoginRefused: then no call can be made until an engineer looks."""
        await asyncio.to_thread(self._give_back)
        loops = [
            self._hear(),
            self._again("feed", self._feed, FEED_EVERY_S),
            self._again("keep", self._keep, KEEP_EVERY_S),
            self._publish(),
            self._reconciling(),
            *self._dialer.runs(),
        ]
        async with asyncio.TaskGroup() as group:
            for loop in loops:
                group.create_task(loop)

    def _give_back(self) -> None:
        """Claims of the process before us: their orders are lost to us or late, and nothing was sent for them."""
        self._queues.drop_orders(self._pbx)
        released = self._store.attempts.release_claimed(self._pbx, int(time.time() * 1000))
        log.info("claims given back", extra={"action": "claims_released", "count": released})

    async def _again(self, name: str, step: Callable[[], Awaitable[None]], every_s: float) -> None:
        """A step again and again; what is temporarily wrong (Redis away, database locked) is waited out."""
        while True:
            try:
                await step()
            except Temporary as error:
                log.warning("waiting", extra={"action": f"{name}_waits", "why": str(error)})
                await asyncio.sleep(1.0)
            await asyncio.sleep(every_s)

    async def _feed(self) -> None:
        """Each running campaign's trunk has orders for the next second, as far as it has room."""
        for text in await asyncio.to_thread(self._queues.take_orders, self._pbx, 1000):
            self._dialer.accept(Order.parse(text))
        if not self._dialer.ready:
            return
        for campaign in await asyncio.to_thread(self._store.campaigns.running):
            self._dialer.set_campaign_rate(campaign)
            wanted = self._dialer.wanted(campaign, AHEAD_S)
            if wanted > 0:
                await asyncio.to_thread(self._queues.ask_originate, campaign.id, self._pbx, wanted)

    async def _keep(self) -> None:
        """Housekeeping: lost claims given back, missing listens found, finished campaigns finished, figures shown."""
        await asyncio.to_thread(self._queues.publish_live, self._pbx, self._figures())
        await asyncio.to_thread(self._keep_books, int(time.time() * 1000))

    def _keep_books(self, now_ms: int) -> None:
        self._store.attempts.release_claimed(self._pbx, now_ms - int(CLAIM_LIFE_S * 1000))
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
            "waiting": sum(line.orders.qsize() for line in lines),
            "worst_second": {line.name: line.pacer.worst_second for line in lines},
            "events_dropped": self._ami.dropped,
        }

    async def _hear(self) -> None:
        """Events, one after the other."""
        while True:
            try:
                event = await asyncio.wait_for(self._ami.events.get(), 0.5)
            except TimeoutError:
                self._finish_calls()
                continue
            await self._handle(event)
            self._finish_calls()

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
            await asyncio.to_thread(self._store.attempts.answer, attempt, int(time.time() * 1000))
        except Temporary as error:  # only the live view is late: the end will say it too
            log.warning("answer not noted", extra={"action": "answer_waits", "attempt_id": attempt, "why": str(error)})

    async def _stop(self, attempt: str) -> None:
        """A stop that the dialplan heard: in force now; if the database is locked, by way of the results."""
        now_ms = int(time.time() * 1000)
        try:
            await asyncio.to_thread(self._store.suppressions.stop_attempt, attempt, now_ms)
        except Temporary:
            self._results.put_nowait(stop_result(attempt, now_ms))

    def _finish_calls(self) -> None:
        now_s = time.monotonic()
        for call in [call for call in self._dialer.calls.values() if call.is_over(now_s)]:
            self._dialer.forget(call.attempt)
            if call.adopted and call.responded_s is None:
                continue  # whether it was answered is not known to us: the CDR tells at the next reconciling
            self._published[call.attempt] = now_s
            now_ms = int(time.time() * 1000)
            end = end_result(call.attempt, call.outcome.value, now_ms, cause=call.cause, tech_cause=call.sip)
            self._results.put_nowait(end)
            story = self._stories.hangup(call.attempt)
            campaign = self._store.attempts.campaign_of(call.attempt) if story else None
            if story and campaign:
                self._results.put_nowait(listen_result(as_listen(story, campaign, causes.ended_by(call.cause))))

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
                except NotReady as error:
                    log.warning("results wait", extra={"action": "results_wait", "why": str(error)})
                    await asyncio.sleep(0.5)
                else:
                    break

    async def _reconciling(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._reconcile.wait(), RECONCILE_EVERY_S)
            self._reconcile.clear()
            if not self._ami.up:
                continue
            try:
                await self._ask_pbx()
            except IvrError as error:
                log.warning("reconciling waits", extra={"action": "reconcile_waits", "why": str(error)})

    async def _ask_pbx(self) -> None:
        """Open attempts are live on the PBX, or their end is found; stops that only the PBX heard are in force."""
        for attempt in await self._ami.tree(STOP_FAMILY):
            await asyncio.to_thread(self._store.suppressions.stop_attempt, attempt, int(time.time() * 1000))
            await self._ami.delete_tree(STOP_FAMILY, attempt)
        open_attempts = await asyncio.to_thread(self._store.attempts.open_on, self._pbx)
        channels = await self._ami.channels()
        now_s = time.monotonic()
        self._published = {attempt: at_s for attempt, at_s in self._published.items() if now_s - at_s < 60}
        waiting = {call.attempt for call in self._dialer.calls.values() if call.hung_up_s is not None}
        for attempt in set(open_attempts) & channels:
            self._dialer.adopt(attempt, open_attempts[attempt].trunk)
        self._dialer.ready = True
        records = await asyncio.to_thread(self._read_cdr)
        known = channels | set(self._published) | waiting
        for end in lost_ends(open_attempts, known, records, int(time.time() * 1000)):
            self._dialer.forget(end["attempt"])
            self._results.put_nowait(end)
