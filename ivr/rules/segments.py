"""The segments of a call and what was heard of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from ivr.rules.flow import AGAIN


class Segment(StrEnum):
    """One recording of a call, in the order in which a person meets them."""

    PREROLL = "preroll"
    MESSAGE = "message"
    NOTICE = "notice"
    CONFIRMATION = "confirmation"


class EndedBy(StrEnum):
    """Who or what ended an answered call."""

    LISTENER = "listener"
    US = "us"  # everything was played, or the confirmation of a stop
    NETWORK = "network"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Play:
    """One time that a segment was played to one person.

    sound: hash of the rendering that was played. heard_ms: what was heard of it. began_ms: since the call script began.
    """

    segment: Segment
    sound: str
    heard_ms: int
    length_ms: int
    began_ms: int


@dataclass(frozen=True, slots=True)
class KeyPress:
    """A key with its instant: at_ms since the call script began, within_ms since the segment's play began."""

    key: str
    segment: Segment
    within_ms: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Listen:
    """What was heard of one answered attempt.

    measured_by: "agi"; "dialplan" when the AGI server was not there; "agi+dialplan"; "none" when nobody measured.
    """

    attempt: str
    plays: tuple[Play, ...]
    keys: tuple[KeyPress, ...] = ()
    stop_at_ms: int | None = None
    ended_by: EndedBy = EndedBy.UNKNOWN
    measured_by: str = "agi"
    error: str = ""
    at_ms: int = 0

    def heard_ms(self, segment: Segment) -> int:
        """The most that was heard of `segment` in one play, milliseconds: a repeat adds no length to the message."""
        return max((play.heard_ms for play in self.plays if play.segment is segment), default=0)

    @property
    def stops_all(self) -> bool:
        """Whether 9 was pressed again while the first one was confirmed."""
        again = any(press.key == AGAIN and press.segment is Segment.CONFIRMATION for press in self.keys)
        return again and self.stop_at_ms is not None

    @property
    def until_ms(self) -> int:
        """The last instant at which anything was heard, since the call script began."""
        return max((play.began_ms + play.heard_ms for play in self.plays), default=0)


def plain(listen: Listen) -> dict[str, Any]:
    """All of the listen but its attempt, in what JSON knows: how it travels and how it is kept."""
    return {
        "plays": [[p.segment.value, p.sound, p.heard_ms, p.length_ms, p.began_ms] for p in listen.plays],
        "keys": [[k.key, k.segment.value, k.within_ms, k.at_ms] for k in listen.keys],
        "stop_at_ms": listen.stop_at_ms,
        "ended_by": listen.ended_by.value,
        "measured_by": listen.measured_by,
        "error": listen.error,
        "at_ms": listen.at_ms,
    }


def from_plain(attempt: str, values: Mapping[str, Any]) -> Listen:
    """The listen of which `plain` made these values; ValueError, TypeError or KeyError if it made none."""
    return Listen(
        attempt=attempt,
        plays=tuple(Play(Segment(p[0]), *p[1:]) for p in values["plays"]),
        keys=tuple(KeyPress(k[0], Segment(k[1]), *k[2:]) for k in values["keys"]),
        stop_at_ms=values["stop_at_ms"],
        ended_by=EndedBy(values["ended_by"]),
        measured_by=values["measured_by"],
        error=values["error"],
        at_ms=values["at_ms"],
    )


def merge(known: Listen, more: Listen) -> Listen:
    """One listen of a call that two measured: the AGI script until it failed, the dialplan after it.

    Merging the same again changes nothing. What the script played is in both: its own measure stands.
    """
    if more.measured_by == "none" or more.measured_by in known.measured_by.split("+"):
        return known
    if known.measured_by == "none":
        return more
    first, second = (more, known) if more.measured_by == "agi" else (known, more)
    later_ms = max(0, second.at_ms - first.at_ms)
    told = {(play.segment, play.began_ms) for play in first.plays}
    plays = [replace(play, began_ms=play.began_ms + later_ms) for play in second.plays]
    stopped = first.stop_at_ms is not None
    keys = () if stopped else tuple(replace(key, at_ms=key.at_ms + later_ms) for key in second.keys)
    stop_at_ms = None if second.stop_at_ms is None else second.stop_at_ms + later_ms
    return replace(
        first,
        plays=(*first.plays, *(play for play in plays if (play.segment, play.began_ms) not in told)),
        keys=(*first.keys, *keys),
        stop_at_ms=first.stop_at_ms if stopped else stop_at_ms,
        ended_by=second.ended_by,
        measured_by=f"{first.measured_by}+{second.measured_by}",
        error=first.error or second.error,
    )


@dataclass(frozen=True, slots=True)
class CallResult:
    """What the books say of one target: number, outcome ("" while none), times dialled and listen.

    outcome: of the last call that is over; answered if any call was. attempt and listen: of the last answered call,
    else of the last. more: of every other answered call what was heard, None where it was not measured. version: of the
    message, from 0.
    """

    number: str
    attempt: str
    outcome: str
    state: str
    rule: str
    dialled: int
    dialed_at_ms: int
    ended_at_ms: int
    listen: Listen | None
    more: tuple[Listen | None, ...] = ()
    version: int = 0
