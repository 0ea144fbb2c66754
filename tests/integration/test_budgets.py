"""A budget is never exceeded: whoever claims, whoever dies, however long the calls were."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest

from ivr.adapters import price_lists
from ivr.adapters.queues import Queues
from ivr.errors import Refused
from ivr.rules.billing import Terms, cost_cents
from ivr.rules.records import Campaign, Way
from ivr.rules.states import AttemptState
from ivr.usecases.originating import BUDGET_SPENT, originate
from tests.integration.scene import Scene, check_counts, listen

PRICES = price_lists.named("2026-11-01")
TERMS = Terms(PRICES.name, 1, 1, 60, 1, 0)
WAY = Way("pbx1", "lab")


def bears(calls: int) -> int:
    """The budget that bears so many calls of the longest kind, and not one more."""
    return cost_cents(PRICES, TERMS, 0, calls)


def with_budget(scene: Scene, people: int, calls: int | None, **more: Any) -> Campaign:
    budget = None if calls is None else bears(calls)
    return scene.campaign(people, terms=TERMS.plain(), budget_cents=budget, **more)


def money(scene: Scene, campaign: Campaign) -> tuple[int, int]:
    """Spent and held, in cents; never more than the budget."""
    now = scene.store.money.spending(scene.store.campaigns.named(campaign.name))
    assert now is not None
    if now.budget_cents is not None:
        assert now.spent_cents + now.held_cents <= now.budget_cents, "the budget is exceeded"
    return now.spent_cents, now.held_cents


def end(scene: Scene, attempt: str, outcome: str = "answered", at_ms: int = 5_000, **more: Any) -> None:
    scene.store.listens.record([], [{"attempt": attempt, "outcome": outcome, "at_ms": at_ms, **more}])


def test_no_more_calls_are_claimed_than_the_budget_bears(scene: Scene) -> None:
    campaign = with_budget(scene, 20, calls=7)
    assert len(scene.claim(campaign, 5)) == 5
    assert len(scene.claim(campaign, 5)) == 2
    assert scene.claim(campaign, 5) == []
    assert money(scene, campaign) == (bears(0), bears(7) - bears(0))


def test_what_a_call_did_not_cost_is_there_for_others(scene: Scene) -> None:
    campaign = with_budget(scene, 20, calls=3)
    first, second, third = scene.dialing(campaign, 3)
    scene.store.attempts.answer_many({first: 1_000})
    end(scene, first, at_ms=31_001)  # 30.001 s: 31 are billed of the 60 that were held
    end(scene, second, outcome="busy")
    assert scene.rows(f"SELECT billed_s FROM attempts WHERE id = '{first}'") == [(31,)]  # noqa: S608
    assert len(scene.claim(campaign, 9)) == 1, "one of the second's, none yet of the first's half"
    scene.store.attempts.answer_many({third: 1_000})
    end(scene, third, at_ms=29_000)
    assert len(scene.claim(campaign, 9)) == 1, "59 seconds of two calls are one call less than two"
    money(scene, campaign)
    check_counts(scene, campaign)


def test_claims_given_back_hold_nothing(scene: Scene) -> None:
    campaign = with_budget(scene, 20, calls=4)
    scene.claim(campaign, 9)
    assert scene.store.attempts.release_campaign(campaign.id) == 4
    assert money(scene, campaign) == (bears(0), 0)
    assert len(scene.claim(campaign, 9)) == 4


@pytest.mark.parametrize(
    ("answered_ms", "end_ms", "outcome", "billed_s"),
    [
        (1_000, 1_000, "answered", 1),  # the least
        (1_000, 900, "answered", 1),  # a clock that was stepped back
        (1_000, 9_000_000, "answered", 60),  # no call is billed for more than was held for it
        (1_000, 9_000_000, "unknown", 1),  # nobody saw it end: not billed until it was found
        (None, 9_000, "answered", 1),  # nobody saw the answer
        (None, 9_000, "no_answer", 0),
        (None, 9_000, "unknown", 0),
    ],
)
def test_seconds_of_a_call(scene: Scene, answered_ms: int | None, end_ms: int, outcome: str, billed_s: int) -> None:
    campaign = with_budget(scene, 1, calls=1)
    attempt = scene.dialing(campaign)[0]
    if answered_ms is not None:
        scene.store.attempts.answer_many({attempt: answered_ms})
    end(scene, attempt, outcome, end_ms)
    assert scene.rows("SELECT billed_s FROM attempts") == [(billed_s,)]
    check_counts(scene, campaign)


def test_what_comes_to_light_later_is_not_billed(scene: Scene) -> None:
    campaign = with_budget(scene, 2, calls=2)
    late, heard = scene.dialing(campaign, 2)
    end(scene, late, "unknown")
    end(scene, late, "answered", 50_000)  # the PBX is back and says so: its money was given to others by then
    scene.store.listens.record([listen(heard, 4_000)], [])
    end(scene, heard, "answered")  # the listen is what is known of its length
    assert dict(scene.rows("SELECT id, billed_s FROM attempts")) == {late: 0, heard: 4}
    check_counts(scene, campaign)


def test_a_budget_is_raised_and_the_campaign_goes_on(scene: Scene, queues: Queues) -> None:
    campaign = with_budget(scene, 10, calls=2)
    assert originate(scene.store, queues, scene.settings, campaign.id, WAY, 5) == 2
    assert originate(scene.store, queues, scene.settings, campaign.id, WAY, 5) == 0
    assert queues.hold(campaign.id) == (BUDGET_SPENT, "")
    assert scene.store.campaigns.named(campaign.name).state == "running"
    with pytest.raises(Refused, match=r"has spent 108\.00 EUR and holds"):
        scene.store.campaigns.change(campaign.id, budget_cents=bears(2) - 1)
    scene.store.campaigns.change(campaign.id, budget_cents=bears(5))
    assert originate(scene.store, queues, scene.settings, campaign.id, WAY, 9) == 3
    scene.store.campaigns.change(campaign.id, budget_cents=None)
    assert originate(scene.store, queues, scene.settings, campaign.id, WAY, 9) == 5


def test_without_a_budget_what_is_spent_is_told_all_the_same(scene: Scene) -> None:
    campaign = with_budget(scene, 3, calls=None)
    assert len(scene.claim(campaign, 9)) == 3
    assert money(scene, campaign) == (bears(0), bears(3) - bears(0))
    assert scene.store.money.spending(scene.campaign(1)) is None, "made before there were prices"


@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_in_whatever_order(scene: Scene, seed: int) -> None:
    chance = random.Random(seed)
    campaign = with_budget(scene, 60, calls=9, retry="")
    live: dict[str, AttemptState] = {}
    for _ in range(60):
        if chance.random() < 0.4:
            live |= dict.fromkeys(scene.claim(campaign, chance.randint(1, 4)), AttemptState.CLAIMED)
        elif live:
            attempt = chance.choice(sorted(live))
            at_ms = chance.randint(0, 200_000)
            if live[attempt] is AttemptState.CLAIMED and chance.random() < 0.3:
                scene.store.attempts.release([attempt])
                del live[attempt]
            elif live[attempt] is AttemptState.CLAIMED:
                scene.begin(attempt)
                live[attempt] = AttemptState.DIALING
            elif live[attempt] is AttemptState.DIALING and chance.random() < 0.6:
                scene.store.attempts.answer_many({attempt: 100_000})
                live[attempt] = AttemptState.ANSWERED
            else:
                end(scene, attempt, chance.choice(["answered", "busy", "unknown", "failed"]), at_ms)
                del live[attempt]
        money(scene, campaign)
    check_counts(scene, campaign)


def test_threads_that_claim_and_record_at_once_keep_it(scene: Scene, make_scene: Callable[..., Scene]) -> None:
    campaign = with_budget(scene, 400, calls=12)
    others = [make_scene(database={"busy_timeout_s": 30}) for _ in range(4)]

    def work(mine: Scene) -> None:
        for _ in range(6):
            attempts = scene_claims(mine, campaign)
            mine.store.attempts.answer_many(dict.fromkeys(attempts, 1_000))
            money(mine, campaign)
            mine.store.listens.record(
                [], [{"attempt": one, "outcome": "answered", "at_ms": 40_500} for one in attempts]
            )

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(work, other) for other in others]:
            done.result()
    spent, held = money(scene, campaign)
    assert held == 0
    assert bears(0) < spent <= bears(12)
    check_counts(scene, campaign)


def scene_claims(scene: Scene, campaign: Campaign) -> list[str]:
    claimed = scene.claim(campaign, 5)
    begun = scene.store.attempts.begin_dialing_many(claimed, scene.ask(), 20)
    return [dialable.attempt for dialable in begun]


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
while True:
    print(len(scene.claim(campaign, 3)), flush=True)
"""


