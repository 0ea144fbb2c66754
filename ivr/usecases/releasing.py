"""Releasing: calls on the line are ended at once when somebody asked for it (`--now`), with the notice played."""

from __future__ import annotations

import asyncio
import logging
import time

from ivr.adapters.ami import AmiClient
from ivr.adapters.pbx import channelvars
from ivr.adapters.store import Store
from ivr.errors import AmiDown, IvrError
from ivr.rules.segments import Segment
from ivr.usecases.dialing import Dialer
from ivr.usecases.outcomes import LiveCall

log = logging.getLogger(__name__)

RELEASE_EVERY_S = 0.5
RECENT_MS = 3_600_000
"""No call lasts as long: what was asked for before concerns nobody who is on the line now."""
LAST_WORDS = frozenset({Segment.NOTICE.value, Segment.CONFIRMATION.value, channelvars.SEGMENT_AFTER})
"""Who has come to these hears them to their end, as everybody does, and not again from their beginning."""


class Releaser:
    """Ends the calls of one PBX that were sent before their campaign, or all calls, were to be released."""

    def __init__(self, store: Store, ami: AmiClient, dialer: Dialer) -> None:
        self._store, self._ami, self._dialer = store, ami, dialer

    async def step(self) -> None:
        """Calls that are to end and are on the line are told so: those that are answered hear the notice first."""
        if not self._dialer.calls or not self._ami.up:
            return
        now_ms = int(time.time() * 1000)
        everywhere_ms, by_campaign = await asyncio.to_thread(self._asked_for, now_ms - RECENT_MS)
        if not everywhere_ms and not by_campaign:
            return
        for call in list(self._dialer.calls.values()):
            before_ms = max(everywhere_ms, by_campaign.get(call.campaign_id, 0))
            if not call.released and call.hung_up_s is None and call.sent_at_ms < before_ms:
                await self._release(call)

    def _asked_for(self, since_ms: int) -> tuple[int, dict[int, int]]:
        """Until when every call is to be ended (0: none is), and those of each campaign. Unix milliseconds."""
        campaigns = self._store.campaigns.releasing(since_ms)
        by_campaign = {campaign.id: campaign.release_at_ms or 0 for campaign in campaigns}
        return self._store.halts.release_at_ms() or 0, by_campaign

    async def _release(self, call: LiveCall) -> None:
        end = self._speak_last if call.answered or call.adopted else self._ami.hangup
        call.released = True  # before it is asked for: the end may be told before the answer to this comes
        try:
            call.released = await end(call.attempt)
        except AmiDown:
            call.released = False  # when the link is there again
        except IvrError as error:
            call.released = False
            why = {"action": "release_failed", "attempt_id": call.attempt, "why": str(error)}
            log.warning("call not released", extra=why)
        else:
            if call.released:
                log.info("call released", extra={"action": "call_released", "attempt_id": call.attempt})

    async def _speak_last(self, attempt: str) -> bool:
        """Whether the call has left what it played for the notice; if not it is over, or speaks its last words.

        Then it is looked at again until it ends: a repeat may have begun in the very moment before it was asked not to.
        """
        ami, released = self._ami, channelvars.RELEASED
        if not await ami.set_variable(attempt, released, channelvars.RELEASED_ASKED):
            return False
        if await ami.variable(attempt, channelvars.SEGMENT) in {None, *LAST_WORDS}:
            return False
        return await ami.set_variable(attempt, released, channelvars.RELEASED_MOVED) and await ami.redirect(
            attempt, channelvars.RELEASE_CONTEXT
        )
