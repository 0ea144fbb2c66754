"""The moves of attempts: one conditional UPDATE each, committed before the effect, never two calls to one person."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE

import pytest
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from ivr.adapters.store import locks, schema
from ivr.errors import StoreBusy
from ivr.rules.gate import RULE_PACK
from ivr.rules.states import CampaignState
from ivr.usecases import campaigns
from tests.integration.scene import Scene


def test_a_claim_is_committed_with_its_target(scene: Scene) -> None:
    campaign = scene.campaign(3)
    claimed = scene.claim(campaign, 2)
    assert set(scene.states().values()) == {"claimed"}
    assert Counter(scene.states("targets").values()) == {"in_progress": 2, "due": 1}
    assert len(claimed) == 2


def test_dialing_is_committed_when_begin_returns(scene: Scene, make_scene: Callable[..., Scene]) -> None:
    attempt = scene.claim(scene.campaign(1), 1)[0]
    assert scene.begin(attempt)
    assert make_scene().states() == {attempt: "dialing"}, "another connection must see it before anything is sent"


def test_an_attempt_begins_once(scene: Scene) -> None:
    attempt = scene.claim(scene.campaign(1), 1)[0]
    first = scene.begin(attempt)
    assert first
    assert first.attempt == attempt
    assert scene.begin(attempt) is None


def test_many_threads_begin_an_attempt_once(scene: Scene) -> None:
    attempts = scene.claim(scene.campaign(20), 20)
    begun: list[str] = []
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        begun.extend(attempt for attempt in attempts if scene.begin(attempt))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work) for _ in range(4)]:
            done.result()
    assert sorted(begun) == sorted(attempts)


def test_threads_never_claim_the_same_target(scene: Scene, make_scene: Callable[..., Scene]) -> None:
    campaign = scene.campaign(120)
    others = [make_scene() for _ in range(4)]
    start = threading.Barrier(4)

    def work(mine: Scene) -> int:
        start.wait()
        return mine.claim_all(campaign, 7)

    with ThreadPoolExecutor(4) as pool:
        claimed = sum(pool.map(work, others))
    assert claimed == 120
    targets = scene.rows("SELECT target_id FROM attempts")
    assert len(targets) == len(set(targets)) == 120


CLAIMER = """
import sys
from pathlib import Path
from ivr.adapters.store import Store
from tests.integration.scene import Scene, settings_in
settings = settings_in(Path(sys.argv[1]), database={"url": sys.argv[2], "busy_timeout_s": 30})
scene = Scene(settings, Store(settings))
campaign = scene.store.campaigns.named("campaign-1")
print("ready", flush=True)
sys.stdin.readline()
print(scene.claim_all(campaign, 3), flush=True)
scene.store.close()
"""


@pytest.mark.timeout(120)
def test_eight_processes_never_claim_the_same_target_and_forget_none(scene: Scene) -> None:
    scene.campaign(300)
    command = [sys.executable, "-c", CLAIMER, str(scene.settings.home), scene.settings.database.url]
    here = Path(__file__).resolve().parents[2]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(subprocess.Popen(command, cwd=here, text=True, stdin=PIPE, stdout=PIPE))
            for _ in range(8)
        ]
        assert [worker.stdout.readline() for worker in workers if worker.stdout] == ["ready\n"] * 8
        for worker in workers:
            assert worker.stdin
            worker.stdin.write("go\n")
            worker.stdin.flush()
        counts = [int(worker.communicate(timeout=90)[0]) for worker in workers]
    assert sum(counts) == 300
    targets = scene.rows("SELECT target_id FROM attempts")
    assert len(targets) == len(set(targets)) == 300


@pytest.mark.parametrize("state", ["claimed", "dialing", "answered"])
def test_the_index_refuses_a_second_open_attempt(scene: Scene, state: str) -> None:
    campaign = scene.campaign(1)
    scene.dialing(campaign)
    target = scene.rows("SELECT id FROM targets")[0][0]
    values = {"id": "second", "target_id": target, "campaign_id": campaign.id, "pbx": "pbx1", "claimed_at_ms": 1}
    with pytest.raises(IntegrityError), scene.store.database.write() as connection:
        connection.execute(insert(schema.attempts).values(**values, state=state))


def test_claims_that_aged_are_given_back_and_cannot_begin(scene: Scene) -> None:
    campaign = scene.campaign(2)
    old, young = scene.claim(campaign, 1, at_ms=10)[0], scene.claim(campaign, 1, at_ms=100)[0]
    assert scene.store.attempts.release_claimed(None, 50) == 1
    assert scene.states() == {old: "released", young: "claimed"}
    assert scene.begin(old) is None
    assert scene.store.campaigns.books(campaign.id).due == 1


def test_claims_of_before_the_clock_was_stepped_back_are_given_back(scene: Scene) -> None:
    campaign = scene.campaign(2)
    soon, late = scene.claim(campaign, 1, at_ms=60_000)[0], scene.claim(campaign, 1, at_ms=3_600_000)[0]
    assert scene.store.attempts.release_claimed("pbx1", 50) == 1
    assert scene.states() == {soon: "claimed", late: "released"}


def test_what_was_sent_is_never_given_back_as_a_claim(scene: Scene) -> None:
    campaign = scene.campaign(2)
    sent, answered = scene.dialing(campaign, 2)
    scene.store.attempts.answer_many({answered: 30})
    assert scene.store.attempts.release_claimed(None, 10**15) == 0
    assert scene.store.attempts.release_campaign(campaign.id) == 0
    assert scene.states() == {sent: "dialing", answered: "answered"}


def test_take_back_makes_the_target_due_again(scene: Scene) -> None:
    campaign = scene.campaign(1)
    attempt = scene.dialing(campaign)[0]
    scene.store.attempts.take_back_many([attempt])
    assert scene.states() == {attempt: "released"}
    again = scene.claim(campaign, 1)
    assert again
    assert again[0] != attempt
    assert scene.begin(again[0]), "what was taken back was not sent, and does not count as reached"


def test_take_back_leaves_everything_but_dialing_alone(scene: Scene) -> None:
    campaign = scene.campaign(2)
    answered, claimed = scene.dialing(campaign)[0], scene.claim(campaign, 1)[0]
    scene.store.attempts.answer_many({answered: 30})
    for attempt in (answered, claimed, "nobody"):
        scene.store.attempts.take_back_many([attempt])
    assert scene.states() == {answered: "answered", claimed: "claimed"}


@pytest.mark.parametrize("halt", [campaigns.pause, campaigns.stop])
def test_a_halted_campaign_lets_nothing_out(scene: Scene, halt: Callable[..., object]) -> None:
    campaign = scene.campaign(3)
    before = scene.claim(campaign, 2)
    halt(scene.store, campaign.name)
    assert scene.claim(campaign, 1) == []
    assert [scene.begin(attempt) for attempt in before] == [None, None]
    books = scene.store.campaigns.books(campaign.id)
    assert (books.due, books.in_progress) == (3, 0)


def test_a_halt_between_its_two_steps_lets_nothing_out(scene: Scene) -> None:
    campaign = scene.campaign(1)
    attempt = scene.claim(campaign, 1)[0]
    scene.store.campaigns.move(campaign, CampaignState.PAUSED, 15)  # and the claims are not yet given back
    assert scene.begin(attempt) is None
    assert scene.states() == {attempt: "released"}
    assert scene.store.campaigns.books(campaign.id).due == 1
    assert scene.rows("SELECT * FROM refusals") == []


def test_suppression_is_asked_when_claiming(scene: Scene) -> None:
    campaign = scene.campaign(3)
    scene.store.suppressions.add("+33639981001", "platform", "request", 5)
    assert len(scene.claim(campaign, 3)) == 2
    books = scene.store.campaigns.books(campaign.id)
    assert books.not_allowed == {"suppressed": 1}
    assert scene.rows("SELECT rule, rule_pack, asked_when FROM refusals") == [("suppressed", RULE_PACK, "claiming")]


def test_suppression_is_asked_again_right_before_dialing(scene: Scene) -> None:
    campaign = scene.campaign(1)
    attempt = scene.claim(campaign, 1)[0]
    scene.store.suppressions.add("+33639981000", f"sponsor:{campaign.sponsor_id}", "request", 5)
    assert scene.begin(attempt) is None
    assert scene.rows("SELECT rule, rule_pack, asked_when FROM refusals") == [("suppressed", RULE_PACK, "dialing")]
    books = scene.store.campaigns.books(campaign.id)
    assert books.not_allowed == {"suppressed": 1}
    assert books.balance


def test_a_stop_of_one_sponsor_is_not_that_of_another(scene: Scene) -> None:
    campaign = scene.campaign(1)
    scene.store.suppressions.add("+33639981000", f"sponsor:{campaign.sponsor_id + 1}", "request", 5)
    assert scene.claim(campaign, 1)


def test_a_stop_holds_in_every_campaign_of_the_sponsor(scene: Scene) -> None:
    first = scene.campaign(1)
    attempt = scene.dialing(first)[0]
    batch = first.batch_id
    other = scene.campaign(0, batch_id=batch)
    stranger = scene.campaign(0, batch_id=batch, sponsor="Somebody else")
    assert scene.store.suppressions.stop_attempt(attempt, 30) == "+33639981000"
    assert scene.store.suppressions.stop_attempt(attempt, 31)
    assert scene.claim(other, 1) == []
    assert scene.claim(stranger, 1)
    assert scene.rows("SELECT count(*) FROM suppressions") == [(1,)]
    assert "+33639981000" not in str(scene.rows("SELECT * FROM suppressions"))


def test_people_who_may_not_be_called_do_not_cost_a_round_each(scene: Scene) -> None:
    campaign = scene.campaign(30)
    for n in range(20):
        scene.store.suppressions.add(f"+3363998{1000 + n}", "platform", "request", 5)
    assert len(scene.claim(campaign, 5)) == 5
    assert scene.store.campaigns.books(campaign.id).not_allowed == {"suppressed": 20}


def test_outside_the_hours_nothing_is_claimed_or_lost(scene: Scene) -> None:
    campaign = scene.campaign(3, hours="")
    with scene.store.database.write() as connection:
        connection.execute(schema.campaigns.update().values(hours=other_hours()))
    assert scene.claim(campaign, 3) == []
    assert scene.store.campaigns.books(campaign.id).due == 3


def test_hours_that_end_between_claim_and_dialing_give_the_claim_back(scene: Scene) -> None:
    campaign = scene.campaign(1)
    attempt = scene.claim(campaign, 1)[0]
    with scene.store.database.write() as connection:
        connection.execute(schema.campaigns.update().values(hours=other_hours()))
    assert scene.begin(attempt) is None
    assert scene.store.campaigns.books(campaign.id).due == 1
    assert scene.states() == {attempt: "released"}


def other_hours() -> str:
    """Calling hours that are open, but not now, whatever the clock of the test says."""
    import datetime as dt
    from zoneinfo import ZoneInfo

    hour = (dt.datetime.now(ZoneInfo("Europe/Paris")).hour + 12) % 24
    return f"{hour:02d}:00-{hour:02d}:30"


def test_somebody_reached_is_not_called_again_whatever_the_target_says(scene: Scene) -> None:
    campaign = scene.campaign(1)
    attempt = scene.dialing(campaign)[0]
    end = {"attempt": attempt, "outcome": "no_answer", "at_ms": 40}
    scene.store.listens.record([], [end])
    with scene.store.database.write() as connection:  # a bug that makes a called person due again
        connection.execute(schema.targets.update().values(state="due"))
    assert scene.claim(campaign, 1) == []
    assert scene.store.campaigns.books(campaign.id).outcomes == {"no_answer": 1}
    assert scene.rows("SELECT rule, asked_when FROM refusals") == [("already-reached", "claiming")]


def test_a_locked_database_is_temporary_and_changes_nothing(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(database={"busy_timeout_s": 0.05})
    attempt, other = scene.claim(scene.campaign(1), 1)[0], make_scene()
    with other.store.database.write() as connection:
        locks.changing_answers(connection)
        with pytest.raises(StoreBusy):
            scene.begin(attempt)
    assert scene.begin(attempt)


def test_open_attempts_are_those_sent_and_not_ended(scene: Scene) -> None:
    campaign = scene.campaign(4)
    ended, dialing, answered = scene.dialing(campaign, 3)
    scene.claim(campaign, 1)
    scene.store.attempts.answer_many({answered: 30})
    scene.store.listens.record([], [{"attempt": ended, "outcome": "busy", "at_ms": 40}])
    found = scene.store.attempts.open_on("pbx1")
    assert set(found) == {dialing, answered}
    assert {(one.trunk, one.dialing_at_ms) for one in found.values()} == {("lab", 20)}
    assert scene.store.attempts.open_on("pbx2") == {}


def test_many_begin_at_once_in_the_order_given_each_asked_for_itself(scene: Scene) -> None:
    first = scene.campaign(5)
    other = scene.campaign(0, batch_id=first.batch_id, sponsor="Somebody else")
    paused = scene.campaign(2)
    mine, theirs, waiting = scene.claim(first, 4), scene.claim(other, 4), scene.claim(paused, 2)
    scene.store.suppressions.add("+33639981001", f"sponsor:{first.sponsor_id}", "request", 5)
    scene.store.suppressions.add("+33639981002", "platform", "request", 5)
    scene.store.campaigns.move(paused, CampaignState.PAUSED, 15)
    given = [*reversed(theirs), mine[3], *waiting, *mine, mine[0], "nobody"]
    begun = [one.attempt for one in scene.store.attempts.begin_dialing_many(given, scene.ask(), 20)]
    assert begun == [theirs[3], theirs[1], theirs[0], mine[3], mine[0]]
    assert scene.store.attempts.begin_dialing_many(given, scene.ask(), 21) == []
    assert scene.store.campaigns.books(first.id).not_allowed == {"suppressed": 2}
    assert scene.store.campaigns.books(other.id).not_allowed == {"suppressed": 1}
    books = scene.store.campaigns.books(paused.id)
    assert (books.due, books.in_progress, books.not_allowed) == (2, 0, {})


def test_begin_many_of_none_is_none(scene: Scene) -> None:
    assert scene.store.attempts.begin_dialing_many([], scene.ask(), 20) == []
    assert scene.store.attempts.may_leave_many([], scene.ask()) == set()
    scene.store.attempts.take_back_many([])
    scene.store.attempts.answer_many({})
    assert scene.store.attempts.release([]) == 0


def test_those_may_leave_that_would_still_get_a_yes(scene: Scene) -> None:
    campaign, paused = scene.campaign(4), scene.campaign(1)
    suppressed, fine, answered = scene.dialing(campaign, 3)
    claimed, held = scene.claim(campaign, 1)[0], scene.dialing(paused)[0]
    scene.store.suppressions.add("+33639981000", "platform", "request", 5)
    scene.store.attempts.answer_many({answered: 30})
    scene.store.campaigns.move(paused, CampaignState.PAUSED, 15)
    asked = [suppressed, fine, answered, claimed, held, "nobody"]
    assert scene.store.attempts.may_leave_many(asked, scene.ask()) == {fine}


def test_claims_are_given_back_by_id_and_nothing_else_is(scene: Scene) -> None:
    campaign = scene.campaign(5)
    sent, (kept, back, also) = scene.dialing(campaign)[0], scene.claim(campaign, 3)
    assert scene.store.attempts.release([sent, back, also, back, "nobody"]) == 2
    assert scene.states() == {sent: "dialing", kept: "claimed", back: "released", also: "released"}
    assert scene.store.campaigns.books(campaign.id).due == 3
    assert scene.store.attempts.release([back]) == 0


def test_answers_change_what_is_dialing_and_nothing_else(scene: Scene) -> None:
    campaign = scene.campaign(4)
    one, two, ended = scene.dialing(campaign, 3)
    claimed = scene.claim(campaign, 1)[0]
    scene.store.listens.record([], [{"attempt": ended, "outcome": "busy", "at_ms": 40}])
    scene.store.attempts.answer_many({two: 31, one: 30, ended: 32, claimed: 33, "nobody": 34})
    scene.store.attempts.answer_many({one: 99})
    found = {row[0]: row[1:] for row in scene.rows("SELECT id, state, answered_at_ms FROM attempts")}
    assert found == {one: ("answered", 30), two: ("answered", 31), ended: ("ended", None), claimed: ("claimed", None)}


def test_what_was_sent_to_a_pbx_that_is_lost_is_ended_and_never_due_again(scene: Scene) -> None:
    campaign = scene.campaign(6)
    old, answered, ended = scene.dialing(campaign, 3)
    scene.store.attempts.answer_many({answered: 30})
    scene.store.listens.record([], [{"attempt": ended, "outcome": "busy", "at_ms": 40}])
    young, claimed = scene.claim(campaign, 2)
    assert scene.begin(young, 500)
    assert scene.store.attempts.close_lost("pbx2", 10**12, 600) == 0
    assert scene.store.attempts.close_lost("pbx1", 500, 600) == 2
    assert scene.store.attempts.close_lost("pbx1", 500, 601) == 0
    states = scene.states()
    assert [states[one] for one in (old, answered, ended, young, claimed)] == [
        "ended", "ended", "ended", "dialing", "claimed",
    ]  # fmt: skip
    books = scene.store.campaigns.books(campaign.id)
    assert (books.due, books.in_progress) == (1, 2)
    assert books.outcomes["busy"] == 1
    assert books.balance


def test_a_lost_pbx_with_many_calls_is_closed_whole(scene: Scene) -> None:
    campaign = scene.campaign(1100)
    scene.dialing(campaign, 1100)
    assert scene.store.attempts.close_lost("pbx1", 500, 600) == 1100
    assert scene.store.campaigns.books(campaign.id).outcomes == {"unknown": 1100}