@pytest.mark.timeout(120)
def test_processes_that_claim_and_are_killed_keep_it(scene: Scene) -> None:
    campaign = with_budget(scene, 400, calls=40)
    command = [sys.executable, "-c", CLAIMER, str(scene.settings.home), scene.settings.database.url]
    here = Path(__file__).resolve().parents[2]
    with ExitStack() as stack:
        workers = [
            stack.enter_context(subprocess.Popen(command, cwd=here, text=True, stdin=PIPE, stdout=PIPE))
            for _ in range(3)
        ]
        for worker in workers:
            stack.callback(worker.kill)
        assert [worker.stdout.readline() for worker in workers if worker.stdout] == ["ready\n"] * 3
        for worker in workers:
            assert worker.stdin
            worker.stdin.write("go\n")
            worker.stdin.flush()
        for worker in workers:  # each dies in the middle of whatever it does once it has claimed something, or nothing
            assert worker.stdout
            worker.stdout.readline()
            worker.kill()
        for worker in workers:
            worker.wait()
    claimed = len(scene.rows("SELECT id FROM attempts WHERE state = 'claimed'"))
    assert 0 < claimed <= 40
    money(scene, campaign)
    while scene.claim(campaign, 7):
        pass
    assert len(scene.rows("SELECT id FROM attempts WHERE state = 'claimed'")) == 40, "all of it, and no more"
    assert money(scene, campaign)[1] == bears(40) - bears(0)
