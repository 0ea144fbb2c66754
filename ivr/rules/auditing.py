"""What the books say was heard, against what a witness says of the same calls, and how far they are apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from ivr.rules.numbers import mask


class Kind(StrEnum):
    """How a call of the books and a witness disagree."""

    HEARD_LONGER = "heard-longer-than-the-call"
    CALL_LONGER = "call-longer-than-heard"
    ANSWERED_IN_BOOKS_ONLY = "answered-in-books-only"
    ANSWERED_FOR_WITNESS_ONLY = "answered-for-witness-only"
    NOT_WITNESSED = "not-witnessed"
    NOT_IN_BOOKS = "not-in-books"


@dataclass(frozen=True, slots=True)
class BookedCall:
    """A call as the books have it. heard_ms: from its script's beginning to the last sound heard, None: not known."""

    attempt: str
    number: str
    pbx: str
    trunk: str
    sent_at_ms: int
    answered: bool
    heard_ms: int | None


@dataclass(frozen=True, slots=True)
class Seen:
    """The same call as a witness has it. talked_ms: from answer to end."""

    answered: bool
    talked_ms: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """How far apart agrees: the call shorter than what was heard by so much, or longer by so much. Milliseconds."""

    shorter_ms: int
    longer_ms: int


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One call on which they disagree. number: masked. apart_ms: its length less what was heard, None: of no time."""

    kind: Kind
    attempt: str
    number: str
    heard_ms: int | None = None
    talked_ms: int | None = None
    apart_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A campaign's calls against one witness.

    calls: looked at. compared: of those, the ones whose lengths could be. unmeasured: answered, but what was heard is
    not kept (any more). shortest_ms, longest_ms: of the compared, the call's length less what was heard, at its ends.
    greatest: the disagreement with the greatest difference of time.
    """

    witness: str
    allowed: Allowance
    calls: int
    compared: int
    unmeasured: int
    shortest_ms: int | None
    longest_ms: int | None
    disagreements: tuple[Disagreement, ...]

    @property
    def agrees(self) -> bool:
        """Whether nothing is disagreed on."""
        return not self.disagreements

    @property
    def greatest(self) -> Disagreement | None:
        """Of the disagreements on a time, the one that is furthest apart."""
        timed = [one for one in self.disagreements if one.apart_ms is not None]
        return max(timed, key=lambda one: abs(one.apart_ms or 0), default=None)


def audit(
    witness: str,
    calls: Iterable[BookedCall],
    seen: Mapping[str, Seen],
    allowed: Allowance,
    strangers: Iterable[Disagreement] = (),
) -> Verdict:
    """The calls against what the witness saw of each, by attempt. strangers: what it saw of no call of the books."""
    looked_at = list(calls)
    both = [(call, seen[call.attempt]) for call in looked_at if call.attempt in seen]
    answered = [(call, one) for call, one in both if call.answered and one.answered]
    apart = [one.talked_ms - call.heard_ms for call, one in answered if call.heard_ms is not None]
    found = [_disagreement(call, seen.get(call.attempt), allowed) for call in looked_at]
    return Verdict(
        witness=witness,
        allowed=allowed,
        calls=len(looked_at),
        compared=len(apart),
        unmeasured=sum(call.answered and call.heard_ms is None for call in looked_at),
        shortest_ms=min(apart, default=None),
        longest_ms=max(apart, default=None),
        disagreements=(*filter(None, found), *strangers),
    )


def _disagreement(call: BookedCall, seen: Seen | None, allowed: Allowance) -> Disagreement | None:
    if seen is None:
        return _of(Kind.NOT_WITNESSED, call) if call.answered else None
    if call.answered != seen.answered:
        kind = Kind.ANSWERED_IN_BOOKS_ONLY if call.answered else Kind.ANSWERED_FOR_WITNESS_ONLY
        return _of(kind, call, seen.talked_ms)
    if not call.answered or call.heard_ms is None:
        return None
    apart_ms = seen.talked_ms - call.heard_ms
    if -allowed.shorter_ms <= apart_ms <= allowed.longer_ms:
        return None
    return _of(Kind.HEARD_LONGER if apart_ms < 0 else Kind.CALL_LONGER, call, seen.talked_ms, apart_ms)


def _of(kind: Kind, call: BookedCall, talked_ms: int | None = None, apart_ms: int | None = None) -> Disagreement:
    return Disagreement(kind, call.attempt, mask(call.number), call.heard_ms, talked_ms, apart_ms)
