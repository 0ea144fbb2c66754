from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.errors import BadSetting
from ivr.rules.retry import Bounds, Made, ending, next_attempt_at
from ivr.rules.retry_policy import NEVER_AGAIN, Ending, RetryPolicy
from ivr.rules.states import Outcome
from ivr.rules.windows import Hours

PARIS = ZoneInfo("Europe/Paris")
WEEKDAYS = Hours.parse("10:00-13:00,14:00-20:00 mon-fri")
POLICY = RetryPolicy.parse("busy=15m 1h; no_answer=3h 1d; congestion=5m 15m x4; most=4; per_day=2; jitter=0.1")
MONDAY = datetime(2026, 11, 23, 10, 5, tzinfo=PARIS)
BOUNDS = Bounds(WEEKDAYS, (PARIS,), MONDAY + timedelta(days=12))


def after(made: list[tuple[datetime, str]], policy: RetryPolicy = POLICY, bounds: Bounds = BOUNDS) -> datetime | None:
    calls = [Made(at, Ending(word)) for at, word in made]
    found = next_attempt_at(calls, policy, max(at for at, _ in made) + timedelta(seconds=30), bounds)
    return found and found.astimezone(PARIS)


TIMES = st.integers(1, 3 * 86400).map(lambda seconds: f"{seconds}s") | st.sampled_from(["5m", "15m", "1h", "3h", "1d"])
RULE = st.builds(lambda delays, most: " ".join(delays) + most, st.lists(TIMES, min_size=1, max_size=3),
                 st.sampled_from(["", " x1", " x2", " x5", " x20"]))  # fmt: skip
TABLES = st.fixed_dictionaries(
    {},
    optional={
        **{word.value: RULE for word in Ending if word not in NEVER_AGAIN},
        "most": st.integers(1, 5) | st.just(20),
        "spacing": TIMES,
        "per_day": st.integers(1, 5),
        "hours_apart": st.sampled_from(["0s", "30m", "3h", "12h"]),
        "jitter": st.sampled_from([0, 0.001, 0.1, 0.5, 1]),
    },
)
HOURS = st.sampled_from(
    ["00:00-24:00", "10:00-13:00,14:00-20:00 mon-fri", "10:00-12:00 sat; 18:00-20:30 mon-thu", "02:00-03:00 sun",
     "11:59-12:01 wed", "00:00-01:00,23:00-24:00"]
).map(Hours.parse)  # fmt: skip
ZONES = st.lists(
    st.sampled_from(["Europe/Paris", "UTC", "America/New_York", "Pacific/Apia", "Asia/Kathmandu", "Africa/Cairo"]),
    min_size=1, max_size=3, unique=True,
).map(lambda names: tuple(map(ZoneInfo, names)))  # fmt: skip
# Around both changes of clocks of a year, and anywhere.
MOMENTS = st.one_of(
    st.datetimes(datetime(2026, 3, 20), datetime(2026, 4, 27), timezones=st.just(UTC)),  # noqa: DTZ001
    st.datetimes(datetime(2026, 10, 20), datetime(2026, 11, 5), timezones=st.just(UTC)),  # noqa: DTZ001
)
BOUNDS_LEFT = st.tuples(HOURS, ZONES, st.floats(-1, 30))
PAST = st.lists(st.tuples(st.floats(0, 10), st.sampled_from(Ending)), min_size=1, max_size=8)
ATTACK = settings(max_examples=300, deadline=None)


