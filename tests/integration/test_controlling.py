"""What the controller hears and asks: every call has one end and one listen, and nobody is called twice."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable

import pytest

from ivr.adapters.pbx.cdr import CdrRecord
from ivr.adapters.queues import Queues
from ivr.rules.segments import Segment
from ivr.rules.states import CampaignState
from ivr.usecases import following, reconciling
from ivr.usecases.recording import end_result, listen_result, record
from tests.integration.house import Pbx, Witness, house, quick
from tests.integration.scene import Scene, listen
from tests.unit.fakes.ami import Action, FakeAmi

MakeScene = Callable[..., Scene]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)


def test_a_campaign_from_start_to_finish(scene: Scene, queues: Queues, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def go() -> None:
        async with house(scene, queues) as one:
            one.pbx.fate = one.pbx.busy
            campaign = scene.campaign(12)
            await one.until(lambda: one.state(campaign) is CampaignState.FINISHED)
            assert one.outcomes(campaign) == {"busy": 12}
            assert sorted(one.pbx.sent) == sorted(set(one.pbx.sent))
            assert len(one.pbx.sent) == 12
            await one.until(lambda: (queues.live("pbx1") or {}).get("originated") == 12)

    asyncio.run(go())
    everything = " ".join(f"{record.getMessage()} {vars(record)}" for record in caplog.records)
    assert not re.search(r"\+?33639981\d{3}|0639981\d{3}", everything), "a whole number is in a log"


def test_a_call_that_is_live_is_adopted_and_followed_to_its_end(scene: Scene, queues: Queues) -> None:
    campaign = scene.campaign(1)
    [attempt] = scene.dialing(campaign)

    async def go() -> None:
        async with house(scene, queues, lambda pbx, _: pbx.live.add(attempt)) as one:
            await one.until(lambda: attempt in one.controller.dialer.calls)
            assert attempt in one.controller.dialer.trunks["lab"].live
            one.pbx.answers(attempt)
            one.pbx.hangs_up(attempt, 16)
            await one.until(lambda: one.outcomes(campaign) == {"answered": 1})
            assert one.pbx.sent == []
            assert not one.controller.dialer.trunks["lab"].live

    asyncio.run(go())


@pytest.mark.parametrize(
    ("disposition", "rang_s", "outcome"),
    [
        ("ANSWERED", 1, "answered"),
        ("BUSY", 1, "busy"),
        ("NO ANSWER", 25, "no_answer"),
        ("NO ANSWER", 1, "failed"),  # what Asterisk writes of a number that does not exist
        ("", 0, "unknown"),
    ],
)
def test_a_call_that_is_gone_ends_as_its_cdr_says_and_is_never_dialled_again(
    scene: Scene, queues: Queues, disposition: str, rang_s: int, outcome: str
) -> None:
    campaign = scene.campaign(1)
    [attempt] = scene.dialing(campaign)

    def before(_pbx: Pbx, witness: Witness) -> None:
        if disposition:
            witness.cdr[attempt] = CdrRecord(attempt, 1000, 0, 1000 + rang_s * 1000, 0, disposition)

    async def go() -> None:
        async with house(scene, queues, before) as one:
            await one.until(lambda: one.outcomes(campaign) == {outcome: 1})
            await asyncio.sleep(0.3)
            assert one.pbx.sent == []

    asyncio.run(go())


def test_an_adopted_call_whose_answer_was_missed_ends_as_its_cdr_says(scene: Scene, queues: Queues) -> None:
    campaign = scene.campaign(1)
    [attempt] = scene.dialing(campaign)

    async def go() -> None:
        async with house(scene, queues, lambda pbx, _: pbx.live.add(attempt)) as one:
            await one.until(lambda: attempt in one.controller.dialer.calls)
            one.witness.cdr[attempt] = CdrRecord(attempt, 1000, 1500, 2000, 500, "ANSWERED")
            one.pbx.hangs_up(attempt, 16)
            await one.until(lambda: one.outcomes(campaign) == {"answered": 1}, 8)

    asyncio.run(go())


def test_a_hangup_that_was_missed_is_found(scene: Scene, queues: Queues) -> None:
    async def go() -> None:
        async with house(scene, queues) as one:
            campaign = scene.campaign(1)
            await one.until(lambda: len(one.pbx.sent) == 1)
            [attempt] = one.pbx.sent
            one.pbx.answers(attempt)
            one.pbx.tells("IvrFallback", attempt, "Segment: ", "Began: ", "Reason: agi")
            one.pbx.tells("IvrPlay", attempt, "Segment: notice", "Status: begin")
            await one.until(lambda: one.controller.follower.stories._stories)
            ended_ms = int(time.time() * 1000) + 50
            one.witness.cdr[attempt] = CdrRecord(attempt, 1, 1, ended_ms, 1, "ANSWERED")
            one.pbx.live.discard(attempt)  # and no Hangup event comes
            await one.until(lambda: one.state(campaign) is CampaignState.FINISHED)
            result = scene.store.listens.snapshot(campaign.id)[1][0]
            assert result.outcome == "answered"
            assert result.listen
            assert result.listen.measured_by == "dialplan"
            assert result.listen.heard_ms(Segment.NOTICE) < 400, "what came after the hang-up was not heard"
            assert not one.controller.dialer.calls
            assert not one.controller.dialer.trunks["lab"].live

    asyncio.run(go())


def test_a_call_that_ends_while_the_pbx_is_asked_takes_no_channel_for_ever(scene: Scene, queues: Queues) -> None:
    """The list of channels was made before the hang-up: its news overtakes the answer."""

    async def go() -> None:
        async with house(scene, queues) as one:
            whole = one.pbx._channels

            def late(fake: FakeAmi, writer: asyncio.StreamWriter, action: Action) -> None:
                asyncio.get_running_loop().call_later(0.2, whole, fake, writer, action)

            campaign = scene.campaign(1)
            await one.until(lambda: one.pbx.sent)
            [attempt] = one.pbx.sent
            one.pbx.fake.answers["CoreShowChannels"] = late
            asked = len(one.pbx.fake.named("CoreShowChannels"))
            await one.until(lambda: len(one.pbx.fake.named("CoreShowChannels")) > asked)
            one.pbx.responds(attempt, False, 0)
            one.pbx.fake.say("Event: Hangup", f"Uniqueid: {attempt}", "Cause: 17", "TechCause: 486")  # still listed
            await one.until(lambda: one.outcomes(campaign) == {"busy": 1})
            await asyncio.sleep(0.5)
            one.pbx.live.discard(attempt)
            await one.until(lambda: not one.controller.dialer.trunks["lab"].live, 8)
            assert one.outcomes(campaign) == {"busy": 1}

    asyncio.run(go())


def test_an_end_that_is_still_being_told_is_not_taken_for_lost(
    scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gone from the list, its Hangup not yet heard: the cause must not be lost to the CDR's poorer word."""
    monkeypatch.setattr(reconciling, "SURE_S", 0.6)

    async def go() -> None:
        async with house(scene, queues) as one:
            campaign = scene.campaign(1)
            await one.until(lambda: one.pbx.sent)
            [attempt] = one.pbx.sent
            one.witness.cdr[attempt] = CdrRecord(attempt, 1, 0, 2, 0, "FAILED")
            await asyncio.sleep(0.25)
            one.pbx.live.discard(attempt)
            await one.until(lambda: attempt in one.controller.reconciler.missing)
            one.pbx.responds(attempt, False, 0)
            one.pbx.hangs_up(attempt, 1, "404")
            await one.until(lambda: one.outcomes(campaign))
            assert one.outcomes(campaign) == {"invalid_number": 1}

    asyncio.run(go())


