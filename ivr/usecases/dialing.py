"""Dialing: orders become calls, at the pace and within the limits of each trunk.

The move `claimed → dialing` is committed before Originate is sent; Originate is sent once. What is unknown then is
never sent again: `reconciling` asks the PBX.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

from ivr.adapters.ami import AmiClient, Originate
from ivr.adapters.store import Store
from ivr.errors import AmiDown, Permanent, Uncertain
from ivr.rules.ahead import Asker, Parts, Room, orders_ahead
from ivr.rules.breaker import Blame, State
from ivr.rules.numbers import dialled, prefixed
from ivr.rules.pacing import Pacer
from ivr.rules.records import Campaign, Dialable, OpenAttempt
from ivr.rules.routes import endpoint, first_host
from ivr.rules.sharing import Share
from ivr.settings import Settings
from ivr.usecases.committing import Books, Committer, attempts_of
from ivr.usecases.outcomes import LiveCall
from ivr.usecases.trunk_line import CampaignPaces, Committed, Order, TrunkLine

log = logging.getLogger(__name__)

CONTEXT = "ivr-message"
STALE_S = 0.5
"""A yes older than this is asked for again: between it and sending we may have been stopped, and halted meanwhile."""
STUCK_S = 2.0
"""Orders for a trunk through which nothing can leave are given back after so long: others may call these people."""


class Dialer:
    """Sends the calls of one PBX, and knows its live calls. Everything here happens in one event loop."""

    def __init__(self, settings: Settings, store: Store, ami: AmiClient) -> None:
        self._settings = settings
        self.ami = ami
        self._books = Books(settings, store)
        # The process before us may have sent until this moment, and its sends count in the carrier's rolling second.
        self._since_s = time.monotonic()
        self.trunks = {
            name: TrunkLine(name, trunk, Pacer(trunk.rate_cps, self._since_s), trunk.rate_cps, trunk.channels)
            for name, trunk in settings.trunks.items()
        }
        self.calls: dict[str, LiveCall] = {}
        self.ready = False  # true once the calls that the PBX carries already are known
        self.originated = 0
        self.paces = CampaignPaces(self._since_s)
        self.running: dict[int, Campaign] = {}
        self._could_send_s: dict[str, float] = {}
        self.channels = settings.pbx.channels
        self.allowed: Callable[[], bool] | None = None  # the allotter's word: without it the settings' limits hold
        self._sending: set[asyncio.Task[None]] = set()

    def accept(self, order: Order) -> None:
        """The order waits for its turn; one for a trunk that this installation has not is left to be given back."""
        line = self.trunks.get(order.trunk)
        if line is None:
            log.error("order for an unknown trunk", extra={"action": "order_refused", "attempt_id": order.attempt})
        else:
            line.accept(order)

    def set_campaigns(self, campaigns: Collection[Campaign]) -> None:
        """These run. Each one's own rate holds beside its trunk's, and its share among the campaigns of a trunk."""
        for campaign in campaigns:
            if self.allowed is None:
                self.paces.set(campaign.id, campaign.rate_cps)
            for line in self.lines(campaign):
                line.turns.set_share(campaign.id, Share(campaign.weight, campaign.priority))
        for campaign_id in set(self.running) - {campaign.id for campaign in campaigns}:
            self.paces.forget(campaign_id)
            for line in self.trunks.values():
                line.turns.forget(campaign_id)
        self.running = {campaign.id: campaign for campaign in campaigns}

    def lines(self, campaign: Campaign) -> list[TrunkLine]:
        """The campaign's trunks here, the preferred one first."""
        return [self.trunks[name] for name in campaign.trunks if name in self.trunks]

    def adopt(self, attempt: str, sent: OpenAttempt) -> None:
        """A call that is alive on the PBX, sent before this process began, is followed to its end."""
        if attempt not in self.calls:
            call = LiveCall(attempt, time.monotonic(), sent.trunk, sent.campaign_id, sent.dialing_at_ms)
            call.adopted, call.rang = True, None
            self.calls[attempt] = call
            if sent.trunk in self.trunks:
                self.trunks[sent.trunk].live.add(attempt)

    def forget(self, attempt: str) -> None:
        """The call is over: its channel is free."""
        self.calls.pop(attempt, None)
        for line in self.trunks.values():
            line.live.discard(attempt)
            line.freed()

    def parked(self, campaign: Campaign) -> tuple[str, str] | None:
        """(what the campaign waits for, until when in ISO 8601) while all of its trunks here are parked."""
        lines, now_s = self.lines(campaign), time.monotonic()
        until = {line.name: line.breaker.until_s() for line in lines}
        known = {name: until_s for name, until_s in until.items() if until_s is not None}
        if not lines or len(known) < len(lines):
            return None
        first = min(known, key=lambda name: known[name])
        at = datetime.now(UTC) + timedelta(seconds=known[first] - now_s)
        return f"trunk-{first}-parked", at.isoformat()

    def judge(self, call: LiveCall, as_: Blame | None = None) -> None:
        """The breaker of the call's trunk knows how it went: once, at its answer, at its end or before, `as_` told."""
        if not call.judged and call.trunk in self.trunks:
            call.judged = True
            self.trunks[call.trunk].saw(as_ or call.blame, time.monotonic(), call.era, call.why)

    def orders_ahead(self, dry: Collection[int], ahead_s: float) -> Parts:
        """How many orders each running campaign may have on each trunk; dry: campaigns that had nobody to call lately.

        Channels that become free at the pace of the last second are counted as free ones: orders wait for them.
        """
        now_s, rooms = time.monotonic(), dict[str, Room]()
        for line in self.trunks.values():
            if line.rate_cps > 0:
                most = min(line.free(), self.free()) + line.pacer.recent(now_s)
                rooms[line.name] = Room(line.rate_cps, max(0, most))
        askers = [
            Asker(one.id, one.trunks, self.paces.rate_cps(one.id), Share(one.weight, one.priority), one.id in dry)
            for one in self.running.values()
        ]
        return orders_ahead(askers, rooms, ahead_s)

    def waiting(self, campaign_id: int, trunk: str) -> int:
        """How many orders of the campaign wait for the trunk."""
        return len(self.trunks[trunk].waiting.get(campaign_id, ()))

    def unsent(self) -> set[str]:
        """The attempts that may be `dialing` in the books and of which nothing was sent yet."""
        return {attempt for line in self.trunks.values() for attempt in line.reserved}

    def stuck(self) -> list[str]:
        """The attempts that waited for trunks through which nothing could leave for a while: they wait no longer."""
        now_s, given_up = time.monotonic(), list[str]()
        for line in self.trunks.values():
            if self.may_send(line) or not line.waiting:
                self._could_send_s[line.name] = now_s
            elif now_s - self._could_send_s.get(line.name, now_s) > STUCK_S:
                given_up += line.drop_waiting()
        return given_up

    def runs(self) -> list[Coroutine[Any, Any, None]]:
        """One loop per trunk, to be run as tasks. Cancelled, what is committed and not sent is taken back."""
        return [self._run(line) for line in self.trunks.values()]

    async def _run(self, line: TrunkLine) -> None:
        committer = Committer(line, self._books, self.paces, lambda: self._room(line))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(committer.run())
                group.create_task(self._send_committed(line))
        finally:
            await self._take_back(line, list(line.committed))

    def free(self) -> int:
        """Channels of this PBX that no call has and no order is about to have."""
        reserved = sum(len(line.reserved) for line in self.trunks.values())
        return self.channels - len(self.calls) - reserved

    def _room(self, line: TrunkLine) -> int:
        if not (self.may_send(line) and line.allows(time.monotonic())):
            return 0
        room = min(line.free(), self.free())
        return min(room, 1) if line.breaker.state is State.PROBING else room

    def may_send(self, line: TrunkLine) -> bool:
        """Whether a call could leave through the trunk, its pace and its channels aside."""
        return self.linked and line.rate_cps > 0 and (self.allowed is None or self.allowed())

    @property
    def linked(self) -> bool:
        """Whether the PBX is there, and it is known what it carries."""
        return self.ready and self.ami.up

    async def _send_committed(self, line: TrunkLine) -> None:
        while True:
            line.ready.clear()
            if not line.committed:
                await line.ready.wait()
                continue
            first = line.committed[0]
            try:
                await self._send_first(line, first)
            except Exception as error:  # whatever became of this one: the others are still to be called
                why = {"action": "order_failed", "attempt_id": first.dialable.attempt, "why": type(error).__name__}
                log.error("order failed", extra=why)
                self._drop(line, [first])

    async def _send_first(self, line: TrunkLine, first: Committed) -> None:
        """The first of what is committed has left at its turn, or, if it may not any more, is taken back."""
        campaign_id = first.dialable.campaign.id
        await self._pace(line, first)
        lowered = len(line.live) >= line.channels or len(self.calls) >= self.channels
        if lowered or not self.may_send(line):
            await self._take_back(line, list(line.committed))
        elif self.paces.rate_cps(campaign_id) <= 0:
            await self._take_back(line, [one for one in line.committed if one.dialable.campaign.id == campaign_id])
        elif time.monotonic() - first.asked_s > STALE_S:
            await self._ask_again(line)
        elif not self._send(line, first.dialable):
            await self._take_back(line, [first])
        else:
            self._drop(line, [first])

    async def _pace(self, line: TrunkLine, first: Committed) -> None:
        """Its turn has come, or there will be none, or it must be asked about again."""
        campaign_id = first.dialable.campaign.id
        while self.may_send(line) and self.paces.rate_cps(campaign_id) > 0:
            now_s = time.monotonic()
            at_s = max(line.next_at(now_s), self.paces.next_at(campaign_id, now_s))
            if at_s <= now_s or now_s - first.asked_s > STALE_S:
                return
            await asyncio.sleep(min(0.1, at_s - now_s))

    async def _ask_again(self, line: TrunkLine) -> None:
        """What is committed has a fresh yes, or is taken back."""
        asked_s, asked = time.monotonic(), list(line.committed)
        yes = await self._books.may_leave(attempts_of(asked))
        for one in asked:
            one.asked_s = asked_s
        await self._take_back(line, [one for one in asked if one.dialable.attempt not in yes])

    async def _take_back(self, line: TrunkLine, some: list[Committed]) -> None:
        """Of what was committed these are not sent: they are released, and their channels free."""
        await self._books.take_back(attempts_of(some))
        self._drop(line, some)

    def _drop(self, line: TrunkLine, some: list[Committed]) -> None:
        for one in some:
            if one in line.committed:
                line.committed.remove(one)
        line.release(attempts_of(some))

    def _send(self, line: TrunkLine, dialable: Dialable) -> bool:
        """Originate has left, at an instant that the pace knows; the call is live, whatever becomes of the answer.

        False if nothing was sent, because the link is down.
        """
        attempt = dialable.attempt
        try:
            reply = self.ami.send_originate(_originate_of(self._settings, line, dialable))
        except AmiDown:
            return False
        except Permanent as error:
            self._begin_call(line, dialable)
            self._refused(attempt, error)
            return True
        self._begin_call(line, dialable)
        task = asyncio.create_task(self._hear_reply(attempt, reply))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)
        return True

    def _begin_call(self, line: TrunkLine, dialable: Dialable) -> None:
        now_s = time.monotonic()
        line.sent(now_s)
        campaign_id, now_ms = dialable.campaign.id, int(time.time() * 1000)
        self.paces.sent(campaign_id, now_s)
        call = LiveCall(dialable.attempt, now_s, line.name, campaign_id, now_ms)
        call.era = line.breaker.sent(now_s)
        self.calls[dialable.attempt] = call
        line.live.add(dialable.attempt)
        line.reserved.pop(dialable.attempt, None)
        self.originated += 1

    async def _hear_reply(self, attempt: str, reply: Coroutine[Any, Any, Any]) -> None:
        try:
            await reply
        except Uncertain as error:
            why = {"action": "originate_uncertain", "attempt_id": attempt, "why": str(error)}
            log.warning("originate uncertain", extra=why)
        except Permanent as error:
            self._refused(attempt, error)
        except Exception as error:  # reconciling finds out what became of it
            why = {"action": "originate_failed", "attempt_id": attempt, "why": type(error).__name__}
            log.error("originate failed", extra=why)

    def _refused(self, attempt: str, error: Permanent) -> None:
        log.error("originate refused", extra={"action": "originate_refused", "attempt_id": attempt, "why": str(error)})
        call = self.calls.get(attempt)
        if call:
            call.responded_s, call.reason = time.monotonic(), 0


def _originate_of(settings: Settings, line: TrunkLine, dialable: Dialable) -> Originate:
    campaign = dialable.campaign
    trunk = line.trunk
    number = dialled(dialable.number, trunk.number_format, settings.calls.country)
    host = first_host(trunk.shares, dialable.attempt)
    return Originate(
        channel_id=dialable.attempt,
        channel=f"PJSIP/{prefixed(number, trunk.number_prefix)}@{endpoint(line.name, host)}",
        context=CONTEXT,
        extension="s",
        caller_id=trunk.caller_id,
        ring_timeout_s=settings.calls.ring_timeout_s,
        variables={
            "IVR_ATTEMPT": dialable.attempt,
            "IVR_PREROLL": campaign.preroll.sound,
            "IVR_MESSAGE": campaign.message.sound,
            "IVR_NOTICE": campaign.notice.sound,
            "IVR_CONFIRMATION": campaign.confirmation.sound,
        },
    )