@ATTACK
@given(TABLES, BOUNDS_LEFT, MOMENTS, PAST, st.floats(0, 1))
def test_a_retry_is_within_every_bound_or_none(
    table: dict[str, object],
    left: tuple[Hours, tuple[tzinfo, ...], float],
    now: datetime,
    past: list[tuple[float, Ending]],
    jitter: float,
) -> None:
    hours, zones, left_days = left
    policy, bounds = RetryPolicy.parse(table), Bounds(hours, zones, now + timedelta(days=left_days))
    made = [Made(now - timedelta(days=days), end) for days, end in past]
    at = next_attempt_at(made, policy, now, bounds, jitter)
    assert at == next_attempt_at(made[::-1], policy, now, bounds, jitter) or len({m.at for m in made}) < len(made)
    if at is None:
        return
    persons = [call.at for call in made if call.ending is not Ending.CONGESTION]
    assert at.tzinfo is UTC
    assert now <= at < bounds.expires
    assert all(hours.is_open(at, zone) for zone in zones)
    assert all(at - call >= policy.spacing for call in persons)
    assert len(persons) < policy.most
    for zone in zones:
        day = at.astimezone(zone).date()
        assert sum(call.astimezone(zone).date() == day for call in persons) < policy.per_day
    assert not NEVER_AGAIN & {call.ending for call in made}
    assert {call.ending for call in made} & {Ending.UNKNOWN} <= set(policy.again)
    last = max(made, key=lambda call: call.at)
    assert at - last.at >= min(policy.again[end].delays[0] for end in policy.again) or len(made) > 1


@settings(max_examples=100, deadline=None)
@given(TABLES, HOURS, MOMENTS, st.data())
def test_a_person_is_never_called_more_often_than_the_policy_says_whatever_happens(
    table: dict[str, object], hours: Hours, first: datetime, data: st.DataObject
) -> None:
    """A whole campaign towards one person, each call ending as chance has it."""
    policy, bounds = RetryPolicy.parse(table), Bounds(hours, (PARIS,), first + timedelta(days=20))
    at: datetime | None = first
    made: list[Made] = []
    while at is not None:
        made.append(Made(at, data.draw(st.sampled_from(Ending))))
        late = timedelta(minutes=data.draw(st.sampled_from([0, 0, 1, 600])))
        at = next_attempt_at(made, policy, at + late, bounds, data.draw(st.sampled_from([0.0, 0.5, 1.0])))
    persons = [call.at for call in made if call.ending is not Ending.CONGESTION]
    assert len(persons) <= policy.most
    assert all(then - before >= policy.spacing for before, then in pairwise(persons))
    for end in Ending:
        rule = policy.again.get(end)
        assert sum(call.ending is end for call in made) <= (rule.most if rule else 1)


def brute_force(
    made: list[Made], policy: RetryPolicy, now: datetime, bounds: Bounds, delay: timedelta
) -> datetime | None:
    at = max(now, made[-1].at + delay, max(call.at for call in made) + policy.spacing)
    while at < bounds.expires:
        days = [call.at.astimezone(zone).date() == at.astimezone(zone).date() for zone in bounds.zones for call in made]
        if sum(days) < policy.per_day and all(bounds.hours.is_open(at, zone) for zone in bounds.zones):
            return at
        at = (at + timedelta(minutes=1)).replace(second=0, microsecond=0)
    return None


@settings(max_examples=100, deadline=None)
@given(
    HOURS, MOMENTS, st.integers(0, 5000), st.integers(1, 2), st.sampled_from(["UTC", "Europe/Paris", "Africa/Cairo"])
)
def test_it_is_the_first_moment_that_will_do(
    hours: Hours, now: datetime, delay_m: int, per_day: int, zone: str
) -> None:
    policy = RetryPolicy.parse(f"busy={delay_m * 60 + 60}s; per_day={per_day}; hours_apart=0s")
    bounds, made = Bounds(hours, (ZoneInfo(zone),), now + timedelta(days=12)), [Made(now, Ending.BUSY)]
    expected = brute_force(made, policy, now, bounds, timedelta(minutes=delay_m + 1))
    assert next_attempt_at(made, policy, now, bounds) == expected


def test_the_delays_of_one_ending_grow_and_end() -> None:
    first = MONDAY
    assert after([(first, "busy")]) == first + timedelta(minutes=15)
    second = first + timedelta(minutes=15)
    assert after([(first, "busy"), (second, "busy")]) == datetime(2026, 11, 24, 13, 15, tzinfo=PARIS).replace(
        hour=14, minute=0
    ), "two a day were made; the next day, three hours away from both"
    assert after([(first, "busy"), (second, "busy"), (second + timedelta(days=1), "busy")]) is None


