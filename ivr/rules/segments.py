"""The segments of a call and what was heard of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum


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
    """What the books say of one target: number, outcome ("" while none), times dialled and listen."""

    number: str
    attempt: str
    outcome: str
    state: str
    rule: str
    dialled: int
    dialed_at_ms: int
    ended_at_ms: int
    listen: Listen | None
