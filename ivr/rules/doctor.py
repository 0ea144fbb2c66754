"""The doctor: where the books, the PBX's channels, its CDR and the outboxes differ, and what has become of it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ivr.rules.states import AttemptState, Outcome


class Kind(StrEnum):
    """What differs."""

    CLAIM_WITHOUT_ORDER = "claim-without-order"
    END_NOT_HEARD = "end-not-heard"
    NO_TRACE = "no-trace"
    CHANNEL_WITHOUT_OWNER = "channel-without-owner"
    CHANNEL_AFTER_END = "channel-after-end"
    CALL_NOT_IN_BOOKS = "call-not-in-books"
    ANSWER_DIFFERS = "answer-differs"
    SENT_BUT_RELEASED = "sent-but-released"
    RESULT_NOT_RECORDED = "result-not-recorded"
    LISTEN_MISSING = "listen-missing"


@dataclass(frozen=True, slots=True)
class Booked:
    """An attempt as the books have it. since_ms: when it came into its state, Unix milliseconds."""

    state: AttemptState
    since_ms: int
    outcome: Outcome | None = None
    has_listen: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What each witness says, by attempt, all asked of the same PBX.

    books: every attempt for this PBX of the time that the other witnesses span. channels: live ones that carry an
    attempt's id. answered: of each CDR, whether it tells of an answer. outbox: attempts with a listen in an outbox.
    books must be read last: then whatever the others tell of was in them already.
    """

    books: Mapping[str, Booked] = field(default_factory=dict)
    channels: Collection[str] = ()
    answered: Mapping[str, bool] = field(default_factory=dict)
    outbox: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Patience:
    """How old a state must be before it counts as a difference: younger ones are news under way. Milliseconds."""

    settling_ms: int = 5_000
    claim_ms: int = 30_000
    listen_ms: int = 20_000


@dataclass(frozen=True, slots=True)
class Difference:
    """One kind of difference, for people to read. attempts: all that show it, sorted; no number of a person."""

    kind: Kind
    attempts: tuple[str, ...]
    explanation: str
    what_was_done: str

    @property
    def count(self) -> int:
        """How many attempts show it."""
        return len(self.attempts)


def examine(evidence: Evidence, now_ms: int, patience: Patience | None = None) -> list[Difference]:
    """Every difference that is older than news under way, in the order of Kind; an empty list: all agree."""
    found: dict[Kind, list[str]] = {}
    known = {*evidence.books, *evidence.channels, *evidence.answered, *evidence.outbox}
    for attempt in sorted(known):
        kind = _kind(attempt, evidence, now_ms, patience or Patience())
        if kind is not None:
            found.setdefault(kind, []).append(attempt)
    return [Difference(kind, tuple(found[kind]), *MEANINGS[kind]) for kind in Kind if kind in found]


def _kind(attempt: str, evidence: Evidence, now_ms: int, patience: Patience) -> Kind | None:
    booked = evidence.books.get(attempt)
    if booked is None:
        return _unbooked(attempt, evidence)
    age_ms = now_ms - booked.since_ms
    if age_ms < patience.settling_ms:
        return None
    return BY_STATE[booked.state](attempt, booked, evidence, age_ms, patience)


def _unbooked(attempt: str, evidence: Evidence) -> Kind | None:
    """Of an outbox alone nothing follows: it is of the whole machine, the books read are of one PBX."""
    if attempt in evidence.channels:
        return Kind.CHANNEL_WITHOUT_OWNER
    return Kind.CALL_NOT_IN_BOOKS if attempt in evidence.answered else None


def _claimed(attempt: str, booked: Booked, evidence: Evidence, age_ms: int, patience: Patience) -> Kind | None:
    if _was_sent(attempt, evidence):
        return Kind.SENT_BUT_RELEASED
    return Kind.CLAIM_WITHOUT_ORDER if age_ms >= patience.claim_ms else None


