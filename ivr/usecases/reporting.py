"""The report of a campaign: every figure with its numerator and denominator, and books that say whether they balance.

Aggregates only: nothing in a Report tells one person from another, and no number of a person is in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ivr.rules.measures import SMALL, Fate, Heard, Interval, judge, mean_share, wilson
from ivr.rules.retention import Curve, retention
from ivr.rules.segments import CallResult, EndedBy, Listen, Segment
from ivr.rules.states import Outcome, TargetState

SCHEMA = "portevoix.report/1"


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """What the store says of a campaign at one instant, read in the same transaction as the results; counts of targets.

    done: ended targets by outcome. not_allowed: targets by the rule that refused them. waiting: of those due, who was
    called and is to be called again, the first at next_due_ms. most_calls: to one person, as the campaign allows.
    sounds: hash of what was played by segment. started_ms, finished_ms: None while it has not. as_of_ms: when this was
    read. worst_second: most calls begun in any rolling second. share: of a version of the message, its share of the
    targets. All instants are milliseconds since 1970 UTC; timezone
    is a name such as Europe/Paris.
    """

    name: str
    sponsor: str
    language: str
    state: str
    timezone: str
    created_ms: int
    started_ms: int | None
    finished_ms: int | None
    as_of_ms: int
    message_ms: int
    preroll_ms: int
    notice_ms: int
    targets: int
    due: int
    in_progress: int
    done: Mapping[str, int]
    not_allowed: Mapping[str, int]
    sounds: Mapping[str, str] = field(default_factory=dict)
    worst_second: int | None = None
    waiting: int = 0
    next_due_ms: int | None = None
    most_calls: int = 1
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure. kind: "count", "rate" (of calls), "mean" (of shares) or "seconds"; rates and means are 0…1.

    value, low, high: None where nothing can be said. numerator of "mean": the sum of the shares. small: the
    denominator is below 20.
    """

    id: str
    kind: str
    numerator: float | None
    denominator: int | None
    value: float | None
    low: float | None = None
    high: float | None = None
    small: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a breakdown: `count` of `total`. listen_rate: of these calls, None where it is not shown."""

    id: str
    count: int
    total: int
    listen_rate: Measure | None = None

    @property
    def share(self) -> float | None:
        """`count` over `total`, None of nothing."""
        return self.count / self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Books:
    """Whether every target is accounted for once. doubts: what does not agree, as id and how many.

    waiting: of those due, who was called and is to be called again.
    """

    targets: int
    outcomes: int
    due: int
    waiting: int
    in_progress: int
    not_allowed: int
    balance: bool
    doubts: Mapping[str, int]

    @property
    def accounted(self) -> int:
        """The targets that some line of the books names."""
        return self.outcomes + self.due + self.in_progress + self.not_allowed


@dataclass(frozen=True, slots=True)
class Report:
    """A campaign's report. answered: calls with a listen, the denominator of most measures.

    fallback: calls that the dialplan measured in place of the call script, or that had an error; they are in every
    figure, cut in the retention curve. ended_by_unknown: calls counted as left because nothing says who ended them.
    opt_out_seconds: stops by segment and whole second of its play, empty below 20 answered calls.
    versions: of a message that has several, the report of each; `facts.name` is then the version's. gain: by how much
    its listen rate is above that of the first version. hidden: below 20 answered calls in some version nothing of what
    was heard in any is told: what is left of the whole would tell it.
    """

    schema: str
    facts: CampaignFacts
    answered: int
    measures: tuple[Measure, ...]
    curve: Curve | None
    outcomes: tuple[Part, ...]
    refusals: tuple[Part, ...]
    answered_by: tuple[Part, ...]
    fates: tuple[Part, ...]
    fallback: Part
    opt_outs: tuple[Part, ...]
    opt_out_seconds: Mapping[str, Mapping[int, int]]
    ended_by_unknown: int
    books: Books
    versions: tuple[Report, ...] = ()
    gain: Interval | None = None
    hidden: bool = False

    @property
    def doubts(self) -> dict[str, int]:
        """Everything that a careful reader should know before quoting a figure: id and how many."""
        own = {"fallback": self.fallback.count, "ended_by_unknown": self.ended_by_unknown}
        return {**self.books.doubts, **{name: count for name, count in own.items() if count}}

    def measure(self, name: str) -> Measure:
        """The measure with this id; KeyError when there is none."""
        return {found.id: found for found in self.measures}[name]


@dataclass(slots=True)
class _Tally:
    """What one pass over the results has counted."""

    calls: list[Heard] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    dialled: int = 0
    answered: int = 0
    unknown_end: int = 0
    called: int = 0  # people
    called_again: int = 0
    reached: int = 0
    doubts: Counter[str] = field(default_factory=Counter)

    def add(self, result: CallResult, facts: CampaignFacts, message_ms: int) -> None:
        self.dialled += result.dialled
        self.called += result.dialled > 0
        self.called_again += result.dialled > 1
        self.doubts["dialled_again"] += result.dialled > facts.most_calls
        if result.state == TargetState.DONE:
            self.outcomes[result.outcome] += 1
        if result.outcome != Outcome.ANSWERED:
            self.doubts["listen_without_answer"] += result.listen is not None and result.outcome != ""
            return
        self.reached += 1
        for listen in (*result.more, result.listen):
            self._add_answered(listen, message_ms)

    def _add_answered(self, listen: Listen | None, message_ms: int) -> None:
        self.answered += 1
        if listen is None:
            self.doubts["answered_without_listen"] += 1
            return
        heard = judge(listen, message_ms)
        self.calls.append(heard)
        self.unknown_end += heard.fate is Fate.LEFT and listen.ended_by is EndedBy.UNKNOWN and not heard.stop


def build(facts: CampaignFacts, results: Iterable[CallResult], lengths_ms: Sequence[int] = ()) -> Report:
    """The report of `facts` and of one result per target; targets never dialled may be left out of `results`.

    Each answered call counts once, also when a person answered several. Answered calls without a listen are in the
    answer rate only, and are named in the books' doubts. lengths_ms: of each version of the message, when it has
    several; the facts say that of the longest one.
    """
    tally = _Tally()
    for result in results:
        tally.add(result, facts, lengths_ms[result.version] if lengths_ms else facts.message_ms)
    calls = tally.calls
    curve = _curve(calls, facts.message_ms)
    stops = [heard.stop for heard in calls if heard.stop]
    done = sum(facts.done.values())
    return Report(
        schema=SCHEMA,
        facts=facts,
        answered=len(calls),
        measures=_measures(tally, curve) + (_persons(tally) if facts.most_calls > 1 else ()),
        curve=curve,
        outcomes=tuple(Part(str(kind), facts.done.get(kind, 0), done) for kind in Outcome),
        refusals=_ranked(facts.not_allowed),
        answered_by=_answered_by(calls),
        fates=_fates(calls),
        fallback=_part("fallback", [heard for heard in calls if heard.fallback], len(calls)),
        opt_outs=tuple(Part(str(seg), sum(stop.segment is seg for stop in stops), len(stops)) for seg in Segment),
        opt_out_seconds=_seconds(calls) if len(calls) >= SMALL else {},
        ended_by_unknown=tally.unknown_end,
        books=_books(facts, tally),
    )


def _measures(tally: _Tally, curve: Curve | None) -> tuple[Measure, ...]:
    calls = tally.calls
    heard = len(calls)
    return (
        _listen_rate(calls),
        _rate("completion", sum(call.fate is Fate.STAYED for call in calls), heard),
        _rate("answer_rate", min(tally.answered, tally.dialled), tally.dialled),
        _rate("opt_out", sum(call.stop is not None for call in calls), heard),
        Measure("dialled", "count", tally.dialled, None, tally.dialled),
        _median(curve, heard),
        _rate("left_before", sum(call.left_before for call in calls), heard),
        _rate("early_hangup", sum(call.left_early for call in calls), heard),
        _rate("notice", sum(call.notice_whole for call in calls), heard),
        _rate("repeat", sum(call.repeats > 0 for call in calls), heard),
    )


def _persons(tally: _Tally) -> tuple[Measure, ...]:
    """What is told of people where it may differ from what is told of calls."""
    return (_rate("reached", tally.reached, tally.called), _rate("called_again", tally.called_again, tally.called))


def _rate(name: str, hits: int, of: int) -> Measure:
    return _measure(name, "rate", (hits, of), wilson(hits, of))


def _listen_rate(calls: list[Heard]) -> Measure:
    shares = np.array([heard.share for heard in calls], dtype=np.float64)
    return _measure("listen_rate", "mean", (round(float(shares.sum()), 6), len(shares)), mean_share(shares))


def _measure(name: str, kind: str, counted: tuple[float, int], found: Interval | None) -> Measure:
    over, under = counted
    value, low, high = (found.value, found.low, found.high) if found else (None, None, None)
    return Measure(name, kind, over, under, value, low, high, small=under < SMALL)


def _median(curve: Curve | None, calls: int) -> Measure:
    found = (curve.median.at_ms, curve.median.low_ms, curve.median.high_ms) if curve else (None, None, None)
    value, low, high = (None if at_ms is None else at_ms / 1000 for at_ms in found)
    return Measure("median", "seconds", None, calls, value, low, high, small=calls < SMALL)


def _curve(calls: list[Heard], message_ms: int) -> Curve | None:
    """Who heard a shorter version than the longest to its end is observed until there, and is not said to have left."""
    ends = {fate: [heard.heard_ms for heard in calls if heard.fate is fate] for fate in Fate}
    stayed = [heard.length_ms for heard in calls if heard.fate is Fate.STAYED]
    ends[Fate.CUT] += [length_ms for length_ms in stayed if length_ms < message_ms]
    left, cut = (np.array(ends[fate], dtype=np.int64) for fate in (Fate.LEFT, Fate.CUT))
    return retention(left, cut, sum(length_ms >= message_ms for length_ms in stayed), message_ms)


def _part(name: str, calls: list[Heard], total: int) -> Part:
    """A part with its listen rate, which is not shown below 20 calls: people could be recognised."""
    return Part(name, len(calls), total, _listen_rate(calls) if len(calls) >= SMALL else None)


def _answered_by(calls: list[Heard]) -> tuple[Part, ...]:
    """No detector of answering machines runs yet: every answered call is "unsure"."""
    return (_part("human", [], len(calls)), _part("machine", [], len(calls)), _part("unsure", calls, len(calls)))


def _fates(calls: list[Heard]) -> tuple[Part, ...]:
    counted = Counter(heard.fate for heard in calls)
    return tuple(Part(str(fate), counted[fate], len(calls)) for fate in Fate)


def _ranked(counts: Mapping[str, int]) -> tuple[Part, ...]:
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Part(name, count, total) for name, count in ranked)


def _seconds(calls: list[Heard]) -> dict[str, dict[int, int]]:
    counted = Counter((str(heard.stop.segment), heard.stop.within_ms // 1000) for heard in calls if heard.stop)
    seconds: dict[str, dict[int, int]] = {}
    for (segment, second), count in sorted(counted.items()):
        seconds.setdefault(segment, {})[second] = count
    return seconds


def _books(facts: CampaignFacts, tally: _Tally) -> Books:
    outcomes, refused = sum(facts.done.values()), sum(facts.not_allowed.values())
    missing = facts.targets - (outcomes + facts.due + facts.in_progress + refused)
    kinds = set(facts.done) | set(tally.outcomes)
    doubts = {
        "targets_differ": abs(missing),
        "outcomes_differ": sum(abs(facts.done.get(kind, 0) - tally.outcomes[kind]) for kind in kinds),
        "more_answers_than_calls": max(tally.answered - tally.dialled, 0),
        "answered_without_listen": tally.doubts["answered_without_listen"],
        "listen_without_answer": tally.doubts["listen_without_answer"],
        "dialled_again": tally.doubts["dialled_again"],
    }
    return Books(
        targets=facts.targets,
        outcomes=outcomes,
        due=facts.due,
        waiting=facts.waiting,
        in_progress=facts.in_progress,
        not_allowed=refused,
        balance=missing == 0 and doubts["outcomes_differ"] == 0 and doubts["more_answers_than_calls"] == 0,
        doubts={name: count for name, count in doubts.items() if count},
    )
