"""Troubles: what the controllers say of their trunks, and which PBX says nothing any more. Read, never changed."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime

from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.adapters.store.pbxs import LEFT
from ivr.errors import NotReady
from ivr.rules.allotment import SILENT_S
from ivr.rules.breaker import State
from ivr.rules.findings import Finding, note, ok, wrong
from ivr.rules.records import PbxBeat
from ivr.settings import Settings
from ivr.usecases.campaigns import now_ms

LOOK_AGAIN_S = 2.5
"""Two beats and more: what has not changed between two looks is silent, whatever its machine's clock says."""
FORGOTTEN_MS = 86_400_000
"""A PBX without open calls that is silent for so long was taken away."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A trunk that one controller does not use as usual, in the breaker's words. until_ms: when it is tried again."""

    pbx: str
    trunk: str
    state: State
    until_ms: int | None
    why: str

    def __str__(self) -> str:
        """`parked until 10:15:03 because 12 of the last 12 calls failed at the carrier`."""
        until = f" until {_clock(self.until_ms)}" if self.until_ms is not None else ""
        return f"{self.state.value}{until} because {self.why}" if self.why else f"{self.state.value}{until}"


def of_trunks(queues: Queues, pbxs: Iterable[str]) -> list[Trouble]:
    """The trunks that controllers have slowed, parked or try again; none of a controller that says nothing."""
    found = list[Trouble]()
    for pbx in pbxs:
        try:
            live = queues.live(pbx) or {}
        except NotReady:
            return found
        for trunk, told in live.get("breakers", {}).items():
            if told["state"] != State.CLOSED:
                found.append(Trouble(pbx, trunk, State(told["state"]), told["until_ms"], told["why"]))
    return found


def now(store: Store, settings: Settings) -> list[Trouble]:
    """The same of every PBX that ever ran; none while Redis does not answer."""
    with closing(Queues(settings.redis_url)) as queues:
        return of_trunks(queues, [beat.name for beat in store.pbxs.all()])


def parked(queues: Queues, pbxs: Iterable[str], rule: str) -> str:
    """`trunk lab parked until … because …`, if that is what the hold `rule` is about; else ""."""
    named = re.fullmatch(r"trunk-(.+)-parked", rule)
    if named is None:
        return ""
    told = [one for one in of_trunks(queues, pbxs) if one.trunk == named[1]]
    return f"trunk {named[1]} {told[0] if told else State.PARKED}"


def has_ended(beat: PbxBeat) -> bool:
    """Whether its controller ended in good order."""
    return beat.beat == LEFT


def is_silent(beat: PbxBeat, at_ms: int) -> bool:
    """Whether its controller has neither beaten lately, by the clocks of both machines, nor ended in good order."""
    return not has_ended(beat) and at_ms - beat.beat_at_ms > SILENT_S * 1000


def examine(store: Store, settings: Settings, up: bool) -> Iterator[Finding]:
    """What the doctor says of trunks and PBXs; of this one only while it is up, or its silence is no news."""
    troubles = now(store, settings) if up or settings.redis.url else []
    for one in troubles:
        says = f"{one.trunk} is {one} (told by {one.pbx})"
        do = (
            "its calls go by the campaign's other trunks, and it is tried again by itself; ask the carrier about these "
            f"answers; `ivr trunk set {one.trunk} --channels 0` leaves it out until `--as-settings`"
        )
        yield (wrong if one.state is State.PARKED else note)("trunks", says, do)
    if up and not troubles:
        yield ok("trunks", "none is slowed or parked")
    yield from _silent(store, "" if up else settings.pbx.name)


def _silent(store: Store, but: str) -> Iterator[Finding]:
    before = [beat for beat in store.pbxs.all() if is_silent(beat, now_ms()) and beat.name != but]
    if before:
        time.sleep(LOOK_AGAIN_S)
    beats = {beat.name: beat for beat in store.pbxs.all()}
    for beat in before:
        calls = sum(store.pbxs.open_calls([beat.name]).values())
        if beats[beat.name].beat != beat.beat or (not calls and now_ms() - beat.beat_at_ms > FORGOTTEN_MS):
            continue
        says = f"{beat.name} is silent since {_clock(beat.beat_at_ms)}, with {calls} calls open in the books"
        do = (
            "the others call in its place, and those calls keep their channels until they must be over; look at its "
            "machine: `ivr status` and `ivr up` there; if it is gone for good nothing else is to be done"
        )
        yield wrong("pbxs", says, do)
    for beat in beats.values():
        if not (has_ended(beat) or beat.ready) and not is_silent(beat, now_ms()):
            says = f"{beat.name} lives, and is not ready: its controller does not reach its Asterisk"
            yield wrong("pbxs", says, "`ivr status` and the logs there say why; meanwhile the others call in its place")


def _clock(at_ms: int) -> str:
    at, now_at = datetime.fromtimestamp(at_ms / 1000).astimezone(), datetime.now().astimezone()
    return f"{at:%H:%M:%S}" if at.date() == now_at.date() else f"{at:%Y-%m-%d %H:%M:%S}"