def _released(attempt: str, booked: Booked, evidence: Evidence, age_ms: int, patience: Patience) -> Kind | None:
    return Kind.SENT_BUT_RELEASED if _was_sent(attempt, evidence) else None


def _open(attempt: str, booked: Booked, evidence: Evidence, age_ms: int, patience: Patience) -> Kind | None:
    if attempt in evidence.channels:
        return None
    return Kind.END_NOT_HEARD if attempt in evidence.answered else Kind.NO_TRACE


def _ended(attempt: str, booked: Booked, evidence: Evidence, age_ms: int, patience: Patience) -> Kind | None:
    if attempt in evidence.channels:
        return Kind.CHANNEL_AFTER_END
    answered = booked.outcome is Outcome.ANSWERED
    if attempt in evidence.outbox and not booked.has_listen:
        return Kind.RESULT_NOT_RECORDED
    if evidence.answered.get(attempt, answered) != answered:
        return Kind.ANSWER_DIFFERS
    return Kind.LISTEN_MISSING if answered and not booked.has_listen and age_ms >= patience.listen_ms else None


def _was_sent(attempt: str, evidence: Evidence) -> bool:
    return attempt in evidence.channels or attempt in evidence.answered


BY_STATE: Mapping[AttemptState, Callable[[str, Booked, Evidence, int, Patience], Kind | None]] = {
    AttemptState.CLAIMED: _claimed,
    AttemptState.RELEASED: _released,
    AttemptState.DIALING: _open,
    AttemptState.ANSWERED: _open,
    AttemptState.ENDED: _ended,
}

MEANINGS: Mapping[Kind, tuple[str, str]] = {
    Kind.CLAIM_WITHOUT_ORDER: (
        "people were chosen to be called, but no order for them came to the controller (Redis was emptied, or it is "
        "not running)",
        "nothing was sent; a running controller gives them back, and they are due again",
    ),
    Kind.END_NOT_HEARD: (
        "calls are over on the PBX, which wrote a CDR, but nobody heard their end",
        "a running controller records their end from the CDR within ten seconds",
    ),
    Kind.NO_TRACE: (
        "calls were, or may have been, sent, and the PBX has neither a channel nor a CDR of them (it was killed)",
        "a running controller records them as unknown; they may have rung, and are not dialled again unless the "
        "campaign's policy says so",
    ),
    Kind.CHANNEL_WITHOUT_OWNER: (
        "the PBX carries calls that are in no book: another database, or another installation, uses this PBX",
        "nothing: they end by themselves; stop the other installation, or give it a PBX of its own",
    ),
    Kind.CHANNEL_AFTER_END: (
        "the books say that calls are over which the PBX still carries",
        "nothing: they take a channel until they end; `core show channels` on the PBX shows where they hang",
    ),
    Kind.CALL_NOT_IN_BOOKS: (
        "the PBX's CDR tells of calls that are in no book: the database was restored from an older copy, or is another",
        "nothing: these people were called; put the right database back before the campaign goes on",
    ),
    Kind.ANSWER_DIFFERS: (
        "the books and the CDR disagree whether calls were answered",
        "nothing: the books stand on the carrier's code and the listen; keep the CDR and report it with these ids",
    ),
    Kind.SENT_BUT_RELEASED: (
        "the PBX carried calls of which the books say that nothing was sent: their people could be called twice",
        "nothing: pause the campaign, and report it with these ids: this must not happen",
    ),
    Kind.RESULT_NOT_RECORDED: (
        "what was heard is in an outbox of this machine and not in the books",
        "a running controller sends it again; if it stays, look whether the workers of queue `record` run",
    ),
    Kind.LISTEN_MISSING: (
        "answered calls have no listen in the books nor in an outbox of this machine",
        "a running controller gives each a listen of nothing, marked so, after twenty seconds",
    ),
}
"""Of each kind: what it means, and what was or will be done."""
