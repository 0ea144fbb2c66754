"""What one listen says, and the intervals put around shares of many."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from math import sqrt

from ivr.rules.segments import EndedBy, KeyPress, Listen, Segment

COMPLETE_SHARE = 0.97
"""From this share on a segment counts as heard to its end: 3 % for trailing silence and the media path's delay."""
EARLY_MS = 4_000
"""Who leaves the message before this instant hung up early."""
SMALL = 20
"""Below this many calls a figure of the whole is marked, and one of a part is not shown."""
Z95 = 1.959963984540054


@dataclass(frozen=True, slots=True)
class Interval:
    """A value with its 95 % interval, all three in 0…1, `low` <= `value` <= `high`."""

    value: float
    low: float
    high: float


class Fate(StrEnum):
    """How the message ended for one person."""

    STAYED = "stayed"  # heard it to its end
    LEFT = "left"  # hung up, or stopped the calls, before its end
    CUT = "cut"  # the network or we ended it: nobody knows how long the person would have listened


@dataclass(frozen=True, slots=True)
class Heard:
    """One answered call, reduced to what the measures need.

    stop: the key press that stopped the calls, if any. length_ms: of the message that was to be heard. end_unknown:
    nothing says who ended it.
    """

    heard_ms: int
    share: float
    fate: Fate
    notice_whole: bool
    repeats: int
    stop: KeyPress | None
    fallback: bool
    length_ms: int = 0
    end_unknown: bool = False

    @property
    def left_before(self) -> bool:
        """The person left before a single millisecond of the message."""
        return self.fate is Fate.LEFT and self.heard_ms == 0

    @property
    def left_early(self) -> bool:
        """The person left in the first seconds of the message."""
        return self.fate is Fate.LEFT and 0 < self.heard_ms < EARLY_MS


def judge(listen: Listen, message_ms: int) -> Heard:
    """What `listen` says of one call. message_ms: the message's length, for calls in which it was never begun."""
    plays = [play for play in listen.plays if play.segment is Segment.MESSAGE]
    share = max((_share(play.heard_ms, play.length_ms) for play in plays), default=0.0)
    heard_ms = min(listen.heard_ms(Segment.MESSAGE), message_ms)
    fallback = listen.measured_by != "agi" or bool(listen.error)
    return Heard(
        heard_ms=max(heard_ms, 0),
        share=share,
        fate=_fate(listen, share, fallback),
        notice_whole=_whole(listen, Segment.NOTICE),
        repeats=max(len(plays) - 1, 0),
        stop=_stop(listen),
        fallback=fallback,
        length_ms=message_ms,
        end_unknown=listen.ended_by is EndedBy.UNKNOWN,
    )


def _share(heard_ms: int, length_ms: int) -> float:
    return min(max(heard_ms / length_ms, 0.0), 1.0) if length_ms > 0 else 0.0


def _whole(listen: Listen, segment: Segment) -> bool:
    return any(
        play.segment is segment and _share(play.heard_ms, play.length_ms) >= COMPLETE_SHARE for play in listen.plays
    )


def _fate(listen: Listen, share: float, fallback: bool) -> Fate:
    """A stop key is the person's own leaving even if we then hang up; our own failure never is.

    An unknown end counts as left: the retention curve must not be flattered by what nobody knows.
    """
    if share >= COMPLETE_SHARE:
        return Fate.STAYED
    if fallback:
        return Fate.CUT
    if listen.stop_at_ms is None and listen.ended_by in (EndedBy.US, EndedBy.NETWORK):
        return Fate.CUT
    return Fate.LEFT


def _stop(listen: Listen) -> KeyPress | None:
    if listen.stop_at_ms is None:
        return None
    at_ms = listen.stop_at_ms
    pressed = min(listen.keys, key=lambda press: abs(press.at_ms - at_ms), default=None)
    return pressed or KeyPress(key="", segment=_segment_at(listen, at_ms), within_ms=0, at_ms=at_ms)


def _segment_at(listen: Listen, at_ms: int) -> Segment:
    begun = [play for play in listen.plays if play.began_ms <= at_ms]
    return max(begun, key=lambda play: play.began_ms).segment if begun else Segment.PREROLL


def wilson(hits: float, trials: float) -> Interval | None:
    """Wilson's score interval of `hits` among `trials`; None without trials.

    Source: E. B. Wilson, JASA 22 (1927) 209-212. `hits` outside 0…`trials` is a ValueError.
    """
    if not 0 <= hits <= trials:
        raise ValueError(f"{hits} hits among {trials} trials")
    if trials == 0:
        return None
    share, spread = hits / trials, Z95 * Z95 / trials
    middle = (share + spread / 2) / (1 + spread)
    half = Z95 * sqrt(share * (1 - share) / trials + spread / (4 * trials)) / (1 + spread)
    return Interval(share, min(share, max(0.0, middle - half)), max(share, min(1.0, middle + half)))


def mean_share(count: int, total: float, squares: float) -> Interval | None:
    """The mean of `count` shares (each 0…1) with its 95 % interval; None of none. squares: the sum of their squares."""
    if count == 0:
        return None
    mean = min(max(total / count, 0.0), 1.0)
    return mean_within(mean, max(squares - total * mean, 0.0) / count**2, count)


def mean_within(mean: float, variance: float, count: int) -> Interval | None:
    """The mean of `count` shares (each 0…1) with its 95 % interval. variance: of the mean.

    Wilson's interval at the number of yes-or-no answers that would scatter as much as these shares do. One answer of
    the worst scatter is added, so that a few equal shares do not pretend to be certain, and what nobody did yet may be
    done by as many as Wilson's interval of none has room for: see docs/decisions/0050 and 0275.
    """
    worst, nobody = mean * (1 - mean), wilson(0, count)
    if worst <= 0 or nobody is None:
        return wilson(mean * count, count)
    effective = max(count**2 * worst / (count**2 * variance + worst), count)
    found = wilson(mean * effective, effective)
    if found is None:
        return None
    room = nobody.high
    return Interval(mean, min(found.low, mean * (1 - room)), max(found.high, mean + (1 - mean) * room))
