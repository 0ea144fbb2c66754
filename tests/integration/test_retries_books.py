"""Whatever happens in whatever order, at any hour: nobody is called more, sooner or later than the campaign allows."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from ivr.adapters.store import Store, schema
from ivr.errors import BadTransition
from ivr.rules.numbers import zones
from ivr.rules.records import Way
from ivr.rules.retry_policy import Ending, RetryPolicy
from ivr.rules.states import CampaignState
from ivr.rules.windows import Hours
from ivr.usecases import campaigns, finishing
from ivr.usecases.recording import end_result, record
from tests.integration.scene import Scene, check_counts, listen, settings_in

NUMBERS = ["+33639980001", "+33639980002", "+33199000003", "+262692000004"]  # the last one in another zone
PARIS = ZoneInfo("Europe/Paris")
BEGIN = datetime(2026, 10, 23, 11, tzinfo=PARIS)  # a Friday; clocks change on the Sunday
POLICIES = (
    "busy=15m 1h x9; no_answer=3h 1d x9; congestion=2m 10m x4; most=5; spacing=15m; per_day=2; jitter=0.1",
    "busy=1m x9; no_answer=1m x9; failed=1m x9; unknown=1h x4; congestion=1m x9; most=6; spacing=30m; per_day=3",
    "congestion=2m 10m 30m x4; no_answer=1h x4; most=9; per_day=9",
    "busy=1d x20; no_answer=1h 5h x2; most=20; spacing=1s; per_day=1; hours_apart=3h; jitter=1",
)
HOURS = ("00:00-24:00", "10:00-13:00,14:00-20:00 mon-fri", "18:00-20:00 mon-sat; 02:00-03:00 sun")
OUTCOMES = [*["busy"] * 9, *["no_answer"] * 9, "failed", "congestion", "unknown", "answered", "invalid_number"]
BLAMES = st.sampled_from(["person"] * 6 + ["carrier"] * 2 + ["nobody"])
ENDS = st.tuples(st.sampled_from(OUTCOMES), BLAMES)
DAYS = [None, None, 0.1, 2, 20, 20]
MEMORY = Path("/dev/shm")  # noqa: S108
index = st.integers(0, 1000)


class Again(RuleBasedStateMachine):
    """What was dialled is judged by rules of the test's own, from what it did itself."""

    new_database: Callable[[Path], str]

    @initialize(line=st.sampled_from(POLICIES), hours=st.sampled_from(HOURS), days=st.sampled_from(DAYS))
    def begin_books(self, line: str, hours: str, days: float | None) -> None:
        self.home = Path(tempfile.mkdtemp(dir=MEMORY if MEMORY.is_dir() else None))  # no disk is waited for
        chosen = settings_in(self.home, database={"url": type(self).new_database(settings_in(self.home).var_dir)})
        self.scene = Scene(chosen, Store(chosen))
        self.now = BEGIN
        self.policy, self.hours = RetryPolicy.parse(line), Hours.parse(hours)
        self.expires = None if days is None else BEGIN + timedelta(days=days)
        values: dict[str, Any] = {"retry": line, "hours": hours, "expires_at_ms": self.expires and ms(self.expires)}
        self.campaign = self.scene.campaign(0, **values)
        with self.scene.store.database.write() as connection:
            for at, number in enumerate(NUMBERS, 1):
                contact = {"id": at, "number": number, "line_type": "mobile", "imported_at_ms": 1}
                connection.execute(schema.contacts.insert(), [contact])
                target = {"id": at, "campaign_id": self.campaign.id, "contact_id": at, "state": "due"}
                connection.execute(schema.targets.insert(), [target])
        self.state = CampaignState.RUNNING
        self.made = 0
        self.claimed: list[str] = []
        self.sent: dict[str, tuple[str, datetime]] = {}  # number and when
        self.endings: dict[str, Ending] = {}
        self.stopped: set[str] = set()

    def pick(self, at: int, among: list[str]) -> str:
        return among[at % len(among)] if among else "nobody"

    @rule(minutes=st.sampled_from([0.1, 1, 5, 16, 61, 200, 720, 1440, 3000]))
    def time_goes_by(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    @rule()
    def until_somebody_is_due(self) -> None:
        first = self.scene.rows("SELECT min(due_at_ms) FROM targets WHERE state = 'due' AND due_at_ms > 0")[0][0]
        if first and ms(self.now) < first:
            self.now = datetime.fromtimestamp(first / 1000, UTC)

    @rule()
    def until_calls_may_be_made(self) -> None:
        opens = self.hours.next_open(self.now, PARIS)
        assert opens
        self.now = opens

    @rule(rounds=st.lists(st.lists(ENDS, min_size=4, max_size=4), min_size=1, max_size=5))
    def call_whoever_may_be_called(self, rounds: list[list[tuple[str, str]]]) -> None:
        for ends in rounds:
            self.until_somebody_is_due()
            self.call(4)
            ringing = [one for one in self.sent if one not in self.endings]
            for (outcome, blame), attempt in zip(ends, ringing, strict=False):
                self.say(attempt, outcome, blame)

    @rule(count=st.integers(1, 3))
    def claim(self, count: int) -> None:
        self.claimed += self.new_claims(count)

    @rule(count=st.integers(1, 3))
    def call(self, count: int) -> None:
        for attempt in self.new_claims(count):
            self.dial(attempt)

    def new_claims(self, count: int) -> list[str]:
        """Their ids tell the jitter: the same example gives the same."""
        first, self.made = self.made, self.made + count
        ids = [f"{ms(self.now):011x}{number:016x}" for number in range(first, self.made)]
        ask = self.scene.ask(self.now)
        return self.scene.store.attempts.claim(self.campaign.id, Way("pbx1", "lab"), ids, ask, ms(self.now))

    @rule(at=index)
    def begin(self, at: int) -> None:
        self.dial(self.pick(at, self.claimed))

    def dial(self, attempt: str) -> None:
        dialable = self.scene.begin(attempt, at=self.now)
        if dialable:
            assert attempt not in self.sent
            self.judge(dialable.number)
            self.sent[attempt] = dialable.number, self.now

    def judge(self, number: str) -> None:
        """Whether that number might be called now."""
        assert self.state is CampaignState.RUNNING
        assert number not in self.stopped
        assert self.expires is None or self.now < self.expires
        where = zones(number) or (PARIS,)
        assert all(self.hours.is_open(self.now, zone) for zone in where)
        before = sorted((at, attempt) for attempt, (whose, at) in self.sent.items() if whose == number)
        if not before:
            return
        endings = [self.endings.get(attempt, Ending.OPEN) for _, attempt in before]
        over = {Ending.OPEN, Ending.REACHED, Ending.INVALID_NUMBER}
        over |= set() if Ending.UNKNOWN in self.policy.again else {Ending.UNKNOWN}
        assert not over & set(endings), endings
        again = self.policy.again[endings[-1]]
        same = endings.count(endings[-1])
        assert same < again.most
        assert self.now - before[-1][0] >= again.delays[min(same, len(again.delays)) - 1]
        persons = [at for (at, _), end in zip(before, endings, strict=True) if end is not Ending.CONGESTION]
        assert len(persons) < self.policy.most
        assert all(self.now - at >= self.policy.spacing for at in persons)
        for zone in where:
            today = self.now.astimezone(zone).date()
            assert sum(at.astimezone(zone).date() == today for at in persons) < self.policy.per_day
        assert len(before) < self.policy.most_attempts

    @rule(at=index)
    def take_back(self, at: int) -> None:
        attempt = self.pick(at, [one for one in self.sent if one not in self.endings])
        if self.scene.states().get(attempt) == "dialing":
            del self.sent[attempt]
        self.scene.store.attempts.take_back_many([attempt])

    @rule(at=index, how=ENDS)
    def end(self, at: int, how: tuple[str, str]) -> None:
        attempt = self.pick(at, [one for one in self.sent if one not in self.endings])
        if attempt != "nobody":
            self.say(attempt, *how)

    def say(self, attempt: str, outcome: str, blame: str) -> None:
        self.say_end(attempt, outcome, blame)
        answered = outcome == "answered"
        self.endings[attempt] = Ending.CONGESTION if blame == "carrier" and not answered else Ending(outcome)

    @rule(at=index)
    def end_again(self, at: int) -> None:
        """What comes late and says that it was answered counts; anything else of what was known does not."""
        attempt = self.pick(at, [one for one, end in self.endings.items() if end is not Ending.UNKNOWN])
        if attempt != "nobody":
            self.say_end(attempt, ("busy", "answered")[at % 2], "person")
            self.endings[attempt] = Ending.REACHED if at % 2 else self.endings[attempt]

    def say_end(self, attempt: str, outcome: str, blame: str) -> None:
        record([end_result(attempt, outcome, ms(self.now), blame=blame)], self.scene.store)

    @rule(at=index)
    def hear(self, at: int) -> None:
        """A listen, before the end of its call (which then says otherwise) or long after it."""
        attempt = self.pick(at, list(self.sent))
        if attempt != "nobody":
            self.scene.store.listens.record([listen(attempt)], [])
            if attempt not in self.endings:
                self.say_end(attempt, "failed", "carrier")
            self.endings[attempt] = Ending.REACHED

    @precondition(lambda self: len(self.sent) > 2 + 3 * len(self.stopped))
    @rule(at=index)
    def person_asks_to_stop(self, at: int) -> None:
        number = NUMBERS[at % len(NUMBERS)]
        self.stopped.add(number)
        self.scene.store.suppressions.add(number, "platform", "request", ms(self.now))

    @rule(minutes=st.sampled_from([1, 16, 61, 1440]))
    def pause_a_while(self, minutes: float) -> None:
        with contextlib.suppress(BadTransition):
            campaigns.pause(self.scene.store, self.campaign.name)
            self.state = CampaignState.PAUSED
            self.claim(3)
            self.time_goes_by(minutes)
            self.call_whoever_may_be_called([[("busy", "person")] * 4])
            self.scene.store.campaigns.move(self.campaign, CampaignState.RUNNING, ms(self.now))
            self.state = CampaignState.RUNNING

    @precondition(lambda self: len(self.sent) > 5)
    @rule()
    def stop_for_good(self) -> None:
        with contextlib.suppress(BadTransition):
            campaigns.stop(self.scene.store, self.campaign.name)
            self.state = CampaignState.STOPPED
            assert self.scene.store.campaigns.books(self.campaign.id).waiting == 0

    @rule()
    def housekeeping(self) -> None:
        self.scene.store.attempts.release_claimed(None, ms(self.now) - 60_000)
        finishing.finish_done(self.scene.store, ms(self.now))
        self.state = self.scene.store.campaigns.named(self.campaign.name).state
        books = self.scene.store.campaigns.books(self.campaign.id)
        if self.state is CampaignState.FINISHED:
            assert books.due == books.in_progress == 0
        if self.expires and self.now >= self.expires and self.state is CampaignState.RUNNING:
            assert books.due == 0

    @invariant()
    def every_target_is_in_one_place(self) -> None:
        books = self.scene.store.campaigns.books(self.campaign.id)
        assert books.targets == len(NUMBERS)
        assert books.balance
        open_ = "SELECT count(*) FROM attempts WHERE state IN ('claimed', 'dialing', 'answered')"
        assert self.scene.rows(open_) == [(books.in_progress,)]
        waits = self.scene.rows("SELECT outcome, due_at_ms FROM targets WHERE state = 'due' AND outcome != ''")
        assert all(due_ms > 0 and outcome != "answered" for outcome, due_ms in waits)
        assert (books.waiting, books.next_due_ms) == (len(waits), min((due for _, due in waits), default=None))
        for result in self.scene.store.listens.snapshot(self.campaign.id)[1]:
            mine = [attempt for attempt, (number, _) in self.sent.items() if number == result.number]
            assert result.dialled == len(mine)
            ended = [self.endings[attempt] for attempt in mine if attempt in self.endings]
            if result.state == "done":
                assert (result.outcome == "answered") == (Ending.REACHED in ended)

    def teardown(self) -> None:
        if hasattr(self, "scene"):
            try:
                check_counts(self.scene, self.campaign)
            finally:
                self.scene.store.close()
                shutil.rmtree(self.home)


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


@pytest.mark.timeout(240)
def test_nobody_is_called_more_often_sooner_or_later_than_allowed(new_database: Callable[[Path], str]) -> None:
    Again.new_database = staticmethod(new_database)
    run_state_machine_as_test(
        Again,
        settings=settings(
            max_examples=20, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
