"""Retries: when a person who was not reached is called again, if at all. No clock and no dice of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from ivr.rules.retry_policy import NEVER_AGAIN, Ending, RetryPolicy
from ivr.rules.states import Outcome
from ivr.rules.windows import Hours


@dataclass(frozen=True, slots=True)
class Made:
    """A call that was, or may have been, sent. at: when (aware)."""

    at: datetime
    ending: Ending


NEVER = datetime.max.replace(tzinfo=UTC)
"""When a campaign that does not expire does."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """Within what every call of a campaign lies. zones: every one in which the person may be. expires: aware."""

    hours: Hours
    zones: tuple[tzinfo, ...]
    expires: datetime


def ending(outcome: Outcome, trunk_to_blame: bool, machine: bool = False) -> Ending:
    """The ending of an attempt: what the trunk is to blame for is congestion, whatever outcome its code stands for."""
    if outcome is Outcome.ANSWERED:
        return Ending.MACHINE if machine else Ending.REACHED
    return Ending.CONGESTION if trunk_to_blame else Ending(outcome.value)


def next_attempt_at(
    made: Sequence[Made], policy: RetryPolicy, now: datetime, bounds: Bounds, jitter: float = 0.0
) -> datetime | None:
    """When the person is to be called again, in UTC; None: not (any more).

    Not before `now`, within the hours in every zone, before the expiry. made: every attempt of the campaign to this
    person, in any order; the latest is the one that just ended. jitter: 0…1, drawn by the caller. Raises ValueError
    for no attempt, a moment without zone, or a jitter that is none.
    """
    calls = sorted(made, key=lambda call: _aware(call.at))
    if not calls or not 0 <= jitter <= 1:
        raise ValueError("a retry follows at least one attempt, with a jitter from 0 to 1")
    delay = _delay(calls, policy)
    if delay is None or not bounds.zones:
        return None
    persons = [call.at.astimezone(UTC) for call in calls if call.ending is not Ending.CONGESTION]
    earliest = max(_aware(now).astimezone(UTC), calls[-1].at.astimezone(UTC) + delay * (1 + policy.jitter * jitter))
    if persons:
        earliest = max(earliest, persons[-1] + policy.spacing)
    must = [*(_opens(bounds.hours, zone) for zone in bounds.zones), *_days_with_room(persons, policy, bounds.zones)]
    first = _settle(earliest, must, bounds.expires)
    if first is None or not persons:
        return first
    other = [*must, _other_time_of_day(persons, policy, bounds.zones[0])]
    return _settle(first, other, min(bounds.expires, first + timedelta(days=1))) or first


def may_again_at(made: Sequence[Made], policy: RetryPolicy, now: datetime, bounds: Bounds) -> datetime | None:
    """From when on the person may be called again, `now` if at once; None: not (any more).

    What is only a wish does not count: no jitter, and no other time of day than those already tried.
    """
    return next_attempt_at(made, replace(policy, hours_apart=timedelta(0)), now, bounds)


Shift = Callable[[datetime], datetime | None]
"""The moment itself if it will do, else the next that may; None: no moment will. All in UTC."""


def _delay(calls: Sequence[Made], policy: RetryPolicy) -> timedelta | None:
    """How long to wait after the latest; None when it is over."""
    last = calls[-1].ending
    rule = policy.again.get(last)
    if rule is None or any(call.ending in NEVER_AGAIN for call in calls):
        return None
    # What may have rung is over for good unless the policy says so, also when a later attempt ended otherwise.
    if Ending.UNKNOWN not in policy.again and any(call.ending is Ending.UNKNOWN for call in calls):
        return None
    same = sum(call.ending is last for call in calls)
    persons = sum(call.ending is not Ending.CONGESTION for call in calls)
    if same >= rule.most or persons >= policy.most:
        return None
    return rule.delays[min(same, len(rule.delays)) - 1]


def _settle(moment: datetime, shifts: Sequence[Shift], expires: datetime) -> datetime | None:
    """The first moment from `moment` on with which every shift agrees, before `expires`."""
    while True:
        agreed = moment
        for shift in shifts:
            later = shift(agreed)
            if later is None or later >= expires:
                return None
            agreed = later
        if agreed == moment:
            return moment
        moment = agreed


def _opens(hours: Hours, zone: tzinfo) -> Shift:
    return lambda moment: hours.next_open(moment, zone)


def _days_with_room(persons: Sequence[datetime], policy: RetryPolicy, zones: Sequence[tzinfo]) -> list[Shift]:
    return [_day_with_room(persons, policy.per_day, zone) for zone in zones]


def _day_with_room(persons: Sequence[datetime], per_day: int, zone: tzinfo) -> Shift:
    days = [at.astimezone(zone).date() for at in persons]

    def shift(moment: datetime) -> datetime:
        day = moment.astimezone(zone).date()
        return moment if days.count(day) < per_day else max(moment, _midnight(day + timedelta(days=1), zone))

    return shift


def _other_time_of_day(persons: Sequence[datetime], policy: RetryPolicy, zone: tzinfo) -> Shift:
    """Away from the times of day of the calls of other days; on one day, the delay is what counts."""
    apart = policy.hours_apart
    tried = [at.astimezone(zone) for at in persons]

    def shift(moment: datetime) -> datetime:
        local = moment.astimezone(zone)
        for call in tried:
            past = timedelta(minutes=_minute(local) - _minute(call)) % timedelta(days=1)
            if call.date() != local.date() and min(past, timedelta(days=1) - past) < apart:
                to_go = apart - past if past < apart else timedelta(days=1) - past + apart
                return moment + max(to_go, timedelta(minutes=1))
        return moment

    return shift


def _minute(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _midnight(day: date, zone: tzinfo) -> datetime:
    """The first moment of that day in the zone; where midnight is skipped, the moment at which the day begins."""
    midnight = datetime.combine(day, time(), zone).astimezone(UTC)
    while midnight.astimezone(zone).date() < day:
        midnight += timedelta(minutes=15)
    return midnight


def _aware(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment without a zone is no moment")
    return moment
