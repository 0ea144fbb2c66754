"""What the controller outlives: garbage, bugs, a Redis that dies or forgets, a link that breaks."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from ivr.adapters.ami import AmiClient
from ivr.adapters.outbox import Outbox
from ivr.adapters.pbx.cdr import CdrRecord
from ivr.adapters.queues import RESULTS, Queues
from ivr.errors import AmiLoginRefused
from ivr.rules.records import Halt, Way
from ivr.rules.segments import Segment
from ivr.rules.states import CampaignState
from ivr.usecases import campaigns, feeding, keeping, telling
from ivr.usecases.controlling import Controller
from ivr.usecases.finishing import finish_done
from ivr.usecases.originating import originate
from ivr.usecases.recording import end_result, listen_result, record
from tests.integration.conftest import RedisServer
from tests.integration.house import Bells, House, Witness, house, quick
from tests.integration.scene import Scene, listen

MakeScene = Callable[..., Scene]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)


def test_a_listen_that_redis_lost_comes_again_from_the_outbox(scene: Scene, queues: Queues) -> None:
    async def go() -> None:
        async with house(scene, queues) as one:
            campaign = scene.campaign(1)
            await one.until(lambda: one.pbx.sent)
            [attempt] = one.pbx.sent
            outbox = Outbox(scene.settings.var_dir / "outbox", "agi", lambda _results: None)  # sent into nothing
            outbox.put({"kind": "listen", "attempt": attempt, "plays": "garbage"})
            outbox.put(listen_result(listen(attempt, 1234, stop_at_ms=900)))
            one.pbx.answers(attempt)
            one.pbx.hangs_up(attempt, 16)
            await one.until(lambda: one.state(campaign) is CampaignState.FINISHED)
            outbox.close()
            result = scene.store.listens.snapshot(campaign.id)[1][0]
            assert result.listen
            assert result.listen.heard_ms(Segment.MESSAGE) == 1234
            assert scene.rows("SELECT reason FROM suppressions") == [("key 9",)]
            assert queues.buried() == 0

    asyncio.run(go())


def test_garbage_does_not_stop_the_controller(scene: Scene, queues: Queues) -> None:
    async def go() -> None:
        async with house(scene, queues) as one:
            await one.until(lambda: one.controller.dialer.ready)
            queues.push_orders(
                "pbx1", ["", "garbage", "lab x y", "lab 1 nobody", "elsewhere 1 a1", "\u00b2 \u00b2 \u00b2"]
            )
            queues._redis.xadd(RESULTS, {"json": "garbage"})
            for name in ("IvrFallback", "IvrPlay", "IvrStop", "Other"):
                one.pbx.fake.say("Event: UserEvent", f"UserEvent: {name}")
                one.pbx.tells(name, "nobody", "Segment: dance", "Began: \u00b2\u00b3", "Status: begin", "Reason: x")
            one.pbx.fake.say("Event: OriginateResponse")
            one.pbx.fake.say("Event: Hangup", "Uniqueid: nobody", "Cause: \u00b2")
            one.pbx.fate = one.pbx.busy
            campaign = scene.campaign(3)
            await one.until(lambda: one.state(campaign) is CampaignState.FINISHED)
            assert queues.buried() == 1

    asyncio.run(go())


def test_an_order_that_cannot_be_read_takes_no_other_with_it(scene: Scene, queues: Queues) -> None:
    async def go() -> None:
        async with house(scene, queues) as one:
            await one.until(lambda: one.controller.dialer.ready)
            one.controller.dialer.orders_ahead = lambda *_: {}  # type: ignore[method-assign]  # this test makes its own orders
            campaign = scene.campaign(1)
            claimed = scene.claim(campaign, 1, at_ms=int(time.time() * 1000))
            queues.push_orders("pbx1", ["garbage", f"lab {campaign.id} {claimed[0]}"])
            await one.until(lambda: one.pbx.sent == claimed)

    asyncio.run(go())


def test_strange_headers_of_our_own_calls_do_not_stop_the_controller(scene: Scene, queues: Queues) -> None:
    async def go() -> None:
        async with house(scene, queues) as one:

            def strange(attempt: str) -> None:
                name = ("OriginateResponse", "ActionID", "Response: Failure", "Reason: \u00b2")
                one.pbx.fake.say(f"Event: {name[0]}", f"{name[1]}: {attempt}", *name[2:])
                one.pbx.live.discard(attempt)
                one.pbx.fake.say("Event: Hangup", f"Uniqueid: {attempt}", "Cause: \u00b2\u00b2", "TechCause: \u00b2")

            one.pbx.fate = strange
            campaign = scene.campaign(2)
            await one.until(lambda: one.state(campaign) is CampaignState.FINISHED)

    asyncio.run(go())


@pytest.mark.parametrize("broken", ["answer_many", "campaign_of", "open_on", "release_claimed"])
def test_an_unexpected_error_is_logged_and_outlived(
    scene: Scene, queues: Queues, broken: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    whole, left = getattr(scene.store.attempts, broken), [1]

    def fails_once(*args: Any) -> Any:
        if (left and broken != "release_claimed") or (left and args[0] is None):
            left.pop()
            raise RuntimeError("a bug that knows +33639981000")
        return whole(*args)

    monkeypatch.setattr(scene.store.attempts, broken, fails_once)

    async def go() -> None:
        async with house(scene, queues) as one:

            def fallback(attempt: str) -> None:
                one.pbx.answers(attempt)
                one.pbx.tells("IvrFallback", attempt, "Segment: ", "Began: ", "Reason: agi")
                one.pbx.tells("IvrPlay", attempt, "Segment: notice", "Status: begin")
                one.pbx.tells("IvrPlay", attempt, "Segment: notice", "Status: end")
                one.pbx.hangs_up(attempt, 16)

            one.pbx.fate = fallback
            campaign = scene.campaign(1)
            await one.until(lambda: one.state(campaign) is CampaignState.FINISHED)
            result = scene.store.listens.snapshot(campaign.id)[1][0]
            assert result.listen
            assert result.listen.measured_by == "dialplan"

    asyncio.run(go())
    assert not left
    assert "+33639981000" not in caplog.text


def test_orders_that_were_lost_give_their_claims_back(
    scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "CLAIM_LIFE_S", 0.4)

    async def go() -> None:
        async with house(scene, queues) as one:
            await one.until(lambda: one.controller.dialer.ready)
            one.pbx.fate = one.pbx.busy
            campaign = scene.campaign(3, start=False)
            scene.store.campaigns.move(campaign, CampaignState.RUNNING, 2)
            scene.claim(campaign, 3, at_ms=int(time.time() * 1000))  # and Redis lost the orders
            await one.until(lambda: one.outcomes(campaign) == {"busy": 3})
            assert len(one.pbx.sent) == 3

    asyncio.run(go())


def test_claims_of_the_controller_before_are_given_back_and_their_orders_are_gone(scene: Scene, queues: Queues) -> None:
    campaign = scene.campaign(2)
    old = scene.claim(campaign, 2)
    queues.push_orders("pbx1", [f"lab {campaign.id} {attempt}" for attempt in old])

    async def go() -> None:
        async with house(scene, queues) as one:
            one.pbx.fate = one.pbx.busy
            await one.until(lambda: one.state(campaign) is CampaignState.FINISHED)
            assert not set(one.pbx.sent) & set(old)
            assert len(one.pbx.sent) == 2

    asyncio.run(go())


def test_redis_gone_and_back_costs_delay_only(make_scene: MakeScene, redis_server: RedisServer) -> None:
    scene, queues = make_scene(), Queues(redis_server.url)

    async def go() -> None:
        async with house(scene, queues) as one:
            campaign = scene.campaign(4)
            await one.until(lambda: len(one.pbx.sent) == 4)
            await asyncio.to_thread(redis_server.kill)
            for attempt in one.pbx.sent:
                one.pbx.busy(attempt)
            await one.until(lambda: not one.controller.dialer.calls)
            await asyncio.sleep(0.3)
            assert one.outcomes(campaign) == {}
            await asyncio.to_thread(redis_server.start)
            await one.until(lambda: one.state(campaign) is CampaignState.FINISHED, 15)
            assert one.outcomes(campaign) == {"busy": 4}
            assert len(one.pbx.sent) == 4

    asyncio.run(go())
    queues.close()


def test_everything_flushed_costs_delay_only(scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "CLAIM_LIFE_S", 0.5)
    monkeypatch.setattr(telling, "PUBLISHED_LIFE_S", 0.5)

    async def go() -> None:
        async with house(scene, queues) as one:

            def busy(attempt: str) -> None:
                one.witness.cdr[attempt] = CdrRecord(attempt, 1, 0, 2, 0, "BUSY")
                one.pbx.busy(attempt)
                queues._redis.flushall()

            one.pbx.fate = busy
            campaign = scene.campaign(8)
            await one.until(lambda: one.state(campaign) is CampaignState.FINISHED, 20)
            assert one.outcomes(campaign) == {"busy": 8}
            assert len(one.pbx.sent) == len(set(one.pbx.sent)) == 8

    asyncio.run(go())


def test_after_the_link_was_lost_calls_are_reconciled_before_new_ones_go_out(scene: Scene, queues: Queues) -> None:
    async def go() -> None:
        async with house(scene, queues) as one:
            campaign = scene.campaign(2)
            await one.until(lambda: len(one.pbx.sent) == 2)
            lives, gone = one.pbx.sent
            one.pbx.live.discard(gone)
            one.witness.cdr[gone] = CdrRecord(gone, 1, 0, 25_001, 0, "NO ANSWER")
            one.pbx.fake.cut()
            await one.until(lambda: one.outcomes(campaign) == {"no_answer": 1})
            one.pbx.busy(lives)
            await one.until(lambda: one.outcomes(campaign) == {"no_answer": 1, "busy": 1})
            assert len(one.pbx.sent) == 2

    asyncio.run(go())


def test_a_refused_login_ends_the_controller(scene: Scene, queues: Queues) -> None:
    async def go() -> None:
        async with house(scene, queues) as one:
            await one.until(lambda: one.controller.dialer.ready)
            one.pbx.fake.secret = "another"
            one.pbx.fake.cut()
            with pytest.raises(AmiLoginRefused):
                await asyncio.wait_for(one.task, 5)

    asyncio.run(go())


def test_outside_its_hours_a_campaign_makes_no_stream_of_jobs(scene: Scene, queues: Queues) -> None:
    campaign = scene.campaign(2)
    scene.store.campaigns.move(campaign, CampaignState.PAUSED, 5)
    asked = queues.ask_originate(campaign.id, Way("pbx1", "lab"), 2)
    assert asked
    originate(scene.store, queues, scene.settings, campaign.id, Way("pbx1", "lab"), 2)
    assert not queues.ask_originate(campaign.id, Way("pbx1", "lab"), 2), (
        "nothing could be claimed: ask again in a while"
    )


def counted_asks(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The campaigns for which a job was asked, one after the other; each bell rings, whoever comes."""
    asked: list[int] = []
    ask = Bells.ask_originate

    def count(bells: Bells, campaign_id: int, *more: Any) -> bool:
        asked.append(campaign_id)
        ask(bells, campaign_id, *more)
        return True

    monkeypatch.setattr(Bells, "ask_originate", count)
    return asked


