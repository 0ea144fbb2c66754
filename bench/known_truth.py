"""Campaigns whose truth is known: people who leave, are cut, press keys and are called again as they were made to.

Each call is a listen as the call script would tell it, judged and added up by the same rules that production uses.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ivr.rules.measures import COMPLETE_SHARE, EARLY_MS, Interval
from ivr.rules.segments import EndedBy, KeyPress, Listen, Play, Segment
from ivr.rules.tally import Tally, call_of
from ivr.usecases.comparing import compare
from ivr.usecases.reporting import CampaignFacts, Report, build

MESSAGE_MS, PREROLL_MS, NOTICE_MS = 30_000, 4_000, 6_000
NEVER_MS = 10**9
INSTANTS_MS = (0, 2_000, 8_000, 15_000, 24_000, MESSAGE_MS)
"""At these instants the retention curve is compared."""
FACTS = CampaignFacts(
    name="known", sponsor="bench", language="en", state="finished", timezone="UTC", created_ms=0, started_ms=0,
    finished_ms=1, as_of_ms=1, message_ms=MESSAGE_MS, preroll_ms=PREROLL_MS, notice_ms=NOTICE_MS, targets=0, due=0,
    in_progress=0, done={}, not_allowed={},
)  # fmt: skip

Instant = Callable[[float], float]
"""By a person's place among all, 0…1, the millisecond of the message at which it happens; below 0: before it."""
Told = Mapping[str, Interval]
"""Each figure of a report that is compared, by name."""


def never(_: float) -> float:
    return NEVER_MS


def steadily(mean_ms: float) -> Instant:
    """At an even rate."""
    return lambda place: -mean_ms * float(np.log1p(-place))


def mixed(*parts: tuple[float, Instant]) -> Instant:
    """The first share of all people as the first one says, the next share as the next."""

    def instant(place: float) -> float:
        for share, one in parts:
            if place < share:
                return one(place / share)
            place -= share
        return NEVER_MS

    return instant


def between(begin_ms: float, end_ms: float) -> Instant:
    return lambda place: begin_ms + place * (end_ms - begin_ms)


def at(instant_ms: float) -> Instant:
    return lambda _: instant_ms


@dataclass(frozen=True)
class Electorate:
    """People of one kind. leaves: when they hang up, cut: when the network does, independently of them.

    by_key: of those who leave, who presses 9. notice: of those who hear the message, who hears the notice. again: who
    then asks for the message once more. never_there: who answers no call; there: how often the others answer one.
    calls: to one person at most.
    """

    leaves: Instant
    cut: Instant = never
    by_key: float = 0.2
    notice: float = 0.7
    again: float = 0.05
    never_there: float = 0.0
    there: float = 1.0
    calls: int = 1

    @cached_property
    def truth(self) -> Mapping[str, float]:
        """Each figure's true value, by its definition."""
        still, uncut = survival(self.leaves), survival(self.cut)
        end = int(COMPLETE_SHARE * MESSAGE_MS)
        observed = still * uncut
        kept = np.where(np.arange(MESSAGE_MS) < end, still[:MESSAGE_MS], still[end - 1])
        hears = observed[end - 1]
        gone = np.append(-np.diff(still), 0.0) * uncut  # who leaves within a millisecond of those not yet cut
        left = 1 - still[0] + gone[: end - 1].sum()
        curve = {f"retention {ms // 1000} s": float(still[min(ms, end - 1)]) for ms in INSTANTS_MS}
        below = np.flatnonzero(kept < 0.5)
        calls = (1 - self.never_there) * sum((1 - self.there) ** n for n in range(self.calls))
        reached = (1 - self.never_there) * (1 - (1 - self.there) ** self.calls)
        return curve | {
            "listen_rate": float(observed[:MESSAGE_MS].mean()),
            "uncut": float(kept.mean()),
            "completion": float(hears),
            "median": float(below[0]) / 1000 if len(below) else np.inf,
            "left_before": float(1 - still[0]),
            "early_hangup": float(gone[: EARLY_MS - 1].sum()),
            "notice": float(hears) * self.notice,
            "opt_out": float(left) * self.by_key,
            "repeat": float(hears) * self.again,
            "answer_rate": reached / (calls + self.never_there * self.calls),
            "reached": reached,
            "called_again": 1 - (1 - self.never_there) * self.there,
        }

    def campaign(self, people: int, dice: random.Random) -> tuple[Tally, Mapping[str, int]]:
        """As `call`, of a new campaign."""
        tally, called = Tally(), Counter[str]()
        self.call(people, dice, tally, called)
        return tally, called

    def call(self, people: int, dice: random.Random, tally: Tally, called: Counter[str]) -> None:
        """So many people are called, their calls added up, and how many people's last call ended so."""
        for _ in range(people):
            is_there = dice.random() >= self.never_there
            for number in range(1, self.calls + 1):
                answered = is_there and dice.random() < self.there
                outcome = "answered" if answered else "no_answer"
                listen = self.listen(dice) if answered else None
                tally.add(call_of(outcome, listen, MESSAGE_MS), {"attempt": str(number)})
                if answered:
                    break
            called[outcome] += 1

    def report(self, people: int, seed: int) -> Report:
        tally, called = self.campaign(people, random.Random(seed))
        return build(facts(people, called, self.calls), tally)

    def listen(self, dice: random.Random) -> Listen:
        """One answered call, as the call script tells it."""
        leaves_ms, cut_ms = self.leaves(dice.random()), self.cut(dice.random())
        end_ms = min(leaves_ms, cut_ms, MESSAGE_MS)
        if leaves_ms < 0:
            return _ended([_play(Segment.PREROLL, 1_000, PREROLL_MS, 0)], dice.random() < self.by_key)
        plays = [_play(Segment.PREROLL, PREROLL_MS, PREROLL_MS, 0)]
        plays.append(_play(Segment.MESSAGE, int(end_ms), MESSAGE_MS, PREROLL_MS))
        if end_ms >= COMPLETE_SHARE * MESSAGE_MS:
            return self._after(plays, dice)
        if cut_ms < leaves_ms:
            return Listen("", tuple(plays), ended_by=EndedBy.NETWORK)
        return _ended(plays, dice.random() < self.by_key)

    def _after(self, plays: list[Play], dice: random.Random) -> Listen:
        began_ms = PREROLL_MS + MESSAGE_MS
        if dice.random() < self.again:
            plays.append(_play(Segment.MESSAGE, 5_000, MESSAGE_MS, began_ms))
            began_ms += 5_000
        plays.append(_play(Segment.NOTICE, NOTICE_MS if dice.random() < self.notice else 900, NOTICE_MS, began_ms))
        return Listen("", tuple(plays), ended_by=EndedBy.US)


