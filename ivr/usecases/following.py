"""Following: what Asterisk reports of the calls on the line, until the end of each is told."""

from __future__ import annotations

import asyncio
import time

from ivr.adapters.ami import LINK_DOWN, LINK_UP, LOGIN_REFUSED, AmiClient, AmiEvent
from ivr.adapters.store import Store
from ivr.errors import AmiLoginRefused
from ivr.rules import causes
from ivr.rules.breaker import Blame
from ivr.rules.segments import EndedBy
from ivr.usecases.dialing import Dialer
from ivr.usecases.dialplan_listens import FALLBACK, DialplanStories, Story, as_listen
from ivr.usecases.outcomes import LiveCall
from ivr.usecases.patience import warn
from ivr.usecases.recording import Result, end_result, listen_result, stop_result
from ivr.usecases.telling import Teller

LOOK_EVERY_S = 0.5
"""How often the calls are looked through for one whose second event does not come."""
ANSWERS_EVERY_S = 0.25
"""Answers of so long are noted in one transaction: only the live view waits for them."""

NAMED_BY = {"OriginateResponse": "ActionID", "DialState": "DestUniqueid"}
"""Where an event holds the attempt; DialState says that the carrier rings (180) or goes on (183)."""


class Follower:
    """The one consumer of the events of AMI."""

    def __init__(self, store: Store, ami: AmiClient, dialer: Dialer, teller: Teller) -> None:
        self._store, self._ami, self.dialer, self.teller = store, ami, dialer, teller
        self.link_news = asyncio.Event()  # the link came or went: the PBX is to be asked what it carries
        self._answers: dict[str, int] = {}
        self._untold: list[tuple[Story, EndedBy, Result | None]] = []  # with the end that must not come before it
        self.stories = DialplanStories()

    async def hear(self) -> None:
        """Events, one after the other, until cancelled. Raises AmiLoginRefused."""
        while True:
            event = await self._ami.events.get()
            try:
                await self._handle(event)
            except AmiLoginRefused:
                raise
            except Exception as error:
                warn("event_failed", error)

    async def look(self) -> None:
        """Calls for which nothing more is to be waited for are over, and what is to be told of them is."""
        now_s = time.monotonic()
        for call in list(self.dialer.calls.values()):
            if call.is_over(now_s):
                self._finish(call)
            elif call.is_silent(now_s):
                self.dialer.judge(call, Blame.CARRIER)
        while self._untold:
            await self._tell(*self._untold[0])
            del self._untold[0]

    async def note_answers(self) -> None:
        """The answers heard since the last time are in the books."""
        answers, self._answers = self._answers, {}
        try:
            if answers:
                await asyncio.to_thread(self._store.attempts.answer_many, answers)
        except BaseException:
            self._answers = answers | self._answers
            raise

    def end_unseen(self, end: Result, at_ms: int | None) -> None:
        """A call ended unseen, at that instant if it is known: what the dialplan told of it, then its end, are told."""
        self._end(end, EndedBy.UNKNOWN, at_ms)

    async def _handle(self, event: AmiEvent) -> None:
        if event.name == LOGIN_REFUSED:
            raise AmiLoginRefused
        if event.name in {LINK_UP, LINK_DOWN}:
            self.dialer.ready = False  # until the PBX has been asked what it carries
            for call in self.dialer.calls.values():
                call.rang = call.rang or None  # it may ring while nobody hears
            self.link_news.set()
        elif event.name == "UserEvent":
            attempt = self.stories.event(event)
            if attempt:
                await self._stop(attempt)
            if event.get("UserEvent") == FALLBACK:
                self._pass_on_nine(event.get("Attempt"))
        else:
            self._note_call(event)

    def _note_call(self, event: AmiEvent) -> None:
        call = self.dialer.calls.get(event.get(NAMED_BY.get(event.name, "Uniqueid")))
        if call is None:
            return
        if event.name == "DialState":
            call.rang = True
        elif event.name == "OriginateResponse":
            call.response(event)
            if call.answered:
                self._answers[call.attempt] = int(time.time() * 1000)
                self.dialer.judge(call)
        elif event.name == "DTMFEnd":
            self._note_key(call, event)
        elif event.name == "Hangup":
            call.hangup(event)
            self._pass_on_nine(call.attempt)
        if call.is_over(time.monotonic()):
            self._finish(call)

    def _note_key(self, call: LiveCall, event: AmiEvent) -> None:
        pressed = event.get("Direction") == "Received" and (call.answered or call.adopted)
        if pressed and event.get("Digit") == "9":
            call.nine_at_ms = self.stories.instant_ms(event)

    async def _stop(self, attempt: str) -> None:
        """A stop that the dialplan heard: in force now; if the database is locked, by way of the results."""
        now_ms = int(time.time() * 1000)
        try:
            await asyncio.to_thread(self._store.suppressions.stop_attempt, attempt, now_ms)
        except Exception as error:
            warn("stop_waits", error)
            self.teller.put_once(stop_result(attempt, now_ms))

    def _pass_on_nine(self, attempt: str) -> None:
        """A 9 that Asterisk heard is recorded, though the script may have died before it could act on it."""
        call = self.dialer.calls.get(attempt)
        if call and call.nine_at_ms is not None:
            self.stories.heard_nine(attempt, call.nine_at_ms)
            self.teller.put(stop_result(attempt, call.nine_at_ms))
            call.nine_at_ms = None

    def _finish(self, call: LiveCall) -> None:
        """The call is over: its channel is free, its end and what the dialplan told of it are on their way."""
        self.dialer.forget(call.attempt)
        ended_by, at_ms = causes.ended_by(call.cause), _wall_ms(call.hung_up_s)
        if call.adopted and call.responded_s is None:
            # Whether it was answered is not known to us: the CDR tells at the next reconciling.
            if story := self.stories.hangup(call.attempt, at_ms):
                self._untold.append((story, ended_by, None))
            return
        self.dialer.judge(call)
        now_ms = int(time.time() * 1000)
        detail = {"cause": call.cause, "tech_cause": call.sip, "blame": call.blame.value}
        self._end(end_result(call.attempt, call.outcome.value, now_ms, **detail), ended_by, at_ms)

    def _end(self, end: Result, ended_by: EndedBy, at_ms: int | None) -> None:
        """The end is told; after what the dialplan told of the call, or a report could come between the two."""
        self.teller.note_end(end["attempt"])
        if story := self.stories.hangup(end["attempt"], at_ms):
            self._untold.append((story, ended_by, end))
        else:
            self.teller.put(end)

    async def _tell(self, story: Story, ended_by: EndedBy, end: Result | None) -> None:
        campaign = await asyncio.to_thread(self._store.attempts.campaign_of, story.attempt)
        if campaign:
            self.teller.put(listen_result(as_listen(story, campaign, ended_by)))
        if end:
            self.teller.put(end)


def _wall_ms(moment_s: float | None) -> int | None:
    """A moment of the monotonic clock in Unix milliseconds."""
    return None if moment_s is None else int((time.time() - (time.monotonic() - moment_s)) * 1000)
