"""What is kept of many calls once nobody's single call is needed any more: sums, and how many left at which instant.

Whole numbers only: they add up to the same in whatever order the calls came, so that a report made before the listens
are deleted and one made after are the same to the last digit (docs/decisions/0210).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from ivr.rules.measures import Fate, Heard, judge
from ivr.rules.segments import Listen

UNIT = 100_000
"""A share is kept as a whole number of hundred-thousandths."""
BIN_MS = 100
"""Instants of the message are kept to this, rounded up: no measure of ours is truer, and a whole second stays one."""
AGES = (18, 25, 35, 50, 65, 75)
"""Where the brackets of age begin; the last one has no end."""
SUMS = (
    "calls", "answered", "heard", "share", "squares", "stayed", "cut", "left_before", "left_early", "notice",
    "repeated", "stopped", "fallback", "end_unknown", "billed_s",
)  # fmt: skip
"""What is added up of any set of calls, in this order. heard: with a listen; share and squares: of their shares."""
LATER = {"billed_s": "0"}
"""Sums that came to the books later, with what they are of the calls before."""
DIMENSIONS = ("hour", "trunk", "caller_id", "attempt", "range", "line_type", "departement", "age", "batch")
"""Each call has one value in each of these; "hour" is that of the week, such as 1-09 for Monday from nine to ten.

caller_id: the number that was shown. batch: the delivery that first brought the person's number.
"""
LONGEST_VALUE = 64
"""Characters of a value; longer names that begin alike are told together."""
WHOLE = ("all", "")
"""The cell that holds every call."""

Cell = tuple[str, str]
"""A dimension, such as "trunk", and a value of it."""
Instant = tuple[str, int]
"""How the message ended for somebody, and after how many milliseconds of it."""
Stop = tuple[str, int]
"""A segment and a whole second of its play."""


@dataclass(frozen=True, slots=True)
class Sums:
    """The sums of a set of calls, in the order of `SUMS`."""

    values: tuple[int, ...] = (0,) * len(SUMS)

    def __getitem__(self, name: str) -> int:
        return self.values[SUMS.index(name)]

    def plus(self, other: Sums, times: int = 1) -> Sums:
        """Both together. times: -1 takes the other away."""
        return Sums(tuple(mine + times * its for mine, its in zip(self.values, other.values, strict=True)))


@dataclass(slots=True)
class Tally:
    """The calls of one version of a campaign's message.

    open: sent, and not over: dialled, but in no sum before something was heard of them.
    unheard: answered and over, but no listen of them has come.
    """

    cells: dict[Cell, Sums] = field(default_factory=dict)
    instants: dict[Instant, int] = field(default_factory=dict)
    stops: dict[Stop, int] = field(default_factory=dict)
    open: int = 0
    unheard: int = 0

    @property
    def whole(self) -> Sums:
        """Every call that is over, or of which it is known what was heard."""
        return self.cells.get(WHOLE, Sums())

    def values(self, dimension: str) -> dict[str, Sums]:
        """The sums by each value of the dimension."""
        return {cell[1]: sums for cell, sums in sorted(self.cells.items()) if cell[0] == dimension}

    def add(self, call: Call, places: Mapping[str, str], times: int = 1) -> None:
        """The call is in the sums. places: its value in each dimension. times: -1 takes it out again."""
        for cell, sums in call.cells(places):
            self.cells[cell] = self.cells.get(cell, Sums()).plus(sums, times)
        if call.heard is not None:
            at = (call.heard.fate.value, binned(call.heard.heard_ms))
            self.instants[at] = self.instants.get(at, 0) + times
        if call.heard is not None and call.heard.stop is not None:
            stop = (call.heard.stop.segment.value, call.heard.stop.within_ms // 1000)
            self.stops[stop] = self.stops.get(stop, 0) + times


@dataclass(frozen=True, slots=True)
class Call:
    """One call, reduced to what is added up. outcome: "" while it is not over. billed_s: seconds that are billed."""

    outcome: str
    heard: Heard | None = None
    billed_s: int = 0

    def cells(self, places: Mapping[str, str]) -> Iterator[tuple[Cell, Sums]]:
        """What it adds to each cell."""
        over = int(self.outcome != "")
        answered = int(self.outcome == "answered")
        heard = _heard_sums(self.heard) if self.heard else (0,) * (len(SUMS) - 3)
        sums = Sums((over, answered, *heard, self.billed_s))
        yield WHOLE, sums
        for place in places.items():
            yield place, sums
        if over:
            yield ("outcome", self.outcome), sums


def call_of(outcome: str, listen: Listen | None, message_ms: int, billed_s: int = 0) -> Call:
    """The call that ended so (""; not yet) and of which this was heard. message_ms: the message's length."""
    return Call(outcome, judge(listen, message_ms) if listen else None, billed_s)


def together(tallies: Sequence[Tally], lengths_ms: Sequence[int]) -> Tally:
    """The tallies of the versions of a message as one. lengths_ms: of each version.

    Who heard a shorter version than the longest to its end is observed until there, and is not said to have left.
    """
    whole = Tally(open=sum(tally.open for tally in tallies), unheard=sum(tally.unheard for tally in tallies))
    for tally, length_ms in zip(tallies, lengths_ms, strict=True):
        for cell, sums in tally.cells.items():
            whole.cells[cell] = whole.cells.get(cell, Sums()).plus(sums)
        for at, calls in tally.instants.items():
            shorter = at[0] == Fate.STAYED and length_ms < max(lengths_ms)
            seen: Instant = (Fate.CUT.value, length_ms) if shorter else at
            whole.instants[seen] = whole.instants.get(seen, 0) + calls
        for stop, calls in tally.stops.items():
            whole.stops[stop] = whole.stops.get(stop, 0) + calls
    return whole


def binned(heard_ms: int) -> int:
    """The instant as it is kept."""
    return -(-heard_ms // BIN_MS) * BIN_MS


def places(at: datetime, number: str, **known: object) -> dict[str, str]:
    """A call's value in each dimension. at: when it was placed, local time. known: further ones; None: not known."""
    birth_year = known.pop("birth_year", None)
    found = {
        "hour": f"{at.isoweekday()}-{at.hour:02d}",
        "range": number[:5],
        "age": age_bracket(at.year - int(str(birth_year))) if birth_year else "",
    }
    return found | {name: "" if value is None else str(value)[:LONGEST_VALUE] for name, value in known.items()}


def local(at_ms: int, timezone: str) -> datetime:
    """That instant by the clocks of the time zone."""
    return datetime.fromtimestamp(at_ms / 1000, ZoneInfo(timezone))


def age_bracket(age: int) -> str:
    """The bracket of an age, such as 35-49; younger than the first: under it."""
    begins = max((first for first in AGES if first <= age), default=None)
    if begins is None:
        return f"-{AGES[0] - 1}"
    after = next((first for first in AGES if first > begins), None)
    return f"{begins}+" if after is None else f"{begins}-{after - 1}"


def _heard_sums(heard: Heard) -> tuple[int, ...]:
    share = round(heard.share * UNIT)
    end_unknown = heard.fate is Fate.LEFT and heard.end_unknown and heard.stop is None
    return (
        1,
        share,
        share * share,
        heard.fate is Fate.STAYED,
        heard.fate is Fate.CUT,
        heard.left_before,
        heard.left_early,
        heard.notice_whole,
        heard.repeats > 0,
        heard.stop is not None,
        heard.fallback,
        end_unknown,
    )
