"""The report of a campaign: every figure with its numerator and denominator, and books that say whether they balance.

Aggregates only: nothing in a Report tells one person from another, and no number of a person is in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.rules.answers import people_effect
from ivr.rules.difference import Difference
from ivr.rules.dips import Dip, dips
from ivr.rules.hiding import hidden, hidden_beside
from ivr.rules.measures import SMALL, Fate, Interval, mean_share, wilson
from ivr.rules.retention import Curve, retention
from ivr.rules.segments import Segment
from ivr.rules.states import Outcome
from ivr.rules.tally import BIN_MS, DIMENSIONS, UNIT, Sums, Tally
from ivr.rules.typical import Typical

SCHEMA = "portevoix.report/1"
BESIDE = {"caller_id": "trunk"}
"""Dimensions whose cells are mostly those of another: a number is shown by some trunks, and by no others."""


@dataclass(frozen=True, slots=True)
class CampaignFacts:
    """What the store says of a campaign at one instant, read in the same transaction as the results; counts of targets.

    done: ended targets by outcome. not_allowed: targets by the rule that refused them. waiting: of those due, who was
    called and is to be called again, the first at next_due_ms. most_calls: to one person, as the campaign allows.
    called: everybody who was called, by the outcome of the last call that is over. share: of a version of the message,
    its share of the targets.
    sounds: hash of what was played by segment. started_ms, finished_ms: None while it has not. as_of_ms: when this was
    read. worst_second: most calls begun in any rolling second. All instants are milliseconds since 1970 UTC; timezone
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
    called: Mapping[str, int] = field(default_factory=dict)
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
class Row:
    """What is told of the calls with one value of a dimension. listen_rate, completion: None where they are hidden."""

    value: str
    dialled: int
    heard: int
    answer_rate: Measure
    listen_rate: Measure | None
    completion: Measure | None


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The calls that are over by each value of a dimension; "" is: not known."""

    dimension: str
    rows: tuple[Row, ...]


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
    its listen rate is above that of the first version, for who looks once. difference: what can be said of the two
    however often one looks. hidden: below 20 answered calls in some version nothing of what
    was heard in any is told: what is left of the whole would tell it. breakdowns: of the whole alone, for that reason.
    waveform: how loud the message is in each of as many parts of equal length, 0…1 of the loudest; () where it has
    several versions, or its sound is not here. dips: seconds at which more people left than around them. typical: of
    the sponsor's earlier messages of such a length.
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
    difference: Difference | None = None
    hidden: bool = False
    breakdowns: tuple[Breakdown, ...] = ()
    dips: tuple[Dip, ...] = ()
    typical: Typical | None = None
    waveform: tuple[float, ...] = ()

    @property
    def doubts(self) -> dict[str, int]:
        """Everything that a careful reader should know before quoting a figure: id and how many."""
        own = {"fallback": self.fallback.count, "ended_by_unknown": self.ended_by_unknown}
        return {**self.books.doubts, **{name: count for name, count in own.items() if count}}

    def measure(self, name: str) -> Measure:
        """The measure with this id; KeyError when there is none."""
        return {found.id: found for found in self.measures}[name]


def build(facts: CampaignFacts, tally: Tally) -> Report:
    """The report of `facts` and of the campaign's calls, added up.

    Each answered call counts once, also when a person answered several. Answered calls without a listen are in the
    answer rate only, and are named in the books' doubts.
    """
    whole, heard = tally.whole, tally.whole["heard"]
    curve = curve_of(tally, facts.message_ms)
    done = sum(facts.done.values())
    stops = Counter[str]()
    for (segment, _), calls in tally.stops.items():
        stops[segment] += calls
    return Report(
        schema=SCHEMA,
        facts=facts,
        answered=heard,
        measures=(
            *_measures(tally, curve),
            *((_uncut(curve.mean, heard),) if whole["cut"] and curve and curve.mean else ()),
            *(_persons(facts, tally) if facts.most_calls > 1 else ()),
        ),
        curve=curve,
        outcomes=tuple(Part(str(kind), facts.done.get(kind, 0), done) for kind in Outcome),
        refusals=_ranked(facts.not_allowed),
        answered_by=_answered_by(whole),
        fates=_fates(whole),
        fallback=Part("fallback", whole["fallback"], heard),
        opt_outs=tuple(Part(str(segment), stops[segment], stops.total()) for segment in Segment),
        opt_out_seconds=_seconds(tally) if heard >= SMALL else {},
        ended_by_unknown=whole["end_unknown"],
        books=_books(facts, tally),
        breakdowns=tuple(_breakdown(dimension, tally) for dimension in DIMENSIONS),
        dips=dips(curve) if curve else (),
    )


def curve_of(tally: Tally, length_ms: int) -> Curve | None:
    """The retention curve of a message of that length."""
    ends: dict[Fate, Counter[int]] = {fate: Counter() for fate in Fate}
    for (fate, at_ms), calls in tally.instants.items():
        ends[Fate(fate)][at_ms] += calls
    return retention(ends[Fate.LEFT], ends[Fate.CUT], ends[Fate.STAYED].total(), length_ms)


def _measures(tally: Tally, curve: Curve | None) -> tuple[Measure, ...]:
    whole = tally.whole
    dialled = whole["calls"] + tally.open
    heard = whole["heard"]
    return (
        listen_rate(whole),
        rate("completion", whole["stayed"], heard),
        _answer_rate(tally, dialled),
        rate("opt_out", whole["stopped"], heard),
        Measure("dialled", "count", dialled, None, dialled),
        _median(curve, heard),
        rate("left_before", whole["left_before"], heard),
        rate("early_hangup", whole["left_early"], heard),
        rate("notice", whole["notice"], heard),
        rate("repeat", whole["repeated"], heard),
    )


def _answer_rate(tally: Tally, dialled: int) -> Measure:
    """Of calls, of which several may be one person's: its interval is that of as many people as they speak of."""
    numbers = sorted(tally.values("attempt").items(), key=lambda one: int(one[0]))
    effect = people_effect([sums["calls"] for _, sums in numbers], [sums["answered"] for _, sums in numbers])
    hits = min(tally.whole["answered"], dialled)
    return _measure("answer_rate", "rate", (hits, dialled), wilson(hits / effect, dialled / effect))


