"""Calling back: whoever calls the number that was shown hears who calls from it, and can stop that."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ivr.adapters.agi import Played
from ivr.errors import AgiRefused, CallEnded
from ivr.rules.calling_back import LANGUAGES, Choice, Prompt, name_of
from ivr.rules.records import Campaign

KEYS = "".join(Choice)
ANSWER_S = 6.0
"""So long a key is waited for after the menu."""
BETWEEN_DIGITS_S = 5.0
MOST_DIGITS = 16
NUMBER_TRIES = 2
RECORD_S = 60.0
WAV_HEADER_BYTES = 44
"""A recording of that size has nobody's voice in it."""


class Line(Protocol):
    """The telephone line, as the AGI adapter gives it."""

    def play(self, path: str, escape_digits: str = "", offset_samples: int = 0) -> Played:
        """The file was played to its end, a key, or the hang-up."""

    def wait_for_digit(self, timeout_s: float) -> str | None:
        """The key pressed in time, or None; CallEnded on a hang-up."""

    def record_file(self, path: str, sound_format: str, escape_digits: str, limit_s: float) -> str:
        """What is said until a key or the limit is in the file; CallEnded on a hang-up."""

    def leave(self, name: str, value: str) -> None:
        """The dialplan goes on, and finds that value in the channel's variable: the last word."""


@dataclass(slots=True)
class Did:
    """What a caller did, to be counted: nobody is named."""

    message: int = 0
    source: int = 0
    request: int = 0
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class Desk:
    """What happens to what callers say. stop: that number is called no more by those campaigns' sponsors, or by nobody
    (no campaigns), stored when it returns. request: a recorded request in that file is a case; number: None if hidden.
    read: the number that was keyed in, None if it is none.
    """

    stop: Callable[[str, Sequence[Campaign]], None]
    request: Callable[[str | None, Path], None]
    read: Callable[[str], str | None]


@dataclass(slots=True)
class CallBack:
    """One call on the line. The script in `agi/call_back.py` is a short function over it.

    number: the caller's, as the network says, None when hidden. campaigns: that call from the line, the latest first.
    """

    line: Line
    sounds: Path
    desk: Desk
    number: str | None
    campaigns: Sequence[Campaign]
    language: str
    recording: Path
    did: Did = field(default_factory=Did)
    _at: int = 0

    @property
    def campaign(self) -> Campaign | None:
        """The one that is spoken of now."""
        return self.campaigns[self._at] if self.campaigns else None

    def greet(self) -> Choice | None:
        """The caller has heard what this number is and who calls from it; the key they pressed meanwhile."""
        if self.campaign is None:
            return self._say(Prompt.NOBODY)
        return self._say(Prompt.HELLO) or self._sound(self.campaign.preroll.sound)

    def menu(self) -> Choice | None:
        """What the caller wants next; None when nothing came."""
        offered = [Prompt.MENU] if self.campaign else [Prompt.NOBODY]
        offered += [Prompt.ANOTHER] if len(self.campaigns) > 1 else []
        for prompt in offered:
            if choice := self._say(prompt):
                return choice
        return _choice(self.line.wait_for_digit(ANSWER_S))

    def act(self, choice: Choice) -> Choice | None:
        """What was asked for was done; the key that was pressed meanwhile. Not for STOP and REQUEST."""
        if choice is Choice.LANGUAGE:
            self.language = LANGUAGES[(LANGUAGES.index(self.language) + 1) % len(LANGUAGES)]
            return None
        if self.campaign is None:
            return None
        if choice is Choice.ANOTHER:
            self._at = (self._at + 1) % len(self.campaigns)
            return self._sound(self.campaign.preroll.sound)
        if choice is Choice.SOURCE:
            self.did.source += 1
            return self._sound(self.campaign.notice.sound)
        self.did.message += 1
        return self._sound(self.campaign.message.sound)

    def stop_calls(self) -> bool:
        """The number is called no more, stored before it is confirmed; 9 once more: by nobody at all.

        False: nobody knows which number, and the caller was told.
        """
        number = self.number or self._keyed_in()
        if number is None:
            self._say(Prompt.UNKNOWN)
            return False
        self.desk.stop(number, self.campaigns)
        self.did.stopped = True
        if self.campaigns and self._sound(name_of(Prompt.STOPPED, self.language), Choice.STOP) is None:
            return True
        if self.campaigns:
            self.desk.stop(number, ())
        self._play(name_of(Prompt.NEVER, self.language), "")
        return True

    def take_request(self) -> None:
        """What the caller said is a case for whoever answers for data protection, also if they hung up saying it.

        Who says nothing goes on to the end without one.
        """
        self._say(Prompt.RECORD)
        self.recording.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self.line.record_file(str(self.recording.with_suffix("")), "wav", "#", RECORD_S)
        finally:
            if self.recording.is_file() and self.recording.stat().st_size > WAV_HEADER_BYTES:
                self.recording.chmod(0o600)
                self.did.request += 1
                self.desk.request(self.number, self.recording)
        self._play(name_of(Prompt.RECORDED, self.language), "")

    def say_goodbye(self) -> None:
        """Nothing more was asked for."""
        self._play(name_of(Prompt.BYE, self.language), "")

    def finish(self) -> None:
        """The dialplan hangs up: all that was to be said was said."""
        self.line.leave("IVR_RESULT", "done")

    def _keyed_in(self) -> str | None:
        """The number that a caller with a hidden one keys in, ended by # or by a pause."""
        for _ in range(NUMBER_TRIES):
            played = self._play(name_of(Prompt.NUMBER, self.language), "0123456789")
            digits = played.digit
            while len(digits) < MOST_DIGITS:
                key = self.line.wait_for_digit(BETWEEN_DIGITS_S)
                if key is None or key == "#":
                    break
                digits += key
            if number := self.desk.read(digits):
                return number
        return None

    def _say(self, prompt: Prompt) -> Choice | None:
        return self._sound(name_of(prompt, self.language))

    def _sound(self, name: str, keys: str = KEYS) -> Choice | None:
        """Played to its end (None), or to a key that means something; another key leaves the sound going on."""
        offset = 0
        while True:
            played = self._play(name, keys, offset)
            if not played.digit:
                return None
            if choice := _choice(played.digit):
                return choice
            offset = played.endpos_samples

    def _play(self, name: str, keys: str, offset: int = 0) -> Played:
        played = self.line.play(f"{self.sounds}/{name}", keys, offset)
        if played.hung_up:
            raise CallEnded("the person hung up")
        if played.failed:
            raise AgiRefused(f"Asterisk cannot play {name}")
        return played


def _choice(key: str | None) -> Choice | None:
    return Choice(key) if key and key in KEYS else None
