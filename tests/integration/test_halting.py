"""The kill switch: after it not one Originate leaves, whatever is queued; nobody is lost by it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import pytest
from click.testing import CliRunner

from ivr.adapters.queues import Queues
from ivr.doors.cli import cli
from ivr.doors.cli.progress import Meter
from ivr.errors import Refused
from ivr.rules.records import Dialable, Way
from ivr.rules.states import CampaignState
from ivr.usecases import halting
from ivr.usecases.originating import originate
from ivr.usecases.who import login_name
from tests.integration.conftest import RedisServer
from tests.integration.house import house, quick
from tests.integration.rig import rig
from tests.integration.scene import Scene
from tests.unit.fakes.ami import until

MakeScene = Callable[..., Scene]


def test_nothing_is_claimed_and_nobody_refused(scene: Scene) -> None:
    campaign = scene.campaign(3)
    halting.halt(scene.store)
    assert scene.claim(campaign, 3) == []
    books = scene.store.campaigns.books(campaign.id)
    assert (books.due, books.in_progress, books.not_allowed) == (3, 0, {})
    assert scene.rows("SELECT * FROM refusals") == []
    halting.unhalt(scene.store)
    assert len(scene.claim(campaign, 3)) == 3


def test_what_was_claimed_is_given_back(scene: Scene) -> None:
    campaign = scene.campaign(3)
    attempts = scene.claim(campaign, 3, at_ms=int(time.time() * 1000))
    halting.halt(scene.store)
    assert set(scene.states().values()) == {"released"}
    assert scene.store.campaigns.books(campaign.id).due == 3
    assert [scene.begin(attempt) for attempt in attempts] == [None] * 3


def test_a_claim_made_in_the_same_moment_does_not_begin(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = scene.campaign(2)
    attempts = scene.claim(campaign, 2)
    monkeypatch.setattr(scene.store.attempts, "release_claimed", lambda *_: 0)
    halting.halt(scene.store)
    assert [scene.begin(attempt) for attempt in attempts] == [None, None]
    assert set(scene.states().values()) == {"released"}
    assert scene.store.campaigns.books(campaign.id).due == 2


def test_it_outlives_every_process_and_the_first_one_stands(scene: Scene, make_scene: MakeScene) -> None:
    first, ours = halting.halt(scene.store, "complaints")
    assert ours
    assert (first.by, first.reason) == (login_name(), "complaints")
    other = make_scene()
    assert other.store.halts.in_force() == first
    assert halting.halt(other.store, "another") == (first, False)
    assert halting.unhalt(other.store) == first
    assert scene.store.halts.in_force() is None
    assert halting.unhalt(scene.store) is None
    [(by, reason, ended_by)] = scene.rows("SELECT halted_by, reason, ended_by FROM halts")
    assert (by, reason, ended_by) == (login_name(), "complaints", login_name())


@pytest.mark.parametrize("reason", ["x" * 501, "a\nb", "\x1b[2J"])
def test_a_reason_is_one_printable_line(scene: Scene, reason: str) -> None:
    with pytest.raises(Refused, match="printable characters on one line"):
        halting.halt(scene.store, reason)
    assert scene.store.halts.in_force() is None


def test_after_a_halt_not_one_call_leaves_and_afterwards_it_goes_on(
    scene: Scene, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch)

    async def go() -> None:
        async with house(scene, queues) as one:
            one.pbx.fate = one.pbx.answers
            campaign = scene.campaign(25, rate_cps=10.0)
            await one.until(lambda: len(one.pbx.sent) >= 4)
            await asyncio.to_thread(halting.halt, scene.store)
            await asyncio.sleep(0.05)  # what was sent is on its way to the fake manager
            sent = len(one.pbx.sent)
            await asyncio.sleep(1.2)
            assert len(one.pbx.sent) == sent < 25
            assert one.pbx.live == set(one.pbx.sent), "people on the line stay there"
            books = scene.store.campaigns.books(campaign.id)
            assert (books.due, books.in_progress) == (25 - sent, sent)
            await asyncio.to_thread(halting.unhalt, scene.store)
            one.pbx.fate = one.pbx.busy
            for attempt in list(one.pbx.live):
                one.pbx.hangs_up(attempt, 16)
            await one.until(lambda: len(one.pbx.sent) == 25, 15)
            await one.until(lambda: scene.store.campaigns.books(campaign.id).in_progress == 0)
            assert one.outcomes(campaign) == {"answered": sent, "busy": 25 - sent}
            assert len(set(one.pbx.sent)) == 25
            assert one.state(campaign) in {CampaignState.RUNNING, CampaignState.FINISHED}

    asyncio.run(go())


def test_a_yes_that_grew_old_before_sending_is_asked_for_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """As when the controller is suspended between its commit and its sending."""
    begin = scene.store.attempts.begin_dialing_many

    def slow(*arguments: object) -> list[Dialable]:
        begun = begin(*arguments)  # type: ignore[arg-type]
        assert begun
        if not scene.store.halts.in_force():
            halting.halt(scene.store)
        time.sleep(0.6)
        return begun

    async def go() -> None:
        async with rig(scene) as one:
            campaign = scene.campaign(1)
            one.order(campaign, 1)
            with monkeypatch.context() as patched:
                patched.setattr(scene.store.attempts, "begin_dialing_many", slow)
                await until(lambda: one.count("released") == 1)
            assert one.sent == []
            assert scene.store.campaigns.books(campaign.id).due == 1
            await asyncio.to_thread(halting.unhalt, scene.store)
            one.order(campaign, 1)
            await until(lambda: bool(one.sent))

    asyncio.run(go())


def test_a_yes_that_grew_old_and_still_holds_is_sent(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = scene.store.attempts.begin_dialing_many

    def slow(*arguments: object) -> list[Dialable]:
        begun = begin(*arguments)  # type: ignore[arg-type]
        time.sleep(0.6)
        return begun

    monkeypatch.setattr(scene.store.attempts, "begin_dialing_many", slow)

    async def go() -> None:
        async with rig(scene) as one:
            [attempt] = one.order(scene.campaign(1), 1)
            await until(lambda: bool(one.sent))
            assert one.sent == [attempt]

    asyncio.run(go())


def test_campaign_status_says_since_when_by_whom_and_why(
    make_scene: MakeScene, shared_redis: RedisServer, queues: Queues
) -> None:
    scene = make_scene(shared_redis.url)
    campaign = scene.campaign(3)
    halting.halt(scene.store, "wrong recording")
    assert originate(scene.store, queues, scene.settings, campaign.id, Way("pbx1", "lab"), 3) == 0
    assert queues.hold(campaign.id) == ("installation-halted", "")
    with contextlib.closing(Meter(scene.store, scene.settings, campaign)) as meter:
        line = meter.line().plain
    assert f"by {login_name()}: wrong recording" in line
    assert "installation halted since 20" in line


def test_the_commands_work_while_nothing_is_up(scene: Scene) -> None:
    settings = scene.settings.home / "portevoix.toml"
    settings.write_text("")

    def ivr(*arguments: str) -> str:
        ran = CliRunner().invoke(cli, ["--config", str(settings), *arguments])
        return ran.output

    assert "installation is not halted" in ivr("unhalt")
    assert "halted since" in ivr("halt", "--reason", "wrong [bold]recording")
    assert "the first halt stands" in ivr("halt")
    assert "wrong [bold]recording" in ivr("status")
    assert "ended" in ivr("unhalt")
    assert "halted" not in ivr("status")
