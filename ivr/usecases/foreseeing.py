"""What would come of a campaign if it started now: whom the Gate holds back and why, when calls may leave, the cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from ivr.adapters.store import Store
from ivr.errors import Refused
from ivr.rules.again import instant_ms
from ivr.rules.capacity import Limits, Plan, Tariff, Workload, plan
from ivr.rules.gate import Facts, Kind, Verdict, decide
from ivr.rules.gate_law import Law
from ivr.rules.gate_words import demand
from ivr.rules.pack import BASE
from ivr.rules.records import Campaign, Dialable
from ivr.rules.states import CampaignState
from ivr.settings import Settings
from ivr.usecases import limits
from ivr.usecases.asking import facts_as_of, law_on
from ivr.usecases.planning import measured_node
from ivr.usecases.quoting import Quote, quote

MOST = 1000
"""People of the audience who are asked about; of a larger one every so many."""
DAYS = 14
STEP = timedelta(minutes=30)
WAITS = 5
"""One hold may follow another: so many are waited for."""


@dataclass(frozen=True, slots=True)
class Held:
    """People of those looked at who would not be called. says: what the rule demands."""

    rule: str
    says: str
    people: int


@dataclass(frozen=True, slots=True)
class Day:
    """When calls may leave on that day, in the campaign's zone. closed: rules that close some of it, in words."""

    day: date
    opens: tuple[tuple[datetime, datetime], ...]
    closed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """people: in the audience and not yet called. looked_at: of them, as many as were asked about.

    callable_people: of all of them, by the share among those. plan, quote, done: None where nobody can be called; done:
    also None when two weeks are not enough.
    """

    people: int
    looked_at: int
    callable_people: int
    held: tuple[Held, ...]
    days: tuple[Day, ...]
    plan: Plan | None
    quote: Quote | None
    supposed: Workload | None
    done: datetime | None


Ask = Callable[[Dialable, datetime], Verdict]


def foresee(store: Store, settings: Settings, campaign: Campaign, language: str) -> Foreseen:
    """As of now, as if the campaign ran. Nothing is written, nobody is claimed."""
    now, due = datetime.now(UTC), store.campaigns.books(campaign.id).due
    looked_at = [
        replace(one, campaign=replace(one.campaign, state=CampaignState.RUNNING))
        for one in store.attempts.some_looked_at(campaign, max(1, due // MOST), MOST, instant_ms(now))
    ]
    ask = _asker(settings)
    verdicts = [_settled(ask, one, now) for one in looked_at]
    held = Counter(verdict.rule for verdict in verdicts if verdict.kind is not Kind.YES)
    law = None if campaign.pack == BASE else law_on(campaign.pack, campaign.message_class, now.date())
    says = tuple(Held(rule, demand(rule, law, language), people) for rule, people in held.most_common())
    somebody = next((one for one, said in zip(looked_at, verdicts, strict=True) if said.kind is Kind.YES), None)
    days = _days(ask, somebody, campaign, now, law, language) if somebody else ()
    callable_people = due * (len(looked_at) - held.total()) // len(looked_at) if looked_at else 0
    work = _workload(campaign, callable_people, days)
    planned = _plan(store, settings, campaign, work) if work else None
    quoted = quote(work, max(1, len(campaign.versions)), 1) if work else None
    done = _done(days, planned.duration_s) if planned else None
    return Foreseen(due, len(looked_at), callable_people, says, days, planned, quoted, work, done)


def _asker(settings: Settings) -> Ask:
    @cache
    def facts(at: datetime) -> Callable[[Dialable], Facts]:
        return facts_as_of(settings, at)

    return lambda dialable, at: decide(facts(at)(dialable))


def _settled(ask: Ask, dialable: Dialable, now: datetime) -> Verdict:
    """What the Gate says once what only time ends is over."""
    verdict, at = ask(dialable, now), now
    for _ in range(WAITS):
        if verdict.kind is not Kind.HOLD or verdict.until is None:
            return verdict
        at = max(verdict.until, at)
        verdict = ask(dialable, at)
    return verdict


def _days(
    ask: Ask, somebody: Dialable, campaign: Campaign, now: datetime, law: Law | None, language: str
) -> tuple[Day, ...]:
    """The next days, as the Gate answers of one person who can be called, every half hour."""
    zone = ZoneInfo(campaign.timezone)
    first = now.replace(minute=now.minute // 30 * 30, second=0, microsecond=0)
    days: dict[date, list[tuple[datetime, Verdict]]] = {}
    for step in range(int(timedelta(days=DAYS) / STEP)):
        at = first + step * STEP
        days.setdefault(at.astimezone(zone).date(), []).append((at, ask(somebody, max(at, now))))
    return tuple(_day(day, told, zone, law, language) for day, told in days.items())


def _day(day: date, told: Sequence[tuple[datetime, Verdict]], zone: ZoneInfo, law: Law | None, language: str) -> Day:
    opens: list[tuple[datetime, datetime]] = []
    for at in (at.astimezone(zone) for at, verdict in told if verdict.kind is Kind.YES):
        if opens and opens[-1][1] == at:
            opens[-1] = (opens[-1][0], at + STEP)
        else:
            opens.append((at, at + STEP))
    rules = dict.fromkeys(verdict.rule for _, verdict in told if verdict.kind is not Kind.YES)
    return Day(day, tuple(opens), tuple(demand(rule, law, language) for rule in rules))


def _workload(campaign: Campaign, people: int, days: Sequence[Day]) -> Workload | None:
    window_s = sum((end - begin).total_seconds() for begin, end in _opens(days))
    if not people or not window_s:
        return None
    longest_ms = max([campaign.message.length_ms, *(one.sound.length_ms for one in campaign.versions)])
    lengths_s = {"preroll_s": campaign.preroll.length_ms / 1000, "notice_s": campaign.notice.length_ms / 1000}
    return Workload(people, window_s, longest_ms / 1000, **lengths_s)


def _plan(store: Store, settings: Settings, campaign: Campaign, work: Workload) -> Plan | None:
    mine = [one for one in limits.trunks(store, settings) if one.name in campaign.trunks]
    rate_cps = min(campaign.rate_cps, sum(one.rate_cps for one in mine))
    try:
        return plan(work, Limits(rate_cps, max(1, sum(one.channels for one in mine))), measured_node(), Tariff())
    except Refused:  # there is less time than one call takes
        return None


def _done(days: Sequence[Day], needed_s: float) -> datetime | None:
    """When so many seconds of open hours are over."""
    for begin, end in _opens(days):
        if needed_s <= (end - begin).total_seconds():
            return begin + timedelta(seconds=needed_s)
        needed_s -= (end - begin).total_seconds()
    return None


def _opens(days: Sequence[Day]) -> Iterator[tuple[datetime, datetime]]:
    return (span for day in days for span in day.opens)
