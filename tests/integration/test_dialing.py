"""The dialer on real books and a fake manager: pace, limits, and that nothing is ever sent twice or in doubt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from ivr.adapters.ami import AmiClient
from ivr.adapters.store import locks
from ivr.errors import AmiDown
from ivr.rules.records import OpenAttempt
from ivr.settings import Pbx
from ivr.usecases import campaigns, committing
from ivr.usecases.dialing import Dialer
from ivr.usecases.trunk_line import Order
from tests.integration.rig import rig, trunk, worst
from tests.integration.scene import CALLER_ID, Scene
from tests.unit.fakes.ami import FakeAmi, cut, reply, silence, until

MakeScene = Callable[..., Scene]


def test_each_order_is_sent_once_with_its_own_id(make_scene: MakeScene) -> None:
    scene = make_scene(trunks={"lab": trunk(number_format="e164")})

    async def go() -> None:
        async with rig(scene) as one:
            attempts = one.order(scene.campaign(5), 5)
            one.dialer.accept(Order("lab", 1, attempts[0]))  # the same order again, however it came
            one.dialer.accept(Order("lab", 1, "nobody"))
            await until(
                lambda: one.count("dialing") == 5 and len(one.sent) == 5 and not one.dialer.trunks["lab"].reserved
            )
            assert sorted(one.sent) == sorted(attempts)
            action = one.fake.named("Originate")[0]
            assert action["channel"] == "PJSIP/33639981000@lab"
            assert action["channelid"] == action["actionid"] == attempts[0]
            assert action["callerid"] == CALLER_ID
            assert scene.rows("SELECT DISTINCT caller_id FROM attempts WHERE state = 'dialing'") == [(CALLER_ID,)]
            assert f"IVR_ATTEMPT={attempts[0]}" in action["variable"].split("\n")

    asyncio.run(go())


def test_dialing_is_in_the_books_before_originate_leaves(make_scene: MakeScene) -> None:
    scene, other = make_scene(trunks={"lab": trunk()}), make_scene()
    seen: list[str] = []

    async def go() -> None:
        async with rig(scene) as one:

            def look(_fake: FakeAmi, writer: asyncio.StreamWriter, action: dict[str, str]) -> None:
                seen.append(other.states()[action["actionid"]])
                reply(writer, action)

            one.answer = look
            one.order(scene.campaign(3), 3)
            await until(lambda: len(seen) == 3)

    asyncio.run(go())
    assert seen == ["dialing"] * 3


@pytest.mark.parametrize(("trunk_cps", "campaign_cps", "holds"), [(8, 50, 8), (50, 6, 6)])
def test_no_rolling_second_has_more_than_the_rate(
    make_scene: MakeScene, trunk_cps: float, campaign_cps: float, holds: int
) -> None:
    scene = make_scene(trunks={"lab": trunk(rate_cps=trunk_cps)})

    async def go() -> None:
        async with rig(scene) as one:
            one.order(scene.campaign(16, rate_cps=campaign_cps), 16)
            await until(lambda: len(one.sent) == 16)
            assert worst(one.left_s) <= holds
            assert one.left_s[-1] - one.left_s[0] < 16 / holds + 1, "and not slower than it may"
            assert one.dialer.trunks["lab"].pacer.worst_second <= holds

    asyncio.run(go())


def test_two_campaigns_share_a_trunks_rate_and_a_slow_one_holds_up_no_other(make_scene: MakeScene) -> None:
    scene = make_scene(trunks={"lab": trunk(rate_cps=20)})

    async def go() -> None:
        async with rig(scene) as one:
            slow, fast = scene.campaign(6, rate_cps=0.2), scene.campaign(20, rate_cps=20)
            first = one.order(slow, 6)
            one.order(fast, 20)
            await until(lambda: len(one.sent) >= 21)
            assert sum(attempt in first for attempt in one.sent) == 1
            assert one.sent_s[20] - one.sent_s[0] < 3, "behind one another they would take 5 s and more"
            assert worst(one.left_s) <= 20

    asyncio.run(go())


def test_nothing_is_sent_in_the_first_second(make_scene: MakeScene) -> None:
    """The process before this one may have used up the carrier's second in the moment in which it died."""
    scene = make_scene(trunks={"lab": trunk()})

    async def go() -> None:
        async with rig(scene, wait=True) as one:
            one.order(scene.campaign(3), 3)
            await until(lambda: len(one.sent) == 3)
            assert one.sent_s[0] - one.began_s >= 1.0

    asyncio.run(go())


def test_no_more_calls_at_once_than_the_trunk_has_channels(make_scene: MakeScene) -> None:
    scene = make_scene(trunks={"lab": trunk(channels=3)})

    async def go() -> None:
        async with rig(scene) as one:
            one.order(scene.campaign(5), 5)
            await until(lambda: len(one.sent) == 3)
            await asyncio.sleep(0.3)
            assert len(one.sent) == 3
            one.dialer.forget(one.sent[0])
            await until(lambda: len(one.sent) == 4)
            assert len(one.dialer.calls) == 3

    asyncio.run(go())


