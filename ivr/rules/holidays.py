"""Holidays: which days of a year a table names, fixed ones and those that go with Easter."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache

from ivr.rules.pack import HolidayTable


def easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm, as Meeus has it)."""
    century, of_century = divmod(year, 100)
    leaps, rest = divmod(century, 4)
    moon = (19 * (year % 19) + century - leaps - (century - (century + 8) // 25 + 1) // 3 + 15) % 30
    weekday = (32 + 2 * rest + 2 * (of_century // 4) - moon - of_century % 4) % 7
    late = (year % 19 + 11 * moon + 22 * weekday) // 451
    month, day = divmod(moon + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def is_holiday(day: date, table: HolidayTable, *places: str) -> bool:
    """Whether the table names the day, everywhere or in one of the places."""
    return day in _days(table_key(table), day.year) or any(
        day in _days(table_key(table.places[place]), day.year) for place in places if place in table.places
    )


def table_key(table: HolidayTable) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """What a table's days depend on."""
    return table.fixed, table.easter


@lru_cache(maxsize=256)
def _days(key: tuple[tuple[str, ...], tuple[int, ...]], year: int) -> frozenset[date]:
    fixed, after_easter = key
    days = {date(year, int(text[:2]), int(text[3:])) for text in fixed if _exists(text, year)}
    return frozenset(days | {easter(year) + timedelta(days=days_later) for days_later in after_easter})


def _exists(text: str, year: int) -> bool:
    return text != "02-29" or (year % 4 == 0 and (year % 100 != 0 or year % 400 == 0))
