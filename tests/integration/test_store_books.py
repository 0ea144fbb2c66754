"""The books balance at every moment, whatever happens in whatever order, and nobody is called twice."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ivr.adapters.store import Store
from ivr.errors import BadTransition
from ivr.rules.states import CampaignState
from ivr.usecases import campaigns
from tests.integration.scene import Scene, check_counts, listen, settings_in

PEOPLE = 6
FORWARD = {"claimed": 0, "released": 1, "dialing": 1, "answered": 2, "ended": 3}
index = st.integers(0, 1000)


class Books(RuleBasedStateMachine):
    new_database: Callable[[Path], str]

    @initialize()
    def begin_books(self) -> None:
        self.home = Path(tempfile.mkdtemp())
        url = type(self).new_database(settings_in(self.home).var_dir)
        chosen = settings_in(self.home, database={"url": url})
        self.scene = Scene(chosen, Store(chosen))
        self.campaign = self.scene.campaign(PEOPLE)
        self.attempts: list[str] = []
        self.sent: set[str] = set()
        self.taken_back: set[str] = set()
        self.clock = 100
        self.before: dict[str, str] = {}

    def pick(self, at: int) -> str:
        return self.attempts[at % len(self.attempts)] if self.attempts else "nobody"

    def now(self) -> int:
        self.clock += 1
        return self.clock

    @rule(count=st.integers(1, 3))
    def claim(self, count: int) -> None:
        self.attempts += self.scene.claim(self.campaign, count, self.now())

    @rule(at=index)
    def begin(self, at: int) -> None:
        if self.scene.begin(self.pick(at), self.now()):
            assert self.pick(at) not in self.sent, "an attempt began twice"
            self.sent.add(self.pick(at))

    @rule(at=index)
    def take_back(self, at: int) -> None:
        if self.scene.states().get(self.pick(at)) == "dialing":
            self.taken_back.add(self.pick(at))
        self.scene.store.attempts.take_back_many([self.pick(at)])

    @rule(at=index)
    def answer(self, at: int) -> None:
        self.scene.store.attempts.answer_many({self.pick(at): self.now()})

    @rule(at=index, outcome=st.sampled_from(["answered", "busy", "no_answer", "unknown", "failed"]))
    def end(self, at: int, outcome: str) -> None:
        self.scene.store.listens.record([], [{"attempt": self.pick(at), "outcome": outcome, "at_ms": self.now()}])

    @rule(at=index, by=st.sampled_from(["agi", "dialplan", "none"]), heard_ms=st.integers(0, 4000))
    def hear(self, at: int, by: str, heard_ms: int) -> None:
        if self.pick(at) in self.sent - self.taken_back:
            self.scene.store.listens.record([listen(self.pick(at), heard_ms, by)], [])

    @rule(at=index)
    def stop_person(self, at: int) -> None:
        self.scene.store.suppressions.stop_attempt(self.pick(at), self.now())

    @rule(age=st.integers(0, 50))
    def give_back(self, age: int) -> None:
        self.scene.store.attempts.release_claimed(None, self.clock - age)

    @rule(halt=st.sampled_from([campaigns.pause, campaigns.pause, campaigns.pause, campaigns.stop]))
    def halt(self, halt: Callable[[Store, str], object]) -> None:
        with contextlib.suppress(BadTransition):
            halt(self.scene.store, self.campaign.name)

    @rule()
    def resume(self) -> None:
        with contextlib.suppress(BadTransition):
            self.scene.store.campaigns.move(self.campaign, CampaignState.RUNNING, self.now())

    @invariant()
    def nothing_is_lost_or_doubled(self) -> None:
        store = self.scene.store
        books = store.campaigns.books(self.campaign.id)
        assert books.targets == PEOPLE
        assert books.balance, books
        states = self.scene.states()
        for attempt, was in self.before.items():
            if states[attempt] != was:
                assert FORWARD[states[attempt]] > FORWARD[was] or attempt in self.taken_back, (was, states[attempt])
        self.before = states
        sent = self.scene.rows(
            "SELECT target_id, count(*) FROM attempts"
            " WHERE dialing_at_ms IS NOT NULL AND state != 'released' GROUP BY target_id"
        )
        assert all(count == 1 for _, count in sent), "a person was called twice"
        open_targets = self.scene.rows(
            "SELECT count(*) FROM attempts WHERE state IN ('claimed', 'dialing', 'answered')"
        )[0][0]
        assert open_targets == books.in_progress
        unheard = self.scene.rows(
            "SELECT id FROM attempts WHERE state = 'ended' AND outcome = 'answered' "
            "AND id NOT IN (SELECT attempt_id FROM listens)"
        )
        assert sorted(store.listens.without_listen()) == sorted(row[0] for row in unheard)
        assert store.campaigns.has_open_targets(self.campaign.id) == (books.due + books.in_progress > 0)
        _, results = store.listens.snapshot(self.campaign.id)
        assert len(results) == PEOPLE
        assert all(result.listen is None or result.dialled == 1 for result in results)
        heard = {result.attempt for result in results if result.listen and result.state == "done"}
        assert heard <= {result.attempt for result in results if result.outcome == "answered"}

    def teardown(self) -> None:
        if hasattr(self, "scene"):
            try:
                check_counts(self.scene, self.campaign)
            finally:
                self.scene.store.close()
                shutil.rmtree(self.home)


@pytest.mark.timeout(300)  # forty databases are made, and every commit waits for the disk
def test_the_books_balance_at_every_moment(new_database: Callable[[Path], str]) -> None:
    Books.new_database = staticmethod(new_database)
    run_state_machine_as_test(
        Books,
        settings=settings(
            max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