def test_no_more_calls_at_once_than_the_pbx_has_channels_whatever_the_trunks(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"lab{n}" for n in range(6)]
    scene = make_scene(trunks={name: trunk() for name in names}, pbx=Pbx(channels=4))

    async def go() -> None:
        async with rig(scene) as one:
            slow_begin = scene.store.attempts.begin_dialing_many

            def begin(*args: Any) -> Any:
                time.sleep(0.05)  # long enough for every trunk to have asked whether there is room
                return slow_begin(*args)

            monkeypatch.setattr(scene.store.attempts, "begin_dialing_many", begin)
            for name in names:
                one.order(scene.campaign(2, trunks=[name]), 2)
            await until(lambda: len(one.sent) == 4)
            await asyncio.sleep(0.4)
            assert len(one.sent) == 4

    asyncio.run(go())


def test_adopted_calls_take_channels(make_scene: MakeScene) -> None:
    scene = make_scene(trunks={"lab": trunk(channels=2)})

    async def go() -> None:
        async with rig(scene) as one:
            campaign = scene.campaign(3)
            one.begin(campaign)
            one.dialer.adopt("before-us", OpenAttempt(1, "lab"))
            one.dialer.adopt("before-us", OpenAttempt(1, "lab"))
            assert one.dialer.orders_ahead((), 1.0) == {(campaign.id, "lab"): 1}
            one.order(campaign, 3)
            await until(lambda: len(one.sent) == 1)
            await asyncio.sleep(0.3)
            assert len(one.sent) == 1

    asyncio.run(go())


def test_while_not_ready_or_without_link_nothing_is_sent(make_scene: MakeScene) -> None:
    scene = make_scene(trunks={"lab": trunk()})

    async def go() -> None:
        async with rig(scene) as one:
            one.dialer.ready = False
            one.order(scene.campaign(2), 2)
            await asyncio.sleep(0.4)
            assert (one.sent, one.count("claimed")) == ([], 2)
            await one.fake.stop()
            one.dialer.ready = True
            await asyncio.sleep(0.4)
            assert one.count("claimed") == 2, "without a link nothing begins"
            await one.fake.start()
            await until(lambda: len(one.sent) == 2)

    asyncio.run(go())