def _uncut(mean: Interval, calls: int) -> Measure:
    return _measure("uncut", "mean", (round(mean.value * calls, 6), calls), mean)


def _persons(facts: CampaignFacts, tally: Tally) -> tuple[Measure, ...]:
    """What is told of people where it may differ from what is told of calls: of those of whom a call is over."""
    people = sum(facts.called.values())
    again = min(tally.values("attempt").get("2", Sums())["calls"], people)
    return (rate("reached", facts.called.get(Outcome.ANSWERED, 0), people), rate("called_again", again, people))


def rate(name: str, hits: int, of: int) -> Measure:
    """The share of `hits` among `of` calls or people."""
    return _measure(name, "rate", (hits, of), wilson(hits, of))


def listen_rate(sums: Sums) -> Measure:
    """The mean listened share of these calls."""
    total, squares = sums["share"] / UNIT, sums["squares"] / UNIT**2
    found = mean_share(sums["heard"], total, squares)
    return _measure("listen_rate", "mean", (total, sums["heard"]), found)


def _measure(name: str, kind: str, counted: tuple[float, int], found: Interval | None) -> Measure:
    over, under = counted
    value, low, high = (found.value, found.low, found.high) if found else (None, None, None)
    return Measure(name, kind, over, under, value, low, high, small=under < SMALL)


def _median(curve: Curve | None, calls: int) -> Measure:
    found = (curve.median.at_ms, curve.median.low_ms, curve.median.high_ms) if curve else (None, None, None)
    value, low, high = (None if at_ms is None else at_ms / 1000 for at_ms in found)
    low = None if low is None else max(low - BIN_MS / 1000, 0.0)  # an instant is kept rounded up
    return Measure("median", "seconds", None, calls, value, low, high, small=calls < SMALL)


def _answered_by(whole: Sums) -> tuple[Part, ...]:
    """No detector of answering machines runs yet: every answered call is "unsure".

    A listen rate is not shown below 20 calls: people could be recognised.
    """
    calls = whole["heard"]
    unsure = Part("unsure", calls, calls, listen_rate(whole) if calls >= SMALL else None)
    return (Part("human", 0, calls), Part("machine", 0, calls), unsure)


def _breakdown(dimension: str, tally: Tally) -> Breakdown:
    values = tally.values(dimension)
    heard = _heard(values)
    away = hidden_beside(heard, _heard(tally.values(BESIDE[dimension]))) if dimension in BESIDE else hidden(heard)
    return Breakdown(dimension, tuple(_row(value, sums, value in away) for value, sums in values.items()))


def _heard(values: Mapping[str, Sums]) -> dict[str, int]:
    return {value: sums["heard"] for value, sums in values.items()}


def _row(value: str, sums: Sums, is_hidden: bool) -> Row:
    calls, heard = sums["calls"], sums["heard"]
    answers = rate("answer_rate", min(sums["answered"], calls), calls)
    if is_hidden:
        return Row(value, calls, heard, answers, None, None)
    return Row(value, calls, heard, answers, listen_rate(sums), rate("completion", sums["stayed"], heard))


def _fates(whole: Sums) -> tuple[Part, ...]:
    heard, stayed, cut = whole["heard"], whole["stayed"], whole["cut"]
    counted = {Fate.STAYED: stayed, Fate.LEFT: heard - stayed - cut, Fate.CUT: cut}
    return tuple(Part(str(fate), counted[fate], heard) for fate in Fate)


def _ranked(counts: Mapping[str, int]) -> tuple[Part, ...]:
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return tuple(Part(name, count, total) for name, count in ranked)


def _seconds(tally: Tally) -> dict[str, dict[int, int]]:
    seconds: dict[str, dict[int, int]] = {}
    for (segment, second), count in sorted(tally.stops.items()):
        seconds.setdefault(segment, {})[second] = count
    return seconds


def _books(facts: CampaignFacts, tally: Tally) -> Books:
    """Kept twice: targets are counted as they move, calls as they end; what the two do not agree on is said."""
    outcomes, refused = sum(facts.done.values()), sum(facts.not_allowed.values())
    missing = facts.targets - (outcomes + facts.due + facts.in_progress + refused)
    whole, numbers = tally.whole, tally.values("attempt")
    by_outcome = {outcome: sums["calls"] for outcome, sums in tally.values("outcome").items()}
    first = numbers.get("1", Sums())["calls"]
    doubts = {
        "targets_differ": abs(missing),
        "outcomes_differ": abs(sum(facts.called.values()) - first)
        + sum(max(people - by_outcome.get(outcome, 0), 0) for outcome, people in facts.called.items()),
        "more_answers_than_calls": max(whole["answered"] - whole["calls"] - tally.open, 0),
        "answered_without_listen": tally.unheard,
        "listen_without_answer": max(whole["heard"] + tally.unheard - whole["answered"] - tally.open, 0),
        "dialled_again": numbers.get(str(facts.most_calls + 1), Sums())["calls"],
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
