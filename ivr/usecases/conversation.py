"""The conversation with one person: plays segments, hears keys, and knows to the millisecond what was heard."""

from __future__ import annotations

import contextlib
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ivr.adapters.agi import Played
from ivr.adapters.pbx import channelvars
from ivr.errors import AgiRefused, CallEnded, IvrError
from ivr.rules.flow import AGAIN, ALL_KEYS, KEYS, Wish
from ivr.rules.segments import EndedBy, KeyPress, Listen, Play, Segment

log = logging.getLogger(__name__)

SAMPLES_PER_MS = 8
"""A-law and mu-law files have 8,000 samples a second, and `endpos` counts the file's samples."""

AFTER = "after"


class Line(Protocol):
    """The telephone line, as the AGI adapter gives it."""

    def play(self, path: str, escape_digits: str = "", offset_samples: int = 0) -> Played:
        """The file was played to its end, a key, or the hang-up."""

    def wait_for_digit(self, timeout_s: float) -> str | None:
        """The key pressed in time, or None; CallEnded on a hang-up."""

    def set_variables(self, values: Mapping[str, str]) -> None:
        """The channel's variables have these values, all at once."""

    def get_variable(self, name: str) -> str:
        """The channel's variable, "" if it has none."""

    def leave(self, name: str, value: str) -> None:
        """The dialplan goes on, and finds that value in the channel's variable: the last word."""


class SoundMissing(IvrError):
    """A sound of the campaign is missing: the dialplan goes on with the notice."""


@dataclass(frozen=True, slots=True)
class Sounds:
    """Where the renderings are, and which one each segment has."""

    folder: Path
    names: Mapping[Segment, str]

    def find(self, segment: Segment) -> tuple[str, int]:
        """Path without ending, as Asterisk wants it, and length in milliseconds; SoundMissing if there is no file."""
        path = f"{self.folder}/{self.names[segment]}"
        try:
            return path, os.stat(f"{path}.alaw").st_size // SAMPLES_PER_MS
        except OSError:
            raise SoundMissing(f"the sound of segment {segment} is missing") from None


@dataclass(frozen=True, slots=True)
class Manners:
    """How long keys are heard after the notice, and how often the message may be repeated."""

    grace_s: float
    max_repeats: int