def test_another_day_means_another_time_of_day() -> None:
    policy = RetryPolicy.parse("no_answer=1d 1d 1d; most=4; hours_apart=3h")
    at = after([(MONDAY, "no_answer")], policy)
    assert at == datetime(2026, 11, 24, 14, 0, tzinfo=PARIS)  # 13:05 would be three hours on, but lunch is closed
    third = after([(MONDAY, "no_answer"), (at, "no_answer")], policy)
    assert third == datetime(2026, 11, 25, 17, 0, tzinfo=PARIS)


def test_the_time_of_day_is_away_from_every_one_tried() -> None:
    policy = RetryPolicy.parse("no_answer=1d; most=9; per_day=3; hours_apart=2h")
    made = [(MONDAY.replace(day=23, hour=hour, minute=minute), "no_answer") for hour, minute in ((17, 30), (14, 0))]
    made.append((MONDAY.replace(day=24), "no_answer"))
    again = RetryPolicy.parse("no_answer=1d x9; most=9; per_day=3; hours_apart=2h")
    assert after(made, policy) is None
    assert after(made, again) == MONDAY.replace(day=25, hour=19, minute=30)


def test_the_same_time_of_day_when_no_other_can_be() -> None:
    narrow = Bounds(Hours.parse("10:00-11:00"), (PARIS,), BOUNDS.expires)
    assert after([(MONDAY, "no_answer")], RetryPolicy.parse("no_answer=3h"), narrow) == MONDAY.replace(day=24, minute=0)


def test_on_one_day_the_delay_alone_counts() -> None:
    assert after([(MONDAY, "busy")]) == MONDAY + timedelta(minutes=15)


def test_each_retry_has_its_delay_and_the_last_one_stands_for_all_further() -> None:
    policy = RetryPolicy.parse("busy=15m 1h x4; most=9; per_day=9")
    made, moments = [(MONDAY, "busy")], list[datetime]()
    while (at := after(made, policy)) is not None:
        moments.append(at)
        made.append((at, "busy"))
    assert [at.strftime("%H:%M") for at in moments] == ["10:20", "11:20", "12:20"]


def test_the_maximum_is_over_all_endings() -> None:
    policy = RetryPolicy.parse("busy=15m x9; no_answer=15m x9; most=3; per_day=9")
    made = [(MONDAY, "busy"), (MONDAY + timedelta(minutes=15), "no_answer")]
    assert after(made, policy) == MONDAY + timedelta(minutes=30)
    assert after([*made, (MONDAY + timedelta(minutes=30), "busy")], policy) is None


def test_trouble_of_the_trunk_uses_up_no_attempt_but_has_an_end() -> None:
    policy = RetryPolicy.parse("no_answer=15m; congestion=5m x4; most=2; per_day=1")
    trouble = [(MONDAY + timedelta(minutes=5 * number), "congestion") for number in range(3)]
    assert after(trouble, policy) == MONDAY + timedelta(minutes=15), "no spacing, no day is used up: nobody's rang"
    assert after([*trouble, (MONDAY + timedelta(minutes=15), "no_answer")], policy) is not None
    assert after([*trouble, (MONDAY + timedelta(minutes=15), "congestion")], policy) is None


def test_what_may_have_rung_is_not_dialled_again_unless_the_policy_says_so() -> None:
    assert after([(MONDAY, "unknown")]) is None
    assert after([(MONDAY, "unknown"), (MONDAY + timedelta(hours=1), "busy")]) is None
    assert after([(MONDAY, "unknown")], RetryPolicy.parse("unknown=1h")) == MONDAY + timedelta(hours=1)


@pytest.mark.parametrize("word", ["answered", "invalid_number", "failed", "machine"])
def test_what_is_over_is_over(word: str) -> None:
    assert after([(MONDAY, word)]) is None


def test_the_expiry_itself_is_too_late() -> None:
    at = MONDAY + timedelta(minutes=15)
    assert after([(MONDAY, "busy")], bounds=Bounds(WEEKDAYS, (PARIS,), at)) is None
    assert after([(MONDAY, "busy")], bounds=Bounds(WEEKDAYS, (PARIS,), at + timedelta(seconds=1))) == at


