from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.errors import BadSetting
from ivr.rules.windows import Hours

PARIS = ZoneInfo("Europe/Paris")
FRENCH = Hours.parse("10:00-13:00,14:00-20:00 mon-fri")


def paris(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=PARIS, fold=fold)


@pytest.mark.parametrize(
    ("moment", "is_open"),
    [
        ("2026-11-23T09:59:59", False),
        ("2026-11-23T10:00", True),
        ("2026-11-23T12:59:59.999999", True),
        ("2026-11-23T13:00", False),
        ("2026-11-23T14:00", True),
        ("2026-11-23T20:00", False),
        ("2026-11-28T11:00", False),  # Saturday
        ("2026-11-29T11:00", False),
        ("2026-11-27T19:59", True),
    ],
)
def test_open_and_closed(moment: str, is_open: bool) -> None:
    assert FRENCH.is_open(paris(moment), PARIS) is is_open
    assert FRENCH.is_open(paris(moment).astimezone(UTC), PARIS) is is_open


def test_the_zone_is_that_of_the_person_called() -> None:
    noon_utc = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
    assert not FRENCH.is_open(noon_utc, PARIS)  # 13:30 there
    assert FRENCH.is_open(noon_utc, ZoneInfo("Indian/Reunion"))  # 16:30


@pytest.mark.parametrize(
    ("now", "opens"),
    [
        ("2026-11-23T11:00", "2026-11-23T11:00"),
        ("2026-11-23T08:00", "2026-11-23T10:00"),
        ("2026-11-23T13:00", "2026-11-23T14:00"),
        ("2026-11-23T20:00", "2026-11-24T10:00"),
        ("2026-11-27T20:00", "2026-11-30T10:00"),  # over the week-end
        ("2026-10-24T12:00", "2026-10-26T10:00"),  # over the end of summer time
        ("2026-03-27T21:00", "2026-03-30T10:00"),  # over its beginning
    ],
)
def test_next_open(now: str, opens: str) -> None:
    assert FRENCH.next_open(paris(now), PARIS) == paris(opens)


def test_an_hour_that_is_skipped_opens_at_the_change() -> None:
    hours = Hours.parse("02:30-04:00 sun")
    assert hours.next_open(paris("2026-03-29T01:00"), PARIS) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)  # 03:00 there
    skipped = Hours.parse("02:00-03:00 sun")
    assert skipped.next_open(paris("2026-03-29T01:00"), PARIS) == paris("2026-04-05T02:00")


def test_an_hour_that_comes_twice_is_open_twice() -> None:
    hours = Hours.parse("02:15-02:45 sun")
    first, second = paris("2026-10-25T02:30"), paris("2026-10-25T02:30", fold=1)
    assert second.astimezone(UTC) - first.astimezone(UTC) == timedelta(hours=1)
    assert hours.is_open(first, PARIS)
    assert hours.is_open(second, PARIS)
    between = paris("2026-10-25T02:50")
    assert not hours.is_open(between, PARIS)
    assert hours.next_open(between, PARIS) == datetime(2026, 10, 25, 1, 15, tzinfo=UTC)
    assert hours.next_open(second, PARIS) == second.astimezone(UTC)


def test_midnight() -> None:
    hours = Hours.parse("22:00-24:00 fri; 00:00-02:00 sat")
    assert hours.is_open(paris("2026-11-27T23:59:59"), PARIS)
    assert hours.is_open(paris("2026-11-28T00:00"), PARIS)
    assert not hours.is_open(paris("2026-11-28T02:00"), PARIS)
    assert not hours.is_open(paris("2026-11-27T00:00"), PARIS)
    assert hours.next_open(paris("2026-11-28T02:00"), PARIS) == paris("2026-12-04T22:00")


def test_always_and_never() -> None:
    now = paris("2026-11-29T03:00")
    assert Hours.parse("00:00-24:00").is_open(now, PARIS)
    assert Hours(()).next_open(now, PARIS) is None
    assert not Hours(()).is_open(now, PARIS)


@pytest.mark.parametrize(
    ("text", "same_as"),
    [
        ("10:00-12:00", "10:00-12:00 mon-sun"),
        ("9:00-12:00 sat,sun", "09:00-12:00 sat-sun"),
        ("10:00-12:00 sat-mon", "10:00-12:00 sat,sun,mon"),
        (" 10:00-12:00  MON ; ", "10:00-12:00 mon"),
    ],
)
def test_ways_to_write(text: str, same_as: str) -> None:
    assert Hours.parse(text) == Hours.parse(same_as)


@pytest.mark.parametrize(
    "text",
    ["", ";", "10-12", "10:00", "22:00-02:00", "10:00-10:00", "10:00-24:01", "10:60-12:00", "10:00-12:00 lundi", "mon"],
)
def test_what_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(BadSetting, match="calling"):
        Hours.parse(text)


def test_a_moment_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        FRENCH.is_open(datetime(2026, 11, 23, 11), PARIS)  # noqa: DTZ001 - what is tested


ZONES = [
    PARIS,
    ZoneInfo("Indian/Reunion"),
    ZoneInfo("America/New_York"),
    ZoneInfo("Australia/Lord_Howe"),
    ZoneInfo("Africa/Casablanca"),
]
TEXTS = [
    "10:00-13:00,14:00-20:00 mon-fri",
    "00:30-01:30,02:15-02:45 sun",
    "02:00-03:00 sun",
    "23:00-24:00 sat; 00:00-00:10 sun",
]


@settings(max_examples=150, deadline=None)
@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.sampled_from(ZONES), st.sampled_from(TEXTS))  # noqa: DTZ001
def test_next_open_is_the_first_open_minute(naive: datetime, zone: ZoneInfo, text: str) -> None:
    hours, now = Hours.parse(text), naive.replace(tzinfo=UTC)
    opens = hours.next_open(now, zone)
    assert opens is not None
    assert hours.is_open(opens, zone)
    minute = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    if opens > now:
        assert not hours.is_open(now, zone)
        assert not hours.is_open(opens - timedelta(microseconds=1), zone)
    while minute < opens:
        assert not hours.is_open(minute, zone)
        minute += timedelta(minutes=13)
