"""The lab's verdict: what the books say of each person against what the person's side saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from ivr.adapters.store import Store
from ivr.rules.again import policy_of
from ivr.rules.segments import CallResult, Segment
from ivr.rules.truth import TruthRow
from ivr.settings import Settings
from ivr.usecases import lab
from ivr.usecases.campaigns import trunk_of

LIMIT_MS = 100
"""Invariant 4: the listen rate is true within this, in every answered call."""
SHOWN = 10


@dataclass(frozen=True, slots=True)
class Case:
    """One disagreement. person: the last four digits; what: the measure or segment; error_ms: 0 where it is no time."""

    person: str
    plan: str
    what: str
    reported: str
    true: str
    error_ms: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """The comparison of a campaign's books with the truth of the lab; counts are of people.

    unaccounted: without an outcome, or on one side only, or twice. outcome_mismatches: the books say another outcome
    than the carrier. max_error_ms: of the message, over all answered calls; segment_errors_ms: of every segment.
    listens_missing: answered, without a listen. called_twice: the carrier got more calls than the books tell of, or
    than the campaign allows. version_mismatches: the books count them with another version than they drew.
    stops_not_in_force: pressed 9 and can still be called; stops_not_asked: the contrary. off_plan: the lab itself
    behaved otherwise than planned. keys_missed: the books lack a key. foreign, lost: packets. silence_ms: the longest
    that anybody on the line heard nothing.
    """

    targets: int
    answered: int
    unaccounted: int
    outcome_mismatches: int
    max_error_ms: int
    segment_errors_ms: dict[Segment, int]
    listens_missing: int
    called_twice: int
    version_mismatches: int
    stops: int
    stops_not_in_force: int
    stops_not_asked: int
    keys_missed: int
    off_plan: int
    lost: int
    foreign: int
    silence_ms: int
    worst: tuple[Case, ...]
    limit_ms: int = LIMIT_MS

    @property
    def ok(self) -> bool:
        """Whether everything that must be true is."""
        wrong = self.unaccounted + self.outcome_mismatches + self.listens_missing + self.called_twice
        wrong += self.version_mismatches
        stops = self.stops_not_in_force + self.stops_not_asked
        return wrong + stops + self.off_plan + self.foreign == 0 and self.max_error_ms <= self.limit_ms

    def as_json(self) -> dict[str, Any]:
        """Everything, ready for json.dump; no whole number in it."""
        names = [name for name in self.__slots__ if name not in ("worst", "segment_errors_ms")]
        return {
            "verdict": "ok" if self.ok else "not ok",
            **{name: getattr(self, name) for name in names},
            "segment_errors_ms": {str(segment): error for segment, error in self.segment_errors_ms.items()},
            "worst": [{name: getattr(case, name) for name in case.__slots__} for case in self.worst],
        }


def check_campaign(store: Store, settings: Settings, name: str, limit_ms: int = LIMIT_MS) -> Check:
    """The books of that campaign against the truth last written, each person's by the version that they drew.

    Raises NotFound without campaign, trunk or truth, Refused if its trunk is not on loopback.
    """
    campaign = store.campaigns.named(name)
    for trunk in campaign.trunks:
        lab.require_loopback(trunk_of(settings, trunk))
    rows = lab.truth(settings)
    _, results = store.listens.snapshot(campaign.id)
    stopped = store.suppressions.blocked_among([row.number for row in rows], campaign.sponsor_id)
    return check(results, rows, stopped, limit_ms, policy_of(campaign.retry).most_attempts)


def check(
    results: Iterable[CallResult],
    truth: Iterable[TruthRow],
    suppressed: Collection[str],
    limit_ms: int = LIMIT_MS,
    most_calls: int = 1,
) -> Check:
    """Every person of either side compared. suppressed: the numbers of `truth` that may not be called any more.

    most_calls: to one person, as the campaign allows.
    """
    listed = list(results)
    copies = Counter(result.number for result in listed)
    books = {result.number: result for result in listed}
    rows = list(truth)
    strangers = set(books) - {row.number for row in rows}
    found = _Comparison(set(suppressed), most_calls)
    found.count("unaccounted", len(strangers) + sum(count - 1 for count in copies.values()))
    for row in rows:
        found.compare(row, books.get(row.number))
    return found.check(len(listed), limit_ms)


class _Comparison:
    """What the comparison has found so far."""

    def __init__(self, suppressed: set[str], most_calls: int) -> None:
        self._suppressed = suppressed
        self._most_calls = most_calls
        self._counts: Counter[str] = Counter()
        self._errors = dict.fromkeys(Segment, 0)
        self._silence_ms = 0
        self._cases: list[tuple[int, Case]] = []

    def count(self, what: str, how_many: int = 1) -> None:
        self._counts[what] += how_many

    def compare(self, row: TruthRow, result: CallResult | None) -> None:
        self.count("lost", row.lost)
        self.count("foreign", row.foreign)
        self.count("answered", row.answered)
        self._silence_ms = max(self._silence_ms, row.silence_ms)
        booked = result.dialled if result else 0
        too_often = row.called > min(max(booked, 1), self._most_calls)
        self._see("called_twice", row, too_often, str(booked), str(row.called))
        self._see("off_plan", row, row.outcome != row.expected, row.outcome, row.expected)
        self._stops(row)
        if result is None or not result.outcome:
            self._see("unaccounted", row, True, result.state if result else "absent", row.outcome)
            return
        drawn, counted = str(row.version + 1), str(result.version + 1)
        self._see("version_mismatches", row, counted != drawn, f"version {counted}", f"version {drawn}")
        self._see("outcome_mismatches", row, result.outcome != row.outcome, result.outcome, row.outcome)
        if row.answered:
            self._heard(row, result)

    def _stops(self, row: TruthRow) -> None:
        in_force = row.number in self._suppressed
        self.count("stops", row.stopped)
        self._see("stops_not_in_force", row, row.stopped and not in_force, "may be called", "pressed 9")
        self._see("stops_not_asked", row, in_force and not row.stopped, "may not be called", "did not press 9")

    def _heard(self, row: TruthRow, result: CallResult) -> None:
        listen = result.listen
        self._see("listens_missing", row, listen is None, "no listen", "answered")
        pressed = [key.key for key in row.keys]
        noted = [key.key for key in listen.keys] if listen else []
        if Segment.CONFIRMATION not in {key.segment for key in row.keys}:  # none is listened to there
            self._see("keys_missed", row, bool(Counter(pressed) - Counter(noted)), " ".join(noted), " ".join(pressed))
        for segment in Segment:
            reported_ms = listen.heard_ms(segment) if listen else 0
            true_ms = row.heard_ms.get(segment, 0)
            error_ms = abs(reported_ms - true_ms)
            self._errors[segment] = max(self._errors[segment], error_ms)
            if error_ms:
                self._case(error_ms, row, segment, f"{reported_ms} ms", f"{true_ms} ms")

    def _see(self, what: str, row: TruthRow, wrong: bool, reported: str, true: str) -> None:
        if wrong:
            self.count(what)
            self._case(0, row, what, reported, true)

    def _case(self, error_ms: int, row: TruthRow, what: str, reported: str, true: str) -> None:
        rank = error_ms or 1_000_000
        self._cases.append((rank, Case(row.number[-4:], row.plan, what, reported, true, error_ms)))

    def check(self, targets: int, limit_ms: int) -> Check:
        worst = sorted(self._cases, key=lambda case: -case[0])[:SHOWN]
        people = ("answered", "unaccounted", "outcome_mismatches", "listens_missing", "called_twice", "off_plan")
        others = (
            "version_mismatches",
            "stops",
            "stops_not_in_force",
            "stops_not_asked",
            "keys_missed",
            "lost",
            "foreign",
        )
        return Check(
            targets=targets,
            max_error_ms=self._errors[Segment.MESSAGE],
            segment_errors_ms=self._errors,
            silence_ms=self._silence_ms,
            worst=tuple(case for _, case in worst),
            limit_ms=limit_ms,
            **{name: self._counts[name] for name in (*people, *others)},
        )
