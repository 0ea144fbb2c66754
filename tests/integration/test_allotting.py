"""PBXs that share a trunk: real books, real beats, and controllers that stop, die, or want the same name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.adapters.ami import AmiClient, Originate
from ivr.adapters.queues import Queues
from ivr.adapters.store import Store
from ivr.errors import NameTaken, StoreBusy
from ivr.rules.records import Override
from ivr.settings import Pbx, Settings
from ivr.usecases import allotting, pbx_name
from ivr.usecases.allotting import Allotter, steady_s
from ivr.usecases.dialing import Dialer
from tests.integration.house import house, quick
from tests.integration.rig import trunk, worst
from tests.integration.scene import Scene
from tests.unit.fakes.ami import silence, until
from tests.unit.test_ami_link import linked

MakeScene = Callable[..., Scene]


class Node:
    """The allotter of one PBX, without Asterisk."""

    def __init__(self, scene: Scene, name: str, folder: Path | None = None, ami: AmiClient | None = None) -> None:
        changes = {"pbx": Pbx(name=name), "shared": str(scene.settings.var_dir)}
        self.settings: Settings = scene.settings.model_copy(update=changes | ({"home": folder} if folder else {}))
        self.dialer = Dialer(self.settings, scene.store, ami or AmiClient("127.0.0.1", 1, "a", "b"))
        self.allotter = Allotter(self.settings, scene.store, self.dialer)

    @property
    def rate_cps(self) -> float:
        self.allotter.apply()
        return self.dialer.trunks["lab"].rate_cps if self.allotter.allows() else 0.0


def rates(store: Store) -> dict[str, float]:
    return {part.pbx: part.rate_cps for part in store.pbxs.parts() if part.scope == "trunk:lab"}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allotting, "settle_s", lambda _limit: 0.3)


def test_one_alone_has_everything_at_its_first_beat(scene: Scene) -> None:
    async def go() -> None:
        one = Node(scene, "pbx1")
        await one.allotter.begin()
        assert one.rate_cps == 0
        await one.allotter.step()
        assert one.rate_cps == 50

    asyncio.run(go())


def test_a_beat_is_not_held_up_by_a_call_whose_reply_is_waited_for(scene: Scene) -> None:
    async def go() -> None:
        async with linked() as (fake, ami):
            fake.answers["Originate"] = silence
            one = Node(scene, "pbx1", ami=ami)
            await one.allotter.begin()
            one.dialer.ready = True
            waiting = asyncio.ensure_future(ami.send_originate(Originate("a-1", "PJSIP/1@lab", "c", "s", "<1>", 5)))
            await until(lambda: bool(fake.named("Originate")))
            await one.allotter.step()
            assert one.rate_cps == 50
            (beat,) = scene.store.pbxs.all()
            assert beat.ready
            waiting.cancel()

    asyncio.run(go())


def test_two_share_and_who_takes_waits(scene: Scene) -> None:
    async def go() -> None:
        one, two = Node(scene, "pbx1"), Node(scene, "pbx2")
        for node in (one, two):
            await node.allotter.begin()
            await node.allotter.step()
        assert (one.rate_cps, two.rate_cps) == (50, 0)
        await one.allotter.step()
        await two.allotter.step()
        assert (one.rate_cps, two.rate_cps) == (25, 0), "it may use it when what the other sent has left the window"
        assert rates(scene.store) == {"pbx1": 25, "pbx2": 25}
        await until(lambda: two.rate_cps == 25, 2)

    asyncio.run(go())


def test_one_that_falls_silent_is_followed_and_sends_nothing_when_it_wakes(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allotting, "SILENT_S", 2.0)
    monkeypatch.setattr(allotting, "LEASE_S", 1.5)

    async def go() -> None:
        one, two = Node(scene, "pbx1"), Node(scene, "pbx2")
        for node in (one, two, one, two, one, two):
            if node.allotter._name._beat is None and node.allotter._name._file < 0:
                await node.allotter.begin()
            await node.allotter.step()
        woken_s = steady_s()

        async def took_over() -> bool:
            await one.allotter.step()
            return rates(scene.store)["pbx1"] == 50

        while not await took_over():
            await asyncio.sleep(0.05)
            assert steady_s() - woken_s < 10
        assert rates(scene.store)["pbx2"] == 0
        assert two.rate_cps == 0, "its lease is over"
        await two.allotter.step()
        assert two.rate_cps == 0, "everything is the other's"

    asyncio.run(go())


def test_while_the_database_cannot_be_reached_nothing_leaves_for_long(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(allotting, "LEASE_S", 2.0)

    async def go() -> None:
        one = Node(scene, "pbx1")
        await one.allotter.begin()
        await one.allotter.step()
        assert one.rate_cps == 50
        monkeypatch.setattr(scene.store.pbxs, "beat", _busy)
        with pytest.raises(StoreBusy):
            await one.allotter.step()
        await until(lambda: one.rate_cps == 0, 4)

    asyncio.run(go())


def _busy(*_: object) -> None:
    raise StoreBusy


def test_calls_of_a_silent_pbx_keep_their_channels(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allotting, "SILENT_S", 0.2)

    async def go() -> None:
        dead, one = Node(scene, "pbx1"), Node(scene, "pbx2")
        for node in (dead, one):
            await node.allotter.begin()
            await node.allotter.step()
        scene.dialing(scene.campaign(4), 4)  # on pbx1
        await asyncio.sleep(0.3)
        await one.allotter.step()
        await until(lambda: one.rate_cps == 50, 2)
        one.allotter.apply()
        assert one.dialer.trunks["lab"].channels == 30 - 4

    asyncio.run(go())


def test_two_controllers_of_one_folder_are_refused(scene: Scene) -> None:
    async def go() -> None:
        first, second = Node(scene, "pbx1"), Node(scene, "pbx1")
        await first.allotter.begin()
        with pytest.raises(NameTaken, match="runs already"):
            await second.allotter.begin()
        await first.allotter.end()
        await second.allotter.begin()

    asyncio.run(go())


def test_two_controllers_of_one_name_on_two_machines_are_refused(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pbx_name, "WATCH_S", 1.0)

    async def go() -> None:
        first, second = Node(scene, "pbx1"), Node(scene, "pbx1", tmp_path / "other")
        await first.allotter.begin()
        await first.allotter.step()

        dead = asyncio.Event()

        async def beats() -> None:
            while not dead.is_set():
                await first.allotter.step()
                await asyncio.sleep(0.02)

        beating = asyncio.create_task(beats())
        with pytest.raises(NameTaken, match=r"give each its own pbx\.name"):
            await second.allotter.begin()
        dead.set()
        await beating
        await second.allotter.begin()  # the first one is dead, as far as anybody can see
        await second.allotter.step()
        with pytest.raises(NameTaken):
            await first.allotter.step()

    asyncio.run(go())


def test_one_that_was_killed_is_followed_at_once(scene: Scene) -> None:
    async def go() -> None:
        killed, next_one = Node(scene, "pbx1"), Node(scene, "pbx1")
        await killed.allotter.begin()
        await killed.allotter.step()
        killed.allotter._name._unlock()  # as the kernel does
        began_s = steady_s()
        await next_one.allotter.begin()
        await next_one.allotter.step()
        assert steady_s() - began_s < 1
        assert next_one.rate_cps == 50

    asyncio.run(go())


def test_the_worst_second_outlives_the_controller(scene: Scene) -> None:
    async def go() -> None:
        first = Node(scene, "pbx1")
        await first.allotter.begin()
        for at_s in (1.0, 1.1, 1.2):
            first.dialer.trunks["lab"].sent(at_s)
        await first.allotter.step()
        await first.allotter.end()
        second = Node(scene, "pbx1")
        await second.allotter.begin()
        await second.allotter.step()
        [part] = [part for part in scene.store.pbxs.parts() if part.scope == "trunk:lab"]
        assert part.worst_second == 3
        assert part.worst_at_ms > 0

    asyncio.run(go())


def test_a_changed_limit_holds_within_a_second(
    make_scene: MakeScene, queues: Queues, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick(monkeypatch)
    scene = make_scene(trunks={"lab": trunk(rate_cps=10)})

    async def go() -> None:
        async with house(scene, queues) as one:
            one.pbx.fate = one.pbx.busy
            scene.campaign(200, rate_cps=100.0)
            await one.until(lambda: len(one.pbx.sent) >= 5)
            line = one.controller.dialer.trunks["lab"]
            assert line.pacer.worst_second <= 10
            scene.store.limits.set(Override("trunk:lab", 40.0, None, 1, "engineer"))
            await one.until(lambda: line.rate_cps == 40, 1)
            sent = len(one.pbx.sent)
            await one.until(lambda: len(one.pbx.sent) >= sent + 60, 4)
            scene.store.limits.set(Override("trunk:lab", 40.0, 0, 2, "engineer"))
            await one.until(lambda: line.channels == 0, 1)
            sent = len(one.pbx.sent)
            await asyncio.sleep(0.5)
            assert len(one.pbx.sent) <= sent + 1
            scene.store.limits.set(Override("trunk:lab", None, None, 3, "engineer"))
            await one.until(lambda: line.rate_cps == 10 and line.channels == 100, 1)
            assert worst(list(line.pacer._sends)) <= 40

    asyncio.run(go())
