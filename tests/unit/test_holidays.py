from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ivr.rules.gate import Kind
from ivr.rules.holidays import easter, is_holiday
from tests.unit.lawful import NOW, PARIS, pack, said

TABLE = pack("fr").holidays["l3133-1"]


@pytest.mark.parametrize(
    "sunday",
    ["1818-03-22", "1943-04-25", "2000-04-23", "2008-03-23", "2024-03-31", "2026-04-05", "2027-03-28", "2038-04-25"],
)
def test_easter_is_when_it_is(sunday: str) -> None:
    day = date.fromisoformat(sunday)
    assert easter(day.year) == day


def test_the_eleven_holidays_of_2027() -> None:
    year = [date(2027, 1, 1) + timedelta(days=n) for n in range(365)]
    days = [f"{day:%d.%m}" for day in year if is_holiday(day, TABLE)]
    assert days == ["01.01", "29.03", "01.05", "06.05", "08.05", "17.05", "14.07", "15.08", "01.11", "11.11", "25.12"]


def test_a_place_has_days_of_its_own() -> None:
    abolition, good_friday = date(2027, 5, 27), date(2027, 3, 26)
    assert is_holiday(abolition, TABLE, "GP", "")
    assert not is_holiday(abolition, TABLE, "RE", "974")
    assert is_holiday(good_friday, TABLE, "FR", "67")
    assert not is_holiday(good_friday, TABLE, "FR", "75")


def test_nobody_is_called_on_a_holiday_but_from_the_next_day_that_is_none() -> None:
    verdict = said(now=datetime(2026, 12, 25, 11, tzinfo=PARIS))  # a Friday
    assert (verdict.kind, verdict.rule) == (Kind.HOLD, "FR-HRS-2")
    assert verdict.until == datetime(2026, 12, 28, 10, tzinfo=PARIS)
    assert said(now=verdict.until).kind is Kind.YES


def test_a_holiday_is_a_day_where_the_person_is() -> None:
    """25 December begins in Nouméa while it is still the 24th in Paris."""
    noumea = ZoneInfo("Pacific/Noumea")
    at = datetime(2026, 12, 25, 10, 30, tzinfo=noumea)
    assert at.astimezone(PARIS).day == 25
    eve = datetime(2026, 12, 24, 19, 59, tzinfo=noumea)
    assert said(now=eve, zones=(noumea,), territory="NC").kind is Kind.YES
    assert said(now=at, zones=(noumea,), territory="NC").rule == "FR-HRS-2"


def test_hours_are_the_called_persons() -> None:
    guadeloupe = ZoneInfo("America/Guadeloupe")
    verdict = said(now=NOW, zones=(guadeloupe,), territory="GP")  # 6 in the morning there
    assert (verdict.kind, verdict.rule) == (Kind.HOLD, "FR-HRS-1"), "the person named 9 to 21"
    assert verdict.until == datetime(2026, 11, 25, 9, tzinfo=guadeloupe)
    assert said(now=verdict.until, zones=(guadeloupe,), territory="GP").until == datetime(
        2026, 11, 25, 10, tzinfo=guadeloupe
    )
