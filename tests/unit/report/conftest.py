"""Campaigns made up for the report's tests, and one whole sample."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from ivr.rules.segments import CallResult, EndedBy, KeyPress, Listen, Play, Segment
from ivr.rules.tally import Tally, call_of
from ivr.usecases.reporting import CampaignFacts, Report, build

MESSAGE_MS = 20_000
START_MS = 1_790_000_000_000
PLACES = {
    "hour": "1-09", "trunk": "lab", "caller_id": "+33199000000", "range": "+3363", "line_type": "mobile",
    "departement": "", "age": "", "batch": "people",
}  # fmt: skip
EMPTY = CampaignFacts(
    name="Réunion publique du 12 mars",
    sponsor="Ville de Saint-Martin",
    language="fr",
    state="finished",
    timezone="Europe/Paris",
    created_ms=START_MS,
    started_ms=START_MS + 60_000,
    finished_ms=START_MS + 120_000,
    as_of_ms=START_MS + 180_000,
    message_ms=MESSAGE_MS,
    preroll_ms=5_000,
    notice_ms=9_000,
    targets=0,
    due=0,
    in_progress=0,
    done={},
    not_allowed={},
    sounds={"preroll": "1f" * 32, "message": "2e" * 32, "notice": "3d" * 32},
)


class Maker:
    """Makes listens, results and reports."""

    def listen(self, heard_ms: int | None, notice_ms: int = 0, **more: Any) -> Listen:
        """heard_ms: of the message; None: it never began."""
        plays = [Play(Segment.PREROLL, "a", 5_000 if heard_ms is not None else 2_000, 5_000, 0)]
        if heard_ms is not None:
            plays.append(Play(Segment.MESSAGE, "b", heard_ms, MESSAGE_MS, 5_000))
        if notice_ms:
            plays.append(Play(Segment.NOTICE, "c", notice_ms, 9_000, 25_000))
        return Listen(attempt="x", plays=tuple(plays), **({"ended_by": EndedBy.LISTENER} | more))

    def stopped(self, segment: Segment, within_ms: int, heard_ms: int | None) -> Listen:
        at_ms = within_ms + {Segment.PREROLL: 0, Segment.MESSAGE: 5_000, Segment.NOTICE: 25_000}[segment]
        press = KeyPress("9", segment, within_ms, at_ms)
        return self.listen(heard_ms, keys=(press,), stop_at_ms=at_ms, ended_by=EndedBy.US)

    def result(self, outcome: str, listen: Listen | None = None, **more: Any) -> CallResult:
        plain = CallResult("+33600000000", "x", outcome, "done" if outcome else "due", "", bool(outcome), 0, 0, listen)
        return replace(plain, **more)

    def answered(self, *listens: Listen) -> list[CallResult]:
        return [self.result("answered", listen) for listen in listens]

    def report(self, results: list[CallResult], **more: Any) -> Report:
        done = Counter(result.outcome for result in results if result.state == "done")
        facts = replace(EMPTY, targets=len(results), due=len(results) - sum(done.values()), done=dict(done))
        called = Counter(result.outcome for result in results if result.outcome)
        tally = self.tally(results)
        facts = replace(facts, called=dict(called))
        return build(replace(facts, **more), tally)

    def tally(self, results: list[CallResult], message_ms: int = MESSAGE_MS) -> Tally:
        """As if every call of these people had been recorded; of those before the last nothing but that they were."""
        tally = Tally()
        for result in results:
            listens = [*result.more, result.listen] if result.outcome == "answered" else [None]
            earlier = ["no_answer"] * (result.dialled - len(listens)) if result.outcome else []
            calls: list[tuple[str, Listen | None]] = [(outcome, None) for outcome in earlier]
            calls += [(result.outcome, listen) for listen in listens] if result.outcome else []
            for number, (outcome, listen) in enumerate(calls, 1):
                places = {"attempt": str(number), **PLACES}
                tally.add(call_of(outcome, listen, message_ms), places)
                tally.unheard += outcome == "answered" and listen is None
        return tally

    def sample(self, people: int = 300, seed: int = 7, **more: Any) -> Report:
        dice = random.Random(seed)
        results = [self._person(dice) for _ in range(people)]
        rules = {"suppressed": 4, "calling-hours-unknown": 2}
        return self.report(results, **({"targets": people + 6, "not_allowed": rules} | more))

    def _person(self, dice: random.Random) -> CallResult:
        outcome = dice.choices(("answered", "no_answer", "busy", "invalid_number", "congestion"), (70, 16, 6, 5, 3))[0]
        return self.result(outcome, self._answer(dice) if outcome == "answered" else None)

    def _answer(self, dice: random.Random) -> Listen:
        kind = dice.choices(("all", "slowly", "early", "before", "stop", "cut", "again"), (46, 25, 8, 5, 6, 4, 6))[0]
        leaving = min(int(dice.expovariate(1 / 9_000)), MESSAGE_MS - 800)
        if kind == "stop":
            segment = dice.choice((Segment.PREROLL, Segment.MESSAGE, Segment.NOTICE))
            heard = {Segment.PREROLL: None, Segment.MESSAGE: leaving, Segment.NOTICE: MESSAGE_MS}[segment]
            return self.stopped(segment, min(leaving, 8_000), heard)
        made = {
            "all": self.listen(MESSAGE_MS, dice.choice((9_000, 9_000, 3_000)), ended_by=EndedBy.US),
            "slowly": self.listen(leaving),
            "early": self.listen(dice.randint(200, 3_900)),
            "before": self.listen(None),
            "cut": self.listen(leaving, ended_by=EndedBy.NETWORK),
            "again": self.again(leaving),
        }
        return made[kind]

    def again(self, first_ms: int) -> Listen:
        once = self.listen(first_ms, ended_by=EndedBy.US)
        return replace(once, plays=(*once.plays, Play(Segment.MESSAGE, "b", MESSAGE_MS, MESSAGE_MS, 30_000)))


@pytest.fixture(scope="session")
def maker() -> Maker:
    return Maker()


@pytest.fixture(scope="session")
def sample(maker: Maker) -> Report:
    """300 people of a fixed seed."""
    return maker.sample()
