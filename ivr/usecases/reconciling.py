"""Reconciling: what the books do not know is asked of the PBX's channel list, of its CDR, and of the outboxes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Protocol

from ivr.adapters import outbox
from ivr.adapters.ami import AmiClient
from ivr.adapters.pbx.cdr import CdrRecord
from ivr.adapters.store import Store
from ivr.errors import Unrecordable
from ivr.rules.breaker import PERSONS, Blame
from ivr.rules.records import OpenAttempt
from ivr.rules.segments import EndedBy, Listen
from ivr.rules.states import Outcome
from ivr.settings import Settings
from ivr.usecases.following import Follower
from ivr.usecases.patience import warn
from ivr.usecases.recording import Result, checked, end_result, listen_result

log = logging.getLogger(__name__)

SETTLING_MS = 5_000
"""Younger calls may still be on their way to the channel list or the CDR."""
RANG_OUT_MS = 500
"""A call may have been given up so much before its time by Asterisk's own account."""
GIVE_UP_MS = 12_000
"""An answered call that nobody measured for this long after its end gets a listen of nothing, marked so."""
RECONCILE_EVERY_S = 10.0
SURE_S = 2.0
"""A call is gone when two looks this far apart do not find it: the news of its end may be under way at the first."""


class Witness(Protocol):
    """What the PBX wrote down by itself, whoever was listening."""

    def calls(self) -> Mapping[str, CdrRecord]:
        """The call detail records by attempt."""

    def stops(self) -> Mapping[str, int]:
        """Attempts in which the dialplan took a 9, with the instant in Unix milliseconds."""


class Reconciler:
    """Asks the PBX, at each start of the link and again and again, what it carries; the dialer waits for it."""

    def __init__(self, settings: Settings, store: Store, ami: AmiClient, witness: Witness, follower: Follower) -> None:
        self._pbx, self._ring_timeout_s = settings.pbx.name, settings.calls.ring_timeout_s
        self._store, self._ami, self._witness = store, ami, witness
        self._follower, self._dialer, self._teller = follower, follower.dialer, follower.teller
        self._stops: set[str] = set()  # of the witness' stops, those known to be in force
        self.missing: dict[str, float] = {}

    async def run(self) -> None:
        """Runs until cancelled."""
        next_s = RECONCILE_EVERY_S
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._follower.link_news.wait(), next_s)
            self._follower.link_news.clear()
            if not self._ami.up:
                continue
            try:
                await self._ask_pbx()
                next_s = SURE_S if self.missing else RECONCILE_EVERY_S
            except Exception as error:
                warn("reconcile_waits", error)
                next_s = 1.0

    async def _ask_pbx(self) -> None:
        """Open attempts are live on the PBX, or their end is found; stops that only the PBX heard are in force."""
        await self._take_stops()
        open_attempts = await asyncio.to_thread(self._store.attempts.open_on, self._pbx)
        unheard = await asyncio.to_thread(self._store.listens.without_listen, int(time.time() * 1000))
        channels = await self._ami.channels()
        now_s = time.monotonic()
        self._teller.tell_again(open_attempts, unheard, now_s)
        ended = self._teller.ended()
        for attempt in (set(open_attempts) & channels) - ended:
            self._dialer.adopt(attempt, open_attempts[attempt])
        self._forget_ghosts(set(open_attempts) | channels, now_s)
        self._dialer.ready = True
        ending = {call.attempt for call in self._dialer.calls.values() if call.hung_up_s is not None}
        # What is committed and waits to be sent, or to be taken back while the database was away, is not lost.
        gone = set(open_attempts) - channels - ended - ending - self._dialer.unsent()
        self.missing = {attempt: self.missing.get(attempt, now_s) for attempt in gone}
        sure = {attempt: open_attempts[attempt] for attempt, at_s in self.missing.items() if now_s - at_s >= SURE_S}
        await self._end_lost(sure)

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
        self._follower.stories.forget_all_but({*known, *self._dialer.calls})

    async def _end_lost(self, gone: Mapping[str, OpenAttempt]) -> None:
        if not gone:
            return
        records = await asyncio.to_thread(self._witness.calls)
        for end in lost_ends(gone, records, self._ring_timeout_s, int(time.time() * 1000)):
            attempt = end["attempt"]
            self._dialer.forget(attempt)
            self.missing.pop(attempt, None)
            record = records.get(attempt)
            self._follower.end_unseen(end, record.ended_at_ms if record else None)