def test_who_gave_nobody_is_not_asked_at_every_look(
    scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feeding, "DRY_S", 0.1)
    monkeypatch.setattr(feeding, "DRY_EVERY_S", 3600.0)
    asked = counted_asks(monkeypatch)

    async def go() -> None:
        async with house(scene, queues) as one:
            scene.store.halts.begin(Halt(10, "me", ""))
            first = scene.campaign(1)
            await one.until(lambda: feeder_of(one)._dry([first]))
            await looked(one, 3)  # one ask that was under way, and one as a dry one
            before = asked.count(first.id)
            await looked(one, 20)
            assert asked.count(first.id) == before
            scene.store.halts.end("me", 20)
            second = scene.campaign(1)
            await one.until(lambda: one.pbx.sent)
            assert second.id in asked

    asyncio.run(go())


def test_when_nobody_is_due_no_job_is_asked_for(scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "DRY_S", 3600.0)
    asked = counted_asks(monkeypatch)

    async def go() -> None:
        async with house(scene, queues) as one:
            campaign = scene.campaign(1)
            await one.until(lambda: one.pbx.sent)
            await looked(one, 3)
            before = len(asked)
            await looked(one, 20)
            assert len(asked) == before
            [attempt] = one.pbx.sent
            scene.store.attempts.take_back_many([attempt])
            await one.until(lambda: len(asked) > before)
            assert set(asked) == {campaign.id}

    asyncio.run(go())