class Call:
    """One answered call. The scripts in `agi/` are short functions over it."""

    def __init__(
        self, attempt: str, line: Line, sounds: Sounds, manners: Manners, store_stop: Callable[[str, int, bool], None]
    ) -> None:
        self.attempt = attempt
        self._line = line
        self._sounds = sounds
        self._manners = manners
        self._store_stop = store_stop
        self._began = time.monotonic()
        self._at_ms = int(time.time() * 1000)
        self._plays: list[Play] = []
        self._keys: list[KeyPress] = []
        self._messages_begun = 0
        self._stop_at_ms: int | None = None

    def play(self, segment: Segment) -> Wish | None:
        """The segment was played to its end (None) or to the key that asks for something.

        A key that asks for nothing is noted, and the sound goes on where it was; so does the confirmation after another
        9, once that is stored. Raises CallEnded when the person hangs
        up and SoundMissing when there is nothing to play; what was heard until then is kept.
        """
        path, length_ms = self._sounds.find(segment)
        self._messages_begun += segment is Segment.MESSAGE
        armed = AGAIN if segment is Segment.CONFIRMATION else ALL_KEYS
        began_ms = self._elapsed_ms()
        self._enter(segment.value, began_ms)
        offset, wish = 0, None
        while True:
            played = self._line.play(path, armed, offset)
            if played.failed:
                raise SoundMissing(f"Asterisk cannot play the sound of segment {segment}")
            position = _position(played, offset)
            if played.digit:
                self._note_key(played.digit, segment, position // SAMPLES_PER_MS)
                if (wish := self._wish(played.digit, segment)) is None:
                    offset = position
                    continue
            heard_ms = min(position // SAMPLES_PER_MS, length_ms)
            self._plays.append(Play(segment, self._sounds.names[segment], heard_ms, length_ms, began_ms))
            if played.hung_up:
                raise CallEnded
            return wish

    def wait_for_key(self) -> Wish | None:
        """What the person asked for in the seconds after the notice; None if nothing. Raises CallEnded on a hang-up."""
        if self._manners.grace_s <= 0:
            return None
        began_ms = self._elapsed_ms()
        notice_ms = self._plays[-1].length_ms if self._plays else 0
        self._enter(AFTER, began_ms)
        deadline = time.monotonic() + self._manners.grace_s
        while (left_s := deadline - time.monotonic()) > 0:
            key = self._line.wait_for_digit(left_s)
            if key is None:
                return None
            self._note_key(key, Segment.NOTICE, notice_ms + self._elapsed_ms() - began_ms)
            if wish := self._meaning(key):
                return wish
        return None

    def stop_calls(self) -> None:
        """The sponsor's calls to this person are stopped for good: stored first, then confirmed.

        The channel says so before we store it: if this process is killed in between, the dialplan stores it.
        """
        self._stop_at_ms = self._elapsed_ms()
        with contextlib.suppress(CallEnded):  # who hung up at once has pressed 9 all the same
            self._enter(Segment.CONFIRMATION.value, self._stop_at_ms)
        self._store_stop(self.attempt, self._at_ms + self._stop_at_ms, False)
        log.info("stop stored", extra={"action": "stop_stored", "attempt_id": self.attempt})
        self.play(Segment.CONFIRMATION)

    def finish(self) -> None:
        """The dialplan hangs up: all that was to be said was said. Raises CallEnded if the link to it is gone."""
        self._line.leave("IVR_RESULT", "done")

    def give_way(self) -> None:
        """The dialplan speaks in our place: a file is missing. Raises CallEnded if the link to it is gone."""
        self._line.leave("IVR_RESULT", "file")

    def listen(self, ended_by: EndedBy, error: str = "") -> Listen:
        """What was heard until now."""
        return Listen(
            attempt=self.attempt,
            plays=tuple(self._plays),
            keys=tuple(self._keys),
            stop_at_ms=self._stop_at_ms,
            ended_by=ended_by,
            error=error,
            at_ms=self._at_ms,
        )

    def _enter(self, segment: str, began_ms: int) -> None:
        """The dialplan knows where we are and what was heard, should it have to go on without us.

        By one command: a death in the middle must not leave it half told, and each command wakes two processes.
        """
        heard = (f"{play.segment}.{play.heard_ms}.{self._at_ms + play.began_ms}" for play in self._plays)
        began = str(self._at_ms + began_ms)
        self._line.set_variables({"IVR_SEGMENT": segment, "IVR_BEGAN": began, "IVR_PLAYED": "-".join(heard)})

    def _wish(self, key: str, segment: Segment) -> Wish | None:
        """What the key asks for while that is said. A 9 during the confirmation: that nobody calls this person."""
        if segment is not Segment.CONFIRMATION:
            return self._meaning(key)
        self._store_stop(self.attempt, self._at_ms + self._elapsed_ms(), True)
        log.info("stop of all stored", extra={"action": "stop_of_all_stored", "attempt_id": self.attempt})
        return None

    def _meaning(self, key: str) -> Wish | None:
        """What the key asks for now: what is said goes on if a repeat is not to be had."""
        wish = KEYS.get(key)
        return None if wish is Wish.REPEAT and not self._may_repeat() else wish

    def _may_repeat(self) -> bool:
        """Whether the message was not repeated often enough, and nobody wants the call to end now."""
        if self._messages_begun > self._manners.max_repeats:
            return False
        with contextlib.suppress(CallEnded, AgiRefused):  # the next command will meet the same
            return not self._line.get_variable(channelvars.RELEASED)
        return True

    def _note_key(self, key: str, segment: Segment, within_ms: int) -> None:
        self._keys.append(KeyPress(key, segment, within_ms, self._elapsed_ms()))

    def _elapsed_ms(self) -> int:
        return round((time.monotonic() - self._began) * 1000)


def _position(played: Played, offset: int) -> int:
    """Where in the file the person was, in samples.

    After a hang-up `endpos` is the whole length in about 4 of 1,000 cases (Asterisk closes the stream before it is
    asked where it was), so our own clock bounds it.
    """
    by_clock = offset + played.clock_ms * SAMPLES_PER_MS
    if not played.endpos_known:
        return by_clock
    return min(played.endpos_samples, by_clock) if played.hung_up else played.endpos_samples
