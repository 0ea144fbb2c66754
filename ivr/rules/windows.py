"""Calling hours: slots of wall-clock time on days of the week, judged in the zone of the person called.

Every instant has one wall-clock time, so `is_open` cannot be wrong at a change of clocks: an hour that comes twice is
open twice, an hour that is skipped is never open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from ivr.errors import BadSetting

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
MINUTES_OF_DAY = 24 * 60
DAYS_AHEAD = 16
"""Two weeks, for a change of clocks may swallow one week's only slot."""
WEEKS_AHEAD = 3
"""An hour that zones far apart share is looked for so far ahead."""

_SLOT = re.compile(r"(\d\d?):(\d\d)-(\d\d?):(\d\d)")


@dataclass(frozen=True, slots=True)
class Slot:
    """On `weekday` (0 is Monday), open from minute `first` of the day up to, not including, minute `end`."""

    weekday: int
    first: int
    end: int


@dataclass(frozen=True, slots=True)
class Hours:
    """When calls may be made. No slot: never."""

    slots: tuple[Slot, ...]

    @classmethod
    def parse(cls, text: str) -> Hours:
        """The hours that `text` writes: `10:00-13:00,14:00-20:00 mon-fri; 10:00-12:00 sat`; no days: every day.

        Raises BadSetting naming the part that cannot be read.
        """
        slots: set[Slot] = set()
        for clause in filter(None, (part.strip().lower() for part in text.split(";"))):
            times, _, days = clause.partition(" ")
            spans = [_span(part) for part in times.split(",")]
            slots.update(Slot(day, *span) for day in _days(days.strip()) for span in spans)
        if not slots:
            raise BadSetting("calling hours are empty: write them like 10:00-13:00,14:00-20:00 mon-fri")
        return cls(tuple(sorted(slots, key=lambda slot: (slot.weekday, slot.first, slot.end))))

    def is_open(self, now: datetime, zone: tzinfo) -> bool:
        """True if a telephone in `zone` may ring at `now` (aware)."""
        local = _aware(now).astimezone(zone)
        minute = local.hour * 60 + local.minute
        weekday = local.weekday()
        return any([slot.first <= minute < slot.end for slot in self.slots if slot.weekday == weekday])

    def next_open(self, now: datetime, zone: tzinfo) -> datetime | None:
        """The first moment from `now` (aware) on that is open in `zone`, in UTC; `now` if open, None if never."""
        now = _aware(now).astimezone(UTC)
        if self.is_open(now, zone):
            return now
        first_day = now.astimezone(zone).date()
        for ahead in range(-1, DAYS_AHEAD):
            moments = self._beginnings(first_day + timedelta(days=ahead), zone)
            if found := min((at for at in moments if at > now and self.is_open(at, zone)), default=None):
                return found
        return None

    def next_open_everywhere(self, now: datetime, zones: Sequence[tzinfo]) -> datetime | None:
        """The first moment from `now` (aware) on that is open in each of the zones, in UTC; None: not within weeks."""
        moment = now = _aware(now).astimezone(UTC)  # only there do moments of an hour that comes twice compare
        if zones and all([self.is_open(now, zone) for zone in zones]):
            return now
        for _ in range(200 if zones else 0):
            opens = [self.next_open(moment, zone) for zone in zones]
            known = [at for at in opens if at is not None]
            if len(known) < len(opens) or (max(known) - now).days > WEEKS_AHEAD * 7:
                return None
            if max(known) == moment:
                return moment
            moment = max(known)
        return None

    def _beginnings(self, day: date, zone: tzinfo) -> Iterator[datetime]:
        """Every moment of `day` at which the hours may begin, in UTC."""
        if _clock_changes(day, zone):
            begin = datetime.combine(day, time(), zone).astimezone(UTC) - timedelta(hours=3)
            yield from (begin + timedelta(minutes=minute) for minute in range(MINUTES_OF_DAY + 6 * 60))
            return
        for slot in self.slots:
            if slot.weekday == day.weekday():
                yield datetime.combine(day, time(slot.first // 60, slot.first % 60), zone).astimezone(UTC)


def _clock_changes(day: date, zone: tzinfo) -> bool:
    noons = (datetime.combine(day + timedelta(days=step), time(12), zone) for step in (-1, 0, 1))
    return len({noon.utcoffset() for noon in noons}) > 1


def _span(text: str) -> tuple[int, int]:
    found = _SLOT.fullmatch(text.strip())
    first, end = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, 0)
    if not found or int(found[2]) > 59 or int(found[4]) > 59 or not 0 <= first < end <= MINUTES_OF_DAY:
        raise BadSetting(
            f"calling hours {text.strip()!r} cannot be used: write HH:MM-HH:MM within one day, 24:00 at most"
        )
    return first, end


def _days(text: str) -> list[int]:
    if not text:
        return list(range(7))
    days: list[int] = []
    for part in text.split(","):
        first, _, last = (name.strip() for name in part.partition("-"))
        if first not in DAYS or (last and last not in DAYS):
            raise BadSetting(f"calling days {part.strip()!r} cannot be used: write days like mon-fri or sat,sun")
        begin, span = DAYS.index(first), (DAYS.index(last or first) - DAYS.index(first)) % 7
        days += [(begin + step) % 7 for step in range(span + 1)]
    return days


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone is no moment")
    return moment