def feeder_of(one: House) -> feeding.Feeder:
    return one.controller._feeder


async def looked(one: House, times: int) -> None:
    """The controller has looked into the books so often."""
    for _ in range(times):
        before = feeder_of(one)._look_s
        await one.until(lambda at_s=before: feeder_of(one)._look_s > at_s)  # type: ignore[misc]


def test_a_campaign_paused_while_it_finishes_is_paused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = scene.campaign(1)
    [attempt] = scene.dialing(campaign)
    record([end_result(attempt, "busy", 9)], scene.store)
    running = scene.store.campaigns.running()
    campaigns.pause(scene.store, campaign.name)
    monkeypatch.setattr(scene.store.campaigns, "running", lambda: running)
    finish_done(scene.store, 99)
    assert scene.store.campaigns.named(campaign.name).state is CampaignState.PAUSED


def test_figures_are_json(scene: Scene, queues: Queues) -> None:
    controller = Controller(scene.settings, scene.store, queues, AmiClient("127.0.0.1", 1, "a", "b"), Witness())
    assert json.loads(json.dumps(controller.keeper.figures()))["worst_second"] == {"lab": 0}


def test_a_campaign_is_not_finished_though_a_call_ended_in_this_very_moment(scene: Scene) -> None:
    """Its end is in the books with an instant after the one at which the housekeeping began."""
    campaign = scene.campaign(1)
    [attempt] = scene.dialing(campaign)
    record([end_result(attempt, "answered", 100)], scene.store)
    finish_done(scene.store, 99)
    assert scene.store.campaigns.named(campaign.name).state is CampaignState.RUNNING
    record([listen_result(listen(attempt))], scene.store)
    finish_done(scene.store, 99)
    assert scene.store.campaigns.named(campaign.name).state is CampaignState.FINISHED