def test_readiness_lost_while_committing_takes_the_attempt_back(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make_scene(trunks={"lab": trunk()})

    async def go() -> None:
        async with rig(scene) as one:
            whole = scene.store.attempts.begin_dialing_many

            def begin(*args: Any) -> Any:
                one.dialer.ready = False  # the link was lost in this moment
                return whole(*args)

            monkeypatch.setattr(scene.store.attempts, "begin_dialing_many", begin)
            campaign = scene.campaign(1)
            one.order(campaign, 1)
            await until(lambda: one.count("released") == 1)
            assert one.sent == []
            assert scene.store.campaigns.books(campaign.id).due == 1

    asyncio.run(go())


def test_what_surely_was_not_sent_is_due_again(make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_scene(trunks={"lab": trunk()})

    async def go() -> None:
        async with rig(scene) as one:

            def down(_: object) -> None:
                raise AmiDown

            monkeypatch.setattr(one.ami, "send_originate", down)
            campaign = scene.campaign(2)
            one.order(campaign, 2)
            await until(lambda: one.count("released") == 2 and not one.dialer.calls)
            assert scene.store.campaigns.books(campaign.id).due == 2
            assert not one.dialer.trunks["lab"].live
            monkeypatch.undo()
            one.order(campaign, 2)
            await until(lambda: len(one.sent) == 2)

    asyncio.run(go())


@pytest.mark.parametrize("doubt", [silence, cut])
def test_in_doubt_it_stays_dialing_and_is_never_sent_again(make_scene: MakeScene, doubt: Callable[..., None]) -> None:
    scene = make_scene(trunks={"lab": trunk()})

    async def go() -> None:
        async with rig(scene) as one:
            one.answer = doubt
            campaign = scene.campaign(1)
            [attempt] = one.order(campaign, 1)
            await until(lambda: len(one.sent) == 1)
            await asyncio.sleep(0.7)
            await until(lambda: one.ami.up)
            one.dialer.accept(Order("lab", campaign.id, attempt))
            await until(lambda: not one.dialer.trunks["lab"].waiting)
            await asyncio.sleep(0.1)
            assert one.sent == [attempt]
            assert scene.states() == {attempt: "dialing"}
            assert attempt in one.dialer.calls, "it takes its channel until its end is known"
            assert scene.claim(campaign, 1) == []

    asyncio.run(go())


def test_what_is_committed_and_waits_for_its_turn_is_known_as_unsent(make_scene: MakeScene) -> None:
    """Or the reconciler would find it neither on the PBX nor ended, and close it."""
    scene = make_scene(trunks={"lab": trunk(rate_cps=30)})

    async def go() -> None:
        async with rig(scene) as one:
            attempts = one.order(scene.campaign(12), 12)
            while len(one.sent) < 12:
                begun = {attempt for attempt, state in scene.states().items() if state == "dialing"}
                assert begun <= one.dialer.unsent() | set(one.dialer.calls)
                await asyncio.sleep(0.01)
            await until(lambda: not one.dialer.unsent())
            assert sorted(one.sent) == sorted(attempts)

    asyncio.run(go())


def test_a_refused_originate_is_failed(make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = make_scene(trunks={"lab": trunk()})

    async def go() -> None:
        async with rig(scene) as one:
            one.answer = lambda _f, writer, action: reply(writer, action, "Message: no", response="Error")
            [attempt] = one.order(scene.campaign(1), 1)
            await until(lambda: len(one.sent) == 1)
            await until(lambda: one.dialer.calls[attempt].responded_s is not None)
            call = one.dialer.calls[attempt]
            assert call.is_over(time.monotonic() + 10)
            assert call.outcome.value == "failed"

    asyncio.run(go())


def test_a_pause_lets_nothing_more_out(make_scene: MakeScene) -> None:
    scene = make_scene(trunks={"lab": trunk(rate_cps=10)})

    async def go() -> None:
        async with rig(scene) as one:
            campaign = scene.campaign(40)
            one.order(campaign, 40)
            await until(lambda: len(one.sent) >= 3)
            await asyncio.to_thread(campaigns.pause, scene.store, campaign.name)
            at_most = len(one.sent) + 1  # one may be between its commit and its sending
            await until(lambda: not one.dialer.trunks["lab"].waiting)
            await asyncio.sleep(0.3)
            assert len(one.sent) <= at_most
            books = scene.store.campaigns.books(campaign.id)
            assert (books.due, books.in_progress) == (40 - len(one.sent), len(one.sent))

    asyncio.run(go())


def test_being_told_to_end_while_committing_loses_nobody(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make_scene(trunks={"lab": trunk()})
    began = asyncio.Event()

    async def go() -> None:
        loop = asyncio.get_running_loop()
        async with rig(scene) as one:
            whole = scene.store.attempts.begin_dialing_many

            def begin(*args: Any) -> Any:
                loop.call_soon_threadsafe(began.set)
                time.sleep(0.1)
                return whole(*args)

            monkeypatch.setattr(scene.store.attempts, "begin_dialing_many", begin)
            one.order(scene.campaign(1), 1)
            await began.wait()
        assert one.sent == []

    asyncio.run(go())
    assert set(scene.states().values()) == {"released"}, "nothing was sent: the person is still to be called"


def test_an_order_that_breaks_something_does_not_stop_the_others(
    make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = make_scene(trunks={"lab": trunk()})

    async def go() -> None:
        async with rig(scene) as one:
            whole = scene.store.attempts.begin_dialing_many
            attempts: list[str] = []

            def begin(some: list[str], *args: Any) -> Any:
                if attempts[1] in some:
                    raise RuntimeError("a bug")
                return whole(some, *args)

            monkeypatch.setattr(scene.store.attempts, "begin_dialing_many", begin)
            attempts += one.order(scene.campaign(3), 3)
            await until(lambda: len(one.sent) == 2 and not one.dialer.trunks["lab"].reserved)
            assert one.sent == [attempts[0], attempts[2]]

    asyncio.run(go())


def test_a_busy_database_is_waited_out(make_scene: MakeScene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene, other = make_scene(trunks={"lab": trunk()}, database={"busy_timeout_s": 0.05}), make_scene()
    monkeypatch.setattr(committing, "LOOK_AGAIN_S", 0.02)

    async def go() -> None:
        async with rig(scene) as one:
            attempts = scene.claim(campaign := scene.campaign(1), 1)
            with other.store.database.write() as connection:
                locks.changing_answers(connection)
                one.begin(campaign)
                one.dialer.accept(Order("lab", campaign.id, attempts[0]))
                await asyncio.sleep(0.3)
                assert one.sent == []
            await until(lambda: one.sent == attempts)

    asyncio.run(go())


def test_an_order_for_a_trunk_that_is_not_here_is_left(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    dialer = Dialer(scene.settings, scene.store, AmiClient("127.0.0.1", 1, "a", "b"))
    dialer.accept(Order("elsewhere", 1, "a1"))
    assert "unknown trunk" in caplog.text
    dialer.set_campaigns([scene.campaign(1, trunks=["elsewhere"])])
    assert dialer.orders_ahead((), 1.0) == {}


@pytest.mark.parametrize("text", ["", "lab", "lab 1", "lab one a1", "lab 1 a1 more"])
def test_an_order_that_is_none_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the kind is what its caller goes by
        Order.parse(text)
