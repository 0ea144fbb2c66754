"""Electoral silence and the other spans of time that hang on a ballot, for people who vote in different places."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from ivr.rules.pack import Ballot, ClassLimit, Election, Period, RulePack, Silence


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to, not including, `end`; both UTC."""

    start: datetime
    end: datetime

    def holds(self, moment: datetime, lasting: timedelta = timedelta(0)) -> bool:
        """Whether something that begins at the moment and lasts so long would reach into it."""
        return moment + lasting >= self.start and moment < self.end


def silences(pack: RulePack, rule: Silence, territory: str | None) -> list[Span]:
    """One per round of each election of the pack, for somebody who votes in the territory.

    Of whom it is not known, or not a territory of the pack, nobody knows where they vote: from the first of all
    beginnings on.
    """
    spans = []
    for ballot in (ballot for election in pack.elections for ballot in election.rounds):
        days = {ballot.day, *ballot.earlier}
        end = _at(max(days), pack.zone, *map(int, rule.ends.split(":")))
        spans.append(Span(min(_starts(pack, rule, ballot, territory)), end))
    return spans


def _starts(pack: RulePack, rule: Silence, ballot: Ballot, territory: str | None) -> Iterator[datetime]:
    before = timedelta(days=rule.days_before)
    known = {territory: pack.territories[territory]} if territory in pack.territories else pack.territories
    for place, zone in known.items():
        yield _at(voting_day(ballot, place) - before, zone)
    if territory not in pack.territories:
        yield _at(min({ballot.day, *ballot.earlier}) - before, pack.zone)


def voting_day(ballot: Ballot, territory: str) -> date:
    """When people of the territory vote."""
    return next((day for day, places in ballot.earlier.items() if territory in places), ballot.day)


def limited(pack: RulePack, rule: ClassLimit, election: Election) -> Span:
    """While the rule limits what may be sent: until the last round, for nobody knows beforehand who wins the first."""
    first = min(ballot.day for ballot in election.rounds)
    begins = _months_before(first, rule.months_before) if rule.months_before else first
    return Span(_at(begins - timedelta(days=rule.days_before), pack.zone), _over(pack, election))


def opening(pack: RulePack, rule: Period, election: Election) -> tuple[Span, Span]:
    """When the campaign is open, and the quiet time before it."""
    opens = _at(min(ballot.day for ballot in election.rounds) - timedelta(days=rule.opens_days_before), pack.zone)
    return Span(opens, _over(pack, election)), Span(opens - timedelta(days=rule.quiet_days), opens)


def _over(pack: RulePack, election: Election) -> datetime:
    return _at(max(ballot.day for ballot in election.rounds) + timedelta(days=1), pack.zone)


def _months_before(day: date, months: int) -> date:
    month = day.year * 12 + day.month - 1 - months
    return date(month // 12, month % 12 + 1, 1)


@lru_cache(maxsize=1024)
def _at(day: date, zone: str, hour: int = 0, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), ZoneInfo(zone)).astimezone(UTC)
