"""The breaker of one trunk: slows, parks and gently tries again a carrier that fails for its own reasons.

People who are busy or do not answer say nothing against a carrier. No clock of its own: a steady one is passed in.
"""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass
from enum import StrEnum

from ivr.rules import causes
from ivr.rules.states import Outcome


class Blame(StrEnum):
    """Whom a call's end speaks of."""

    PERSON = "person"  # the carrier did its work: somebody answered, is busy, does not exist…
    CARRIER = "carrier"
    NOBODY = "nobody"  # nothing is known, or we did it ourselves


PERSONS = frozenset({Outcome.ANSWERED, Outcome.BUSY, Outcome.NO_ANSWER, Outcome.INVALID_NUMBER})
PERSONS_CODES = frozenset({607, 608})
"""FAILED for a report, but a refusal of this call for good by the person or a filter of hers: RFC 8197, RFC 8688."""
PERSONS_CAUSES = frozenset({27, 29, 50, 55, 57, 87, 88})
"""FAILED for a report, but of her line, not of the way to it: out of order, a facility or a kind of call that it lacks
or bars. Told by a cause alone; as a SIP code, 502 is the carrier's."""


def blame(
    answered: bool,
    reason: int | None = None,
    cause: int | None = None,
    sip: int | None = None,
    rang: bool | None = None,
) -> Blame:
    """Whom the end of an attempt speaks of; the arguments are those of `causes.outcome`."""
    outcome = causes.outcome(answered, reason, cause, sip, rang)
    if outcome is Outcome.UNKNOWN:
        return Blame.NOBODY
    hers = sip in PERSONS_CODES if sip is not None else cause in PERSONS_CAUSES
    return Blame.PERSON if outcome in PERSONS or hers else Blame.CARRIER


class State(StrEnum):
    """Where a trunk stands."""

    CLOSED = "closed"  # all is well (a breaker's word: current flows)
    SLOWED = "slowed"
    PARKED = "parked"
    PROBING = "probing"


@dataclass(frozen=True, slots=True)
class Limits:
    """When a breaker acts. Ratios are of the calls sent lately; times are seconds."""

    window: int = 400  # events looked at: each call is one when sent and one when its end (or answer) is known
    window_s: float = 600.0  # and none older than this
    least: int = 50  # calls in the window before it is judged
    least_dead: int = 10  # or so many, when nearly all of them fail
    slow_ratio: float = 0.25
    park_ratio: float = 0.6
    dead_ratio: float = 0.9
    calm_ratio: float = 0.2  # below it, a slowed trunk is given its rate back
    slowest: float = 0.125  # the least factor; each step halves or doubles
    slow_s: float = 20.0
    park_s: float = 15.0
    longest_s: float = 900.0  # slow_s and park_s double with every relapse, up to this
    forgive_s: float = 600.0  # so long without trouble, one relapse is forgotten
    probes: int = 3  # good ones needed, before as many bad ones
    probe_every_s: float = 1.0
    probe_patience_s: float = 90.0  # a probe whose end nobody told is given up


@dataclass(frozen=True, slots=True)
class Transition:
    """One change, for people to read. at_s: of the clock passed in. until_s: when a parking ends."""

    at_s: float
    before: State
    after: State
    reason: str
    until_s: float | None = None


@dataclass(frozen=True, slots=True)
class _Event:
    at_s: float
    blame: Blame | None  # None: a call was sent
    why: str = ""


