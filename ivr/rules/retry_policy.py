"""A retry policy: how often, how soon and how spread a person is called again, read from what people write.

It is written on one line, as a campaign keeps it, or as a table of the settings file:

    busy=15m 1h; no_answer=3h 1d; congestion=5m 15m 1h x10; most=4; spacing=15m; per_day=2; hours_apart=3h; jitter=0.1

An ending that is not named is not tried again; `never` is the policy that names none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType

from ivr.errors import BadSetting


class Ending(StrEnum):
    """How a call ended, as far as calling again goes. CONGESTION: the trunk's fault, whatever its code; see breaker."""

    BUSY = "busy"
    NO_ANSWER = "no_answer"
    MACHINE = "machine"  # answered, by an answering machine
    CONGESTION = "congestion"
    FAILED = "failed"
    UNKNOWN = "unknown"  # it may have rung
    REACHED = "answered"
    INVALID_NUMBER = "invalid_number"
    OPEN = "open"  # it has not ended, or nobody knows yet that it has


NEVER_AGAIN = frozenset({Ending.REACHED, Ending.INVALID_NUMBER, Ending.OPEN})
NEVER = "never"
LONGEST_DELAY = timedelta(days=60)
MOST = 20
"""Attempts, days and calls a day that a policy may ask for at most."""

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DELAY = re.compile(r"([0-9]{1,7})([smhd])")
_COUNT = re.compile(r"x([0-9]{1,3})")


@dataclass(frozen=True, slots=True)
class Again:
    """What follows one ending. delays: before the first retry, the second…; the last one stands for all further.

    most: attempts that may end this way, the first included.
    """

    delays: tuple[timedelta, ...]
    most: int


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """When a person may be called again. Congestion has its own limit and uses up none of a person's attempts.

    most: calls to a person in all. spacing: at least between two. per_day: at most on a day of the person's calendar.
    hours_apart: on another day, if it can be, so far from the times of day already tried. jitter: share of a delay by
    which it may grow.
    """

    again: Mapping[Ending, Again] = field(default_factory=lambda: MappingProxyType({}))
    most: int = 3
    spacing: timedelta = timedelta(minutes=15)
    per_day: int = 2
    hours_apart: timedelta = timedelta(hours=3)
    jitter: float = 0.1

    @classmethod
    def parse(cls, source: str | Mapping[str, object]) -> RetryPolicy:
        """The policy of a line or a table; an empty one never calls again. Raises BadSetting naming the part."""
        if isinstance(source, str):
            parts = {} if source.strip().lower() == NEVER else _clauses(source)
        else:
            parts = {key: _line(value) for key, value in source.items()}
        again: dict[Ending, Again] = {}
        limits: dict[str, int | float | timedelta] = {}
        for key, text in parts.items():
            if key in LIMITS:
                limits[key] = LIMITS[key](key, text.strip().lower())
            elif (rule := _again(_ending(key), text.strip().lower())) is not None:
                again[Ending(key)] = rule
        return cls(again=MappingProxyType(dict(sorted(again.items()))), **limits)  # type: ignore[arg-type]

    @property
    def most_attempts(self) -> int:
        """Calls to one number in all, those that were the carrier's trouble included."""
        if not self.again:
            return 1
        congestion = self.again.get(Ending.CONGESTION)
        return self.most + (congestion.most if congestion else 1)

    def text(self) -> str:
        """The policy on one line, which `parse` reads back to an equal one."""
        rules = [f"{ending}={' '.join(map(_written, rule.delays))} x{rule.most}" for ending, rule in self.again.items()]
        limits = [(one.name, getattr(self, one.name)) for one in fields(self) if one.name != "again"]
        return "; ".join(
            [*rules, *(f"{key}={_written(value) if isinstance(value, timedelta) else value}" for key, value in limits)]
        )


CALL_ONCE = RetryPolicy()


def _clauses(line: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for clause in filter(None, (part.strip() for part in line.split(";"))):
        key, sign, text = (part.strip() for part in clause.partition("="))
        if not sign:
            raise BadSetting(f"retry {clause!r} cannot be used: write NAME=VALUE, as in busy=15m 1h")
        if key in parts:
            raise BadSetting(f"retry {key!r} is written twice: keep one of them")
        parts[key] = text
    return parts


def _line(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _ending(key: str) -> Ending:
    named = {ending.value: ending for ending in Ending if ending not in NEVER_AGAIN}
    if key not in named:
        raise BadSetting(f"retry {key!r} is not known: write one of {', '.join([*sorted(named), *LIMITS])}")
    return named[key]


def _again(ending: Ending, text: str) -> Again | None:
    """The rule that a list of delays writes, with `xN` for its number of attempts; None for `never`."""
    if text == NEVER:
        return None
    words = text.replace(",", " ").split()
    counts = [int(found[1]) for word in words if (found := _COUNT.fullmatch(word))]
    delays = tuple(_time(ending, word) for word in words if not _COUNT.fullmatch(word))
    most = counts[0] if counts else len(delays) + 1
    if not delays or len(counts) > 1 or not 1 <= most <= MOST or not all(delays):
        raise BadSetting(
            f"retry {ending}={text!r} cannot be used: write delays and, if need be, how many attempts (1 to {MOST}) "
            "may end so, as in 15m 1h x3, or never"
        )
    return Again(delays, most)


def _time(key: str, text: str) -> timedelta:
    found = _DELAY.fullmatch(text)
    span = timedelta(seconds=int(found[1]) * UNITS[found[2]]) if found else LONGEST_DELAY * 2
    if span > LONGEST_DELAY:
        raise BadSetting(f"retry {key}: time {text!r} cannot be used: write it like 90s, 15m, 3h or 1d, 60d at most")
    return span


def _time_of_day(key: str, text: str) -> timedelta:
    span = _time(key, text)
    if span > timedelta(hours=12):
        raise BadSetting(f"retry {key}={text!r} cannot be used: two times of day are 12h apart at most")
    return span


def _count(key: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 4 and 1 <= int(text) <= MOST):
        raise BadSetting(f"retry {key}={text!r} cannot be used: write a whole number from 1 to {MOST}")
    return int(text)


def _part(key: str, text: str) -> float:
    if not re.fullmatch(r"0(\.[0-9]{1,3})?|1(\.0{1,3})?", text):
        raise BadSetting(f"retry {key}={text!r} cannot be used: write a number from 0 to 1, such as 0.1")
    return float(text)


LIMITS: Mapping[str, Callable[[str, str], int | float | timedelta]] = {
    "most": _count,
    "spacing": _time,
    "per_day": _count,
    "hours_apart": _time_of_day,
    "jitter": _part,
}


def _written(span: timedelta) -> str:
    seconds = round(span.total_seconds())
    unit = next((unit for unit in "dhm" if seconds and seconds % UNITS[unit] == 0), "s")
    return f"{seconds // UNITS[unit]}{unit}"