def lost_ends(
    gone: Mapping[str, OpenAttempt], records: Mapping[str, CdrRecord], ring_timeout_s: float, now_ms: int
) -> list[Result]:
    """The ends of attempts that are open in the books but no longer on the PBX: from its CDR, else `unknown`.

    An unknown stays unknown: it may have rung, and is not dialled again.
    """
    ends = []
    for attempt in sorted(gone):
        if 0 <= now_ms - gone[attempt].dialing_at_ms < SETTLING_MS:  # below 0: the clock was stepped back since
            continue
        record = records.get(attempt)
        outcome = outcome_of(record, ring_timeout_s) if record else Outcome.UNKNOWN
        note = "from the PBX's CDR" if record else "no channel and no CDR: it may have rung"
        log.warning(
            "end reconciled", extra={"action": "end_reconciled", "attempt_id": attempt, "outcome": outcome.value}
        )
        ends.append(end_result(attempt, outcome.value, now_ms, note=note, blame=_blame(outcome).value))
    return ends


def outcome_of(record: CdrRecord, ring_timeout_s: float) -> Outcome:
    """The outcome that a CDR line proves; it has no cause, so an unknown number is only `failed` there.

    Asterisk writes NO ANSWER also of a number that does not exist: only who rang to the end did not answer.
    """
    if record.disposition == "NO ANSWER" and record.rang_ms < ring_timeout_s * 1000 - RANG_OUT_MS:
        return Outcome.FAILED
    by_disposition = {
        "ANSWERED": Outcome.ANSWERED,
        "BUSY": Outcome.BUSY,
        "NO ANSWER": Outcome.NO_ANSWER,
        "CONGESTION": Outcome.CONGESTION,
    }
    return by_disposition.get(record.disposition, Outcome.FAILED)


def _blame(outcome: Outcome) -> Blame:
    """Whom an end without codes speaks of: of a failure nobody can say whose it was."""
    if outcome is Outcome.CONGESTION:
        return Blame.CARRIER
    return Blame.PERSON if outcome in PERSONS else Blame.NOBODY


def missing_listens(store: Store, pbxs: Collection[str], folder: Path, now_ms: int) -> list[Result]:
    """Listens for answered calls without one: again from the outboxes, or after a while a listen of nothing.

    pbxs: whose outboxes are in that folder, or lost: another's listens wait for that one.
    """
    missing = store.pbxs.of(store.listens.without_listen(now_ms - SETTLING_MS), pbxs)
    found = [result for result in outbox.find(folder, missing) if result.get("kind") == "listen" and _whole(result)]
    lost = missing - {result["attempt"] for result in found}
    given_up = lost & set(store.listens.without_listen(now_ms - GIVE_UP_MS)) if lost else set()
    for attempt in given_up:
        log.warning("nothing was measured", extra={"action": "listen_missing", "attempt_id": attempt})
    return [*found, *(listen_result(_nothing(attempt, now_ms)) for attempt in sorted(given_up))]


def _whole(result: Result) -> bool:
    try:
        checked(json.dumps(result))
    except Unrecordable:
        return False
    return True


def _nothing(attempt: str, now_ms: int) -> Listen:
    error = "the person hung up before anything was played, or nobody measured"
    return Listen(attempt, (), ended_by=EndedBy.UNKNOWN, measured_by="none", error=error, at_ms=now_ms)