def test_a_campaign_is_not_finished_before_its_last_listen(
    scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "GIVE_UP_MS", 60_000)

    async def go() -> None:
        async with house(scene, queues) as one:
            campaign = scene.campaign(1)
            await one.until(lambda: one.pbx.sent)
            [attempt] = one.pbx.sent
            one.pbx.answers(attempt)
            one.pbx.hangs_up(attempt, 16)
            await one.until(lambda: one.outcomes(campaign) == {"answered": 1})
            await asyncio.sleep(0.5)
            assert one.state(campaign) is CampaignState.RUNNING
            queues.publish_results([listen_result(listen(attempt))])
            await one.until(lambda: one.state(campaign) is CampaignState.FINISHED)

    asyncio.run(go())


def test_a_campaign_is_not_finished_before_what_its_dialplan_played_is_known(
    scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The script's listen is there already, and would be enough: the report of a finished campaign must not change."""
    monkeypatch.setattr(following, "LOOK_EVERY_S", 1.5)

    async def go() -> None:
        async with house(scene, queues) as one:
            campaign = scene.campaign(1)
            await one.until(lambda: one.pbx.sent)
            [attempt] = one.pbx.sent
            one.pbx.answers(attempt)
            queues.publish_results([listen_result(listen(attempt))])
            one.pbx.tells("IvrFallback", attempt, "Segment: message", "Began: 50", "Reason: file")
            one.pbx.tells("IvrPlay", attempt, "Segment: notice", "Status: begin")
            one.pbx.hangs_up(attempt, 16)
            await one.until(lambda: one.state(campaign) is CampaignState.FINISHED)
            [result] = scene.store.listens.snapshot(campaign.id)[1]
            assert result.listen
            assert result.listen.measured_by == "agi+dialplan"

    asyncio.run(go())


def test_after_a_while_nothing_measured_is_said_to_be_nothing(
    scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciling, "GIVE_UP_MS", 400)

    async def go() -> None:
        async with house(scene, queues) as one:
            campaign = scene.campaign(1)
            await one.until(lambda: one.pbx.sent)
            [attempt] = one.pbx.sent
            one.pbx.answers(attempt)
            one.pbx.hangs_up(attempt, 16)
            await one.until(lambda: one.state(campaign) is CampaignState.FINISHED)
            result = scene.store.listens.snapshot(campaign.id)[1][0]
            assert result.listen
            assert (result.listen.measured_by, result.listen.plays) == ("none", ())

    asyncio.run(go())


def test_a_stop_that_the_dialplan_heard_is_in_force_at_once(scene: Scene, queues: Queues) -> None:
    async def go() -> None:
        async with house(scene, queues) as one:
            campaign = scene.campaign(1)
            await one.until(lambda: one.pbx.sent)
            one.pbx.tells("IvrStop", one.pbx.sent[0])
            await one.until(lambda: scene.rows("SELECT * FROM suppressions"))
            other = scene.campaign(0, batch_id=campaign.batch_id)
            await one.until(lambda: scene.store.campaigns.books(other.id).not_allowed == {"suppressed": 1})

    asyncio.run(go())


@pytest.mark.parametrize("then", ["the dialplan speaks", "the person hangs up"])
def test_a_nine_that_asterisk_heard_counts_though_the_script_died_with_it(
    scene: Scene, queues: Queues, then: str
) -> None:
    async def go() -> None:
        async with house(scene, queues) as one:
            scene.campaign(2)
            await one.until(lambda: len(one.pbx.sent) == 2)
            stopped, other = one.pbx.sent
            for attempt in (stopped, other):
                one.pbx.answers(attempt)
            one.pbx.hears(stopped, "9")
            one.pbx.hears(other, "8")
            one.pbx.hears(other, "9", "Sent")
            if then == "the dialplan speaks":
                for attempt in (stopped, other):
                    one.pbx.tells("IvrFallback", attempt, "Segment: message", "Began: 50", "Reason: agi")
            else:
                one.pbx.hangs_up(other, 16)
                one.pbx.hangs_up(stopped, 16)
            await one.until(lambda: scene.rows("SELECT attempt_id FROM suppressions") == [(stopped,)])

    asyncio.run(go())


def test_stops_that_only_the_pbx_wrote_down_are_in_force_before_anybody_is_called(scene: Scene, queues: Queues) -> None:
    first = scene.campaign(1)
    [attempt] = scene.dialing(first)
    record([end_result(attempt, "answered", 90), listen_result(listen(attempt))], scene.store)
    second = scene.campaign(0, batch_id=first.batch_id)

    async def go() -> None:
        async with house(scene, queues, lambda _pbx, witness: witness.nines.update({attempt: 77, "nobody": 5})) as one:
            await one.until(lambda: scene.store.campaigns.books(second.id).not_allowed == {"suppressed": 1})
            assert one.pbx.sent == []
            assert scene.rows("SELECT attempt_id, at_ms FROM suppressions") == [(attempt, 77)]

    asyncio.run(go())
