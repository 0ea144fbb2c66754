"""The breakdowns as they are shown: which, in which order, and the hours of the week as a map."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ivr.usecases.reporting import Breakdown, Measure, Report, Row

MOST = 15
"""Values that are shown of a breakdown, those with most calls heard; the others are in the CSV and JSON forms."""
ORDERED = frozenset({"attempt", "age"})
"""Dimensions whose values have an order of their own; the others stand by listen rate, highest first."""
WEEK = "hour"
SHADES = 9


@dataclass(frozen=True, slots=True)
class Group:
    """One breakdown to be shown. left_out: values that are not among the rows."""

    dimension: str
    rows: tuple[Row, ...]
    left_out: int


@dataclass(frozen=True, slots=True)
class Spot:
    """One hour of one weekday. rate: None where it is not shown; shade: 0…SHADES between least and most; hidden: calls
    there were, and fewer than may be told of.
    """

    rate: Measure | None = None
    shade: int | None = None
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class Week:
    """A rate by hour and weekday. days: 1 is Monday. spots: by hour, one for each of the days."""

    rate: str
    days: tuple[int, ...]
    spots: Mapping[int, tuple[Spot, ...]]


def groups(report: Report) -> list[Group]:
    """The breakdowns that compare something: two values at least of which a listen rate is told."""
    kept = (one for one in report.breakdowns if one.dimension != WEEK and _compares(one))
    return [_group(one) for one in kept]


def weeks(report: Report) -> list[Week]:
    """The answer rate and the listen rate by hour and weekday, of all hours from the first to the last with a call."""
    rows = next((one.rows for one in report.breakdowns if one.dimension == WEEK), ())
    by_hour = {(int(row.value[0]), int(row.value[2:])): row for row in rows if row.value and row.dialled}
    if len(by_hour) < 2:
        return []
    return [_week(name, by_hour) for name in ("answer_rate", "listen_rate")]


def _compares(one: Breakdown) -> bool:
    return sum(row.listen_rate is not None for row in one.rows) >= 2


def _group(one: Breakdown) -> Group:
    most = sorted((row for row in one.rows if row.dialled), key=lambda row: -row.heard)
    shown = most[:MOST]
    rows = [row for row in one.rows if row in shown] if one.dimension in ORDERED else sorted(shown, key=_by_rate)
    return Group(one.dimension, tuple(rows), len(most) - len(shown))


def _by_rate(row: Row) -> tuple[bool, float, str]:
    rate = row.listen_rate.value if row.listen_rate else None
    return rate is None, -(rate or 0.0), row.value


def _week(name: str, by_hour: Mapping[tuple[int, int], Row]) -> Week:
    days = tuple(sorted({day for day, _ in by_hour}))
    hours = sorted({hour for _, hour in by_hour})
    told = {at: _told(row, name) for at, row in by_hour.items()}
    values = [one.value for one in told.values() if one and one.value is not None]
    spots = {
        hour: tuple(_spot(told.get((day, hour)), (day, hour) in by_hour, values) for day in days)
        for hour in range(hours[0], hours[-1] + 1)
    }
    return Week(name, days, spots)


def _told(row: Row, name: str) -> Measure | None:
    """An answer rate speaks of no listening: it is told of 20 calls, a listen rate of what is not hidden."""
    if name == "listen_rate":
        return row.listen_rate
    return None if row.answer_rate.small else row.answer_rate


def _spot(one: Measure | None, called: bool, values: Iterable[float]) -> Spot:
    if one is None or one.value is None:
        return Spot(hidden=called)
    low, high = min(values), max(values)
    return Spot(one, round(SHADES * (one.value - low) / (high - low)) if high > low else SHADES // 2)
