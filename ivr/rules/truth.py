"""The truth of the lab: what the carrier saw of each person's calls and what each ear received."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ivr.rules.electorate import REFUSALS, Behaviour, Person
from ivr.rules.segments import EndedBy, Segment
from ivr.rules.states import Outcome


class Seen(StrEnum):
    """What the carrier noted of a call."""

    INVITE = "INVITE"
    ANSWER = "ANSWER"
    ACK = "ACK"
    BYE_SENT = "BYE_SENT"
    BYE_RECEIVED = "BYE_RECEIVED"
    CANCEL = "CANCEL"
    REFUSED = "REFUSED"


ENDINGS = (Seen.BYE_SENT, Seen.BYE_RECEIVED, Seen.CANCEL, Seen.REFUSED)


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One thing the carrier noted. person: index, None for a stranger's number. detail: SIP code, far RTP port."""

    seen: Seen
    at_ms: float
    person: int | None
    call_id: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class TruthPlay:
    """One play of a segment as received; at_ms: since the answer."""

    segment: Segment
    heard_ms: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class TruthKey:
    """A key as it was sent: within_ms since the beginning of the segment's play, at_ms since the answer."""

    key: str
    segment: Segment
    within_ms: int
    at_ms: int


@dataclass(frozen=True, slots=True)
class Hearing:
    """What one ear received in one call; all instants in milliseconds since the epoch.

    late_ms: sound that arrived after the person had hung up, and is not in `plays`. silence_ms: the longest that no
    sound came while the person was on the line.
    """

    call_id: str
    plays: tuple[TruthPlay, ...] = ()
    keys: tuple[TruthKey, ...] = ()
    first_packet_ms: float = 0
    last_packet_ms: float = 0
    lost: int = 0
    duplicated: int = 0
    foreign: int = 0
    late_ms: int = 0
    silence_ms: int = 0


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One person: the plan, and what happened. Instants are milliseconds since the epoch, 0: never.

    called: INVITEs of different calls. outcome: what the carrier saw, "" if never called or not over yet; of several
    calls, as all instants, of the last that was answered, else of the last that is over.
    heard_ms: the most of each segment received in one play; total_ms: in all plays together. late_ms: sound that came
    after the person had hung up, which nobody heard. silence_ms: the longest that no sound came in a call. version: of
    the message, from 0, that the person drew: their ear knows no other.
    """

    number: str
    behaviour: Behaviour
    expected: Outcome
    plan: str
    called: int = 0
    outcome: str = ""
    ended_by: str = ""
    heard_ms: Mapping[Segment, int] = field(default_factory=dict)
    total_ms: Mapping[Segment, int] = field(default_factory=dict)
    plays: tuple[TruthPlay, ...] = ()
    keys: tuple[TruthKey, ...] = ()
    invited_ms: int = 0
    answered_ms: int = 0
    first_packet_ms: int = 0
    last_packet_ms: int = 0
    ended_ms: int = 0
    lost: int = 0
    duplicated: int = 0
    foreign: int = 0
    late_ms: int = 0
    silence_ms: int = 0
    version: int = 0

    @property
    def answered(self) -> bool:
        """Whether the person was on the line."""
        return self.answered_ms > 0

    @property
    def stopped(self) -> bool:
        """Whether the person pressed 9."""
        return any(key.key == "9" for key in self.keys)


def assemble(people: Iterable[Person], events: Iterable[CallEvent], hearings: Iterable[Hearing]) -> list[TruthRow]:
    """One row for each person, in order, from all that was noted. A later hearing of a call replaces an earlier."""
    by_person: dict[int, list[CallEvent]] = defaultdict(list)
    for event in events:
        if event.person is not None:
            by_person[event.person].append(event)
    heard = {hearing.call_id: hearing for hearing in hearings}
    return [_row(person, by_person.get(person.index, []), heard) for person in people]


def _row(person: Person, events: Sequence[CallEvent], hearings: Mapping[str, Hearing]) -> TruthRow:
    calls = list(dict.fromkeys(event.call_id for event in events if event.seen is Seen.INVITE))
    heard = [hearings[call_id] for call_id in calls if call_id in hearings]
    plays = tuple(play for hearing in heard for play in hearing.plays)
    events = _telling(calls, events)
    first = {event.seen: event for event in reversed(events)}
    ending = next((event for event in events if event.seen in ENDINGS), None)
    return TruthRow(
        number=person.number,
        behaviour=person.behaviour,
        expected=person.expected(len(calls)),
        plan=person.plan,
        called=len(calls),
        outcome=_outcome(first),
        ended_by=_ended_by(ending, Seen.ACK in first),
        heard_ms={segment: max((p.heard_ms for p in plays if p.segment is segment), default=0) for segment in Segment},
        total_ms={segment: sum(p.heard_ms for p in plays if p.segment is segment) for segment in Segment},
        plays=plays,
        keys=tuple(key for hearing in heard for key in hearing.keys),
        invited_ms=_at(first.get(Seen.INVITE)),
        answered_ms=_at(first.get(Seen.ACK)),
        first_packet_ms=round(min((h.first_packet_ms for h in heard if h.first_packet_ms), default=0)),
        last_packet_ms=round(max((h.last_packet_ms for h in heard), default=0)),
        ended_ms=_at(ending),
        lost=sum(hearing.lost for hearing in heard),
        duplicated=sum(hearing.duplicated for hearing in heard),
        foreign=sum(hearing.foreign for hearing in heard),
        late_ms=sum(hearing.late_ms for hearing in heard),
        silence_ms=max((hearing.silence_ms for hearing in heard), default=0),
        version=person.version,
    )


def _telling(calls: Sequence[str], events: Sequence[CallEvent]) -> list[CallEvent]:
    """The events of the last call that was answered, else of the last that is over, else of the last."""
    of_call = {call_id: [event for event in events if event.call_id == call_id] for call_id in calls}
    for kinds in ((Seen.ACK,), ENDINGS, (Seen.INVITE,)):
        for call_id in reversed(calls):
            if any(event.seen in kinds for event in of_call[call_id]):
                return of_call[call_id]
    return []


def _at(event: CallEvent | None) -> int:
    return round(event.at_ms) if event else 0


def _outcome(first: Mapping[Seen, CallEvent]) -> str:
    if Seen.ACK in first:
        return Outcome.ANSWERED
    if Seen.REFUSED in first:
        return REFUSALS.get(int(first[Seen.REFUSED].detail), Outcome.FAILED)
    return Outcome.NO_ANSWER if Seen.CANCEL in first else ""


def _ended_by(ending: CallEvent | None, answered: bool) -> str:
    """Who hung up an answered call, "" for others."""
    if ending is None or not answered:
        return ""
    return EndedBy.LISTENER if ending.seen is Seen.BYE_SENT else EndedBy.US