class Breaker:
    """One trunk's breaker: ask `allows`, say `sent` for each call and `saw` for its answer or end."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self.state = State.CLOSED
        self.history: deque[Transition] = deque(maxlen=200)
        self._now_s = -math.inf
        self._back_s = 0.0
        self._since_s = -math.inf
        self._until_s = -math.inf  # parked: when it ends; slowed: until when nothing is changed
        self._factor = 1.0
        self._relapses = 0
        self._calm_since_s = -math.inf
        self._era = 0  # one more with each parking: what was sent before it says nothing of the trunk after it
        self._events: deque[_Event] = deque()
        self._counts: Counter[Blame | None] = Counter()
        self._probe_s: float | None = None  # when the probe that is out was sent
        self._last_probe_s = -math.inf
        self._good, self._bad = 0, 0

    def allows(self, now_s: float) -> bool:
        """True if a call may be sent now; the rate is `rate_factor`'s matter. Asking reserves nothing."""
        self._follow(now_s)
        if self.state is State.PROBING:
            return self._probe_s is None and self._now_s >= self._last_probe_s + self._limits.probe_every_s
        return self.state is not State.PARKED

    def rate_factor(self, now_s: float) -> float:
        """What the trunk's rate is to be multiplied with, 0…1; 0 while parked."""
        self._follow(now_s)
        if self.state is State.PARKED:
            return 0.0
        return self._limits.slowest if self.state is State.PROBING else self._factor

    def until_s(self) -> float | None:
        """When a parked trunk is tried again; None if it is not parked."""
        return self._until_s if self.state is State.PARKED else None

    def sent(self, now_s: float) -> int:
        """A call was sent. Returns the era to be given to `saw` with that call's end."""
        self._follow(now_s)
        if self.state is State.PROBING:
            self._probe_s = self._last_probe_s = self._now_s
        self._note(None)
        return self._era

    def saw(self, kind: Blame, now_s: float, era: int | None = None, why: str = "") -> None:
        """A call was answered or ended so; once per call, and for an answered one at its answer: its end is late news.

        era: as `sent` gave it; None: sent by a process before. why: for people, such as `503`.
        """
        self._follow(now_s)
        if self.state is State.PARKED or era not in {None, self._era} or (era is None and self.state is State.PROBING):
            return
        if self.state is State.PROBING:
            self._judge_probe(kind, why)
        elif kind is not Blame.NOBODY:
            self._note(kind, why)
            self._judge()

    def _follow(self, now_s: float) -> None:
        """Time has passed; when the clock went back, none, and it goes on from there."""
        self._back_s = max(self._back_s, self._now_s - now_s)
        self._now_s = max(self._now_s, now_s + self._back_s)
        if self.state is State.PARKED and self._now_s >= self._until_s:
            self._good = self._bad = 0
            self._probe_s, self._last_probe_s = None, -math.inf
            self._move(State.PROBING, "the parking is over: tried again, one call at a time")
        if self._probe_s is not None and self._now_s - self._probe_s > self._limits.probe_patience_s:
            self._probe_s = None
        self._forget_old()
        if self.state is State.SLOWED and self._now_s >= self._until_s:
            self._ease()
        self._forgive()

    def _forgive(self) -> None:
        if self.state is not State.CLOSED or not self._relapses:
            return
        past = int((self._now_s - self._calm_since_s) // self._limits.forgive_s)
        self._relapses = max(0, self._relapses - past)
        self._calm_since_s += past * self._limits.forgive_s

    def _note(self, kind: Blame | None, why: str = "") -> None:
        self._events.append(_Event(self._now_s, kind, why))
        self._counts[kind] += 1
        self._forget_old()

    def _forget_old(self) -> None:
        oldest_s = self._now_s - self._limits.window_s
        while self._events and (len(self._events) > self._limits.window or self._events[0].at_s < oldest_s):
            self._counts[self._events.popleft().blame] -= 1

    def _forget_all(self) -> None:
        self._events.clear()
        self._counts.clear()

    def _calls(self) -> int:
        """Calls that the failures are a share of: refusals come at once, other ends late, so those under way count."""
        return max(self._counts[None], self._counts[Blame.CARRIER] + self._counts[Blame.PERSON])

    def _ratio(self) -> float:
        return self._counts[Blame.CARRIER] / max(1, self._calls())

    def _judge(self) -> None:
        limits, calls, ratio = self._limits, self._calls(), self._ratio()
        dead = calls >= limits.least_dead and ratio >= limits.dead_ratio
        if dead or (calls >= limits.least and ratio >= limits.park_ratio):
            self._park(self._explained())
        elif calls >= limits.least and ratio >= limits.slow_ratio:
            self._slow()

    def _slow(self) -> None:
        if self.state is State.SLOWED and (self._now_s < self._until_s or self._factor <= self._limits.slowest):
            return
        self._until_s = self._now_s + self._grown_s(self._limits.slow_s)
        if self.state is State.CLOSED:
            self._relapse()
        self._factor = max(self._limits.slowest, self._factor / 2)
        self._move(State.SLOWED, f"{self._explained()}: to {self._factor:.0%} of its rate")
        self._forget_all()

    def _ease(self) -> None:
        """Back towards the full rate by one step, if the fresh window is calm, or so old that it says nothing."""
        unheard = self._now_s - self._since_s >= self._limits.window_s
        if self._ratio() >= self._limits.calm_ratio or (self._calls() < self._limits.least_dead and not unheard):
            return
        reason = f"{self._explained()}: to {min(1.0, self._factor * 2):.0%} of its rate"
        self._factor = min(1.0, self._factor * 2)
        self._until_s = self._now_s + self._grown_s(self._limits.slow_s) / 2
        self._move(State.CLOSED if self._factor == 1 else State.SLOWED, reason)
        self._forget_all()

    def _park(self, reason: str) -> None:
        self._until_s = self._now_s + self._grown_s(self._limits.park_s)
        self._relapse()
        self._era += 1
        self._probe_s = None
        self._move(State.PARKED, reason, self._until_s)
        self._forget_all()

    def _judge_probe(self, kind: Blame, why: str) -> None:
        self._probe_s = None
        self._good += kind is Blame.PERSON
        self._bad += kind is Blame.CARRIER
        if self._good >= self._limits.probes:
            self._factor = 1.0
            self._move(State.CLOSED, f"{self._good} of {self._good + self._bad} tries went well")
            self._forget_all()
        elif self._bad >= self._limits.probes:
            tries = f"{self._bad} of {self._good + self._bad} tries failed at the carrier"
            self._park(f"{tries}, the last with {why}" if why else tries)

    def _relapse(self) -> None:
        self._relapses = min(self._relapses + 1, 30)

    def _grown_s(self, base_s: float) -> float:
        return min(self._limits.longest_s, base_s * 2.0**self._relapses)

    def _explained(self) -> str:
        failed, calls = self._counts[Blame.CARRIER], self._calls()
        whys = Counter(event.why for event in self._events if event.blame is Blame.CARRIER and event.why)
        mostly = f", mostly with {whys.most_common(1)[0][0]}" if whys else ""
        return f"{failed} of the last {calls} calls failed at the carrier{mostly}"

    def _move(self, after: State, reason: str, until_s: float | None = None) -> None:
        self.history.append(Transition(self._now_s, self.state, after, reason, until_s))
        self.state, self._since_s = after, self._now_s
        self._calm_since_s = self._now_s
