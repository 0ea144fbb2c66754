"""A pause and a stop let no call out a second later, with 10,000 people queued and 500 whose retries come due then."""

from __future__ import annotations

import asyncio
import time

import pytest

from ivr.adapters.queues import Queues
from ivr.adapters.store import schema
from ivr.rules.records import Campaign, Way
from ivr.rules.states import CampaignState, TargetState
from ivr.usecases import campaigns
from ivr.usecases.originating import originate
from tests.integration.house import House, house
from tests.integration.scene import Scene

QUEUED, SCHEDULED, ORDERED = 10_000, 500, 1_000
EVERY_MS = 10


@pytest.mark.timeout(240)
def test_nothing_leaves_a_second_after_a_pause_or_a_stop(scene: Scene, queues: Queues) -> None:
    """Both with orders for a thousand of them in the controller's hands, and a retry that comes due every 10 ms."""
    campaign = scene.campaign(QUEUED + SCHEDULED)

    async def go() -> None:
        async with house(scene, queues) as one:
            one.pbx.fate = one.pbx.busy
            for end in (campaigns.pause, campaigns.stop):
                if end is campaigns.stop:
                    paused = scene.store.campaigns.named(campaign.name)
                    await asyncio.to_thread(scene.store.campaigns.move, paused, CampaignState.RUNNING, 3)
                await calls_leave(one, campaign)
                await asyncio.to_thread(end, scene.store, campaign.name)
                await asyncio.sleep(1.0)
                left = one.controller.dialer.originated
                await asyncio.sleep(2.0)
                assert one.controller.dialer.originated == left < QUEUED
                await one.until(lambda: scene.store.campaigns.books(campaign.id).in_progress == 0, 40)
                assert len(set(one.pbx.sent)) == len(one.pbx.sent) == left, "nobody was called twice"
            assert scene.store.campaigns.books(campaign.id).balance

    asyncio.run(go())


async def calls_leave(one: House, campaign: Campaign) -> None:
    """Calls leave, a thousand more are ordered, and the retries come due one after the other from now on."""
    await asyncio.to_thread(schedule, one.scene, campaign)
    before = one.controller.dialer.originated
    await one.until(lambda: one.controller.dialer.originated >= before + 20, 40)
    way = Way("pbx1", "lab")
    ordered = await asyncio.to_thread(
        originate, one.scene.store, one.queues, one.scene.settings, campaign.id, way, ORDERED
    )
    assert ordered == ORDERED
    await one.until(lambda: one.controller.dialer.waiting(campaign.id, "lab") > ORDERED / 2, 40)


def schedule(scene: Scene, campaign: Campaign) -> None:
    """The last of the people who are due are so at later instants."""
    targets = schema.targets
    mine = (targets.c.campaign_id == campaign.id) & (targets.c.state == TargetState.DUE.value)
    with scene.store.database.write() as connection:
        ids = connection.execute(targets.select().where(mine).order_by(targets.c.id.desc()).limit(SCHEDULED)).scalars()
        first_ms = int(time.time() * 1000)
        for number, target in enumerate(ids.all()):
            at_ms = first_ms + number * EVERY_MS
            connection.execute(targets.update().where(targets.c.id == target).values(due_at_ms=at_ms))
