"""Campaigns that share a trunk: whose calls leave, through a real controller with real books."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from itertools import pairwise

import pytest

from ivr.adapters.queues import Queues
from ivr.rules.records import Campaign
from ivr.rules.states import CampaignState
from ivr.usecases import campaigns
from tests.integration.house import House, house, quick
from tests.integration.rig import trunk, worst
from tests.integration.scene import ON_SQLITE, Scene

MakeScene = Callable[..., Scene]
pytestmark = ON_SQLITE


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)


class Sent:
    """Whose calls left, in their order, and when."""

    def __init__(self, one: House, scene: Scene) -> None:
        self._scene, self._pbx = scene, one.pbx
        self._at_s: dict[str, float] = {}
        one.pbx.fate = self._note

    def _note(self, attempt: str) -> None:
        self._at_s[attempt] = time.monotonic()
        self._pbx.busy(attempt)

    def owners(self) -> list[int]:
        query = "SELECT attempts.id, targets.campaign_id FROM attempts JOIN targets ON targets.id = attempts.target_id"
        of = dict(tuple(row) for row in self._scene.rows(query))
        return [of[attempt] for attempt in self._pbx.sent]

    def since(self, campaign: Campaign, at_s: float) -> list[float]:
        mine = zip(self._pbx.sent, self.owners(), strict=True)
        return [self._at_s[one] for one, owner in mine if owner == campaign.id and self._at_s[one] >= at_s]


def count(owners: Iterable[int], campaign: Campaign) -> int:
    return sum(owner == campaign.id for owner in owners)


def test_calls_leave_by_weight_and_a_paused_ones_share_is_the_others(make_scene: MakeScene, queues: Queues) -> None:
    scene = make_scene(trunks={"lab": trunk(rate_cps=40)})
    light, heavy = scene.campaign(300, weight=1.0), scene.campaign(300, weight=3.0)

    async def go() -> None:
        async with house(scene, queues) as one:
            sent = Sent(one, scene)
            await one.until(lambda: len(one.pbx.sent) >= 80, 20)
            owners = sent.owners()
            for calls in range(1, 81):
                assert abs(count(owners[:calls], light) - calls / 4) <= 1, owners[:calls]
            campaigns.pause(scene.store, heavy.name)
            paused_s = time.monotonic()
            await one.until(lambda: worst(sent.since(light, paused_s)) >= 20, 10)
            assert one.state(light) is CampaignState.RUNNING
            assert one.controller.dialer.trunks["lab"].pacer.worst_second <= 40

    asyncio.run(go())


def test_a_higher_priority_has_every_turn_while_it_has_people(make_scene: MakeScene, queues: Queues) -> None:
    scene = make_scene(trunks={"lab": trunk(rate_cps=40)})
    usual, urgent = scene.campaign(300), scene.campaign(70, start=False, priority=1)

    async def go() -> None:
        async with house(scene, queues) as one:
            sent = Sent(one, scene)
            await one.until(lambda: len(one.pbx.sent) >= 10)
            scene.store.campaigns.move(urgent, CampaignState.RUNNING, 3)
            await one.until(lambda: one.state(urgent) is CampaignState.FINISHED, 20)
            owners = sent.owners()
            first = owners.index(urgent.id)
            assert owners[first : first + 70] == [urgent.id] * 70
            before = len(owners)
            await one.until(lambda: len(one.pbx.sent) >= before + 20)
            assert set(sent.owners()[before:]) == {usual.id}

    asyncio.run(go())


def test_ten_campaigns_claim_no_more_ahead_than_their_trunk_can_call(make_scene: MakeScene, queues: Queues) -> None:
    scene = make_scene(trunks={"lab": trunk(rate_cps=10)})
    ten = [scene.campaign(30) for _ in range(10)]

    async def go() -> None:
        async with house(scene, queues) as one:
            sent = Sent(one, scene)
            line, most = one.controller.dialer.trunks["lab"], 0

            def seen(calls: int) -> bool:
                nonlocal most
                most = max(most, line.orders() + len(line.reserved))
                return len(one.pbx.sent) >= calls

            await one.until(lambda: seen(30))
            assert most <= 22, "two seconds of the trunk's pace"
            owners = sent.owners()[:30]
            assert all(2 <= count(owners, one_of_ten) <= 4 for one_of_ten in ten)
            assert all(before != after for before, after in pairwise(owners))

    asyncio.run(go())