def test_nothing_known_of_where_the_person_is_or_no_hours_at_all() -> None:
    assert after([(MONDAY, "busy")], bounds=Bounds(WEEKDAYS, (), BOUNDS.expires)) is None
    assert after([(MONDAY, "busy")], bounds=Bounds(Hours(()), (PARIS,), BOUNDS.expires)) is None
    never = (ZoneInfo("America/New_York"), ZoneInfo("Asia/Tokyo"))
    narrow = Bounds(Hours.parse("10:00-11:00"), never, MONDAY + timedelta(days=90))
    assert after([(MONDAY, "busy")], bounds=narrow) is None, "an hour that is never shared is not waited for for ever"


def test_jitter_only_makes_it_later_and_by_its_share() -> None:
    made, now = [Made(MONDAY, Ending.NO_ANSWER)], MONDAY
    policy = RetryPolicy.parse("no_answer=1h; jitter=0.5; hours_apart=0s")
    moments = [next_attempt_at(made, policy, now, BOUNDS, jitter) for jitter in (0.0, 0.5, 1.0)]
    assert moments == [MONDAY + timedelta(minutes=minutes) for minutes in (60, 75, 90)]


def test_endings() -> None:
    assert ending(Outcome.ANSWERED, False) is Ending.REACHED
    assert ending(Outcome.ANSWERED, False, machine=True) is Ending.MACHINE
    assert ending(Outcome.FAILED, True) is Ending.CONGESTION
    assert {ending(outcome, False).value for outcome in Outcome} == {outcome.value for outcome in Outcome}


@settings(max_examples=300, deadline=None)
@given(TABLES)
def test_a_policy_is_read_back_from_its_line(table: dict[str, object]) -> None:
    policy = RetryPolicy.parse(table)
    assert RetryPolicy.parse(policy.text()) == policy


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="busy=;x15mhd ,.no_awermt\n٣é", max_size=60))
def test_any_line_is_a_policy_or_is_refused_in_one_sentence(line: str) -> None:
    try:
        policy = RetryPolicy.parse(line)
    except BadSetting as refused:
        why = str(refused)
    else:
        why = "retry "
        assert RetryPolicy.parse(policy.text()) == policy
    assert why.startswith("retry ")


def test_a_table_of_the_settings_file_says_the_same_as_a_line() -> None:
    table = {"busy": ["15m", "1h"], "no_answer": "3h x2", "most": 4, "jitter": 0.25}
    assert RetryPolicy.parse(table) == RetryPolicy.parse("busy=15m 1h; no_answer=3h x2; most=4; jitter=0.25")


def test_an_empty_policy_never_calls_again() -> None:
    assert after([(MONDAY, "busy")], RetryPolicy.parse("")) is None
    assert RetryPolicy.parse("busy=never") == RetryPolicy.parse("") == RetryPolicy()


@pytest.mark.parametrize(
    ("line", "part"),
    [
        ("answered=1h", "answered"), ("invalid_number=1d", "invalid_number"), ("busy", "NAME=VALUE"), ("busy=", "busy"),
        ("busy=15", "15"), ("busy=0s", "busy"), ("busy=61d", "61d"), ("busy=x3", "x3"), ("busy=1h x0", "x0"),
        ("busy=1h x2 x3", "x3"), ("busy=1h; busy=2h", "twice"), ("most=0", "most"), ("most=21", "most"),
        ("per_day=two", "per_day"), ("hours_apart=13h", "12h"), ("jitter=1.5", "jitter"), ("jitter=nan", "jitter"),
        ("spacing=-5m", "-5m"), ("bussy=1h", "bussy"), ("busy=٣m", "busy"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_named(line: str, part: str) -> None:
    with pytest.raises(BadSetting, match=part):
        RetryPolicy.parse(line)


@pytest.mark.parametrize(("made", "jitter"), [([], 0.0), ([Made(MONDAY, Ending.BUSY)], 1.5)])
def test_what_a_caller_must_not_ask(made: list[Made], jitter: float) -> None:
    with pytest.raises(ValueError, match="jitter"):
        next_attempt_at(made, POLICY, MONDAY, BOUNDS, jitter)
    with pytest.raises(ValueError, match="zone"):
        next_attempt_at([Made(MONDAY, Ending.BUSY)], POLICY, MONDAY.replace(tzinfo=None), BOUNDS)