USUAL = Electorate(mixed((0.06, at(-1)), (0.12, between(1, 4_000)), (0.4, steadily(20_000))), there=0.8)
KINDS: Mapping[str, Electorate] = {
    "usual": USUAL,
    "loved: 2 % leave": replace(USUAL, leaves=mixed((0.02, between(1, MESSAGE_MS)))),
    "rejected: 97 % leave at once": replace(USUAL, leaves=mixed((0.97, between(1, 900)))),
    "all leave": replace(USUAL, leaves=steadily(6_000)),
    "nobody leaves": replace(USUAL, leaves=never),
    "half leave in one second": replace(USUAL, leaves=mixed((0.5, between(14_000, 15_000)))),
    "a third cut, evenly": replace(USUAL, cut=steadily(55_000)),
    "most cut, late more than early": replace(
        USUAL, cut=mixed((0.1, between(1, 9_000)), (0.6, between(20_000, 29_000)))
    ),
    "most cut in the first 4 s": replace(USUAL, cut=mixed((0.7, between(1, 4_000)))),
    "half are machines that hear all": replace(USUAL, leaves=mixed((0.5, never), (0.3, steadily(5_000)))),
    "called up to 4 times, a third never there": replace(USUAL, never_there=0.33, there=0.4, calls=4),
    "called up to 3 times, nearly nobody there": replace(USUAL, never_there=0.9, there=0.6, calls=3),
}
BETTER = replace(USUAL, leaves=mixed((0.06, at(-1)), (0.2, steadily(20_000))))


def survival(instant: Instant) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Of all people, the share to whom it has not happened by each millisecond of the message."""
    places = (np.arange(20_000) + 0.5) / 20_000
    when = np.sort([instant(place) for place in places])
    return 1 - np.searchsorted(when, np.arange(MESSAGE_MS + 1), side="right") / len(when)


def facts(people: int, called: Mapping[str, int], calls: int = 1) -> CampaignFacts:
    return replace(FACTS, targets=people, done=dict(called), called=dict(called), most_calls=calls)


def versions(parts: Mapping[str, tuple[Electorate, int]], seed: int) -> Report:
    """The report of a campaign of which so many people hear each version."""
    dice = random.Random(seed)
    made = {name: one.campaign(people, dice) for name, (one, people) in parts.items()}
    alone = [replace(facts(parts[name][1], called), name=name) for name, (_, called) in made.items()]
    every = Counter[str]()
    for _, called in made.values():
        every.update(called)
    return compare(facts(every.total(), every), [tally for tally, _ in made.values()], alone)


def daily(kinds: Sequence[Electorate], days_people: tuple[int, int], seed: int) -> Iterator[Report]:
    """The report of each day's evening of a campaign of which so many people hear each version every day."""
    dice, (days, people) = random.Random(seed), days_people
    tallies, called = [Tally() for _ in kinds], [Counter[str]() for _ in kinds]
    for _ in range(days):
        for kind, tally, outcomes in zip(kinds, tallies, called, strict=True):
            kind.call(people, dice, tally, outcomes)
        alone = [replace(facts(mine.total(), mine), name=str(number)) for number, mine in enumerate(called)]
        whole = sum(called, Counter[str]())
        yield compare(facts(whole.total(), whole), tallies, alone)


def told(report: Report) -> Told:
    """The figures of a report with their intervals; those that are not told are not in it."""
    found = {one.id: _interval(one.value, one.low, one.high) for one in report.measures if one.kind == "rate"}
    for name in ("listen_rate", "uncut", "median"):
        for one in report.measures:
            if one.id == name and (one.value is not None or name == "median") and one.denominator:
                found[name] = _interval(one.value, one.low, one.high)
    for point in report.curve.points if report.curve else ():
        if point.at_ms in INSTANTS_MS and point.share is not None:
            found[f"retention {point.at_ms // 1000} s"] = _interval(point.share, point.low, point.high)
    return found


def _interval(*ends: float | None) -> Interval:
    return Interval(*(float("inf") if end is None else end for end in ends))


def _play(segment: Segment, heard_ms: int, length_ms: int, began_ms: int) -> Play:
    return Play(segment, segment.value, heard_ms, length_ms, began_ms)


def _ended(plays: list[Play], by_key: bool) -> Listen:
    """The person hung up, or pressed 9 and we did."""
    last = plays[-1]
    at_ms = last.began_ms + last.heard_ms
    if not by_key:
        return Listen("", tuple(plays), ended_by=EndedBy.LISTENER)
    key = KeyPress("9", last.segment, last.heard_ms, at_ms)
    return Listen("", tuple(plays), (key,), stop_at_ms=at_ms, ended_by=EndedBy.US)
