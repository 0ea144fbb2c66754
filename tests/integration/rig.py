"""A dialer that runs on real books and a fake manager."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from ivr.adapters.ami import AmiClient, Originate
from ivr.rules.records import Campaign
from ivr.settings import Trunk
from ivr.usecases.dialing import Dialer
from ivr.usecases.trunk_line import Order
from tests.integration.scene import CALLER_ID, Scene
from tests.unit.fakes.ami import FakeAmi, reply


def trunk(**values: Any) -> Trunk:
    return Trunk(
        **({"host": "127.0.0.1:5999", "rate_cps": 200, "channels": 100, "ramp_s": 0, "caller_id": CALLER_ID} | values)
    )


class Rig:
    """A dialer that runs, its manager, and its books."""

    def __init__(self, scene: Scene, fake: FakeAmi, ami: AmiClient) -> None:
        self.scene, self.fake, self.ami = scene, fake, ami
        self.dialer = Dialer(scene.settings, scene.store, ami)
        self.campaigns: list[Campaign] = []
        self.began_s = time.monotonic()
        self.sent_s: list[float] = []  # when the fake Asterisk had it
        self.left_s: list[float] = []  # when it left us: what the pace is about
        send = ami.send_originate

        def leave(call: Originate) -> Coroutine[Any, Any, Any]:
            reply = send(call)
            self.left_s.append(time.monotonic())
            return reply

        ami.send_originate = leave  # type: ignore[method-assign]
        self.answer: Callable[..., None] = lambda _fake, writer, action: reply(writer, action)

        def note(fake: FakeAmi, writer: asyncio.StreamWriter, action: dict[str, str]) -> None:
            self.sent_s.append(time.monotonic())
            self.answer(fake, writer, action)

        fake.answers["Originate"] = note

    def order(self, campaign: Campaign, count: int) -> list[str]:
        attempts = self.scene.claim(campaign, count)
        self.begin(campaign)
        for attempt in attempts:
            self.dialer.accept(Order(campaign.trunks[0], campaign.id, attempt))
        return attempts

    def begin(self, campaign: Campaign) -> None:
        self.campaigns.append(campaign)
        self.dialer.set_campaigns(self.campaigns)

    @property
    def sent(self) -> list[str]:
        return [action["actionid"] for action in self.fake.named("Originate")]

    def count(self, state: str) -> int:
        return list(self.scene.states().values()).count(state)


@asynccontextmanager
async def rig(scene: Scene, wait: bool = False) -> AsyncIterator[Rig]:
    """Ready, and unless `wait`, long after its start."""
    async with FakeAmi() as fake:
        ami = AmiClient("127.0.0.1", fake.port, "ivr", "right", action_timeout_s=0.3)
        await ami.open()
        made = Rig(scene, fake, ami)
        if not wait:
            long_since(made.dialer)
        made.dialer.ready = True
        tasks = [asyncio.create_task(run) for run in made.dialer.runs()]
        try:
            yield made
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await ami.close()


def long_since(dialer: Dialer) -> None:
    """The dialer was begun long ago: no process before it can have sent just now."""
    dialer.paces.since_s -= 5
    for line in dialer.trunks.values():
        line.pacer._barrier_s -= 5


def worst(instants: list[float], window_s: float = 1.0) -> int:
    return max((sum(1 for other in instants if at <= other < at + window_s) for at in instants), default=0)
