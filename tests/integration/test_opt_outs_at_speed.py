"""An opt-out between claim and Originate lets no call out, at a hundred calls a second."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

import pytest

from ivr.adapters.store.suppressions import sponsor_scope
from ivr.usecases.trunk_line import Order
from tests.integration.rig import rig, trunk
from tests.integration.scene import Scene
from tests.unit.fakes.ami import until

PEOPLE = 200
BEFORE = 20
"""People who object after they are claimed, and before the first call leaves."""


@pytest.mark.timeout(120)
def test_no_call_begins_after_an_objection_was_committed(make_scene: Callable[..., Scene]) -> None:
    scene = make_scene(trunks={"lab": trunk(rate_cps=100, channels=1000)})
    campaign = scene.campaign(PEOPLE, rate_cps=100.0)
    scope = sponsor_scope(campaign.sponsor_id)
    objected_ms: dict[str, int] = {}

    def object_to(people: list[str]) -> None:
        for number in people:
            scene.store.suppressions.add(number, scope, "portal", int(time.time() * 1000))
            objected_ms[number] = int(time.time() * 1000)  # it is committed: from here on nothing may begin

    async def go() -> list[str]:
        async with rig(scene) as one:
            attempts = scene.claim(campaign, PEOPLE)
            number_of = dict(scene.rows(NUMBERS))
            numbers = [number_of[attempt] for attempt in attempts]
            object_to(numbers[-BEFORE:])
            one.begin(campaign)
            for attempt in attempts:
                one.dialer.accept(Order("lab", campaign.id, attempt))
            objectors = random.Random(5).sample(numbers[:-BEFORE], 60)
            await asyncio.to_thread(object_to, objectors)
            await until(lambda: one.count("claimed") == 0 and len(one.sent) == one.count("dialing"), 60)
            return one.sent

    sent = asyncio.run(go())
    rows = scene.rows("SELECT a.id, c.number, a.dialing_at_ms " + FROM)
    begun = {attempt: (number, at_ms) for attempt, number, at_ms in rows}
    assert len(set(sent)) == len(sent)
    late = [attempt for attempt in sent if begun[attempt][1] > objected_ms.get(begun[attempt][0], 1 << 60)]
    assert late == [], "a call began after its objection was committed"
    refused = scene.store.campaigns.books(campaign.id).not_allowed
    assert refused.keys() == {"suppressed"}
    assert BEFORE <= refused["suppressed"] <= BEFORE + 60
    assert len(sent) <= PEOPLE - refused["suppressed"]
    assert not {begun[attempt][0] for attempt in sent} & set(list(objected_ms)[:BEFORE])


FROM = "FROM attempts a JOIN targets t ON t.id = a.target_id JOIN contacts c ON c.id = t.contact_id"
NUMBERS = "SELECT a.id, c.number " + FROM
