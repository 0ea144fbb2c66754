"""Releasing: calls on the line are ended at once when somebody asked for it (`--now`), with the notice played."""

from __future__ import annotations

import logging

from ivr.adapters.ami import AmiClient
from ivr.adapters.pbx import channelvars
from ivr.adapters.store import Pulse
from ivr.errors import AmiDown, IvrError
from ivr.rules.segments import Segment
from ivr.usecases.dialing import Dialer
from ivr.usecases.outcomes import LiveCall

log = logging.getLogger(__name__)

LAST_WORDS = frozenset({Segment.NOTICE.value, Segment.CONFIRMATION.value, channelvars.SEGMENT_AFTER})
"""Who has come to these hears them to their end, as everybody does, and not again from their beginning."""


class Releaser:
    """Ends the calls of one PBX that were sent before their campaign, or all calls, were to be released."""

    def __init__(self, ami: AmiClient, dialer: Dialer) -> None:
        self._ami, self._dialer = ami, dialer

    async def step(self, pulse: Pulse) -> None:
        """Calls that are to end and are on the line are told so: those that are answered hear the notice first."""
        if not self._ami.up or not (pulse.release_ms or pulse.campaign_release_ms):
            return
        for call in list(self._dialer.calls.values()):
            before_ms = max(pulse.release_ms, pulse.campaign_release_ms.get(call.campaign_id, 0))
            if not call.released and call.hung_up_s is None and call.sent_at_ms < before_ms:
                await self._release(call)

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
